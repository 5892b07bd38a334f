"""Fit a direction: faces of a filter -> yaw clusters -> lines -> calibrated degrees -> figures."""

import hashlib
import json
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from editing.engine.calibration import fit_calibration
from editing.engine.ddim import time_grid
from editing.engine.intervals import Refits, Spread
from editing.engine.lines import RotationFit, YawLine
from editing.engine.moments import Moments, adjusted, fit_moments
from editing.engine.projection import projected
from editing.engine.regression import read
from editing.engine.similarity import tone_shares
from editing.filters import FaceFilter
from editing.models import Direction, Embedding
from editing.recipes import FitRecipe
from editing.runs.calibrating import (
    Row,
    checked_turns,
    near_frontal,
    response,
    sources,
    with_lines,
)
from editing.runs.choosing import Chosen, choose
from editing.runs.keeping import DIRECTION_FORMAT, keep
from editing.runs.loading import denoiser_of, recipe_of, store_of
from editing.runs.local_fits import fit_for
from editing.runs.measuring import meter_of
from editing.runs.provenance import code_version
from editing.runs.summing import (
    LIGHT,
    beside_of,
    judged,
    judged_centroids,
    store_dimensions,
    summed,
)
from editing.runs.turning import BOTTLENECK, Turner
from editing.store import LatentStore
from labeling.errors import Refused
from labeling.worker import Progress

__all__ = ["DIRECTION_FORMAT", "KEPT_HELD_OUT", "Row", "fit_direction", "fit_for", "sources"]

# Faces that measure the response, and as many others that check it.
MEASURED_FACES = 24
KEPT_HELD_OUT = 200
SEED = 0


@dataclass(frozen=True)
class Fitted:
    """What one pass over the chosen faces gave."""

    chosen: Chosen
    fit: RotationFit
    moments: Moments
    tones: NDArray[np.float64]
    result: dict[str, Any]


def fit_direction(job: Direction, progress: Progress) -> None:
    """Fit, calibrate and check one direction; all figures go on its row, the arrays on disk."""
    progress(0, "Choosing faces")
    face_filter = FaceFilter.parse(job.filter)
    space = recipe_of(job.generator, job.space)
    denoiser = denoiser_of(job.generator)
    fitted = fit_lines(job, face_filter, FitRecipe.parse(job.recipe), space, part(progress, 0, 0.2))
    made_with = told_of_making(job, fitted.chosen)
    # Before the measuring: the lines of single faces are fitted on the rows kept here.
    keep(job, fitted.fit, fitted.chosen.used, fitted.tones, fitted.chosen.edges, made_with)
    turner = Turner(
        denoiser,
        time_grid(denoiser.alpha_bar, space.steps, space.timestep),
        fitted.fit,
        motion=FitRecipe.parse(job.recipe).motion,
        kind=space.kind,
    )
    meter = meter_of(job.dataset, face_filter, denoiser.image_size, part(progress, 0.2, 0.5))
    measured, checked = near_frontal(fitted.chosen.held_out, MEASURED_FACES)
    faces = with_lines(measured, job, turner)
    step, achieved = response(turner, faces, meter, part(progress, 0.5, 0.8))
    turner.calibration = fit_calibration(step, achieved)
    faces = with_lines(checked, job, turner)
    check = checked_turns(turner, faces, meter, part(progress, 0.8, 1.0))
    shown = [row.id for row in checked]
    held_out = [int(i) for i in fitted.chosen.held_out.id if i not in set(shown)]
    progress.ours.update(
        result={
            **fitted.result,
            "made_with": made_with,
            "probe": meter.card(),
            "calibration": turner.calibration.to_json(),
            "check": check,
            # Whose turns set the degrees: whoever judges these should leave them out.
            "measured": [row.id for row in measured],
            "held_out": shown + held_out[:KEPT_HELD_OUT],
        }
    )


def part(progress: Progress, start: float, end: float) -> Callable[..., None]:
    """A progress that runs from 0 to 1 while the job's own runs from start to end."""

    def tell(share: float, step: str = "") -> None:
        progress(start + (end - start) * min(max(share, 0.0), 1.0) * 0.999, step)

    return tell


def fit_lines(
    job: Direction,
    face_filter: FaceFilter,
    recipe: FitRecipe,
    space: Embedding,
    tell: Callable[..., None],
) -> Fitted:
    """Choose the faces, take their sums in one pass, and read the recipe's lines off these."""
    store = store_of(job.generator, job.space)
    is_picture = space.kind != BOTTLENECK
    chosen = choose(
        job, face_filter, recipe, store, can_mirror=is_picture, n_measured=MEASURED_FACES
    )
    size = job.generator.image_size
    d = _dimensions(store, chosen, size if is_picture else None)
    names = _beside(chosen, recipe)
    options: dict[str, Any] = {
        "points": recipe.points,
        "lines": recipe.lines,
        "ridge": recipe.ridge,
        "subtract": recipe.subtract,
    }
    picture = (3, size, size) if chosen.used.is_mirrored.any() else None
    is_joint = bool(names) or recipe.points == "faces"
    moments = Moments(
        chosen.edges,
        d,
        chosen.used.yaw,
        names=names,
        beside=beside_of(chosen.used, names, job.dataset.attribute_names),
        is_mirrored=chosen.used.is_mirrored,
        picture=picture,
        is_joint=is_joint,
    )
    refits = None
    if recipe.bootstraps:
        refits = Refits(
            moments,
            chosen.used.identity,
            draws=recipe.bootstraps,
            dimensions=d,
            generator=np.random.default_rng(SEED),
            **options,
        )
    has_tone = recipe.weights == "similar" and is_picture
    tones = summed(
        store,
        chosen.used,
        moments,
        refits=refits,
        tones=tone_shares(3, size, size) if has_tone else None,
        tell=tell,
    )
    try:
        fit = fit_moments(moments, **options)
    except ValueError as error:
        bins_told = ", ".join(
            f"{one['yaw_min']:g}..{one['yaw_max']:g}: {one['count']}" for one in chosen.bins
        )
        raise Refused("too_few_faces", f"{error} Faces per bin: {bins_told}.") from error
    spread = refits.spread(fit) if refits else {}
    result = _told(store, chosen, moments, fit, spread, options)
    return Fitted(chosen, fit, moments, tones, result)


