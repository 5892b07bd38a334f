"""From yaw clusters to lines in latent space: one per side of the viewer, or a single one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from editing.engine.clusters import Clusters

# A centroid this near to zero belongs to the frontal bin, whichever sign its mean yaw has.
FRONTAL_DEGREES = 2.5
SIDES = {"left": -1, "right": 1}


@dataclass(frozen=True)
class YawLine:
    """centroid(yaw) = origin + yaw * slope; r_squared over all numbers of all centroids."""

    origin: NDArray[np.float64]
    slope: NDArray[np.float64]
    residual: NDArray[np.float64]
    r_squared: float
    held_r_squared: float


@dataclass(frozen=True)
class RotationFit:
    """One line per side of the viewer; None where too few clusters were found.

    beside    slopes (d,) of what was regressed beside yaw, per unit: "light" runs from -1, surely
              left, to 1, surely right; an attribute from absent to present
    is_local  whether the lines were fitted for one source face
    """

    left: YawLine | None
    right: YawLine | None
    beside: Mapping[str, NDArray[np.float64]] = field(default_factory=dict)
    is_local: bool = False

    @property
    def light(self) -> NDArray[np.float64] | None:
        """The light's own slope, from left to right; None where it was not estimated."""
        return self.beside.get("light")

    def arrays(self) -> dict[str, NDArray[np.float64]]:
        """All of it as named arrays, for a file that holds arrays only."""
        found: dict[str, NDArray[np.float64]] = {}
        for side, line in (("left", self.left), ("right", self.right)):
            if line is not None:
                figures = np.array([line.r_squared, line.held_r_squared])
                found |= {
                    f"{side}.origin": line.origin,
                    f"{side}.slope": line.slope,
                    f"{side}.residual": line.residual,
                    f"{side}.r_squared": figures,
                }
        return found | {f"beside.{name}": slope for name, slope in self.beside.items()}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[np.float64]]) -> RotationFit:
        lines: dict[str, YawLine | None] = {"left": None, "right": None}
        for side in lines:
            if f"{side}.slope" in arrays:
                r_squared, held = arrays[f"{side}.r_squared"]
                lines[side] = YawLine(
                    arrays[f"{side}.origin"],
                    arrays[f"{side}.slope"],
                    arrays[f"{side}.residual"],
                    float(r_squared),
                    float(held),
                )
        beside = {
            name.removeprefix("beside."): slope
            for name, slope in arrays.items()
            if name.startswith("beside.")
        }
        return cls(lines["left"], lines["right"], beside)


def fit_line(
    centroids: NDArray[np.floating],
    yaw: NDArray[np.floating],
    weights: NDArray[np.floating] | None = None,
    *,
    ridge: float = 0.0,
    is_one_sided: bool = True,
) -> YawLine:
    """Fit one line through yaw-cluster centroids in latent space.

    centroids     (k, d), mean latent per bin
    yaw           (k,) degrees, one sign only: left and right turns get a line each [1];
                  within 2.5 degrees of zero either sign will do
    weights       (k,) faces per bin; default all equal
    ridge         square degrees added to the yaw's variance before division; shortens the slope
    is_one_sided  False: one line for both sides, any signs
    returns       YawLine: origin (d,), slope (d,) per degree, residual (k,) root mean square,
                  held_r_squared: each centroid predicted from the others
    raises        ValueError if k < 3, the signs are mixed or all yaws are equal

    [1] Asperti, Colasuonno, Guerra 2024, arXiv 2308.06057
    """
    c, y = np.asarray(centroids, np.float64), np.asarray(yaw, np.float64)
    w = np.ones(len(y)) if weights is None else np.asarray(weights, np.float64)
    if len(y) < 3:
        raise ValueError(f"A line needs 3 or more clusters, got {len(y)}.")
    if c.ndim != 2 or len(c) != len(y) or w.shape != y.shape:
        raise ValueError(
            f"Centroids {c.shape}, yaw {y.shape} and weights {w.shape} do not fit; "
            "expected (k, d), (k,) and (k,)."
        )
    if is_one_sided and y.min() < -FRONTAL_DEGREES and y.max() > FRONTAL_DEGREES:
        raise ValueError(
            f"Clusters from {y.min():.1f} to {y.max():.1f} degrees mix left and right; "
            "expected one side."
        )
    share = readout(y, w, ridge)
    slope = share @ c
    origin = np.average(c, axis=0, weights=w) - np.average(y, weights=w) * slope
    off = c - origin - y[:, None] * slope
    held, apart = np.empty_like(c), np.empty_like(c)
    for i in range(len(y)):
        rest = np.arange(len(y)) != i
        mean = np.average(c[rest], axis=0, weights=w[rest])
        m = readout(y[rest], w[rest], ridge) @ c[rest]
        apart[i] = c[i] - mean
        held[i] = apart[i] - (y[i] - np.average(y[rest], weights=w[rest])) * m
    centred = c - np.average(c, axis=0, weights=w)
    return YawLine(
        origin=origin,
        slope=slope,
        residual=np.sqrt((off**2).mean(axis=1)),
        r_squared=explained(off, centred, w),
        held_r_squared=explained(held, apart, w),
    )


