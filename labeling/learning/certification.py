"""Which of the model's labels can be published with a promise, by audit faces: Learn then Test.

The promise is about a finite set, the faces that nobody but the model has labeled: of those whose
label is published, at most a share `target` is wrong, except with a chance of `delta`. Audit faces
were drawn by lot from the same faces, so if more published labels were wrong, the lot would have
met more wrong audit faces than it did: for each threshold that is an exact p-value, of the binomial
law's form for a finite set, the hypergeometric. Thresholds are tested from strict to loose in an
order fixed before any audit answer is looked at, and the first that fails ends it, so all tests
together spend `delta` once (fixed sequence testing: [1], [2]).

What people have labeled since an audit was drawn was taken from the model's faces in no fair way:
the queue prefers unsure faces, the grid the surest. The audit faces that they would have taken as
well are still in the sample, and nobody knows which ones these are. So every wrong audit face is
counted, but only as many are counted to have been drawn from what is left as must be left at the
least (`lots.still_counting`): taking faces out can cost coverage, never the promise. Two things are
assumed: people and queue know nothing of an audit face but that it is one, and the model has
learned nothing from audit faces.

Why it holds, in the letters of the code: let S be the faces left, audit faces among them, n of them
drawn by lot, and K the wrong ones of S that reach a threshold. Not all that reach it are published,
because some are audit faces, but at every threshold at least `least`, except with a small chance
that delta pays for. If more than target x published are wrong, then K >= k = floor(target x least)
+ 1. S, k and the order are fixed without the lot, so the first threshold with K >= k is too; a
broken promise passes there, and with K >= k it meets as few wrong audit faces as are allowed with a
chance of at most delta.

[1] Angelopoulos, Bates, Candès, Jordan, Lei 2021, Learn then Test, arXiv 2110.01052
[2] Bauer 1991, Multiple testing in clinical trials, Statistics in Medicine 10
"""

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from labeling.learning.lots import Draw, chance_of_few, most_drawn, still_counting

STEPS = 100
# Models brag: where to begin is chosen as if they erred so many times as often as they say.
CAUTION = 1.5
# Parts of delta kept back: for the chance that people took more audit faces' likes than allowed
# for, and that more audit faces than allowed for reach some threshold.
TAKEN_SHARE, REACHING_SHARE = 0.05, 0.02
RESAMPLES = 200


@dataclass(frozen=True)
class _Fixed:
    """The numbers of a test; delta without what is kept back for the faces that people took."""

    n_pool: int
    n_counting: int
    target: float
    delta: float

    @property
    def n_faces(self) -> int:
        return self.n_pool + self.n_counting


@dataclass(frozen=True)
class Plan:
    """What is tested, in this order; fixed by the model's scores, by no answer to an audit face.

    thresholds   (t,) on the top probability, from strict to loose; none: no test could succeed
    n_published  (t,) how many faces of the pool reach each
    allowed      (t,) with so many wrong audit faces, the threshold still passes
    expected     (t,) wrong audit faces there would be, if the model's probabilities were honest
    """

    thresholds: np.ndarray
    n_published: np.ndarray
    allowed: np.ndarray
    expected: np.ndarray
    fixed: _Fixed


@dataclass(frozen=True)
class Certificate:
    """The loosest threshold that passed; None: none did.

    n_published  faces of the pool that reach it, `coverage` as a share of the pool
    n_accepted   audit faces that reach it, `errors` the wrong ones among them
    bound        upper limit of the published labels' share of wrong ones, taken at this threshold
                 alone; what is promised of the whole procedure is the target
    n_counting   of the n_audit audit faces, those that count as drawn from the pool
    """

    threshold: float | None
    n_published: int
    coverage: float
    n_accepted: int
    errors: int
    bound: float | None
    n_audit: int
    n_counting: int


