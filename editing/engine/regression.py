"""Every way to fit a direction is linear in the latents: which sums to take, and how to read them.

Notation: a face is a row z = [one-hot of its yaw bin (k) | min(yaw, 0) | max(yaw, 0) | beside (c)]
of Z, w its weight, x its latent; G = Z'WZ (p, p) and M = Z'WX (p, d) with p = k + 2 + c. Each line
and each slope is h @ M, where h (p,) follows from G alone: so one pass over the latents serves
every recipe, and a refit on faces drawn anew costs one weighted sum of them.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from editing.engine.lines import SIDES, has_line, readout, side_of

Vector = NDArray[np.float64]
# What varies less than this within bins (a probability, a share of faces) teaches no slope.
LEAST_SPREAD = 0.05


@dataclass(frozen=True)
class Reading:
    """How to read a fit off M: rows h (p,) of its slopes, by side and by what stands beside yaw.

    centroids  (k', p): reads the centroids of the bins that hold faces, adjusted where asked
    at         (k',) which bins these are
    yaw        (k',) their mean yaw in degrees
    weight     (k',)
    left, right, origin   None where a side has no line; origin where the lines share one
    beside     per name, its slope per unit
    is_adjusted   whether the centroids have had something subtracted
    """

    centroids: Vector
    at: NDArray[np.int64]
    yaw: Vector
    weight: Vector
    left: Vector | None
    right: Vector | None
    origin: Vector | None
    beside: dict[str, Vector]
    is_adjusted: bool = False


def design(bins: NDArray[np.integer], yaw: Vector, beside: Vector, n_bins: int) -> Vector:
    """Z (n, p) of faces in these bins (n,), at these yaws (n,), with these values beside (n, c)."""
    one_hot = np.zeros((len(bins), n_bins))
    one_hot[np.arange(len(bins)), bins] = 1
    both = [np.minimum(yaw, 0)[:, None], np.maximum(yaw, 0)[:, None]]
    return np.hstack([one_hot, *both, beside])


def read(
    gram: Vector,
    n_bins: int,
    names: tuple[str, ...],
    *,
    points: str = "centroids",
    lines: str = "two",
    ridge: float = 0.0,
    subtract: tuple[str, ...] = (),
) -> Reading:
    """How to read the lines of a recipe off M, given G (p, p).

    names     what stands beside yaw, in the order of the columns
    subtract  which of these are regressed along with yaw; the others get a slope of their own,
              within bins, that is told but changes no line
    raises    ValueError if no side has the clusters that a line needs
    """
    k, p = n_bins, len(gram)
    full = np.flatnonzero(np.diag(gram)[:k] > 0)
    weight = np.diag(gram)[full]
    yaw = (gram[full, k] + gram[full, k + 1]) / weight
    means = np.zeros((len(full), p))
    means[np.arange(len(full)), full] = 1 / weight
    own: dict[str, Vector] = {}
    for name in names:
        own |= _within_bins(gram, full, k, names, (name,))
    taken = _within_bins(gram, full, k, names, tuple(n for n in names if n in subtract))
    centroids = means.copy()
    for name, row in taken.items():
        values = gram[full, k + 2 + names.index(name)] / weight
        centroids -= (values - np.average(values, weights=weight))[:, None] * row
    if points == "faces":
        left, right, origin = _through_faces(gram, k, names, lines, ridge, tuple(taken))
    else:
        left, right, origin = _through_centroids(centroids, yaw, weight, lines, ridge)
    if left is None and right is None:
        counts = {side: int(side_of(yaw, sign).sum()) for side, sign in SIDES.items()}
        raise ValueError(
            f"Clusters on the left: {counts['left']}, on the right: {counts['right']}; "
            "a direction needs 3 with faces on at least one side. Widen the filter or the bins."
        )
    return Reading(centroids, full, yaw, weight, left, right, origin, {**own, **taken}, bool(taken))


def _through_centroids(
    centroids: Vector, yaw: Vector, weight: Vector, lines: str, ridge: float
) -> tuple[Vector | None, Vector | None, None]:
    """Slopes of the lines through the centroids, each weighted by its faces."""
    if lines == "one":
        slope = readout(yaw, weight, ridge) @ centroids if len(yaw) >= 3 else None
        return slope, slope, None
    found: list[Vector | None] = []
    for sign in SIDES.values():
        rows = side_of(yaw, sign)
        fits = has_line(yaw, sign)
        found.append(readout(yaw[rows], weight[rows], ridge) @ centroids[rows] if fits else None)
    return found[0], found[1], None


def _through_faces(
    gram: Vector, k: int, names: tuple[str, ...], lines: str, ridge: float, taken: tuple[str, ...]
) -> tuple[Vector | None, Vector | None, Vector | None]:
    """Slopes and the shared origin of lines through all faces, which meet where yaw is 0."""
    p, total = len(gram), np.trace(gram[:k, :k])
    full = np.diag(gram)[:k] > 0
    yaw = (gram[:k, k] + gram[:k, k + 1])[full] / np.diag(gram)[:k][full]
    columns = np.zeros((p, 3))  # the intercept, yaw to the left, yaw to the right
    columns[:k, 0] = 1
    columns[k, 1] = columns[k + 1, 2] = 1
    kept = [1, 2]
    if lines == "one":
        columns[k + 1, 1] = 1
        kept = [1]
        if len(yaw) < 3:
            return None, None, None
    else:
        kept = [side for side, sign in ((1, -1), (2, 1)) if has_line(yaw, sign)]
    used = np.zeros((p, 1 + len(kept) + len(taken)))
    used[:, 0] = columns[:, 0]
    used[:, 1 : 1 + len(kept)] = columns[:, kept]
    for number, name in enumerate(taken):
        used[k + 2 + names.index(name), 1 + len(kept) + number] = 1
    inner = used.T @ gram @ used
    # The intercept takes the mean away; the ridge is for what is left, as at the centroids.
    for at in range(1, 1 + len(kept)):
        inner[at, at] += ridge * total
    rows = np.linalg.pinv(inner, hermitian=True) @ used.T  # (1 + sides + taken, p)
    # The origin is told where what stands beside yaw is at its mean, as the centroids are.
    means = gram[:k, [k + 2 + names.index(name) for name in taken]].sum(axis=0) / total
    origin = rows[0] + means @ rows[1 + len(kept) :]
    if lines == "one":
        return rows[1], rows[1], origin
    found = {side: rows[1 + at] for at, side in enumerate(kept)}
    return found.get(1), found.get(2), origin


def _within_bins(
    gram: Vector, full: NDArray[np.int64], k: int, names: tuple[str, ...], wanted: tuple[str, ...]
) -> dict[str, Vector]:
    """Reads the slopes of the wanted names, regressed together with yaw within the bins.

    Yaw takes part because it still varies within a bin, and the light may go with it. What hardly
    varies has no slope and is left out.
    """
    weight = np.diag(gram)[full]
    at = np.array([k, k + 1, *(k + 2 + names.index(name) for name in wanted)], int)
    c = gram[np.ix_(full, at)]
    inner = gram[np.ix_(at, at)] - c.T @ (c / weight[:, None])
    varies = np.diag(inner) > LEAST_SPREAD**2 * weight.sum()
    outer = np.zeros((len(at), len(gram)))
    outer[np.arange(len(at)), at] = 1
    outer[:, full] -= (c / weight[:, None]).T
    rows = np.linalg.pinv(inner[np.ix_(varies, varies)], hermitian=True) @ outer[varies]
    told = [name for name, does in zip(("", "", *wanted), varies, strict=True) if does]
    return {name: row for name, row in zip(told, rows, strict=True) if name}
