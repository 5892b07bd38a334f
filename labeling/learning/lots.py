"""What drawing by lot says of a finite set of faces: how many of which kind it meets."""

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import gammaln
from scipy.stats import hypergeom


@dataclass(frozen=True)
class Draw:
    """One draw of audit faces: so many of so many faces; since then people took others of them."""

    n_drawn: int
    n_faces: int
    n_taken: int


def still_counting(draws: Sequence[Draw], chance: float) -> int:
    """How many audit faces are, except with this chance, at least like the faces left.

    People take faces in some order; an audit face in its way is passed over. How many are passed
    over while m others are taken follows the negative hypergeometric law, whatever the order.
    """
    left, each = 0, chance / max(len(draws), 1)
    for draw in draws:
        if not 0 <= draw.n_drawn <= draw.n_faces:
            raise ValueError(f"{draw.n_drawn} audit faces came of {draw.n_faces} to draw from")
        if not 0 <= draw.n_taken <= draw.n_faces - draw.n_drawn:
            others = draw.n_faces - draw.n_drawn
            raise ValueError(f"{draw.n_taken} taken faces came, expected 0..{others}")
        if draw.n_taken == 0:
            left += draw.n_drawn
            continue
        left += draw.n_drawn - _most_passed_over(draw, each)
    return left


def _most_passed_over(draw: Draw, chance: float) -> int:
    def is_enough(most: int) -> bool:
        # More than q are passed over exactly if the first m + q in the order hold more than q.
        first = draw.n_taken + most
        return bool(hypergeom.sf(most, draw.n_faces, draw.n_drawn, first) <= chance)

    return bisect_left(range(draw.n_drawn), True, key=is_enough)


def most_drawn(
    n_reaching: np.ndarray, n_pool: int, n_audit: int, n_counting: int, chance: float
) -> np.ndarray:
    """How many of the faces that reach each threshold (t,) are audit faces at most.

    Those that no longer count might all be among them. Hoeffding 1963, also without replacement.
    """
    expected = n_audit * n_reaching / (n_pool + n_audit)
    more = np.sqrt(n_audit * np.log(1 / chance) / 2)
    return np.minimum(np.ceil(expected + more).astype(int) + n_audit - n_counting, n_audit)


def chance_of_few(most: int, wrong: np.ndarray, n_faces: int, n_drawn: int) -> np.ndarray:
    """The chance that a lot meets 0, 1, ..., most of so many wrong faces (t,): (t, most + 1).

    scipy's own hypergeom.cdf takes a thousand times as long for large sets.
    """
    met = np.arange(most + 1)[None]
    wrong = wrong[:, None]
    with np.errstate(invalid="ignore"):
        log = _log_choose(wrong, met) + _log_choose(n_faces - wrong, n_drawn - met)
        log -= _log_choose(np.array(n_faces), np.array(n_drawn))
    return np.exp(log).cumsum(axis=1)


def _log_choose(n: np.ndarray, k: np.ndarray) -> np.ndarray:
    ways = gammaln(n + 1) - gammaln(k + 1) - gammaln(np.maximum(n - k, 0) + 1)
    return np.where((k >= 0) & (k <= n), ways, -np.inf)
