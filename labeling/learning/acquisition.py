"""Which faces to ask about next, and why each of them.

A batch is mixed: most of it where the classifier is unsure, spread over the feature space and over
the choices; some faces again, where what people said and the classifier disagree; some by lot, of
which the chance is noted, so that figures can be corrected for what was asked. Margin alone falls
behind the lot when answers near the boundary are noisy and sides are rare.
"""

from dataclasses import dataclass
from enum import StrEnum

import numpy as np

# Shares of a batch.
BY_LOT, AGAIN = 0.2, 0.2
# Of the doubtful ones, each predicted choice gets at least this share of its even part.
QUOTA = 0.6
# Doubtful faces are spread out among so many times as many as are wanted.
SHORTLIST = 10
# Distances are taken in so many directions of the feature space: the rest is noise and time.
DIRECTIONS = 40
STRATA = 6
# The strata of the light in the order in which a cold start visits them.
OUTERMOST_FIRST = np.array([0, 4, 2, 3, 5, 1])


class Reason(StrEnum):
    """Why a face is asked about."""

    DOUBT = "doubt"
    AGAIN = "again"
    LOT = "lot"
    STRATUM = "stratum"


@dataclass(frozen=True)
class Batch:
    """Faces in the order in which to ask, as rows (m,) of the arrays that were given.

    reasons     (m,) Reason values
    propensity  (m,) the chance with which the lot would draw the face; nan where no lot decided
    """

    rows: np.ndarray
    reasons: np.ndarray
    propensity: np.ndarray


def cold_batch(contrast: np.ndarray, yaw: np.ndarray, size: int, rng: np.random.Generator) -> Batch:
    """Before there is a model: faces of each lighting contrast and yaw in turn.

    contrast, yaw  (n,) any scale; nan counts as 0
    """
    contrast, yaw = np.nan_to_num(contrast), np.nan_to_num(yaw)
    light = _sixths(contrast)
    # Within a light, the poses in turn; the lights in turn, the outermost first.
    poses = _rank_within(light * STRATA + _sixths(yaw), rng.permutation(len(contrast)))
    in_turn = _rank_within(light, poses + rng.random(len(contrast)))
    rows = np.lexsort((OUTERMOST_FIRST[light], in_turn))[:size]
    return Batch(rows, np.full(len(rows), Reason.STRATUM), np.full(len(rows), np.nan))


def next_batch(
    probabilities: np.ndarray,
    vectors: np.ndarray,
    size: int,
    rng: np.random.Generator,
    *,
    disputed: np.ndarray | None = None,
) -> Batch:
    """Once there is a model: doubt, dispute and lot, interleaved in their shares.

    probabilities  (n, k) what is believed of each face now
    vectors        (n, d) features, of comparable scale
    disputed       (n,) has votes that the classifier or other votes contradict: ask again
    raises         ValueError for less than two choices or arrays of different length
    """
    n, k = probabilities.shape
    if k < 2 or len(vectors) != n:
        raise ValueError(
            f"probabilities are {probabilities.shape} and vectors {vectors.shape}, "
            "expected at least 2 choices and as many rows of each"
        )
    size = min(size, n)
    risk = 1 - probabilities.max(axis=1)
    n_lot = min(n, round(BY_LOT * size))
    lot = rng.choice(n, n_lot, replace=False) if n_lot else np.zeros(0, dtype=np.int64)
    again = np.flatnonzero(disputed) if disputed is not None else np.zeros(0, dtype=np.int64)
    again = again[np.argsort(-risk[again], kind="stable")][: round(AGAIN * size)]
    taken = np.zeros(n, dtype=bool)
    taken[lot] = taken[again] = True
    doubt = _doubtful(probabilities, vectors, ~taken, size - int(taken.sum()), rng)
    lists = [(doubt, Reason.DOUBT), (again, Reason.AGAIN), (lot, Reason.LOT)]
    return _interleaved(lists, n_lot / max(n, 1))


