"""Centroids and lines in the plane in which the centroids lie apart the most, to be drawn."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from editing.engine.clusters import Clusters
from editing.engine.lines import RotationFit

COMPONENTS = 3


def projected(clusters: Clusters, fit: RotationFit) -> dict[str, Any]:
    """Principal components of the centroids, and both lines from yaw 0 to their last centroid.

    returns  explained: shares of the centroids' spread, up to three; centroids: yaw, count and xy
             each; left, right: two ends (x, y), or None where there is no line
    """
    middle = clusters.mean.mean(axis=0)
    off = clusters.mean - middle
    _, sizes, axes = np.linalg.svd(off, full_matrices=False)
    whole = float((sizes**2).sum()) or 1.0
    # The first axis runs to the right as yaw does: the sign of a component means nothing.
    if axes[0] @ (clusters.yaw @ off) < 0:
        axes = np.concatenate([-axes[:1], axes[1:]])
    plane = axes[:2]

    def xy(point: NDArray[np.float64]) -> list[float]:
        at = plane @ (point - middle)
        return [round(float(value), 5) for value in (*at, 0.0)[:2]]

    ends: dict[str, list[list[float]] | None] = {}
    for side, reach in (("left", clusters.yaw.min()), ("right", clusters.yaw.max())):
        line = getattr(fit, side)
        ends[side] = line and [xy(line.origin + yaw * line.slope) for yaw in (0.0, float(reach))]
    return {
        "explained": [round(float(share), 5) for share in (sizes**2 / whole)[:COMPONENTS]],
        "centroids": [
            {"yaw": round(float(yaw), 3), "count": int(count), "xy": xy(mean)}
            for yaw, count, mean in zip(clusters.yaw, clusters.count, clusters.mean, strict=True)
        ],
        **ends,
    }
