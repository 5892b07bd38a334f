"""Which faces to ask about next."""

import numpy as np

# Shares of the queue's head: where the model is least sure; the same within each predicted choice,
# so that no side runs dry; and drawn by lot, which pure margin loses to when votes are noisy.
BY_MARGIN, BY_CHOICE, BY_LOT = 0.5, 0.3, 0.2
STRATA = 6


def cold_priorities(contrast: np.ndarray, yaw: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Before there is a model: faces of each lighting contrast and yaw in turn.

    contrast, yaw  (n,) any scale; nan counts as 0
    returns        (n,) priorities in 0..1, higher first
    """
    n = len(contrast)
    contrast, yaw = np.nan_to_num(contrast), np.nan_to_num(yaw)
    stratum = _sixths(contrast) * STRATA + _sixths(yaw)
    place = _rank_within(stratum, rng.permutation(n)) + rng.random(n)
    return _descending(place)


def priorities(probabilities: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Once there is a model: margin, a quota per predicted choice, and lot, interleaved.

    probabilities  (n, k) what is believed of each face now
    returns        (n,) priorities in 0..1, higher first
    """
    n, k = probabilities.shape
    if k < 2:
        raise ValueError(f"{k} choices came, expected at least 2")
    if n == 0:
        return np.zeros(0)
    top = np.sort(probabilities, axis=1)
    margin = top[:, -1] - top[:, -2]
    by_margin = np.empty(n)
    by_margin[np.lexsort((rng.random(n), margin))] = np.arange(n)
    by_choice = _rank_within(probabilities.argmax(axis=1), by_margin) * k
    by_lot = rng.permutation(n)
    # Three lists merged in these shares: a face stands where it comes first.
    place = np.minimum(by_margin / BY_MARGIN, by_choice / BY_CHOICE)
    return _descending(np.minimum(place, by_lot / BY_LOT) + rng.random(n) * 1e-3)


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


def _descending(place: np.ndarray) -> np.ndarray:
    """Priorities spread evenly over 0..1, the lowest place first."""
    rank = np.empty(len(place))
    rank[np.argsort(place, kind="stable")] = np.arange(len(place))
    return 1 - rank / max(len(place), 1)
