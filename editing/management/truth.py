"""Turned rendered faces against the truth: the same person, under the same light, at that yaw."""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from editing.engine.calibration import Calibration
from editing.engine.ddim import time_grid
from editing.engine.images import crop, load_faces, to_tensor
from editing.engine.probes import FaceProbe, train_probe
from editing.models import Direction
from editing.runs.fitting import KEPT_HELD_OUT, Row, sources
from editing.runs.loading import denoiser_of, recipe_of, store_of
from editing.runs.rendering import fit_of
from editing.runs.turning import Turner
from labeling.models import Face
from lightstage.render import render
from lightstage.truth import Truth, read_truth

DEGREES = (-30.0, -20.0, -10.0, 10.0, 20.0, 30.0)
PROBE_SECONDS = 90


@dataclass(frozen=True)
class Compared:
    """Turned held-out faces against the light stage's own pictures.

    requested, achieved, spread   per angle, degrees; achieved is read by a probe trained on truth
    truth_mse, truth_mse_unturned mean-square error, pictures in 0..1, of the turned and of the
                                  unturned face against the true picture at that angle
    """

    n_faces: int
    requested: list[float]
    achieved: list[float]
    spread: list[float]
    slope: float
    mae: float
    probe_error: float
    truth_mse: float
    truth_mse_unturned: float
    truth_mse_by_angle: list[float]
    truth_mse_unturned_by_angle: list[float]


def compare(direction: Direction, folder: Path, n_faces: int) -> Compared:
    """Turn held-out faces of a rendered dataset and hold them against what is true of them."""
    denoiser = denoiser_of(direction.generator)
    size = denoiser.image_size
    truth_of = {row.file: row for row in read_truth(folder)}
    held_out = Face.objects.in_bulk(direction.result["held_out"][:KEPT_HELD_OUT])
    faces = [held_out[i] for i in direction.result["held_out"] if i in held_out][:n_faces]
    recipe = recipe_of(direction.generator, direction.space)
    turner = Turner(
        denoiser,
        time_grid(denoiser.alpha_bar, recipe.steps, recipe.timestep),
        fit_of(direction),
        Calibration.from_json(direction.result["calibration"]),
    )
    rows = [Row(face.id, truth_of[face.filename].yaw_degrees, 0, None) for face in faces]
    starts = sources(rows, store_of(direction.generator, direction.space), size)
    probe = _truth_probe(direction, truth_of, folder, size)
    achieved = np.empty((len(faces), len(DEGREES)))
    error, unturned = np.empty_like(achieved), np.empty_like(achieved)
    for n, (face, start) in enumerate(zip(faces, starts, strict=True)):
        frames = turner.frames(start, [0.0, *DEGREES]).x.clamp(-1, 1)
        yaw = probe.predict(frames).yaw_degrees
        achieved[n] = yaw[1:] - yaw[0]
        true = to_tensor(_true_pictures(truth_of[face.filename], size)).double()
        # Pictures run over -1..1 here; a quarter makes it the error of pictures in 0..1.
        error[n] = (frames[1:] - true).square().mean(dim=(1, 2, 3)) / 4
        unturned[n] = (start.photo.double() - true).square().mean(dim=(1, 2, 3)) / 4
    wishes = np.array(DEGREES)
    return Compared(
        n_faces=len(faces),
        requested=list(DEGREES),
        achieved=_rounded(achieved.mean(axis=0), 2),
        spread=_rounded(achieved.std(axis=0), 2),
        slope=float((achieved @ wishes).mean() / (wishes @ wishes)),
        mae=float(np.abs(achieved - wishes).mean()),
        probe_error=probe.held_out.yaw_error_degrees,
        truth_mse=float(error.mean()),
        truth_mse_unturned=float(unturned.mean()),
        truth_mse_by_angle=_rounded(error.mean(axis=0), 5),
        truth_mse_unturned_by_angle=_rounded(unturned.mean(axis=0), 5),
    )


def _true_pictures(truth: Truth, size: int) -> NDArray[np.uint8]:
    """This person under this light, turned by each angle from where they looked."""
    person, shot = truth.person(), truth.shot()
    angles = [truth.yaw_degrees + degrees for degrees in DEGREES]
    turned = [render(person, replace(shot, yaw_degrees=yaw)) for yaw in angles]
    return np.stack([crop(picture, size) for picture in turned])


def _truth_probe(
    direction: Direction, truth_of: dict[str, Truth], folder: Path, size: int
) -> FaceProbe:
    """A yaw probe taught by the truth, not by landmarks."""
    images = Path(direction.dataset.image_folder)
    rows = list(truth_of.values())
    return train_probe(
        load_faces([images / row.file for row in rows], size),
        np.array([row.yaw_degrees for row in rows]),
        np.array([row.identity for row in rows]),
        seconds=PROBE_SECONDS,
    )


def _rounded(values: NDArray[np.float64], digits: int) -> list[float]:
    return [round(float(value), digits) for value in values]
