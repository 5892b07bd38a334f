"""Regions without a hand: pixels that respond alike to all directions of a search."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from sklearn.cluster import KMeans

from editing.engine.regions import as_rows

DEFAULT_CLUSTERS = 8
# A pixel that hardly responds tells noise: it is left out, and with it much of the background.
FAINT = 0.35
# Shares of the picture: smaller than the first is no region, larger than the second no part.
SMALLEST, LARGEST = 0.01, 0.35
# Neighbours share a bottleneck's cell and a region: so much of a response is that of its place.
SPREAD = 1.0


def responding(
    change: NDArray[np.floating[Any]], n_clusters: int = DEFAULT_CLUSTERS, seed: int = 0
) -> list[dict[str, Any]]:
    """Regions {"name", "shapes"} of pixels that move together, the strongest responding first.

    change   (p, c, h, w): J q for each row q of an orthonormal basis. A pixel's p x c numbers are
             its response; their inner products do not depend on the basis
    raises   ValueError for another shape, or numbers that are not finite
    """
    if change.ndim != 4 or not np.isfinite(change).all():
        raise ValueError(f"Changes are {change.shape}; expected finite numbers (p, c, h, w).")
    p, c, height, width = change.shape
    smooth = ndimage.gaussian_filter(change.astype(np.float64), (0, 0, SPREAD, SPREAD))
    response = smooth.reshape(p * c, height * width).T  # (h w, p c)
    strength = np.linalg.norm(response, axis=1)
    awake = strength > FAINT * np.quantile(strength, 0.95)
    if awake.sum() < n_clusters:
        return []
    alike = response[awake] / strength[awake, None]
    model = KMeans(n_clusters, n_init=4, random_state=seed).fit(alike)
    labels = np.full(height * width, -1)
    labels[awake] = model.labels_
    found = []
    for cluster in range(n_clusters):
        parts, n_parts = ndimage.label(labels.reshape(height, width) == cluster)
        for part in range(1, n_parts + 1):
            mask = ndimage.binary_fill_holes(parts == part)
            if SMALLEST <= mask.mean() <= LARGEST:
                found.append((float(strength[mask.ravel()].mean()), mask))
    found.sort(key=lambda one: -one[0])
    return [
        {"name": f"moves together {at + 1}", "shapes": [{"kind": "mask", "rows": as_rows(mask)}]}
        for at, (_, mask) in enumerate(found[:n_clusters])
    ]
