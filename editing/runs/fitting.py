"""Fit a direction: faces of a filter -> yaw clusters -> lines -> calibrated degrees -> figures."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.numpy import save

from editing import places
from editing.engine.calibration import fit_calibration
from editing.engine.clusters import ClusterSums
from editing.engine.ddim import time_grid
from editing.engine.images import to_tensor
from editing.engine.lines import RotationFit, YawLine, fit_rotation
from editing.engine.rotation import turn
from editing.filters import FaceFilter
from editing.models import Direction
from editing.runs.loading import (
    crops_of,
    denoiser_of,
    draw,
    is_set_apart,
    recipe_of,
    store_of,
)
from editing.runs.measuring import Meter, meter_of
from editing.runs.turning import Source, Turner
from editing.store import LatentStore, write_whole
from labeling.errors import Refused
from labeling.models import Face
from labeling.worker import Progress

DIRECTION_FORMAT = "penumbra-direction-2"
FEWEST_IN_A_BIN = 2
# Faces that measure the response, and as many others that check it.
MEASURED_FACES = 24
NEAR_FRONTAL = 10.0
# Steps along the line, in the line's own degrees: it undershoots, so they reach far past 30.
LADDER = (10.0, 20.0, 30.0, 45.0, 60.0, 80.0, 110.0)
CHECKED_DEGREES = (-30.0, -20.0, -10.0, 10.0, 20.0, 30.0)
KEPT_HELD_OUT = 200


@dataclass(frozen=True)
class Row:
    """What fitting knows of a face."""

    id: int
    yaw: float
    identity: int
    split: int | None


def fit_direction(job: Direction, progress: Progress) -> None:
    """Fit, calibrate and check one direction; all figures go on its row, the arrays on disk."""
    progress(0, "Choosing faces")
    face_filter = FaceFilter.parse(job.filter)
    store = store_of(job.generator, job.space)
    rows, n_without_latent = chosen(job, face_filter, store)
    used, held_out = set_apart(rows)
    sums, bins = clusters(used, job.bins, store, part(progress, 0.0, 0.15))
    try:
        fit = fit_rotation(sums.centroids())
    except ValueError as error:
        told = ", ".join(f"{one['yaw_min']:g}..{one['yaw_max']:g}: {one['count']}" for one in bins)
        raise Refused("too_few_faces", f"{error} Faces per bin: {told}.") from error
    denoiser = denoiser_of(job.generator)
    recipe = recipe_of(job.generator, job.space)
    turner = Turner(denoiser, time_grid(denoiser.alpha_bar, recipe.steps, recipe.timestep), fit)
    size = denoiser.image_size
    meter = meter_of(job.dataset, face_filter, size, part(progress, 0.15, 0.5))
    measured, checked = near_frontal(held_out)
    step, achieved = response(
        turner, sources(measured, store, size), meter, part(progress, 0.5, 0.8)
    )
    turner.calibration = fit_calibration(step, achieved)
    check = checked_turns(turner, sources(checked, store, size), meter, part(progress, 0.8, 1.0))
    keep(job, fit)
    shown = [row.id for row in checked]
    progress.ours.update(
        result={
            "n_faces": int(sum(one["count"] for one in bins if one["used"])),
            "n_without_latent": n_without_latent,
            "n_held_out": len(held_out),
            "bins": bins,
            "lines": {"left": _line(fit.left), "right": _line(fit.right)},
            "probe": meter.card(),
            "calibration": turner.calibration.to_json(),
            "check": check,
            "held_out": shown + [row.id for row in held_out if row.id not in shown][:KEPT_HELD_OUT],
        }
    )


def part(progress: Progress, start: float, end: float) -> Any:
    """A progress that runs from 0 to 1 while the job's own runs from start to end."""

    def tell(share: float, step: str = "") -> None:
        progress(start + (end - start) * min(max(share, 0.0), 1.0) * 0.999, step)

    return tell


