"""How far to walk so that a head turns as far as was asked: one monotone curve per side."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Curve:
    """Rising knots from (0, 0): steps along the line and the yaw they achieved, both >= 0."""

    step: tuple[float, ...]
    achieved: tuple[float, ...]

    def step_for(self, degrees: float) -> tuple[float, bool]:
        """The step for a turn of degrees >= 0, and whether it was cut to the measured range."""
        reach = self.achieved[-1]
        return float(np.interp(degrees, self.achieved, self.step)), degrees > reach + 1e-9


@dataclass(frozen=True)
class Calibration:
    """A curve per side of the viewer; a side without one is walked as asked."""

    left: Curve | None
    right: Curve | None

    def steps(self, degrees: NDArray[np.floating]) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
        """Signed steps (m,) for signed turns (m,), and which of them were cut short (m,)."""
        steps, clamped = np.zeros(len(degrees)), np.zeros(len(degrees), bool)
        for i, wish in enumerate(np.asarray(degrees, np.float64)):
            curve = self.left if wish < 0 else self.right
            if curve is None:
                steps[i] = wish
                continue
            size, clamped[i] = curve.step_for(abs(wish))
            steps[i] = np.copysign(size, wish)
        return steps, clamped

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, content: dict[str, Any]) -> Calibration:
        return cls(
            **{
                side: Curve(tuple(knots["step"]), tuple(knots["achieved"])) if knots else None
                for side, knots in content.items()
            }
        )


def fit_calibration(step: NDArray[np.floating], achieved: NDArray[np.floating]) -> Calibration:
    """Curves through measured pairs: signed steps (n,) along the line, the yaw changes they gave.

    The mean per step is made rising by pooling neighbours that fall [1]; a side on which nothing
    was measured, or nothing moved the right way, gets no curve.

    [1] pool adjacent violators, Ayer et al. 1955
    """
    x, y = np.asarray(step, np.float64), np.asarray(achieved, np.float64)
    if x.shape != y.shape or x.ndim != 1:
        raise ValueError(f"Steps {x.shape} and achieved yaw {y.shape} must be pairs.")
    return Calibration(*(_curve(side * x, side * y) for side in (-1, 1)))


def _curve(step: NDArray[np.float64], achieved: NDArray[np.float64]) -> Curve | None:
    sizes = np.unique(step[step > 0])
    if not len(sizes):
        return None
    means = [achieved[step == size].mean() for size in sizes]
    counts = [float((step == size).sum()) for size in sizes]
    rising = _pooled(means, counts)
    knots = [(0.0, 0.0)]
    for size, yaw in zip(sizes, rising, strict=True):
        # A flat stretch has no inverse: keep its shortest step, which turns as far.
        if yaw > knots[-1][1] + 1e-6:
            knots.append((float(size), float(yaw)))
    if len(knots) < 2:
        return None
    return Curve(*zip(*knots, strict=True))


def _pooled(values: list[float], weights: list[float]) -> list[float]:
    pools: list[tuple[float, float, int]] = []  # mean, weight, members
    for value, weight in zip(values, weights, strict=True):
        pools.append((value, weight, 1))
        while len(pools) > 1 and pools[-2][0] > pools[-1][0]:
            (m1, w1, n1), (m2, w2, n2) = pools[-2:]
            pools[-2:] = [((m1 * w1 + m2 * w2) / (w1 + w2), w1 + w2, n1 + n2)]
    return [mean for mean, _, members in pools for _ in range(members)]
