"""Means of latents per yaw bin, in one pass over chunks that need not fit in memory together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Clusters:
    """The bins that hold faces: mean latent (k, d), mean yaw (k,) in degrees, faces (k,)."""

    mean: NDArray[np.float64]
    yaw: NDArray[np.float64]
    count: NDArray[np.int64]
    weight: NDArray[np.float64]


class ClusterSums:
    """Running sums per yaw bin.

    edges   rising bin edges in degrees; a bin holds its lower edge, the last one both.
            Faces outside all bins are left out and counted in `n_outside`
    """

    def __init__(self, edges: Sequence[float], dimensions: int) -> None:
        self.edges = np.asarray(edges, np.float64)
        if self.edges.ndim != 1 or len(self.edges) < 2 or (np.diff(self.edges) <= 0).any():
            raise ValueError(f"Bin edges must rise and be two or more, got {list(edges)}.")
        k = len(self.edges) - 1
        self.n_outside = 0
        self._latents = np.zeros((k, dimensions))
        self._yaw = np.zeros(k)
        self._weight = np.zeros(k)
        self._count = np.zeros(k, np.int64)

    def add(
        self,
        latents: NDArray[np.floating],
        yaw: NDArray[np.floating],
        weights: NDArray[np.floating] | None = None,
    ) -> None:
        """Add a chunk: latents (n, d), yaw (n,) in degrees, weights (n,) >= 0, default 1.

        raises   ValueError if shapes disagree or a yaw or weight is not a number
        """
        d = self._latents.shape[1]
        yaw = np.asarray(yaw, np.float64)
        w = np.ones(len(yaw)) if weights is None else np.asarray(weights, np.float64)
        if latents.shape != (len(yaw), d) or w.shape != yaw.shape or yaw.ndim != 1:
            raise ValueError(
                f"Latents {latents.shape}, yaw {yaw.shape} and weights {w.shape} do not fit; "
                f"expected (n, {d}), (n,) and (n,)."
            )
        if not np.isfinite(yaw).all() or not np.isfinite(w).all() or (w < 0).any():
            raise ValueError("Every yaw must be finite and every weight finite and not negative.")
        bins = np.searchsorted(self.edges, yaw, side="right") - 1
        bins[yaw == self.edges[-1]] = len(self._count) - 1
        inside = (bins >= 0) & (bins < len(self._count)) & (w > 0)
        self.n_outside += int((~inside).sum())
        for b in np.unique(bins[inside]):
            rows = inside & (bins == b)
            self._latents[b] += w[rows] @ latents[rows].astype(np.float64)
            self._yaw[b] += w[rows] @ yaw[rows]
            self._weight[b] += w[rows].sum()
            self._count[b] += rows.sum()

    def centroids(self) -> Clusters:
        """The means so far; bins without a face are left out."""
        full = self._weight > 0
        weight = self._weight[full]
        return Clusters(
            mean=self._latents[full] / weight[:, None],
            yaw=self._yaw[full] / weight,
            count=self._count[full],
            weight=weight,
        )


def mirrored(
    latents: NDArray[np.floating], channels: int, height: int, width: int
) -> NDArray[np.floating]:
    """Latents (n, channels * height * width) of the mirror images; their yaw is the negative.

    Holds for networks trained on mirrored faces too. Whoever asks swaps the light's side.
    """
    if latents.shape[1] != channels * height * width:
        raise ValueError(
            f"Latents of {latents.shape[1]} numbers are not {channels} x {height} x {width}."
        )
    pictures = latents.reshape(-1, channels, height, width)
    return np.ascontiguousarray(pictures[..., ::-1]).reshape(latents.shape)