def fit_rotation(clusters: Clusters, *, lines: str = "two", ridge: float = 0.0) -> RotationFit:
    """A line to the left and one to the right, or the same one for both, weighted by the clusters.

    Frontal clusters (within 2.5 degrees) belong to both lines, so that both start where faces look
    at the viewer.

    raises   ValueError if no line has 3 clusters
    """
    if lines == "one":
        if len(clusters.yaw) < 3:
            raise ValueError(
                f"There are {len(clusters.yaw)} clusters; a line needs 3. "
                "Widen the filter or the bins."
            )
        line = fit_line(
            clusters.mean, clusters.yaw, clusters.weight, ridge=ridge, is_one_sided=False
        )
        return RotationFit(line, line)
    found: dict[str, YawLine | None] = {}
    counts = {}
    for side, sign in SIDES.items():
        rows = side_of(clusters.yaw, sign)
        counts[side] = int(rows.sum())
        found[side] = None
        if has_line(clusters.yaw, sign):
            found[side] = fit_line(
                clusters.mean[rows], clusters.yaw[rows], clusters.weight[rows], ridge=ridge
            )
    if not any(found.values()):
        raise ValueError(
            f"Clusters on the left: {counts['left']}, on the right: {counts['right']}; "
            "a direction needs 3 with faces on at least one side. Widen the filter or the bins."
        )
    return RotationFit(found["left"], found["right"])


def side_of(yaw: NDArray[np.float64], sign: int) -> NDArray[np.bool_]:
    """Which clusters belong to a side's line: those of that sign, and frontal ones."""
    return yaw * sign >= -FRONTAL_DEGREES


def has_line(yaw: NDArray[np.float64], sign: int) -> bool:
    """Whether a side has the 3 clusters that a line needs, not all of them frontal."""
    rows = side_of(yaw, sign)
    return bool(rows.sum() >= 3 and (yaw[rows] * sign > FRONTAL_DEGREES).any())


def readout(
    yaw: NDArray[np.float64], weights: NDArray[np.float64], ridge: float = 0.0
) -> NDArray[np.float64]:
    """The row r (k,) with slope = r @ centroids: weighted least squares is linear in them.

    raises   ValueError if all yaws are equal
    """
    mean = np.average(yaw, weights=weights)
    spread = weights @ (yaw - mean) ** 2
    if spread <= 1e-9 * weights.sum():
        raise ValueError(f"All clusters lie at {mean:.1f} degrees; a line needs different yaws.")
    # The rows sum to zero, so centring the centroids would change nothing.
    return weights * (yaw - mean) / (spread + ridge * weights.sum())


def explained(
    off: NDArray[np.float64], centred: NDArray[np.float64], w: NDArray[np.float64]
) -> float:
    """The share of the squares of `centred` (k, d) that is missing from `off` (k, d)."""
    whole = float(w @ (centred**2).sum(axis=1))
    return 1 - float(w @ (off**2).sum(axis=1)) / whole if whole else 1.0
