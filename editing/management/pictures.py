"""The table of mean faces, light by pose, and how far neighbours lie apart."""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from editing.engine.images import load_faces, png, table
from labeling.images import image_path
from labeling.models import Release

SIZE = 64
# A face within these degrees looks ahead.
POSE_EDGES = (-12.0, 12.0)
POSES = ("nose left", "ahead", "nose right")
FEWEST = 3


def mean_faces(release: Release, target: Path) -> dict[str, Any]:
    """Draw a release's mean faces, light by pose; returns counts and neighbours' distances.

    Distances are mean-square differences of pictures in 0..1 between neighbouring means; None
    where a cell has fewer than three faces.
    """
    values = release.campaign.values
    labels = release.labels.filter(face__yaw_degrees__isnull=False).select_related("face__dataset")
    cells: dict[tuple[int, int], list[Path]] = {}
    for label in labels.order_by("face__filename").iterator():
        pose = int(np.digitize(label.face.yaw_degrees, POSE_EDGES))
        cells.setdefault((values.index(label.choice), pose), []).append(image_path(label.face))
    counts = np.zeros((len(values), 3), int)
    means = np.full((len(values), 3, SIZE, SIZE, 3), 128.0)
    for (light, pose), paths in cells.items():
        counts[light, pose] = len(paths)
        means[light, pose] = _mean(paths)
    notes = [[f"{n} faces" for n in row] for row in counts]
    tiles = np.round(means).astype(np.uint8)
    sheet = table(tiles, rows=[f"light {v}" for v in values], columns=POSES, notes=notes, scale=3)
    target.write_bytes(png(sheet))
    return {
        "rows": list(values),
        "columns": list(POSES),
        "counts": counts.tolist(),
        "between_poses": _distances(means, counts, axis=1),
        "between_lights": _distances(means, counts, axis=0),
    }


def _mean(paths: list[Path]) -> NDArray[np.float64]:
    """Of any number of faces, a few hundred in memory at a time."""
    total = np.zeros((SIZE, SIZE, 3))
    for at in range(0, len(paths), 256):
        total += load_faces(paths[at : at + 256], SIZE).sum(axis=0, dtype=np.float64)
    return total / len(paths)


def _distances(
    means: NDArray[np.float64], counts: NDArray[np.int_], axis: int
) -> list[list[float | None]]:
    gaps = np.square(np.diff(means / 255, axis=axis)).mean(axis=(-3, -2, -1))
    both = np.minimum(np.delete(counts, -1, axis), np.delete(counts, 0, axis)) >= FEWEST
    return [
        [round(float(gap), 5) if known else None for gap, known in zip(*row, strict=True)]
        for row in zip(gaps, both, strict=True)
    ]
