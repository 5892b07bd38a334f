"""Probes of a dataset: each trained once on its own faces, kept as a file, loaded from then on."""

import os
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
from django.conf import settings
from numpy.typing import NDArray

from editing import places
from editing.engine.identity import BUDGET as IDENTITY_BUDGET
from editing.engine.identity import IdentityProbe, TellsApart, train_identity
from editing.engine.onnx_identity import load_onnx
from editing.engine.probes import BUDGET as PROBE_BUDGET
from editing.engine.probes import FaceProbe, held_out_people, train_probe
from editing.runs.loading import crops_of, draw
from labeling.models import Dataset, Face
from labeling.worker import Progress

PROBE_VERSION = 4
IDENTITY_VERSION = 3
# More faces make a probe slower to train, hardly truer.
MOST_PROBE_FACES = 8000
# With fewer people than this in each half, both halves are everybody.
FEWEST_PEOPLE = 60
STEERING_SEEDS = (1, 2)
# Crops that are read for their light at once.
READ_AT_ONCE = 256


class Kept(Protocol):
    def save(self, path: str | Path) -> None: ...


@dataclass(frozen=True)
class Seen:
    """Faces a probe learns from: rows by id, and what is known of each."""

    ids: list[int]
    yaw: NDArray[np.float64]
    identities: NDArray[np.int64]


@dataclass(frozen=True)
class LightTeacher:
    """What says of photos which way they are lit, so that a steering probe can learn it too.

    key      names a file: another teacher has another one
    classes  in the viewer's order
    read     crops (n, h, w, 3) uint8 and yaw (n,) to probabilities (n, k)
    """

    key: str
    classes: tuple[str, ...]
    read: Callable[[NDArray[np.uint8], NDArray[np.float64]], NDArray[np.float64]]

    def labels(self, crops: NDArray[np.uint8], yaw: NDArray[np.float64]) -> NDArray[np.int64]:
        """The likeliest class (n,) of each."""
        parts = range(0, len(crops), READ_AT_ONCE)
        read = [
            self.read(crops[at : at + READ_AT_ONCE], yaw[at : at + READ_AT_ONCE]) for at in parts
        ]
        return np.concatenate(read).argmax(axis=1)


def probe_of(dataset: Dataset, size: int, progress: Progress) -> FaceProbe:
    """The yaw probe that measures: from its file, else trained now on one half of the people."""
    path = places.probe_file(dataset.id, size, PROBE_VERSION)
    if path.is_file():
        return FaceProbe.load(path)
    return _yaw_probe(path, _half(_faces(dataset), 0), size, 0, progress, "the yaw probe")


def steering_of(
    dataset: Dataset, size: int, progress: Progress, teacher: LightTeacher | None = None
) -> tuple[FaceProbe, ...]:
    """The yaw probes that a closed loop follows, of the other half of the people.

    teacher  of light, which the last of them learns beside yaw
    """
    probes = []
    for seed in STEERING_SEEDS:
        taught_by = teacher if seed == STEERING_SEEDS[-1] else None
        lit = f"light{taught_by.key}-" if taught_by else ""
        path = places.probe_file(dataset.id, size, PROBE_VERSION, f"steering{seed}-{lit}")
        if path.is_file():
            probes.append(FaceProbe.load(path))
        else:
            half, told = _half(_faces(dataset), 1), f"steering probe {seed}"
            probes.append(_yaw_probe(path, half, size, seed, progress, told, taught_by))
    return tuple(probes)


def identity_of(dataset: Dataset, size: int, progress: Progress) -> tuple[TellsApart | None, str]:
    """What tells the dataset's people apart, or None and the reason.

    A face-recognition model that the lab names (IDENTITY_MODEL) takes the place of our own.
    """
    seen = _faces(dataset, known=True)
    n_people = len(np.unique(seen.identities))
    try:
        if settings.IDENTITY_MODEL:
            rows = np.flatnonzero(held_out_people(seen.identities, 0.2, 0)) if n_people > 4 else []
            some = Seen([seen.ids[row] for row in rows], seen.yaw[rows], seen.identities[rows])
            crops = _crops(some, size, progress, "the identity model")
            return load_onnx(settings.IDENTITY_MODEL, crops, some.identities, some.yaw), ""
        path = places.probe_file(dataset.id, size, IDENTITY_VERSION, "identity-")
        if path.is_file():
            return IdentityProbe.load(path), ""
        crops = _crops(seen, size, progress, "the identity probe")
        probe = train_identity(
            crops,
            seen.identities,
            seen.yaw,
            budget=IDENTITY_BUDGET,
            on_progress=lambda share: progress(0.2 + 0.8 * share, "Training the identity probe"),
        )
    except ValueError as error:
        return None, f"Identity is not measured: {error}"
    keep(probe, path)
    return probe, ""


def _faces(dataset: Dataset, known: bool = False) -> Seen:
    """The dataset's faces in an order of their own, at most MOST_PROBE_FACES.

    known  only those whose person is known, so many of each person as there are
    """
    found = Face.objects.filter(dataset=dataset, yaw_degrees__isnull=False)
    if known:
        found = found.filter(identity__isnull=False)
    rows = list(found.values_list("id", "yaw_degrees", "identity"))
    # By person: with faces drawn one by one, most people of a large dataset would have only one.
    rows.sort(key=lambda row: (draw(row[0] if row[2] is None else row[2]), draw(row[0])))
    rows = rows[: 2 * MOST_PROBE_FACES]
    return Seen(
        [face_id for face_id, _, _ in rows],
        np.array([yaw for _, yaw, _ in rows], np.float64),
        # A face of nobody known is its own person; identities are never negative.
        np.array([-face_id if who is None else who for face_id, _, who in rows], np.int64),
    )


def _half(seen: Seen, which: int) -> Seen:
    people = np.unique(seen.identities)
    if len(people) < 2 * FEWEST_PEOPLE:
        rows = np.arange(len(seen.ids))
    else:
        mine = people[np.array([draw(int(who)) // 7 % 2 == which for who in people])]
        rows = np.flatnonzero(np.isin(seen.identities, mine))
    rows = rows[:MOST_PROBE_FACES]
    return Seen([seen.ids[row] for row in rows], seen.yaw[rows], seen.identities[rows])


def _yaw_probe(
    path: Path,
    seen: Seen,
    size: int,
    seed: int,
    progress: Progress,
    told: str,
    teacher: LightTeacher | None = None,
) -> FaceProbe:
    crops = _crops(seen, size, progress, told)
    probe = train_probe(
        crops,
        seen.yaw,
        seen.identities,
        light=teacher.labels(crops, seen.yaw) if teacher else None,
        light_classes=teacher.classes if teacher else (),
        budget=PROBE_BUDGET,
        seed=seed,
        on_progress=lambda share: progress(0.2 + 0.8 * share, f"Training {told}"),
    )
    keep(probe, path)
    return probe


def _crops(seen: Seen, size: int, progress: Progress, told: str) -> NDArray[np.uint8]:
    def tell(done: int, n: int) -> None:
        progress(0.2 * done / n, f"Reading faces for {told}")

    return crops_of(seen.ids, size, tell)


def keep(probe: Kept, path: Path) -> None:
    """Leave a probe where the next one who needs it looks for it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=path.parent) as folder:
        probe.save(f"{folder}/probe")
        # Two workers may have trained it at once; either probe will do.
        os.replace(f"{folder}/probe", path)
