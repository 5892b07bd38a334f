"""Turned rendered faces against the truth: the same person, under the same light, at that yaw."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from editing import places
from editing.engine.images import crop, load_faces, to_tensor
from editing.engine.probes import FaceProbe, train_probe
from editing.models import Direction
from editing.runs.fitting import KEPT_HELD_OUT, Row, sources
from editing.runs.loading import store_of
from editing.runs.probing import PROBE_BUDGET, PROBE_VERSION, keep
from editing.runs.rendering import turner_of
from labeling.models import Dataset, Face
from lightstage.people import draw_shot
from lightstage.render import render
from lightstage.truth import Truth, read_truth

DEGREES = (-30.0, -20.0, -10.0, 10.0, 20.0, 30.0)
SIDES = ("left", "center", "right")
MOST_PROBE_FACES = 6000


class Stage:
    """The light stage behind a rendered dataset: what is true of each face, at any yaw.

    raises  OSError or ValueError where the folder has no truth.csv
    """

    def __init__(self, dataset: Dataset, size: int) -> None:
        self.dataset = dataset
        self.size = size
        self.images = Path(dataset.image_folder)
        # The images lie in img_align_celeba/, the truth beside it.
        self.truth_of = {row.file: row for row in read_truth(self.images.parent)}

    @property
    def key(self) -> str:
        """Equal where pictures of a file's face would be."""
        first = next(iter(self.truth_of.values()))
        return f"v{first.version}-seed{first.seed}-{self.size}"

    def yaw(self, face: Face) -> float:
        return self.truth_of[face.filename].yaw_degrees

    def turned(self, face: Face, degrees: Sequence[float]) -> NDArray[np.uint8]:
        """This person under this light, turned by each angle from where they look (m, h, w, 3)."""
        truth = self.truth_of[face.filename]
        return self._rendered(truth, truth.index, [truth.yaw_degrees + by for by in degrees])

    def others(self, face: Face, degrees: Sequence[float], n: int = 2) -> NDArray[np.uint8]:
        """The same person in n other shots, in other light, at these angles (m, n, h, w, 3)."""
        truth = self.truth_of[face.filename]
        yaws = [truth.yaw_degrees + by for by in degrees]
        shots = [truth.index + 1 + k for k in range(n)]
        return np.stack([self._rendered(truth, index, yaws) for index in shots], axis=1)

    @cached_property
    def probe(self) -> FaceProbe:
        """A probe of yaw and of the light's side that was taught by the truth, not by landmarks."""
        path = places.probe_file(self.dataset.id, self.size, PROBE_VERSION, "truth-")
        if path.is_file():
            return FaceProbe.load(path)
        rows = list(self.truth_of.values())[:MOST_PROBE_FACES]
        probe = train_probe(
            load_faces([self.images / row.file for row in rows], self.size),
            np.array([row.yaw_degrees for row in rows]),
            np.array([row.identity for row in rows]),
            light=np.array([SIDES.index(row.side) for row in rows]),
            light_classes=SIDES,
            budget=PROBE_BUDGET,
            seed=5,
        )
        keep(probe, path)
        return probe

    def _rendered(self, truth: Truth, index: int, yaws: Sequence[float]) -> NDArray[np.uint8]:
        person = truth.person()
        shot = draw_shot(truth.seed, truth.identity, index)
        turned = [render(person, replace(shot, yaw_degrees=yaw)) for yaw in yaws]
        return np.stack([crop(picture, self.size) for picture in turned])


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


def compare(direction: Direction, n_faces: int) -> Compared:
    """Turn held-out faces of a rendered dataset and hold them against what is true of them."""
    turner, _ = turner_of(direction)
    size = turner.denoiser.image_size
    stage = Stage(direction.dataset, size)
    ids = direction.result["held_out"][:KEPT_HELD_OUT]
    held_out = Face.objects.in_bulk(ids)
    faces = [held_out[i] for i in ids if i in held_out][:n_faces]
    rows = [Row(face.id, stage.yaw(face), 0, None) for face in faces]
    starts = sources(rows, store_of(direction.generator, direction.space), size)
    achieved = np.empty((len(faces), len(DEGREES)))
    error, unturned = np.empty_like(achieved), np.empty_like(achieved)
    for n, (face, start) in enumerate(zip(faces, starts, strict=True)):
        frames = turner.frames(start, [0.0, *DEGREES]).x.clamp(-1, 1)
        yaw = stage.probe.predict(frames).yaw_degrees
        achieved[n] = yaw[1:] - yaw[0]
        true = to_tensor(stage.turned(face, DEGREES)).double()
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
        probe_error=stage.probe.held_out.yaw_error_degrees,
        truth_mse=float(error.mean()),
        truth_mse_unturned=float(unturned.mean()),
        truth_mse_by_angle=_rounded(error.mean(axis=0), 5),
        truth_mse_unturned_by_angle=_rounded(unturned.mean(axis=0), 5),
    )


def _rounded(values: NDArray[np.float64], digits: int) -> list[float]:
    return [round(float(value), digits) for value in values]
