"""Real faces of known or voted light, for benchmarks that run only where they lie."""

import csv
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from labeling.importing.yaw import yaw_from_landmarks
from labeling.learning import features
from labeling.learning.looking import CROP_BOX, SIZE

SHARED_DATA = Path(__file__).resolve().parents[2] / "shared" / "data"
CHOICES = ["left", "center", "right"]
# Pixels of a crop in 168 x 192 that become one of ours, and where the eyes' middle lies there:
# measured on the mean face of the development half's subjects.
YALE_SCALE, YALE_EYES = 5, (82.75, 48.5)
N_CELEBA = 8000


@dataclass(frozen=True)
class Lit:
    """Faces of known light: vectors (n, d), sides (n,) 0..2, subjects (n,)."""

    vectors: np.ndarray
    sides: np.ndarray
    subjects: np.ndarray

    def only(self, rows: np.ndarray) -> "Lit":
        return Lit(self.vectors[rows], self.sides[rows], self.subjects[rows])


def absent(folder: Path = SHARED_DATA) -> list[str]:
    """Which of the folders that are needed are not there."""
    names = ("yale_b", "celeba_slice", "celeba_votes")
    return [str(folder / name) for name in names if not (folder / name).is_dir()]


def yale_b(folder: Path = SHARED_DATA) -> Lit:
    """The labeled images, placed as CelebA's alignment would place them.

    The images end at the brows and the chin; what our crop has beyond is their edge, repeated.
    """
    crops, sides, subjects = [], [], []
    left = YALE_EYES[0] + 0.5 - YALE_SCALE * SIZE / 2
    top = YALE_EYES[1] + 0.5 - YALE_SCALE * ((111.5 - CROP_BOX[1]) / 2)
    with (folder / "yale_b" / "labels.csv").open(newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["side"]]
    for row in rows:
        with Image.open(folder / "yale_b" / row["file"]) as image:
            whole = np.pad(np.asarray(image.convert("L")), ((120, 120), (80, 80)), mode="edge")
        box = (left + 80, top + 120, left + 80 + YALE_SCALE * SIZE, top + 120 + YALE_SCALE * SIZE)
        small = Image.fromarray(whole).resize((SIZE, SIZE), Image.Resampling.BOX, box)
        crops.append(np.repeat(np.asarray(small)[..., None], 3, axis=2))
        sides.append(CHOICES.index(row["side"]))
        subjects.append(int(row["subject"]))
    return Lit(features.extract(np.stack(crops)), np.array(sides), np.array(subjects))


@dataclass(frozen=True)
class Celeba:
    """The slice's faces: crops (n, 64, 64, 3), vectors (n, d), yaw (n,), identities (n,)."""

    crops: np.ndarray
    vectors: np.ndarray
    yaw: np.ndarray
    identities: np.ndarray


def celeba(folder: Path = SHARED_DATA) -> Celeba:
    slice_ = folder / "celeba_slice"
    rows = (slice_ / "list_landmarks_align_celeba.txt").read_text().splitlines()[2:]
    points = np.array([row.split()[1:] for row in rows], dtype=np.float64).reshape(-1, 5, 2)
    people = (slice_ / "identity_CelebA.txt").read_text().split()
    crops = []
    for number in range(1, N_CELEBA + 1):
        with Image.open(slice_ / "img_align_celeba" / f"{number:06d}.jpg") as image:
            crop = image.convert("RGB").resize((SIZE, SIZE), Image.Resampling.BOX, CROP_BOX)
        crops.append(np.asarray(crop))
    pictures, yaw = np.stack(crops), yaw_from_landmarks(points)
    vectors = features.extract(pictures, yaw=yaw, landmarks=points)
    return Celeba(pictures, vectors, yaw, np.array(people[1::2], dtype=np.int64))


def celeba_votes(folder: Path = SHARED_DATA) -> tuple[np.ndarray, np.ndarray]:
    """Which faces have votes (n,), and how many passes gave each choice and "can't tell" (n, 4)."""
    counted: dict[int, Counter[str]] = {}
    with (folder / "celeba_votes" / "votes.csv").open(newline="") as file:
        for row in csv.DictReader(file):
            counted.setdefault(int(row["file"][:6]) - 1, Counter())[row["choice"]] += 1
    faces = np.array(sorted(counted))
    return faces, np.array([[counted[f][c] for c in (*CHOICES, "unsure")] for f in faces])
