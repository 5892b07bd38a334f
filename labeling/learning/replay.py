"""Replay a campaign whose truth is known: which faces are asked about, and how accurate it becomes.

One run: a strategy picks faces, simulated annotators answer, the classifier learns, its accuracy on
faces of other people is noted; again until the budget is spent. At least ten seeds: with three, the
sign of a difference between strategies may flip.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from labeling.learning.acquisition import cold_batch, next_batch
from labeling.learning.aggregation import aggregate
from labeling.learning.classifier import fit
from labeling.learning.crowd import Crowd

# One strength for every strategy and budget: choosing it each time costs more than it changes.
RIDGE = 10.0


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
