"""Slopes at one place: how latents like this one change with yaw, and with the light beside it.

A line through everybody's centroids says how the mean face turns. Further along, and on a face of
other hair and skin, that is another way; faces that already look like that say which.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from editing.engine.similarity import effective_count

# Latents are compared by their means over CELLS x CELLS patches, in which the noise is small, less
# what yaw and light explain of these, along their COMPARED leading principal directions.
CELLS = 8
COMPARED = 12
# Widths of a kernel: beyond YAW_WIDTH degrees nothing counts, at LIGHT_WIDTH sides a face counts
# .6 and beyond three of them nothing; as many faces as ALIKE (Kish) are as much alike as they are.
YAW_WIDTH, LIGHT_WIDTH, ALIKE = 22.0, 1.0, 120.0
MOST_WIDTHS = 3.0
# Fewer faces than that count (Kish) tell no slope.
FEWEST = 8.0
# Where the light of those that count varies less, it has no slope there; in sides.
LEAST_SPREAD = 0.05

Vector = NDArray[np.float64]


@dataclass(frozen=True)
class Slopes:
    """Of a latent (c, h, w): per degree of yaw at one light, and per side of light or None."""

    yaw: Vector
    light: Vector | None


class Neighbours:
    """Faces from which slopes are taken, each as it is and mirrored.

    latents   (n, c, h, w) of noisy faces, any floating type; kept, not copied
    yaw       (n,) degrees
    light     (n,) -1 (left) .. 1 (right), or None where it is not known
    raises    ValueError if there are too few faces, or the columns differ in length
    """

    def __init__(
        self, latents: NDArray[np.floating], yaw: Vector, light: Vector | None = None
    ) -> None:
        n = len(latents)
        if len(yaw) != n or (light is not None and len(light) != n):
            raise ValueError(
                f"{n} latents came with {len(yaw)} yaws and "
                f"{'no' if light is None else len(light)} lights."
            )
        if n < FEWEST:
            raise ValueError(f"A walk takes its slopes from {FEWEST:.0f} faces or more, not {n}.")
        self.latents = latents
        self.knows_light = light is not None
        side = np.zeros(n) if light is None else np.asarray(light, np.float64)
        self.yaw = np.concatenate([yaw, -np.asarray(yaw, np.float64)])
        self.light = np.concatenate([side, -side])
        looks = np.concatenate([patches(latents), patches(latents[..., ::-1])])  # (2n, p)
        known = _explaining(self.yaw, self.light)
        self._explained = np.linalg.lstsq(known, looks, rcond=None)[0]
        rest = looks - known @ self._explained
        self._mean = rest.mean(axis=0)
        spread = (rest - self._mean).T @ (rest - self._mean) / len(rest)
        sizes, vectors = np.linalg.eigh(spread)  # rising
        self._leading = vectors[:, ::-1][:, :COMPARED] / max(float(sizes[-1]), 1e-12) ** 0.5
        self._looks = (rest - self._mean) @ self._leading  # (2n, COMPARED)

    def slopes(self, x_t: Vector, yaw_degrees: float, light: float = 0.0) -> Slopes | None:
        """The slopes at a latent (c, h, w) that looks and is lit so; None where too few are near.

        Yaw and light are regressed together, so the slope of yaw is one at a light that stays.
        """
        weights = self._weights(x_t, yaw_degrees, light)
        if effective_count(weights) < FEWEST:
            return None
        used = np.flatnonzero(weights > weights.max() * 1e-4)
        w, n = weights[used], len(self.latents)
        columns = [np.ones(len(used)), self.yaw[used] - yaw_degrees]
        aside = self.light[used] - light
        if float(np.sqrt(np.average((aside - np.average(aside, weights=w)) ** 2, weights=w))) >= (
            LEAST_SPREAD
        ):
            columns.append(aside)
        x = np.stack(columns, axis=1)  # (m, 2 or 3)
        shares = np.linalg.pinv((x * w[:, None]).T @ x) @ (x * w[:, None]).T  # (2 or 3, m)
        is_mirrored = used >= n
        found = self._summed(shares[1:, ~is_mirrored], used[~is_mirrored])
        found += self._summed(shares[1:, is_mirrored], used[is_mirrored] - n)[..., ::-1]
        return Slopes(found[0], found[1] if len(found) > 1 else None)

    def _weights(self, x_t: Vector, yaw_degrees: float, light: float) -> Vector:
        off = np.abs(self.yaw - yaw_degrees) / YAW_WIDTH
        near: Vector = np.clip(1 - off**2, 0, None)
        if self.knows_light:
            widths = np.abs(self.light - light) / LIGHT_WIDTH
            near = near * np.where(widths < MOST_WIDTHS, np.exp(-(widths**2) / 2), 0.0)
        known = _explaining(np.array([yaw_degrees]), np.array([light]))
        look = (patches(x_t[None]) - known @ self._explained - self._mean) @ self._leading
        apart = ((self._looks - look) ** 2).sum(axis=1)
        if not near.any():
            return near
        apart = np.maximum(apart - apart[near > 0].min(), 0)
        low, high = 1e-3, 1e3
        if effective_count(near) <= ALIKE:
            return near * np.exp(-apart / high)
        # The width at which as many faces count as wanted: their number grows with it.
        for _ in range(30):
            middle = (low * high) ** 0.5
            if effective_count(near * np.exp(-apart / middle)) < ALIKE:
                low = middle
            else:
                high = middle
        return near * np.exp(-apart / high)

    def _summed(self, shares: Vector, rows: NDArray[np.int64]) -> Vector:
        """Weighted sums (k, c, h, w) of these faces' latents."""
        flat = self.latents[rows].reshape(len(rows), -1).astype(np.float32)
        found = shares.astype(np.float32) @ flat
        return found.astype(np.float64).reshape(len(shares), *self.latents.shape[1:])


def patches(latents: NDArray[np.floating]) -> Vector:
    """Means (n, c * cells * cells) of latents (n, c, h, w) over even patches."""
    n, c, h, w = latents.shape
    cells = min(CELLS, h, w)
    rows = latents[..., : h - h % cells, : w - w % cells]
    parts = rows.reshape(n, c, cells, h // cells, cells, w // cells)
    return parts.mean(axis=(3, 5), dtype=np.float64).reshape(n, -1)


def _explaining(yaw: Vector, light: Vector) -> Vector:
    """What of a look yaw and light explain is no likeness: (n, 7) columns to take it away by."""
    columns = [np.ones_like(yaw), yaw, yaw**2, np.abs(yaw), light, light**2, light * yaw]
    return np.stack(columns, axis=1)
