"""The sums that every fit is read from, taken in one pass over chunks of latents."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from editing.engine.clusters import Clusters, bins_of, clusters_of, mirrored
from editing.engine.halves import add_rows, mixed_rows
from editing.engine.lines import RotationFit, YawLine, explained, fit_rotation, side_of
from editing.engine.regression import Reading, Vector, design, read


class Moments:
    """G and M of faces whose latents come chunk by chunk.

    edges        of the yaw bins; a face outside all of them, or of weight 0, counts nothing
    yaw          (n,) degrees, of the mirror image where is_mirrored (n,)
    beside       (n, c) values of what stands beside yaw, which `names` names
    picture      (channels, height, width) of a latent, where faces are mirrored
    is_joint     False: only centroids will be read, so sums per bin are all that is taken
    raises       ValueError if shapes disagree, or a yaw or weight is not a number
    """

    def __init__(
        self,
        edges: Sequence[float],
        dimensions: int,
        yaw: Vector,
        *,
        weights: Vector | None = None,
        names: tuple[str, ...] = (),
        beside: Vector | None = None,
        is_mirrored: NDArray[np.bool_] | None = None,
        picture: tuple[int, int, int] | None = None,
        is_joint: bool = True,
    ) -> None:
        n, self.n_bins = len(yaw), len(edges) - 1
        self.yaw, self.names, self.is_joint, self.picture = yaw, names, is_joint, picture
        self.weights = np.ones(n) if weights is None else np.asarray(weights, np.float64)
        self.is_mirrored = np.zeros(n, bool) if is_mirrored is None else is_mirrored
        beside = np.empty((n, 0)) if beside is None else beside
        if not self.weights.shape == self.is_mirrored.shape == yaw.shape or beside.shape != (
            n,
            len(names),
        ):
            raise ValueError(
                f"Yaw {yaw.shape}, weights {self.weights.shape} and {beside.shape} beside do not "
                f"fit; expected ({n},), ({n},) and ({n}, {len(names)})."
            )
        if not np.isfinite(yaw).all() or not np.isfinite(self.weights).all():
            raise ValueError("Every yaw and every weight must be finite.")
        if self.is_mirrored.any() and picture is None:
            raise ValueError("Mirrored faces came, but the shape of a latent is not known.")
        self.bins = bins_of(yaw, edges)
        self.counts = (self.bins >= 0) & (self.weights > 0)
        self.groups = self.bins + self.n_bins * self.is_mirrored
        # Faces that count nothing are at a bin's place with no weight at all.
        told = np.where(self.counts, self.weights, 0)
        self.z = design(np.maximum(self.bins, 0), yaw, np.nan_to_num(beside), self.n_bins)
        self.gram = (self.z.T * told) @ self.z
        self.squares = np.zeros(n)
        self._sums = np.zeros((2 * self.n_bins if picture else self.n_bins, dimensions))
        self._beside = np.zeros((2 + len(names), dimensions))
        self._clusters: Clusters | None = None

    def add(
        self, latents: NDArray[np.floating], rows: NDArray[np.int64], at: NDArray[np.int64]
    ) -> None:
        """Add rows (m,) of a chunk (n', d), which are the faces at these places (m,)."""
        self._clusters = None
        counts = self.counts[at]
        if not counts.all():
            rows, at = rows[counts], at[counts]
        weights = self.weights[at]
        self.squares[at] = add_rows(latents, rows, self.groups[at], weights, self._sums)
        if not self.is_joint:
            return
        shares = self.z[at, self.n_bins :].T * weights
        for flips in (False, True):
            of = self.is_mirrored[at] == flips
            if not of.any():
                continue
            found = mixed_rows(latents, rows[of], shares[:, of])
            if flips and self.picture is not None:
                found = mirrored(found, *self.picture).astype(np.float64)
            self._beside += found

    def clusters(self) -> Clusters:
        """The bins' own means, nothing subtracted."""
        if self._clusters is None:
            of = self.counts
            self._clusters = clusters_of(
                self._sums,
                self.bins[of],
                self.yaw[of],
                self.weights[of],
                self.squares[of],
                n_bins=self.n_bins,
                picture=self.picture,
            )
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
