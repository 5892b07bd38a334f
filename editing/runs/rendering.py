"""Turn one face: frames, a strip, an animation, and what they measure."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from editing import places
from editing.engine import images
from editing.engine.calibration import Calibration
from editing.engine.closed_loop import Aim
from editing.engine.ddim import time_grid
from editing.engine.denoiser import Denoiser
from editing.engine.lines import RotationFit
from editing.filters import FaceFilter
from editing.models import Direction, Edit, Embedding, Face
from editing.recipes import FitRecipe
from editing.runs.embedding import space_of
from editing.runs.frames import told_of
from editing.runs.inscribed import animation, film, png
from editing.runs.keeping import stored_fit, stored_rows
from editing.runs.loading import crops_of, denoiser_of, recipe_of, store_of
from editing.runs.local_fits import fit_for
from editing.runs.measuring import Meter, meter_of
from editing.runs.provenance import recipe_of_turn
from editing.runs.turning import BOTTLENECK, Frames, Loop, Source, Turner
from editing.runs.walking import neighbours_of, walked
from editing.store import write_whole
from labeling.errors import Refused
from labeling.worker import Progress

# Of -1, surely left, to 1, surely right.
LEAST_LIGHT_SPREAD = 0.3
# Directions that are asked whether they know the light, newest first.
MOST_ASKED = 20
STRIP_SCALE, LARGE_SCALE = 2, 4


def render_edit(job: Edit, progress: Progress) -> None:
    """Render an edit's frames into a folder of this attempt, then name them on the row."""
    direction = job.direction
    progress(0, "Loading the generator")
    turner, how = turner_of(direction)
    walks = job.settings.get("path") == "walk"
    loops = bool(job.settings.get("closed_loop"))
    meter = meter_of(
        direction.dataset,
        FaceFilter.parse(direction.filter),
        turner.denoiser.image_size,
        progress,
        identity=True,
        steering=loops or walks,
    )
    source = source_of(job.face, direction, turner.denoiser, how, meter, progress)
    lit_by = light_of(direction) if walks or job.settings.get("hold_light") else None
    holds = lit_by is not None

    def tell(share: float) -> None:
        progress(0.2 + 0.7 * share, "Turning the head")

    if walks:
        near = neighbours_of(lit_by or direction)
        holds = holds and near.knows_light and meter.light is not None
        loop = loop_of(meter)
        frames = walked(turner, near, source, job.degrees, loop, tell)
    else:
        fit = fit_for(direction, job.face)
        if lit_by is not None:
            fit = with_light(fit, lit_by)
        line_loop = loop_of(meter, holds) if loops else None
        frames = turner.frames(source, job.degrees, tell, fit=fit, loop=line_loop)
    progress(0.9, "Measuring and writing")
    # Each attempt writes its own folder, so that one that was given up never spoils the next.
    folder = places.edit_folder(job.id) / str(job.attempt)
    held, light_by = (holds, lit_by) if loops or walks else (None, None)
    recipe = recipe_of_turn(job, how, light_held=held, light_of=light_by, probes=meter.card())
    result = written(folder, job, frames, source, meter, recipe)
    progress.ours.update(
        result={
            **result,
            "light_held": held,
            "light_of": light_by and light_by.id,
        }
    )


def turner_of(direction: Direction) -> tuple[Turner, Embedding]:
    """A fitted direction, ready to turn faces, and how the latents of its space are made."""
    denoiser = denoiser_of(direction.generator)
    recipe = recipe_of(direction.generator, direction.space)
    turner = Turner(
        denoiser,
        time_grid(denoiser.alpha_bar, recipe.steps, recipe.timestep),
        stored_fit(direction),
        Calibration.from_json(direction.result["calibration"]),
        motion=FitRecipe.parse(direction.recipe).motion,
        kind=recipe.kind,
    )
    return turner, recipe


def knows_light(direction: Direction) -> bool:
    """Whether the faces of a direction are lit differently enough for a slope of the light."""
    light = stored_rows(direction)[0].light
    known = light[np.isfinite(light)]
    return len(known) > 1 and float(known.std()) >= LEAST_LIGHT_SPREAD


