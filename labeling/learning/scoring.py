"""How good probabilities are: the figures of a model card, with intervals."""

from typing import Any

import numpy as np

from labeling.learning.calibration import TINY

BINS, RESAMPLES = 10, 200
# Degrees: turned to the left, frontal, turned to the right.
YAW_EDGES = (-12.0, 12.0)


def judge(
    probabilities: np.ndarray,
    targets: np.ndarray,
    *,
    weights: np.ndarray | None = None,
    groups: np.ndarray | None = None,
    yaw: np.ndarray | None = None,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> dict[str, Any]:
    """Figures of probabilities (n, k) against true choices or shares of votes (n, k).

    weights   (n,) how much each face counts; default 1
    groups    (n,) faces of one group are drawn together for the intervals; -1: alone
    yaw       (n,) degrees, nan unknown; with it confusions are also told by yaw
    returns   accuracy, macro_f1, log_loss, ece (bins of equal count), their 95% percentile
              intervals, reliability (the bins), confusion [true][said] and confusion_by_yaw
    """
    n, k = targets.shape
    if n == 0:
        raise ValueError("0 faces were given, expected at least 1 to judge by")
    weights = np.ones(n) if weights is None else np.asarray(weights, dtype=np.float64)
    said, true = probabilities.argmax(axis=1), targets.argmax(axis=1)
    top, shares = probabilities.max(axis=1), targets[np.arange(n), said]
    loss = -(targets * np.log(np.maximum(probabilities, TINY))).sum(axis=1)
    bins = np.zeros((n, min(BINS, n)))
    for b, rows in enumerate(np.array_split(np.argsort(top, kind="stable"), bins.shape[1])):
        bins[rows, b] = 1
    cells = np.eye(k * k)[true * k + said]
    # Every figure is made of sums over faces, so a resample is one row of counts.
    sums = np.column_stack([np.ones(n), said == true, loss, cells]) * weights[:, None]
    gaps = bins * ((top - shares) * weights)[:, None]

    def figures(counts: np.ndarray) -> dict[str, np.ndarray]:
        total = counts @ sums
        whole = np.maximum(total[:, 0], TINY)
        return {
            "accuracy": total[:, 1] / whole,
            "macro_f1": _macro_f1(total[:, 3:].reshape(-1, k, k)),
            "log_loss": total[:, 2] / whole,
            "ece": np.abs(counts @ gaps).sum(axis=1) / whole,
        }

    drawn = figures(_resampled(n, groups, resamples, np.random.default_rng(seed)))
    return {
        **{name: float(value[0]) for name, value in figures(np.ones((1, n))).items()},
        "intervals": {
            name: [round(float(at), 4) for at in np.quantile(values, [0.025, 0.975])]
            for name, values in drawn.items()
        },
        "reliability": [
            {
                "n": int(rows.sum()),
                "said": round(float(np.average(top[rows], weights=weights[rows])), 4),
                "right": round(float(np.average(shares[rows], weights=weights[rows])), 4),
            }
            for rows in bins.T.astype(bool)
            if weights[rows].sum() > 0
        ],
        "confusion": _confusion(true, said, k),
        "confusion_by_yaw": _by_yaw(true, said, k, yaw),
    }


def area_under_curve(scores: np.ndarray, is_positive: np.ndarray) -> float:
    """The chance that a positive scores above a negative, ties counting half; nan without both."""
    positive, negative = scores[is_positive], scores[~is_positive]
    if not len(positive) or not len(negative):
        return float("nan")
    above = positive[:, None] > negative[None]
    return float((above + 0.5 * (positive[:, None] == negative[None])).mean())


def _resampled(
    n: int, groups: np.ndarray | None, resamples: int, rng: np.random.Generator
) -> np.ndarray:
    """How often each face is drawn (resamples, n), whole groups at a time."""
    own = np.arange(n)
    if groups is not None:
        own = np.where(groups >= 0, groups, groups.max(initial=0) + 1 + own)
    _, group = np.unique(own, return_inverse=True)
    n_groups = int(group.max()) + 1
    drawn = rng.multinomial(n_groups, np.full(n_groups, 1 / n_groups), size=resamples)
    return np.asarray(drawn[:, group], dtype=np.float64)


def _macro_f1(confusion: np.ndarray) -> np.ndarray:
    """Mean F1 over the choices that occur, for each of (b, k, k) [true][said]."""
    hits = np.diagonal(confusion, axis1=1, axis2=2)
    true, said = confusion.sum(axis=2), confusion.sum(axis=1)
    f1 = 2 * hits / np.maximum(true + said, TINY)
    return np.asarray((f1 * (true > 0)).sum(axis=1) / np.maximum((true > 0).sum(axis=1), 1))


def _confusion(true: np.ndarray, said: np.ndarray, k: int) -> list[list[int]]:
    counts = np.bincount(true * k + said, minlength=k * k).reshape(k, k)
    return [[int(count) for count in row] for row in counts]


def _by_yaw(
    true: np.ndarray, said: np.ndarray, k: int, yaw: np.ndarray | None
) -> list[dict[str, Any]]:
    if yaw is None:
        return []
    edges = [None, *YAW_EDGES, None]
    place = np.where(np.isnan(yaw), -1, np.digitize(yaw, YAW_EDGES))
    return [
        {
            "yaw": [edges[b], edges[b + 1]],
            "confusion": _confusion(true[place == b], said[place == b], k),
        }
        for b in range(len(YAW_EDGES) + 1)
    ]
