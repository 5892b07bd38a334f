"""How far heads turn along a line: measured on some held-out faces, checked on others."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from editing.engine.images import to_tensor
from editing.engine.lines import RotationFit
from editing.models import Direction
from editing.runs.choosing import NEAR_FRONTAL, Faces
from editing.runs.embedding import space_of
from editing.runs.loading import crops_of, draw, recipe_of, store_of
from editing.runs.local_fits import fit_for
from editing.runs.measuring import Meter
from editing.runs.turning import BOTTLENECK, Source, Turner
from editing.store import LatentStore
from labeling.errors import Refused
from labeling.models import Face

# Steps along the line, in the line's own degrees: it undershoots, so they reach far past 30.
LADDER = (10.0, 20.0, 30.0, 45.0, 60.0, 80.0, 110.0)
CHECKED_DEGREES = (-30.0, -20.0, -10.0, 10.0, 20.0, 30.0)
Tell = Callable[[float, str], None]


@dataclass(frozen=True)
class Row:
    """What measuring knows of a face."""

    id: int
    yaw: float
    identity: int
    split: int | None


def near_frontal(held_out: Faces, n_measured: int) -> tuple[list[Row], list[Row]]:
    """Two groups of near-frontal faces of different people: one measures, the other checks."""
    frontal = held_out.of(np.abs(held_out.yaw) <= NEAR_FRONTAL)
    rows = [
        Row(int(i), float(yaw), int(who), None)
        for i, yaw, who in zip(frontal.id, frontal.yaw, frontal.identity, strict=True)
    ]
    rows.sort(key=lambda row: draw(row.id))
    people = sorted({row.identity for row in rows}, key=draw)
    first = set(people[::2])
    measured = [row for row in rows if row.identity in first]
    checked = [row for row in rows if row.identity not in first]
    if not measured or not checked:
        raise Refused(
            "too_few_held_out",
            f"{len(rows)} faces of {len(people)} people set apart look within "
            f"{NEAR_FRONTAL:g} degrees of the viewer; expected 2 people or more. Widen the filter.",
        )
    return measured[:n_measured], checked[:n_measured]


@dataclass(frozen=True)
class Turned:
    """A held-out face and the lines along which it turns."""

    source: Source
    fit: RotationFit


def with_lines(rows: Sequence[Row], job: Direction, turner: Turner) -> list[Turned]:
    """These faces with photo, latent, and the direction's lines for each of them."""
    store = store_of(job.generator, job.space)
    size = turner.denoiser.image_size
    if turner.kind == BOTTLENECK:
        found = _inverted(rows, job, turner)
    else:
        found = sources(rows, store, size)
    faces = Face.objects.in_bulk([row.id for row in rows])
    return [
        Turned(source, fit_for(job, faces[row.id])) for row, source in zip(rows, found, strict=True)
    ]


def sources(rows: Sequence[Row], store: LatentStore, size: int) -> list[Source]:
    """These faces with their photos and latents."""
    face_ids = [row.id for row in rows]
    photos = to_tensor(crops_of(face_ids, size))
    x_t = torch.from_numpy(store.read(face_ids)).reshape(photos.shape)
    return [Source(*each) for each in zip(photos, x_t, (row.yaw for row in rows), strict=True)]


def _inverted(rows: Sequence[Row], job: Direction, turner: Turner) -> list[Source]:
    """The same where the store holds bottlenecks: pictures are made from the noisy face."""
    photos = to_tensor(crops_of([row.id for row in rows], turner.denoiser.image_size))
    space = space_of(recipe_of(job.generator, job.space), turner.denoiser)
    x_t = space.x_t(turner.denoiser, photos.to(turner.denoiser.device)).cpu()
    return [Source(*each) for each in zip(photos, x_t, (row.yaw for row in rows), strict=True)]


def response(
    turner: Turner, faces: Sequence[Turned], meter: Meter, tell: Tell
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """How far these faces turn for each step of the ladder: signed steps and yaw changes, pairs."""
    sides = [(-1, turner.fit.left), (1, turner.fit.right)]
    ladder = [sign * step for sign, line in sides if line is not None for step in LADDER]
    step, achieved = [], []
    for n, face in enumerate(faces):
        # From straight ahead: the ladder measures each line by itself.
        made = turner.stepped(face.source, ladder, face.fit, yaw_degrees=0.0)
        yaw = meter.read(made).yaw_degrees
        step += ladder
        achieved += list(yaw[1:] - yaw[0])
        tell((n + 1) / len(faces), f"Calibrating, face {n + 1} of {len(faces)}")
    return np.array(step), np.array(achieved)


def checked_turns(
    turner: Turner, faces: Sequence[Turned], meter: Meter, tell: Tell
) -> dict[str, Any]:
    """How true calibrated turns are on faces that took no part: degrees achieved, light kept."""
    fit = turner.fit
    degrees = [wish for wish in CHECKED_DEGREES if (fit.left if wish < 0 else fit.right)]
    both = fit.left is not None and fit.right is not None
    achieved = np.empty((len(faces), len(degrees)))
    kept = np.empty((len(faces), len(degrees)))
    for n, face in enumerate(faces):
        # A face that looks a little to the side without a line is taken as looking straight.
        yaw = face.source.yaw_degrees if both else 0.0
        start = Source(face.source.photo, face.source.x_t, yaw)
        seen = meter.read(turner.frames(start, [0.0, *degrees], fit=face.fit).x)
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