def _doubtful(
    probabilities: np.ndarray,
    vectors: np.ndarray,
    is_free: np.ndarray,
    size: int,
    rng: np.random.Generator,
) -> np.ndarray:
    """Rows where the margin is small, spread out, with a quota for each predicted choice."""
    k = probabilities.shape[1]
    ordered = np.sort(probabilities, axis=1)
    margin = ordered[:, -1] - ordered[:, -2]
    free = np.flatnonzero(is_free)
    free = free[np.lexsort((rng.random(len(free)), margin[free]))]
    said = probabilities[free].argmax(axis=1)
    shares = np.bincount(said[: SHORTLIST * size], minlength=k).astype(float)
    shares = shares / max(shares.sum(), 1)
    shares = np.maximum(shares, QUOTA / k)
    there = np.bincount(said, minlength=k)
    wanted = np.minimum(np.floor(size * shares / shares.sum()).astype(int), there)
    picked = []
    for choice in range(k):
        short = free[said == choice][: SHORTLIST * max(int(wanted[choice]), 1)]
        chosen = _spread_out(vectors[short], 1 - margin[short], int(wanted[choice]), rng)
        picked.append(short[chosen])
    rows = np.concatenate(picked) if picked else np.zeros(0, dtype=np.int64)
    left = free[~np.isin(free, rows)][: size - len(rows)]
    rows = np.concatenate([rows, left]).astype(np.int64)
    return rows[np.argsort(margin[rows], kind="stable")]


def _spread_out(
    vectors: np.ndarray, weights: np.ndarray, size: int, rng: np.random.Generator
) -> np.ndarray:
    """k-means++ seeding (Arthur & Vassilvitskii 2007), each squared distance times a weight."""
    n = len(vectors)
    if size >= n:
        return np.arange(n)
    if size <= 0:
        return np.zeros(0, dtype=np.int64)
    low = _project(vectors)
    chosen = [int(np.argmax(weights))]
    nearest = ((low - low[chosen[0]]) ** 2).sum(axis=1)
    for _ in range(size - 1):
        chance = nearest * weights
        chance[chosen] = 0
        total = chance.sum()
        if total <= 0:
            break
        chosen.append(int(np.searchsorted(np.cumsum(chance), rng.random() * total)))
        nearest = np.minimum(nearest, ((low - low[chosen[-1]]) ** 2).sum(axis=1))
    return np.array(chosen)


def _project(vectors: np.ndarray) -> np.ndarray:
    """The directions in which these vectors differ most, (n, at most DIRECTIONS)."""
    centered = vectors - vectors.mean(axis=0)
    if centered.shape[1] <= DIRECTIONS:
        return centered
    _, axes = np.linalg.eigh(centered.T @ centered)
    return centered @ axes[:, -DIRECTIONS:]


def _interleaved(lists: list[tuple[np.ndarray, Reason]], propensity: float) -> Batch:
    """Several lists in one, each spread evenly; a face stands where it comes first."""
    place = np.concatenate([(np.arange(len(rows)) + 0.5) / max(len(rows), 1) for rows, _ in lists])
    rows = np.concatenate([rows for rows, _ in lists]).astype(np.int64)
    reasons = np.concatenate([np.full(len(rows), reason) for rows, reason in lists])
    order = np.argsort(place, kind="stable")
    _, first = np.unique(rows[order], return_index=True)
    order = order[np.sort(first)]
    chance = np.where(reasons[order] == Reason.LOT, propensity, np.nan)
    return Batch(rows[order], reasons[order], chance)


def _sixths(values: np.ndarray) -> np.ndarray:
    return np.searchsorted(np.quantile(values, np.arange(1, STRATA) / STRATA), values)


def _rank_within(group: np.ndarray, order: np.ndarray) -> np.ndarray:
    """Each item's place 0, 1, ... among its group's, by `order` (n,)."""
    sorted_items = np.lexsort((order, group))
    starts = np.flatnonzero(np.diff(group[sorted_items], prepend=-1))
    lengths = np.diff(np.append(starts, len(group)))
    rank = np.empty(len(group))
    rank[sorted_items] = np.arange(len(group)) - np.repeat(starts, lengths)
    return rank
