"""Mean faces, light by pose, and how far neighbouring means lie apart.

The mean of n faces still moves by its variance over n, which adds to every distance between two
means; what is told here is less that, so a mean of 100 faces can be held beside one of 10,000.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import numpy as np
from PIL import Image

from labeling.learning.pictures import FAINT, table

SIZE = 64
# A face within these degrees looks ahead.
POSE_EDGES = (-12.0, 12.0)
POSES = ("nose left", "ahead", "nose right")
# The mean of fewer is somebody's face rather than a mean, and says nothing.
FEWEST = 20


@dataclass
class Cell:
    """One light in one pose: how many faces there are, and sums over those that were looked at."""

    n_faces: int = 0
    n_used: int = 0
    total: np.ndarray = field(default_factory=lambda: np.zeros((SIZE, SIZE, 3)))
    squares: np.ndarray = field(default_factory=lambda: np.zeros((SIZE, SIZE, 3)))

    def add(self, face: np.ndarray) -> None:
        """face  (SIZE, SIZE, 3) uint8"""
        pixels = face / 255
        self.n_used += 1
        self.total += pixels
        self.squares += pixels**2

    @property
    def is_told(self) -> bool:
        return self.n_used >= FEWEST

    @property
    def mean(self) -> np.ndarray:
        return self.total / self.n_used

    @property
    def chance(self) -> float:
        """What chance adds to a mean-square distance from this mean."""
        spread = np.maximum(self.squares / self.n_used - self.mean**2, 0).mean()
        return float(spread) / (self.n_used - 1)


def distance(a: Cell, b: Cell) -> float | None:
    """Mean square of the difference of two means in 0..1, less chance; None for too few faces."""
    if not (a.is_told and b.is_told):
        return None
    gap = float(np.square(a.mean - b.mean).mean())
    return round(max(gap - a.chance - b.chance, 0.0), 5)


def told(cells: Sequence[Sequence[Cell]], lights: Sequence[str]) -> dict[str, Any]:
    """Counts and distances of cells (light, pose), for JSON."""
    down = pairwise(cells)
    return {
        "rows": list(lights),
        "columns": list(POSES),
        "pose_edges": list(POSE_EDGES),
        "fewest": FEWEST,
        "counts": [[cell.n_faces for cell in row] for row in cells],
        "used": [[cell.n_used for cell in row] for row in cells],
        "between_poses": [[distance(a, b) for a, b in pairwise(row)] for row in cells],
        "between_lights": [
            [distance(a, b) for a, b in zip(upper, lower, strict=True)] for upper, lower in down
        ],
    }


def sheet(cells: Sequence[Sequence[Cell]], lights: Sequence[str]) -> Image.Image:
    """The means as one picture, with the number of faces under each."""
    tiles = np.empty((len(cells), len(POSES), SIZE, SIZE, 3), np.uint8)
    notes = []
    for i, row in enumerate(cells):
        for j, cell in enumerate(row):
            tiles[i, j] = np.round(cell.mean * 255) if cell.is_told else FAINT
        notes.append([_note(cell) for cell in row])
    rows = [f"light {light}" for light in lights]
    return table(tiles, rows=rows, columns=POSES, notes=notes, scale=3)


def _note(cell: Cell) -> str:
    return f"mean of {cell.n_used}" if cell.is_told else f"{cell.n_used} faces: too few"
