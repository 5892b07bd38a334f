"""How far annotators agree: Krippendorff's alpha with its interval, and Wilson's interval.

Answers come as patterns: how often each choice was given to a unit, and how many units have that
pattern. Six hundred thousand votes with three choices are some dozens of patterns.

Krippendorff 2011, Computing Krippendorff's Alpha-Reliability (the symbols below are his).
"""

from dataclasses import dataclass
from enum import Enum
from math import exp, lgamma

import numpy as np

RESAMPLES = 1000
Z_95 = 1.959964


class Metric(Enum):
    """How far two choices lie apart: all alike, or by how many answers lie between them."""

    NOMINAL = "nominal"
    ORDINAL = "ordinal"


@dataclass(frozen=True)
class Estimate:
    """A figure with its 95% interval; nan where the answers do not determine it."""

    value: float
    low: float
    high: float

    def told(self) -> dict[str, float | None]:
        """For JSON, which knows no nan."""
        return {name: rounded(getattr(self, name)) for name in ("value", "low", "high")}


def rounded(value: float) -> float | None:
    """Four places, None for nan."""
    return round(float(value), 4) if np.isfinite(value) else None


def alpha(patterns: np.ndarray, times: np.ndarray, metric: Metric = Metric.NOMINAL) -> float:
    """Krippendorff's alpha: 1 for perfect agreement, 0 for what chance would give.

    patterns  (p, k) how often each choice was given to a unit; ordinal: choices in their order
    times     (p,) how many units have the pattern
    returns   nan when fewer than two units have two answers, or all answers are the same
    """
    return float(_alphas(coincidences(patterns), _checked(patterns, times)[None], metric)[0])


def alpha_with_interval(
    patterns: np.ndarray,
    times: np.ndarray,
    metric: Metric,
    rng: np.random.Generator,
    *,
    resamples: int = RESAMPLES,
) -> Estimate:
    """Alpha and its 95% percentile interval, units drawn again with replacement.

    Units with one pattern are alike, so a resample is one multinomial draw of their numbers.
    """
    counts, pairable = _checked(patterns, times), coincidences(patterns)
    value = float(_alphas(pairable, counts[None], metric)[0])
    n_units = int(counts.sum())
    if not np.isfinite(value):
        return Estimate(value, np.nan, np.nan)
    draws = rng.multinomial(n_units, counts / n_units, size=resamples)
    again = _alphas(pairable, draws, metric)
    again = again[np.isfinite(again)]
    if not len(again):
        return Estimate(value, np.nan, np.nan)
    low, high = np.quantile(again, [0.025, 0.975])
    return Estimate(value, float(low), float(high))


def coincidences(patterns: np.ndarray) -> np.ndarray:
    """What one unit of each pattern adds to the coincidence matrix (p, k, k).

    A unit with m answers holds m(m - 1) ordered pairs, each worth 1/(m - 1); one answer alone
    pairs with nothing.
    """
    given = np.asarray(patterns, dtype=float)
    m = given.sum(axis=1)
    pairs = given[:, :, None] * given[:, None, :]  # (p, k, k)
    diagonal = np.arange(given.shape[1])
    pairs[:, diagonal, diagonal] -= given
    return pairs / np.maximum(m - 1, 1)[:, None, None] * (m > 1)[:, None, None]


def _checked(patterns: np.ndarray, times: np.ndarray) -> np.ndarray:
    """How many units with two answers or more have each pattern (p,)."""
    if np.ndim(patterns) != 2 or len(patterns) != len(times):
        raise ValueError(
            f"patterns of shape {np.shape(patterns)} and {len(times)} times came; "
            "expected (p, k) and as many times"
        )
    return np.where(np.sum(patterns, axis=1) > 1, times, 0).astype(np.int64)


def _alphas(pairable: np.ndarray, times: np.ndarray, metric: Metric) -> np.ndarray:
    """Alpha for each row of `times` (b, p): 1 - (n - 1) sum o d2 / sum n_c n_k d2."""
    p, k, _ = pairable.shape
    o = (times @ pairable.reshape(p, k * k)).reshape(-1, k, k)
    n_c = o.sum(axis=2)  # (b, k)
    n = n_c.sum(axis=1)
    d2 = _squared_distances(n_c, metric)
    observed = (o * d2).sum(axis=(1, 2))
    expected = (n_c[:, :, None] * n_c[:, None, :] * d2).sum(axis=(1, 2))
    enough = (times.sum(axis=1) > 1) & (expected > 0)
    ratio = np.divide((n - 1) * observed, expected, out=np.full(len(n), np.nan), where=enough)
    return 1 - ratio


def _squared_distances(n_c: np.ndarray, metric: Metric) -> np.ndarray:
    """How far choices lie apart (b, k, k), given how often each was answered (b, k)."""
    k = n_c.shape[1]
    if metric is Metric.NOMINAL:
        return np.broadcast_to(1.0 - np.eye(k), (len(n_c), k, k))
    # Between c and k lie all answers up to the middle of each: a step on the scale of midranks.
    midranks = np.cumsum(n_c, axis=1) - n_c / 2
    return (midranks[:, :, None] - midranks[:, None, :]) ** 2


def wilson(right: int, n: int) -> Estimate:
    """A share with its 95% Wilson interval, which holds for few and for extreme counts."""
    if not 0 <= right <= n:
        raise ValueError(f"{right} of {n} came; expected 0..n of n")
    if n == 0:
        return Estimate(np.nan, np.nan, np.nan)
    p, z2 = right / n, Z_95**2
    middle = (p + z2 / (2 * n)) / (1 + z2 / n)
    half = Z_95 * np.sqrt(p * (1 - p) / n + z2 / (4 * n * n)) / (1 + z2 / n)
    return Estimate(p, max(float(middle - half), 0.0), min(float(middle + half), 1.0))


def difference(right: int, n: int, right_other: int, n_other: int) -> Estimate:
    """A share less another, independent one, with Newcombe's 95% interval (1998, method 10)."""
    one, other = wilson(right, n), wilson(right_other, n_other)
    value = one.value - other.value
    low = value - np.hypot(one.value - one.low, other.high - other.value)
    high = value + np.hypot(one.high - one.value, other.value - other.low)
    return Estimate(value, float(low), float(high))


def chance_of_as_many(successes: int, n: int) -> float:
    """How likely a fair coin gives so many successes of n, or more."""
    if not 0 <= successes <= n:
        raise ValueError(f"{successes} of {n} came; expected 0..n of n")
    log_half = n * np.log(0.5)
    ways = (lgamma(n + 1) - lgamma(i + 1) - lgamma(n - i + 1) for i in range(successes, n + 1))
    return min(sum(exp(log_ways + log_half) for log_ways in ways), 1.0)