def chosen(job: Direction, face_filter: FaceFilter, store: LatentStore) -> tuple[list[Row], int]:
    """The filter's faces that have a yaw and a latent, and how many have no latent."""
    faces = face_filter.faces().filter(dataset=job.dataset, yaw_degrees__isnull=False)
    found = faces.order_by("id").values_list("id", "yaw_degrees", "identity", "split")
    # A face of nobody known is its own person; identities are never negative.
    rows = [Row(i, yaw, -i if who is None else who, split) for i, yaw, who, split in found]
    if not rows:
        raise Refused("no_faces", f"No face with a yaw passes the filter {job.filter!r}.")
    present = store.present([row.id for row in rows])
    if not present:
        raise Refused(
            "not_embedded",
            f"None of the {len(rows)} faces that pass has a latent in {job.space}; embed them.",
        )
    return [row for row in rows if row.id in present], len(rows) - len(present)


def set_apart(rows: Sequence[Row]) -> tuple[list[Row], list[Row]]:
    """Faces to fit on, and faces of other people to measure with.

    The dataset's own train split is fitted on where enough near-frontal faces lie outside it;
    else every sixth person is set apart.
    """
    outside = {row.identity for row in rows if row.split not in (None, Face.Split.TRAIN)}
    n_outside = sum(row.identity in outside and abs(row.yaw) <= NEAR_FRONTAL for row in rows)
    if n_outside < 2 * MEASURED_FACES or len(outside) == len({row.identity for row in rows}):
        outside = {row.identity for row in rows if is_set_apart(row.identity)}
    used = [row for row in rows if row.identity not in outside]
    return used, [row for row in rows if row.identity in outside]


def near_frontal(held_out: Sequence[Row]) -> tuple[list[Row], list[Row]]:
    """Two groups of near-frontal faces of different people: one measures, the other checks."""
    frontal = sorted(
        (row for row in held_out if abs(row.yaw) <= NEAR_FRONTAL), key=lambda row: draw(row.id)
    )
    people = sorted({row.identity for row in frontal}, key=draw)
    first = set(people[::2])
    measured = [row for row in frontal if row.identity in first]
    checked = [row for row in frontal if row.identity not in first]
    if not measured or not checked:
        raise Refused(
            "too_few_held_out",
            f"{len(frontal)} faces of {len(people)} people set apart look within "
            f"{NEAR_FRONTAL:g} degrees of the viewer; expected 2 people or more. Widen the filter.",
        )
    return measured[:MEASURED_FACES], checked[:MEASURED_FACES]


def clusters(
    rows: Sequence[Row], edges: Sequence[float], store: LatentStore, tell: Any
) -> tuple[ClusterSums, list[dict[str, Any]]]:
    """Sums per yaw bin in one pass over the chunks, and what each bin holds.

    A bin with fewer than two faces is left out and says so.
    """
    yaws = np.array([row.yaw for row in rows])
    counts, _ = np.histogram(yaws, edges)
    if not counts.any():
        raise Refused("no_faces", f"None of {len(rows)} faces has a yaw within {list(edges)}.")
    at = np.clip(np.searchsorted(edges, yaws, side="right") - 1, 0, len(counts) - 1)
    weight = dict(zip((row.id for row in rows), counts[at] >= FEWEST_IN_A_BIN, strict=True))
    yaw = {row.id: row.yaw for row in rows}
    sums: ClusterSums | None = None
    n_seen = 0
    for face_ids, latents in store.chunks(list(yaw)):
        sums = sums or ClusterSums(edges, latents.shape[1])
        sums.add(
            latents,
            np.array([yaw[face_id] for face_id in face_ids]),
            np.array([weight[face_id] for face_id in face_ids], np.float64),
        )
        n_seen += len(face_ids)
        tell(n_seen / len(yaw), "Summing clusters")
    if sums is None:
        raise Refused("no_faces", "No face is left to fit on once some people are set apart.")
    return sums, [
        _bin(low, high, yaws[(yaws >= low) & (yaws < high)]) for low, high in pairwise(edges)
    ]