def light_of(direction: Direction) -> Direction | None:
    """The direction whose slope of the light holds it: this one, or the newest of its space.

    Faces that are all lit alike do not say how light looks when it moves; others of the same
    latents do, and None is given when there are no such others.
    """
    alike = Direction.objects.filter(
        generator=direction.generator_id,
        dataset=direction.dataset_id,
        space=direction.space,
        status="done",
    )
    if knows_light(direction):
        return direction
    for other in alike.exclude(id=direction.id).order_by("-id")[:MOST_ASKED]:
        try:
            if knows_light(other) and stored_fit(other).light is not None:
                return other
        except Refused:
            continue  # its files are gone, which is no reason to refuse this edit
    return None


def with_light(fit: RotationFit, direction: Direction) -> RotationFit:
    """The fit with another direction's slopes beside yaw, among them the light's."""
    return replace(fit, beside={**fit.beside, **stored_fit(direction).beside})


def loop_of(meter: Meter, holds_light: bool = False, aim: Aim | None = None) -> Loop:
    """A closed loop that follows the meter's steering probes."""

    def read(x: torch.Tensor) -> Any:
        seen = meter.steer(x)
        return seen.yaw_degrees, meter.side(seen.light)

    return Loop(read, aim or Aim(), holds_light)


def source_of(
    face: Face,
    direction: Direction,
    denoiser: Denoiser,
    recipe: Embedding,
    meter: Meter,
    progress: Progress,
) -> Source:
    """The face to be turned; its latent from the store, else found now."""
    photos = images.to_tensor(crops_of([face.id], denoiser.image_size))
    store = store_of(direction.generator, direction.space)
    # A store of bottlenecks does not hold the noisy face from which the picture is made.
    if recipe.kind != BOTTLENECK and store.present([face.id]):
        x_t = torch.from_numpy(store.read([face.id])).reshape(photos.shape)
    else:
        space = space_of(recipe, denoiser)
        x_t = space.x_t(
            denoiser,
            photos.to(denoiser.device),
            lambda share: progress(0.2 * share, "Finding the face's latent"),
        ).cpu()
    yaw = face.yaw_degrees
    if yaw is None:
        yaw = float(meter.read(photos).yaw_degrees[0])
    return Source(photos[0], x_t[0], yaw)


def written(
    folder: Path,
    job: Edit,
    frames: Frames,
    source: Source,
    meter: Meter,
    recipe: dict[str, Any],
) -> dict[str, Any]:
    """Write every file of an edit, its recipe inside; returns what its row says of them."""
    pictures = images.to_uint8(frames.x)
    told = told_of(frames, job.degrees, source, meter)
    for at, frame in enumerate(told["frames"]):
        frame["file"] = f"frame{at:02d}.png"
        shown = {"shows": {key: frame[key] for key in ("degrees", "achieved_yaw")}}
        write_whole(folder / frame["file"], png(pictures[at], recipe | shown))
    labels = [f"{degrees:+g}°" if degrees else "photo" for degrees in job.degrees]
    strips = {"strip": STRIP_SCALE, "strip_large": LARGE_SCALE}
    for name, scale in strips.items():
        strip = images.strip(pictures, labels, scale)
        write_whole(folder / f"{name}.png", png(strip, recipe))
    moving = video = None
    if len(pictures) > 1:
        moving, video = "animation.webp", "animation.mp4"
        write_whole(folder / moving, animation(pictures, recipe))
        write_whole(folder / video, film(pictures, recipe))
    return {
        "folder": folder.name,
        **told,
        "strip": "strip.png",
        # Pixels that were never measured: the generator's frames, enlarged for the eye.
        "strip_large": "strip_large.png",
        "enlarged": {"by": "Lanczos", "scale": LARGE_SCALE, "pixels": pictures.shape[1]},
        "animation": moving,
        "video": video,
    }
