"""Means of latents per yaw bin, in one pass over chunks that need not fit in memory together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from editing.engine.halves import add_rows


@dataclass(frozen=True)
class Clusters:
    """The bins that hold faces: mean latent (k, d), mean yaw (k,) in degrees, faces (k,).

    trace  (k,) trace of each bin's covariance: how far its faces lie from their mean, squared
    at     (k,) which bins these are
    """

    mean: NDArray[np.float64]
    yaw: NDArray[np.float64]
    count: NDArray[np.int64]
    weight: NDArray[np.float64]
    trace: NDArray[np.float64] | None = None
    at: NDArray[np.int64] | None = None


class ClusterSums:
    """Running sums per yaw bin.

    edges    rising bin edges in degrees; a bin holds its lower edge, the last one both.
             Faces outside all bins are left out and counted in `n_outside`
    picture  (channels, height, width) of a latent, where mirrored faces are to be added
    """

    def __init__(
        self,
        edges: Sequence[float] | NDArray[np.floating],
        dimensions: int,
        picture: tuple[int, int, int] | None = None,
    ) -> None:
        self.edges = np.asarray(edges, np.float64)
        if self.edges.ndim != 1 or len(self.edges) < 2 or (np.diff(self.edges) <= 0).any():
            raise ValueError(f"Bin edges must rise and be two or more, got {list(edges)}.")
        self.picture = picture
        self.n_outside = 0
        self._n_bins = len(self.edges) - 1
        # Mirrored faces are summed apart: mirroring is linear, so it is done once, to their sum.
        self._latents = np.zeros((2 * self._n_bins if picture else self._n_bins, dimensions))
        self._seen: list[tuple[NDArray[Any], ...]] = []

    def add(
        self,
        latents: NDArray[np.floating],
        yaw: NDArray[np.floating],
        weights: NDArray[np.floating] | None = None,
        rows: NDArray[np.integer] | None = None,
        is_mirrored: NDArray[np.bool_] | None = None,
    ) -> None:
        """Add rows of a chunk: latents (n, d), yaw (m,) in degrees, weights (m,) >= 0, default 1.

        rows         (m,) of the chunk, default all of them; no other row is read
        is_mirrored  (m,) faces that are meant mirrored; their yaw is that of the mirrored face
        raises       ValueError if shapes disagree or a yaw or weight is not a number
        """
        d, k = self._latents.shape[1], self._n_bins
        yaw = np.asarray(yaw, np.float64)
        w = np.ones(len(yaw)) if weights is None else np.asarray(weights, np.float64)
        at = np.arange(len(latents)) if rows is None else np.asarray(rows)
        if latents.ndim != 2 or latents.shape[1] != d or not yaw.shape == w.shape == at.shape:
            raise ValueError(
                f"Latents {latents.shape}, rows {at.shape}, yaw {yaw.shape} and weights {w.shape} "
                f"do not fit; expected (n, {d}), and one yaw and weight per row."
            )
        if not np.isfinite(yaw).all() or not np.isfinite(w).all() or (w < 0).any():
            raise ValueError("Every yaw must be finite and every weight finite and not negative.")
        bins = bins_of(yaw, self.edges)
        inside = (bins >= 0) & (w > 0)
        self.n_outside += int((~inside).sum())
        at, bins, yaw, w = at[inside], bins[inside], yaw[inside], w[inside]
        groups = bins
        if is_mirrored is not None and is_mirrored[inside].any():
            if self.picture is None:
                raise ValueError("Mirrored faces came, but the shape of a latent is not known.")
            groups = bins + k * is_mirrored[inside]
        squares = add_rows(latents, at, groups, w, self._latents)
        self._seen.append((bins, yaw, w, squares))

    def centroids(self) -> Clusters:
        """The means so far; bins without a face are left out."""
        empty = [np.empty(0, int), *[np.empty(0)] * 3]
        seen = [np.concatenate(parts) for parts in zip(empty, *self._seen, strict=True)]
        return clusters_of(self._latents, *seen, n_bins=self._n_bins, picture=self.picture)


def clusters_of(
    sums: NDArray[np.float64],
    bins: NDArray[np.int64],
    yaw: NDArray[np.float64],
    weights: NDArray[np.float64],
    squares: NDArray[np.float64],
    *,
    n_bins: int,
    picture: tuple[int, int, int] | None = None,
) -> Clusters:
    """Means of bins from sums (k, d), or (2 k, d) with those of mirrored faces behind.

    bins, yaw, weights, squares   (n,) of each face summed, the last one |x|^2
    picture  (channels, height, width) of a latent, where mirrored faces were added
    """
    total = sums[:n_bins]
    if picture is not None:
        total = total + mirrored(sums[n_bins:], *picture)
    weight = np.bincount(bins, weights, n_bins).astype(np.float64)
    full = weight > 0
    mean = total[full] / weight[full, None]
    of_squares = np.bincount(bins, weights * squares, n_bins)[full] / weight[full]
    return Clusters(
        mean=mean,
        yaw=np.bincount(bins, weights * yaw, n_bins)[full] / weight[full],
        count=np.bincount(bins, minlength=n_bins)[full],
        weight=weight[full],
        trace=np.maximum(of_squares - (mean**2).sum(axis=1), 0),
        at=np.flatnonzero(full),
    )


def bins_of(
    yaw: NDArray[np.floating], edges: Sequence[float] | NDArray[np.floating]
) -> NDArray[np.int64]:
    """The bin of each yaw (n,), -1 outside; a bin holds its lower edge, the last one both."""
    edges = np.asarray(edges, np.float64)
    bins = np.searchsorted(edges, yaw, side="right") - 1
    bins[yaw == edges[-1]] = len(edges) - 2
    bins[bins > len(edges) - 2] = -1
    return bins


def equal_counts(yaw: NDArray[np.floating], edges: Sequence[float]) -> list[float]:
    """Edges of as many bins over the same range, cut so that each holds as many of these yaws.

    raises  ValueError if the yaws do not take enough values for that
    """
    inside = np.asarray(yaw, np.float64)
    inside = inside[(inside >= edges[0]) & (inside <= edges[-1])]
    n_bins = len(edges) - 1
    if len(np.unique(inside)) < n_bins:
        raise ValueError(
            f"{len(np.unique(inside))} different yaws lie within {edges[0]:g} to {edges[-1]:g} "
            f"degrees; {n_bins} bins of equal count need as many."
        )
    cuts = np.quantile(inside, np.arange(1, n_bins) / n_bins)
    found = np.unique(np.round([edges[0], *cuts, edges[-1]], 2))
    if len(found) <= n_bins:
        raise ValueError(f"{n_bins} bins of equal count would have equal edges: {found.tolist()}.")
    return [float(edge) for edge in found]


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
