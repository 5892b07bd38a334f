"""Turn one face: frames, a strip, an animation, and what they measure."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.numpy import load

from editing import places
from editing.engine import images
from editing.engine.calibration import Calibration
from editing.engine.ddim import invert, time_grid
from editing.engine.denoiser import Denoiser
from editing.engine.rotation import RotationFit
from editing.filters import FaceFilter
from editing.models import Direction, Edit, Embedding
from editing.runs.fitting import DIRECTION_FORMAT
from editing.runs.loading import crops_of, denoiser_of, recipe_of, store_of
from editing.runs.measuring import Meter, meter_of
from editing.runs.turning import Frames, Source, Turner
from editing.store import write_whole
from labeling.errors import Refused
from labeling.worker import Progress

STRIP_SCALE, ANIMATION_SCALE = 2, 5


def render_edit(job: Edit, progress: Progress) -> None:
    """Render an edit's frames into a folder of this attempt, then name them on the row."""
    direction = job.direction
    generator = direction.generator
    progress(0, "Loading the generator")
    denoiser = denoiser_of(generator)
    recipe = recipe_of(generator, direction.space)
    grid = time_grid(denoiser.alpha_bar, recipe.steps, recipe.timestep)
    fit = fit_of(direction)
    calibration = Calibration.from_json(direction.result["calibration"])
    turner = Turner(denoiser, grid, fit, calibration)
    face_filter = FaceFilter.parse(direction.filter)
    meter = meter_of(direction.dataset, face_filter, denoiser.image_size, progress)
    source = source_of(job, denoiser, recipe, meter, progress)
    frames = turner.frames(
        source, job.degrees, lambda share: progress(0.2 + 0.7 * share, "Turning the head")
    )
    progress(0.9, "Measuring and writing")
    # Each attempt writes its own folder, so that one that was given up never spoils the next.
    folder = places.edit_folder(job.id) / str(job.attempt)
    result = written(folder, job, frames, source, meter)
    progress.ours.update(result=result)


def fit_of(direction: Direction) -> RotationFit:
    """A direction's lines from its file; Refused when the file is gone or of another space."""
    path = places.direction_file(direction.id)
    if not path.is_file():
        raise Refused("direction_gone", f"{path} is gone; fit direction {direction.id} again.")
    content = path.read_bytes()
    header = json.loads(content[8 : 8 + int.from_bytes(content[:8], "little")])["__metadata__"]
    expected = {
        "format": DIRECTION_FORMAT,
        "space": direction.space,
        "generator": direction.generator.sha256,
    }
    for key, value in expected.items():
        if header.get(key) != value:
            raise Refused(
                "direction_differs", f"{path} has {key} {header.get(key)!r}, not {value!r}."
            )
    return RotationFit.from_arrays(load(content))


def source_of(
    job: Edit, denoiser: Denoiser, recipe: Embedding, meter: Meter, progress: Progress
) -> Source:
    """The face to be turned; its latent from the store, else found now."""
    photos = images.to_tensor(crops_of([job.face_id], denoiser.image_size))
    store = store_of(job.direction.generator, job.direction.space)
    if store.present([job.face_id]):
        x_t = torch.from_numpy(store.read([job.face_id])).reshape(photos.shape)
    else:
        grid = time_grid(denoiser.alpha_bar, recipe.steps, recipe.timestep)
        x_t = invert(
            denoiser,
            photos.to(denoiser.device),
            grid,
            recipe.refinements,
            lambda done, steps: progress(0.2 * done / steps, "Finding the face's latent"),
        ).cpu()
    yaw = job.face.yaw_degrees
    if yaw is None:
        yaw = float(meter.read(photos).yaw_degrees[0])
    return Source(photos[0], x_t[0], yaw)


def written(
    folder: Path, job: Edit, frames: Frames, source: Source, meter: Meter
) -> dict[str, Any]:
    """Write every file of an edit; returns what its row says of them."""
    pictures = images.to_uint8(frames.x)
    seen, photo = meter.read(frames.x), meter.read(source.photo[None])
    told = []
    for at, degrees in enumerate(job.degrees):
        name = f"frame{at:02d}.png"
        write_whole(folder / name, images.png(pictures[at]))
        yaw = float(seen.yaw_degrees[at])
        told.append(
            {
                "degrees": degrees,
                # Comparable with degrees: how far the head turned from where it looked.
                "achieved_yaw": round(yaw - float(photo.yaw_degrees[0]), 3),
                "yaw_degrees": round(yaw, 3),
                "light": meter.name_light(None if seen.light is None else seen.light[at]),
                "is_clamped": bool(frames.is_clamped[at]),
                "file": name,
            }
        )
    labels = [f"{degrees:+g}°" if degrees else "photo" for degrees in job.degrees]
    write_whole(folder / "strip.png", images.png(images.strip(pictures, labels, STRIP_SCALE)))
    animation = None
    if len(pictures) > 1:
        animation = "animation.webp"
        write_whole(folder / animation, images.animation(pictures, scale=ANIMATION_SCALE))
    return {
        "folder": folder.name,
        # In the campaign's order, which an object in the database does not keep.
        "choices": meter.values if seen.light is not None else [],
        "frames": told,
        "strip": "strip.png",
        "animation": animation,
        "source_yaw": round(source.yaw_degrees, 3),
        "source_measured_yaw": round(float(photo.yaw_degrees[0]), 3),
        "source_light": meter.name_light(None if photo.light is None else photo.light[0]),
        "probe": meter.card(),
        "light_kept": _kept(seen.light, photo.light),
    }


def _kept(light: np.ndarray | None, photo: np.ndarray | None) -> float | None:
    if light is None or photo is None:
        return None
    return round(float((light.argmax(axis=1) == photo[0].argmax()).mean()), 4)
