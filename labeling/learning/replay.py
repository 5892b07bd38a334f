"""Replay a campaign whose truth is known: which faces are asked about, and how accurate it becomes.

One run: a strategy picks faces, simulated annotators answer, the classifier learns, its accuracy on
faces of other people is noted; again until the budget is spent. At least ten seeds: with three, the
sign of a difference between strategies may flip.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np

from labeling.learning.acquisition import cold_batch, next_batch
from labeling.learning.aggregation import aggregate
from labeling.learning.classifier import fit
from labeling.learning.crowd import Crowd

# One strength for every strategy and budget: choosing it each time costs more than it changes.
RIDGE = 10.0
RESAMPLES = 500


@dataclass(frozen=True)
class Pool:
    """Faces to ask about (n,) and faces to be judged on (m,), of different people.

    ambiguity  (n,) 0..1, how near a boundary each face lies
    contrast   (n,) what a cold start is stratified by, beside yaw (n,)
    """

    vectors: np.ndarray
    truth: np.ndarray
    ambiguity: np.ndarray
    contrast: np.ndarray
    yaw: np.ndarray
    test_vectors: np.ndarray
    test_truth: np.ndarray
    mirror_of: np.ndarray
    signs: np.ndarray


@dataclass
class State:
    """What a strategy may look at."""

    pool: Pool
    rng: np.random.Generator
    votes: list[tuple[int, int, int]] = field(default_factory=list)  # row, annotator, choice
    probabilities: np.ndarray | None = None  # (n, k), once a classifier was trained

    @property
    def asked(self) -> np.ndarray:
        """Rows that have a vote (m,), sorted."""
        return np.unique([row for row, _, _ in self.votes]).astype(np.int64)

    @property
    def fresh(self) -> np.ndarray:
        """Rows without a vote."""
        return np.setdiff1d(np.arange(len(self.pool.truth)), self.asked)


# From the state and how many are wanted to rows of the pool.
Strategy = Callable[[State, int], np.ndarray]


def by_lot(state: State, size: int) -> np.ndarray:
    """Uniformly at random."""
    return state.rng.choice(state.fresh, min(size, len(state.fresh)), replace=False)


def by_margin(state: State, size: int) -> np.ndarray:
    """Where the two likeliest choices lie closest; by lot before there is a classifier."""
    if state.probabilities is None:
        return by_lot(state, size)
    fresh = state.fresh
    ordered = np.sort(state.probabilities[fresh], axis=1)
    return fresh[np.argsort(ordered[:, -1] - ordered[:, -2], kind="stable")[:size]]


def ours(state: State, size: int) -> np.ndarray:
    """What the queue does: stratified at first, then the mixed batch."""
    fresh, pool = state.fresh, state.pool
    if state.probabilities is None:
        batch = cold_batch(pool.contrast[fresh], pool.yaw[fresh], size, state.rng)
        return fresh[batch.rows]
    batch = next_batch(state.probabilities[fresh], pool.vectors[fresh], size, state.rng)
    return fresh[batch.rows]


STRATEGIES: dict[str, Strategy] = {"ours": ours, "random": by_lot, "margin": by_margin}


def run(
    pool: Pool, strategy: Strategy, crowd: Crowd, *, budgets: list[int], seed: int
) -> np.ndarray:
    """Accuracy (len(budgets),) on the test faces after each number of votes.

    budgets  rising numbers of votes; the first is a cold start
    """
    rng = np.random.default_rng(seed)
    state = State(pool, rng)
    scale = np.sqrt((pool.vectors**2).mean(axis=0)) + 1e-9
    scaled, test = pool.vectors / scale, pool.test_vectors / scale
    state.pool = Pool(**{**pool.__dict__, "vectors": scaled, "test_vectors": test})
    accuracy = np.zeros(len(budgets))
    for place, budget in enumerate(budgets):
        for row in strategy(state, budget - len(state.votes)):
            who = int(rng.integers(len(crowd.kinds)))
            said = crowd.answer(who, int(pool.truth[row]), float(pool.ambiguity[row]), rng)
            state.votes.append((int(row), who, said))
        accuracy[place] = _learn(state)
    return accuracy


def _learn(state: State) -> float:
    pool = state.pool
    row, who, said = np.array(state.votes).T
    opinion = aggregate(row, who, said, len(pool.mirror_of))
    sure = opinion.weight > 0
    if len(np.unique(opinion.shares[sure].argmax(axis=1))) < 2:
        return float((pool.test_truth == np.bincount(pool.truth).argmax()).mean())
    training = fit(
        pool.vectors[opinion.faces[sure]],
        opinion.shares[sure],
        mirror_of=pool.mirror_of,
        signs=pool.signs,
        weights=opinion.weight[sure],
        ridge=RIDGE,
    )
    state.probabilities = training.classifier.predict(pool.vectors)
    guess = training.classifier.predict(pool.test_vectors).argmax(axis=1)
    return float((guess == pool.test_truth).mean())


@dataclass(frozen=True)
class Curves:
    """accuracy (seeds, budgets) of one strategy."""

    name: str
    budgets: list[int]
    accuracy: np.ndarray

    @property
    def mean(self) -> np.ndarray:
        return self.accuracy.mean(axis=0)

    @property
    def half_width(self) -> np.ndarray:
        """Half of the 95% interval of the mean, over seeds."""
        n_seeds = len(self.accuracy)
        return 1.96 * self.accuracy.std(axis=0, ddof=1) / np.sqrt(n_seeds)

    def votes_to(self, goal: float) -> tuple[float, float, float]:
        """Votes (interpolated) at which the mean accuracy reaches the goal, with its 95% interval.

        The interval is a bootstrap over seeds; inf where the budget ends before.
        """
        rng = np.random.default_rng(0)
        n_seeds = len(self.accuracy)
        drawn = rng.integers(n_seeds, size=(RESAMPLES, n_seeds))
        draws = [_crossing(self.budgets, self.accuracy[d].mean(axis=0), goal) for d in drawn]
        low, high = np.quantile(draws, [0.025, 0.975], method="nearest")
        return _crossing(self.budgets, self.mean, goal), float(low), float(high)


def _crossing(budgets: list[int], accuracy: np.ndarray, goal: float) -> float:
    reached = np.flatnonzero(accuracy >= goal)
    if not len(reached):
        return float("inf")
    place = int(reached[0])
    if place == 0:
        return float(budgets[0])
    before, after = accuracy[place - 1], accuracy[place]
    part = (goal - before) / (after - before)
    return float(budgets[place - 1] + part * (budgets[place] - budgets[place - 1]))


def compare(
    pools: Callable[[int], Pool],
    strategies: dict[str, Strategy],
    crowd: Crowd,
    *,
    budgets: list[int],
    seeds: Sequence[int],
    tell: Callable[[str], None] = lambda text: None,
) -> list[Curves]:
    """The same pools and seeds for every strategy, so that their differences are paired.

    pools  from a seed to faces, split by people
    """
    found = []
    for name, strategy in strategies.items():
        rows = [run(pools(s), strategy, crowd, budgets=budgets, seed=s) for s in seeds]
        found.append(Curves(name, budgets, np.array(rows)))
        tell(f"{name}: {100 * found[-1].mean[-1]:.1f}% after {budgets[-1]} votes")
    return found


def split_by_people(
    vectors: np.ndarray,
    truth: np.ndarray,
    people: np.ndarray,
    *,
    ambiguity: np.ndarray,
    contrast: np.ndarray,
    yaw: np.ndarray,
    mirror_of: np.ndarray,
    signs: np.ndarray,
) -> Callable[[int], Pool]:
    """From a seed to a pool: half of the people to ask about, the other half to be judged on."""
    names = np.unique(people)

    def pool(seed: int) -> Pool:
        judged = np.random.default_rng(seed).permutation(names)[: len(names) // 2]
        test = np.isin(people, judged)
        return Pool(
            vectors=vectors[~test],
            truth=truth[~test],
            ambiguity=ambiguity[~test],
            contrast=contrast[~test],
            yaw=yaw[~test],
            test_vectors=vectors[test],
            test_truth=truth[test],
            mirror_of=mirror_of,
            signs=signs,
        )

    return pool


def full_accuracy(pool: Pool) -> float:
    """What the classifier reaches when every face of the pool has its true answer."""
    training = fit(
        pool.vectors,
        np.eye(len(pool.mirror_of))[pool.truth],
        mirror_of=pool.mirror_of,
        signs=pool.signs,
        ridge=RIDGE,
    )
    said = training.classifier.predict(pool.test_vectors).argmax(axis=1)
    return float((said == pool.test_truth).mean())