def _beside(chosen: Chosen, recipe: FitRecipe) -> tuple[str, ...]:
    """What is regressed beside yaw: what the recipe subtracts, and the light where all have one.

    The light's own slope is told also where it is not subtracted: a turn may hold the light by it.
    """
    known = bool(np.isfinite(chosen.used.light).all())
    light = (LIGHT,) if known and LIGHT not in recipe.subtract else ()
    return (*recipe.subtract, *light)


def _dimensions(store: LatentStore, chosen: Chosen, size: int | None) -> int:
    d = store_dimensions(store, chosen.used)
    if size is not None and d != 3 * size * size:
        raise Refused(
            "another_size",
            f"The latents of {store.space} have {d} numbers; the generator makes pictures of "
            f"{size} x {size}, whose latents have {3 * size * size}.",
        )
    return d


def _told(
    store: LatentStore,
    chosen: Chosen,
    moments: Moments,
    fit: RotationFit,
    spread: dict[str, Spread],
    options: dict[str, Any],
) -> dict[str, Any]:
    """What the row says of a fit, before anything is turned."""
    clusters = moments.clusters()
    if clusters.trace is not None and clusters.at is not None:
        for at, trace in zip(clusters.at, clusters.trace, strict=True):
            chosen.bins[at]["trace"] = float(trace)
    how = read(moments.gram, moments.n_bins, moments.names, **options)
    others = judged(store, chosen.held_out, fit)
    by_bin = judged_centroids(store, chosen.held_out, chosen.edges, fit)
    lines = {}
    for side in ("left", "right"):
        line = getattr(fit, side)
        lines[side] = line and {
            **_line(line),
            "held_out": {**others[side], "centroids_r2": by_bin.get(side)}
            if side in others
            else None,
            "spread": _spread(spread[side], line) if side in spread else None,
        }
    return {
        "n_faces": int(sum(one["count"] for one in chosen.bins if one["used"])),
        "n_mirrored": int(chosen.used.is_mirrored.sum()),
        "n_without_latent": chosen.n_without_latent,
        "n_without_light": chosen.n_without_light,
        "n_held_out": len(chosen.held_out),
        "bins": chosen.bins,
        "lines": lines,
        "beside": {
            name: {"slope_norm": float(np.linalg.norm(slope)), **_cosines(slope, fit)}
            for name, slope in fit.beside.items()
        },
        "pca": projected(adjusted(moments, how), fit),
    }


def _line(line: YawLine) -> dict[str, float | None]:
    held = line.held_r_squared
    return {
        "r2": line.r_squared,
        "held_r2": None if math.isnan(held) else held,
        "slope_norm": float(np.linalg.norm(line.slope)),
    }


def _spread(found: Spread, line: YawLine) -> dict[str, Any]:
    """Intervals as 5th, 50th and 95th percentile of the refits."""
    own = float(np.linalg.norm(line.slope))
    return {
        "cosine": list(found.cosine),
        "slope_norm": [own * share for share in found.norm],
        "n_refits": found.n_refits,
    }


def _cosines(slope: NDArray[np.float64], fit: RotationFit) -> dict[str, float]:
    """How much of a slope runs along each line: 0 = a turn does not move the light."""
    found = {}
    for side, line in (("left", fit.left), ("right", fit.right)):
        if line is not None:
            norms = np.linalg.norm(slope) * np.linalg.norm(line.slope)
            found[f"cosine_{side}"] = float(slope @ line.slope / norms) if norms else 0.0
    return found


def told_of_making(job: Direction, chosen: Chosen) -> dict[str, Any]:
    """Everything that another fit must share to give the same lines bit for bit."""
    release = None
    if job.release is not None:
        manifest = json.dumps(job.release.manifest, sort_keys=True)
        digest = hashlib.sha256(manifest.encode()).hexdigest()
        release = {"id": job.release_id, "number": job.release.number, "manifest_sha256": digest}
    # Which faces these are may change with the next vote, unless a release is named.
    rows = np.stack([chosen.used.id, chosen.used.is_mirrored.astype(np.int64)])
    return {
        "filter": job.filter,
        "release": release,
        "recipe": FitRecipe.parse(job.recipe).to_json(),
        "generator_sha256": job.generator.sha256,
        "space": job.space,
        "edges": chosen.edges,
        "rungs": [one["rung"] for one in chosen.bins],
        "counts": [one["count"] for one in chosen.bins],
        "faces_sha256": hashlib.sha256(rows.tobytes()).hexdigest(),
        "code": code_version(),
    }
