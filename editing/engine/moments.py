"""The sums that every fit is read from, taken in one pass over chunks of latents."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from editing.engine.clusters import Clusters, ClusterSums, bins_of, mirrored
from editing.engine.halves import mixed_rows
from editing.engine.lines import RotationFit, YawLine, explained, fit_rotation, side_of
from editing.engine.regression import Reading, Vector, design, read


class Moments:
    """Running G and M over chunks of faces.

    edges     of the yaw bins
    names     what stands beside yaw
    picture   (channels, height, width) of a latent, where mirrored faces are to be added
    is_joint  False: only centroids will be read, so sums per bin are all that is taken
    """

    def __init__(
        self,
        edges: Sequence[float],
        dimensions: int,
        names: tuple[str, ...] = (),
        *,
        picture: tuple[int, int, int] | None = None,
        is_joint: bool = True,
    ) -> None:
        self.bins = ClusterSums(edges, dimensions, picture)
        self.n_bins = len(edges) - 1
        self.names = names
        self.is_joint = is_joint
        self.gram = np.zeros((self.n_bins + 2 + len(names),) * 2)
        self._beside = np.zeros((2 + len(names), dimensions))
        self._clusters: Clusters | None = None

    def add(
        self,
        latents: NDArray[np.floating],
        rows: NDArray[np.integer],
        yaw: Vector,
        weights: Vector,
        beside: Vector,
        is_mirrored: NDArray[np.bool_],
    ) -> None:
        """Add these rows (m,) of a chunk (n, d), with yaw, weight and values beside (m, c)."""
        self._clusters = None
        self.bins.add(latents, yaw, weights, rows, is_mirrored)
        bins = bins_of(yaw, self.bins.edges)
        inside = (bins >= 0) & (weights > 0)
        z = design(bins[inside], yaw[inside], beside[inside], self.n_bins)
        shares = z.T * weights[inside]
        self.gram += shares @ z
        if not self.is_joint:
            return
        for flips in (False, True):
            of = is_mirrored[inside] == flips
            if not of.any():
                continue
            found = mixed_rows(latents, rows[inside][of], shares[self.n_bins :, of])
            if flips and self.bins.picture is not None:
                found = mirrored(found, *self.bins.picture).astype(np.float64)
            self._beside += found

    def clusters(self) -> Clusters:
        """The bins' own means, nothing subtracted."""
        self._clusters = self._clusters or self.bins.centroids()
        return self._clusters

    def apply(self, reading: Vector) -> Vector:
        """reading (..., p) @ M: slopes or centroids (..., d)."""
        clusters = self.clusters()
        sums = clusters.mean * clusters.weight[:, None]
        found: Vector = reading[..., : self.n_bins][..., clusters.at] @ sums
        if (beside := reading[..., self.n_bins :]).any():
            if not self.is_joint:
                raise ValueError("Only sums per bin were taken; this reading needs more.")
            found = found + beside @ self._beside
        return found


def fit_moments(
    moments: Moments,
    *,
    points: str = "centroids",
    lines: str = "two",
    ridge: float = 0.0,
    subtract: tuple[str, ...] = (),
) -> RotationFit:
    """The lines of a recipe, and the slopes of what stands beside yaw.

    raises    ValueError if no side has the clusters that a line needs
    """
    how = read(
        moments.gram,
        moments.n_bins,
        moments.names,
        points=points,
        lines=lines,
        ridge=ridge,
        subtract=subtract,
    )
    clusters = adjusted(moments, how)
    if points == "centroids":
        fit = fit_rotation(clusters, lines=lines, ridge=ridge)
    else:
        every = np.full(len(how.yaw), True)
        left, right = (
            _line(moments, how, row, clusters, side_of(how.yaw, sign) if lines == "two" else every)
            for sign, row in ((-1, how.left), (1, how.right))
        )
        fit = RotationFit(left, right)
    beside = {name: moments.apply(row) for name, row in how.beside.items() if moments.is_joint}
    return replace(fit, beside=beside)


def adjusted(moments: Moments, how: Reading) -> Clusters:
    """The centroids that the lines run through: what is subtracted is the same in all of them."""
    own = moments.clusters()
    return replace(own, mean=moments.apply(how.centroids)) if how.is_adjusted else own


def _line(
    moments: Moments,
    how: Reading,
    row: Vector | None,
    clusters: Clusters,
    side: NDArray[np.bool_],
) -> YawLine | None:
    """A line through faces, judged by the centroids of its side; None where there is none."""
    if row is None or how.origin is None:
        return None
    origin, slope = moments.apply(how.origin), moments.apply(row)
    c, w = clusters.mean[side], clusters.weight[side]
    off = c - origin - how.yaw[side][:, None] * slope
    centred = c - np.average(c, axis=0, weights=w)
    r_squared = explained(off, centred, w)
    # Leaving a bin out would need a pass of its own; the people held out say what it is worth.
    return YawLine(origin, slope, np.sqrt((off**2).mean(axis=1)), r_squared, float("nan"))
