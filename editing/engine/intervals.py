"""How sure a slope is: refits on people drawn with replacement, in one more look at the latents.

A refit's slope is a weighted sum of the latents, with weights that follow from yaw alone (see
`regression`): so hundreds of refits cost one matrix product per chunk and no refit is stored.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from editing.engine.clusters import mirrored
from editing.engine.halves import mixed_rows
from editing.engine.lines import RotationFit
from editing.engine.moments import Moments
from editing.engine.regression import Vector, read

# Draws planned at once: their weights per face are held in memory together.
DRAWS_AT_ONCE = 100


@dataclass(frozen=True)
class Spread:
    """How far refits of one slope scatter: 5th, 50th and 95th percentile.

    cosine  with the slope itself; 1 = every refit points the same way
    norm    of the refit over the slope's own
    """

    cosine: tuple[float, float, float]
    norm: tuple[float, float, float]
    n_refits: int


class Refits:
    """Slopes refitted on people drawn with replacement.

    moments     of the same faces: their design rows, weights and mirroring
    people      (n,) whose face each is; all faces of a person are drawn together
    options     of `regression.read`: points, lines, ridge, subtract
    """

    def __init__(
        self,
        moments: Moments,
        people: NDArray[np.integer],
        *,
        draws: int,
        dimensions: int,
        generator: np.random.Generator,
        **options: object,
    ) -> None:
        self.moments = moments
        z, weights = moments.z, np.where(moments.counts, moments.weights, 0)
        self.z, self.weights = z, weights
        everybody, self.person = np.unique(people, return_inverse=True)
        n = len(everybody)
        self.times = generator.multinomial(n, np.full(n, 1 / n), draws).astype(np.uint8)  # (b, n)
        kept: list[int] = []
        rows: dict[str, list[Vector]] = {"left": [], "right": []}
        for draw, times in enumerate(self.times):
            gram = (z * (weights * times[self.person])[:, None]).T @ z
            try:
                how = read(gram, moments.n_bins, moments.names, **options)  # type: ignore[arg-type]
            except ValueError:
                continue  # the people drawn leave too few clusters
            kept.append(draw)
            for side, row in (("left", how.left), ("right", how.right)):
                rows[side].append(np.full(len(gram), np.nan) if row is None else row)
        self.times = self.times[kept]
        self.rows = {side: np.array(found) for side, found in rows.items() if kept}
        self.slopes = {side: np.zeros((len(kept), dimensions)) for side in self.rows}

    def add(
        self,
        latents: NDArray[np.floating],
        rows: NDArray[np.integer],
        at: NDArray[np.integer],
    ) -> None:
        """Add rows (m,) of a chunk (n, d), which are the faces at these places (m,)."""
        is_mirrored, picture = self.moments.is_mirrored[at], self.moments.picture
        for side, readings in self.rows.items():
            for first in range(0, len(readings), DRAWS_AT_ONCE):
                draws = slice(first, first + DRAWS_AT_ONCE)
                times = self.times[draws][:, self.person[at]]
                shares = readings[draws] @ self.z[at].T * times * self.weights[at]
                for flips in (False, True):
                    of = is_mirrored == flips
                    if not of.any():
                        continue
                    found = mixed_rows(latents, rows[of], shares[:, of])
                    if flips and picture is not None:
                        found = mirrored(found, *picture).astype(np.float64)
                    self.slopes[side][draws] += found

    def spread(self, fit: RotationFit) -> dict[str, Spread]:
        """Per side how far the refits scatter about this fit."""
        found = {}
        for side, slopes in self.slopes.items():
            line = getattr(fit, side)
            refits = slopes[np.isfinite(slopes).all(axis=1)]
            if line is None or not len(refits):
                continue
            norms, own = np.linalg.norm(refits, axis=1), np.linalg.norm(line.slope)
            cosines = refits @ line.slope / np.maximum(norms * own, 1e-300)
            found[side] = Spread(_percentiles(cosines), _percentiles(norms / own), len(refits))
        return found


def _percentiles(values: Vector) -> tuple[float, float, float]:
    low, middle, high = np.percentile(values, [5, 50, 95])
    return float(low), float(middle), float(high)