def _bin(low: float, high: float, yaws: NDArray[np.float64]) -> dict[str, Any]:
    middle = (low + high) / 2
    used = len(yaws) >= FEWEST_IN_A_BIN
    return {
        "yaw_min": low,
        "yaw_max": high,
        "count": len(yaws),
        "yaw": float(yaws.mean()) if len(yaws) else None,
        "side": "both" if low < 0 < high else "left" if middle < 0 else "right",
        "used": used,
        "note": "" if used else "empty" if not len(yaws) else "one face only",
    }


def sources(rows: Sequence[Row], store: LatentStore, size: int) -> list[Source]:
    """These faces with their photos and latents."""
    face_ids = [row.id for row in rows]
    photos = to_tensor(crops_of(face_ids, size))
    x_t = torch.from_numpy(store.read(face_ids)).reshape(photos.shape)
    return [Source(*each) for each in zip(photos, x_t, (row.yaw for row in rows), strict=True)]


def response(
    turner: Turner, faces: Sequence[Source], meter: Meter, tell: Any
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """How far these faces turn for each step of the ladder: signed steps and yaw changes, pairs."""
    sides = [(-1, turner.fit.left), (1, turner.fit.right)]
    ladder = [sign * step for sign, line in sides if line is not None for step in LADDER]
    step, achieved = [], []
    for n, face in enumerate(faces):
        # From straight ahead: the ladder measures each line by itself.
        moved = turn(face.x_t, turner.fit, 0.0, ladder, motion="moments").x_t
        made = turner.pictures(torch.cat([face.x_t[None].double(), moved]))
        yaw = meter.read(made).yaw_degrees
        step += ladder
        achieved += list(yaw[1:] - yaw[0])
        tell((n + 1) / len(faces), f"Calibrating, face {n + 1} of {len(faces)}")
    return np.array(step), np.array(achieved)


def checked_turns(
    turner: Turner, faces: Sequence[Source], meter: Meter, tell: Any
) -> dict[str, Any]:
    """How true calibrated turns are on faces that took no part: degrees achieved, light kept."""
    fit = turner.fit
    degrees = [wish for wish in CHECKED_DEGREES if (fit.left if wish < 0 else fit.right)]
    both = fit.left is not None and fit.right is not None
    achieved = np.empty((len(faces), len(degrees)))
    kept = np.empty((len(faces), len(degrees)))
    for n, face in enumerate(faces):
        # A face that looks a little to the side without a line is taken as looking straight.
        start = Source(face.photo, face.x_t, face.yaw_degrees if both else 0.0)
        seen = meter.read(turner.frames(start, [0.0, *degrees]).x)
        achieved[n] = seen.yaw_degrees[1:] - seen.yaw_degrees[0]
        if seen.light is not None:
            side = seen.light.argmax(axis=1)
            kept[n] = side[1:] == side[0]
        tell((n + 1) / len(faces), f"Checking, face {n + 1} of {len(faces)}")
    has_light = meter.light is not None
    wishes = np.array(degrees)
    return {
        "points": [
            {
                "requested": wish,
                "achieved": float(achieved[:, at].mean()),
                "spread": float(achieved[:, at].std()),
                "light_kept": float(kept[:, at].mean()) if has_light else None,
            }
            for at, wish in enumerate(degrees)
        ],
        "mae": float(np.abs(achieved - wishes).mean()),
        "slope": float((achieved @ wishes).mean() / (wishes @ wishes)),
        "light_kept": float(kept.mean()) if has_light else None,
        "n_faces": len(faces),
    }


def keep(job: Direction, fit: RotationFit) -> None:
    """Write the lines where `rendering` finds them again."""
    header = {
        "format": DIRECTION_FORMAT,
        "space": job.space,
        "generator": job.generator.sha256,
    }
    arrays = {name: np.ascontiguousarray(array) for name, array in fit.arrays().items()}
    write_whole(places.direction_file(job.id), save(arrays, metadata=header))


def _line(line: YawLine | None) -> dict[str, float] | None:
    if line is None:
        return None
    return {
        "r2": line.r_squared,
        "held_r2": line.held_r_squared,
        "slope_norm": float(np.linalg.norm(line.slope)),
    }