def plan(
    pool: np.ndarray,
    audited: np.ndarray,
    draws: Sequence[Draw],
    *,
    target: float,
    delta: float,
    n_pool: int | None = None,
    n_more: int = 0,
) -> Plan:
    """The thresholds to be tested, from the model's top probabilities alone.

    pool     (m,) of each face that only the model has labeled
    audited  (n,) of every audit face; nan: the model says nothing of it
    n_pool   the pool's size, where some of its faces have no score and are never published
    n_more   had so many more audit faces just been drawn
    """
    n_pool = len(pool) if n_pool is None else n_pool
    if not (0 < target < 1 and 0 < delta < 0.5):
        raise ValueError(f"target is {target} and delta {delta}, expected 0..1 and 0..0.5")
    if n_pool < len(pool):
        raise ValueError(f"a pool of {n_pool} came with {len(pool)} scores")
    taken_delta = TAKEN_SHARE * delta if any(draw.n_taken for draw in draws) else 0.0
    n_counting = still_counting(draws, taken_delta) + n_more
    fixed = _Fixed(n_pool, n_counting, target, (1 - REACHING_SHARE) * delta - taken_delta)
    if not len(pool) or not n_counting:
        none = np.zeros(0)
        return Plan(none, none.astype(int), none.astype(int), none, fixed)
    scores = np.concatenate([pool, audited[~np.isnan(audited)]])
    scores = np.sort(scores)[::-1]
    at = np.ceil(len(scores) * np.arange(1, STEPS + 1) / STEPS).astype(int) - 1
    thresholds = np.unique(scores[at])[::-1]
    n_reaching = np.searchsorted(-scores, -thresholds, side="right")
    n_published = np.searchsorted(np.sort(-pool), -thresholds, side="right")
    least = n_reaching - most_drawn(
        n_reaching, n_pool, len(audited) + n_more, n_counting, REACHING_SHARE * delta / STEPS
    )
    allowed = _allowed(least, fixed)
    expected = np.cumsum(1 - scores)[n_reaching - 1] * n_counting / len(scores)
    # Begun where a pass is likeliest by the model's own word: too strict a threshold has too few
    # audit faces to pass, and one wrong face there would end it all.
    ease = (allowed + 0.5 - CAUTION * expected) / np.sqrt(CAUTION * expected + 1e-9)
    can_pass = allowed >= 0
    first = int(np.argmax(np.where(can_pass, ease, -np.inf))) if can_pass.any() else len(allowed)
    return Plan(thresholds[first:], n_published[first:], allowed[first:], expected[first:], fixed)


def _allowed(n_least: np.ndarray, fixed: _Fixed) -> np.ndarray:
    """The most wrong audit faces with which each threshold passes; -1 = not even with none.

    n_least  (t,) so many faces are published at each threshold, or more
    """
    wrong = np.maximum(np.floor(fixed.target * n_least + 1e-9).astype(int) + 1, 1)
    # As many as that many wrong faces lead to expect, and more, never pass: delta is below a half.
    most = int(np.ceil(wrong.max() * fixed.n_counting / fixed.n_faces)) + 2
    chance = chance_of_few(min(most, fixed.n_counting), wrong, fixed.n_faces, fixed.n_counting)
    return np.where(n_least > 0, (chance <= fixed.delta).sum(axis=1) - 1, -1)


def certify(
    pool: np.ndarray,
    audited: np.ndarray,
    is_wrong: np.ndarray,
    draws: Sequence[Draw],
    *,
    target: float,
    delta: float,
    n_pool: int | None = None,
) -> Certificate:
    """Look at the audit faces once, and spend delta.

    pool      (m,) the model's top probability of each face that only the model has labeled
    audited   (n,) the same of every audit face, also of those that fail; nan: no label to publish
    is_wrong  (n,) the model's label is not the audit's, or people can't tell, or haven't settled it
    """
    if not len(audited) == len(is_wrong) == sum(draw.n_drawn for draw in draws):
        raise ValueError(
            f"{len(audited)} scores, {len(is_wrong)} verdicts and "
            f"{sum(draw.n_drawn for draw in draws)} drawn faces came, expected as many of each"
        )
    planned = plan(pool, audited, draws, target=target, delta=delta, n_pool=n_pool)
    errors = _errors(planned, audited, is_wrong)
    passed = int(_passed(planned, errors)[0])
    if not passed:
        return Certificate(None, 0, 0.0, 0, 0, None, len(audited), planned.fixed.n_counting)
    at = passed - 1
    threshold, n_published = float(planned.thresholds[at]), int(planned.n_published[at])
    return Certificate(
        threshold=threshold,
        n_published=n_published,
        coverage=n_published / planned.fixed.n_pool,
        n_accepted=int((audited >= threshold).sum()),
        errors=int(errors[at, 0]),
        bound=_bound(int(errors[at, 0]), n_published, planned),
        n_audit=len(audited),
        n_counting=planned.fixed.n_counting,
    )


def _errors(planned: Plan, audited: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Wrong audit faces at each threshold (t, r), each face counted by weights (n,) or (n, r)."""
    reaches = np.nan_to_num(audited, nan=-1.0)[None, :] >= planned.thresholds[:, None]  # (t, n)
    return reaches.astype(float) @ np.asarray(weights, dtype=float).reshape(len(audited), -1)


def _passed(planned: Plan, errors: np.ndarray) -> np.ndarray:
    """How many thresholds pass (r,) before the first that fails, for errors (t, r)."""
    fails = errors > planned.allowed[:, None] + 0.5
    if not len(fails):
        return np.zeros(errors.shape[1], dtype=int)
    return np.where(fails.any(axis=0), fails.argmax(axis=0), len(fails))


def _bound(errors: int, n_published: int, planned: Plan) -> float:
    """The largest share of wrong ones among the published that so few errors don't refute.

    The finite set's own form of the upper bound of Clopper and Pearson 1934.
    """
    fixed = planned.fixed

    def is_refuted(wrong: int) -> bool:
        chance = chance_of_few(errors, np.array([wrong]), fixed.n_faces, fixed.n_counting)
        return bool(chance[0, errors] <= fixed.delta)

    refuted = bisect_left(range(n_published + 1), True, key=is_refuted)
    return max(refuted - 1, 0) / n_published


def forecast(planned: Plan, rng: np.random.Generator) -> float:
    """The coverage to expect if the model's probabilities are honest; no answer is looked at."""
    if not len(planned.thresholds):
        return 0.0
    each = np.diff(planned.expected, prepend=0.0)
    errors = rng.poisson(each[:, None], size=(len(each), RESAMPLES)).cumsum(axis=0)
    return _mean_coverage(planned, errors)


def _mean_coverage(planned: Plan, errors: np.ndarray) -> float:
    """Over many sets of audit faces that lead to such errors (t, r)."""
    published = np.append(planned.n_published, 0)[_passed(planned, errors) - 1]
    return float(published.mean() / planned.fixed.n_pool)


def worth_of_more(
    pool: np.ndarray,
    audited: np.ndarray,
    is_wrong: np.ndarray,
    draws: Sequence[Draw],
    *,
    target: float,
    delta: float,
    rng: np.random.Generator,
    n_pool: int | None = None,
    n_more: int = 100,
) -> tuple[float, float]:
    """Coverage to be expected with as many audit faces as now, and with n_more.

    Audit faces are drawn again with replacement, as many and n_more, and certified anew: an
    estimate for planning, no promise. It holds for a look that may spend the same delta.
    """
    n, found = len(audited), []
    for more in (0, n_more):
        planned = plan(pool, audited, draws, target=target, delta=delta, n_pool=n_pool, n_more=more)
        if not n:
            return 0.0, 0.0
        times = rng.multinomial(n + more, np.full(n, 1 / n), size=RESAMPLES).T  # (n, r)
        errors = _errors(planned, audited, is_wrong[:, None] * times)
        found.append(_mean_coverage(planned, errors))
    return found[0], found[1]
