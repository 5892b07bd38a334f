"""Fewer votes for the same labels: the model in the loop against three votes and their majority.

Simulated: faces whose light shows in their features, so that a classifier is right on about 87% of
them; annotators who err near the boundary, one who swaps the sides, one who presses any key.
`make bench NAME=consensus ARGS="--seeds 10"`.
"""

import argparse
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from benchmarks._reporting import report, say
from labeling.learning.acquisition import cold_batch, next_batch
from labeling.learning.aggregation import Opinion, aggregate
from labeling.learning.calibration import calibration_error
from labeling.learning.classifier import fit
from labeling.learning.crowd import Crowd, Kind
from labeling.learning.stacking import fit_stack, sharpen, sharpness

MIRROR = np.array([2, 1, 0])
N_ODD, N_EVEN = 12, 8
SIGNS = np.repeat([-1.0, 1.0], [N_ODD, N_EVEN])
# How often the most common choice: center half, the sides a quarter each.
SHARES = np.array([0.25, 0.5, 0.25])
CROWD = Crowd([Kind.CAREFUL] * 6 + [Kind.CARELESS] * 4 + [Kind.SWAPPER, Kind.SPAMMER], MIRROR)
HONEST, SWAPPER, SPAMMER = 10, 10, 11
ROUND = 100
N_SETTLED = 100


@dataclass(frozen=True)
class World:
    """Faces with known light: features (n, d), truth (n,), ambiguity (n,)."""

    vectors: np.ndarray
    truth: np.ndarray
    ambiguity: np.ndarray


def make_world(n: int, rng: np.random.Generator) -> World:
    """Light as one number; its thirds are the choices, and near their borders all is doubtful."""
    light = rng.normal(size=n)
    border = 0.6745
    truth = np.digitize(light, [-border, border])
    ambiguity = np.exp(-(((np.abs(light) - border) / 0.12) ** 2))
    vectors = rng.normal(size=(n, N_ODD + N_EVEN))
    vectors[:, :N_ODD] += 1.5 * light[:, None] * rng.uniform(0.3, 1, N_ODD)
    vectors[:, N_ODD:] += 0.8 * np.abs(light)[:, None]
    return World(vectors, truth, ambiguity)


def majority_of_three(world: World, rng: np.random.Generator) -> float:
    """Accuracy of three votes each by honest annotators; ties and can't-tells go by lot."""
    right = 0
    for row, truth in enumerate(world.truth):
        who = rng.choice(HONEST, 3, replace=False)
        said = [CROWD.answer(int(w), int(truth), float(world.ambiguity[row]), rng) for w in who]
        counts = np.bincount([s for s in said if s < 3], minlength=3) + rng.random(3) * 0.1
        right += int(counts.argmax() == truth)
    return right / len(world.truth)


@dataclass
class Loop:
    """One campaign with the model in the loop: asks, hears, learns, believes."""

    world: World
    rng: np.random.Generator
    settled: np.ndarray  # rows that a manager has the last word on
    n_people: int

    def __post_init__(self) -> None:
        self.votes: list[tuple[int, int, int]] = []
        self.n_votes = np.zeros(len(self.world.truth), dtype=int)

    def ask(self, rows: np.ndarray) -> None:
        for row in rows:
            before = {who for r, who, _ in self.votes if r == row} if self.n_votes[row] else set()
            free = [w for w in range(self.n_people) if w not in before]
            who = int(self.rng.choice(free))
            truth, ambiguity = int(self.world.truth[row]), float(self.world.ambiguity[row])
            self.votes.append((int(row), who, CROWD.answer(who, truth, ambiguity, self.rng)))
            self.n_votes[row] += 1

    def rounds(self, n_votes: int) -> Iterator[tuple[np.ndarray, Opinion]]:
        """Ask until there are so many votes; gives belief and opinion after each round."""
        contrast = self.world.vectors[:, :N_ODD].mean(axis=1)
        self.ask(cold_batch(contrast, np.zeros(len(contrast)), ROUND, self.rng).rows)
        self.ask(self.settled[self.n_votes[self.settled] == 0])
        while True:
            belief, opinion = self.believe()
            yield belief, opinion
            if len(self.votes) >= n_votes:
                return
            risk = 1 - belief.max(axis=1)
            self.ask(self.next_rows(belief, (self.n_votes > 0) & (risk > 0.1)))

    def hear(self, witness: tuple[np.ndarray, np.ndarray] | None = None) -> Opinion:
        row, who, said = np.array(self.votes).T
        heard = self.settled[self.n_votes[self.settled] > 0]
        words = (heard, self.world.truth[heard])
        return aggregate(row, who, said, 3, last_words=words, witness=witness, mirror_of=MIRROR)

    def train(self, opinion: Opinion) -> tuple[np.ndarray, np.ndarray]:
        """What the model says of all faces, those it learned from by a part that had not."""
        sure = opinion.weight > 0
        rows = opinion.faces[sure]
        training = fit(
            self.world.vectors[rows],
            opinion.shares[sure],
            mirror_of=MIRROR,
            signs=SIGNS,
            weights=opinion.weight[sure],
            ridge=10.0,
        )
        model = training.classifier.predict(self.world.vectors)
        model[rows] = training.held_out
        return model, rows

    def believe(self) -> tuple[np.ndarray, Opinion]:
        """Belief (n, k) of all faces, as a refresh comes to it."""
        model, rows = self.train(self.hear())
        order = np.sort(rows)
        opinion = self.hear(witness=(order, model[order]))
        model, _ = self.train(opinion)
        power = sharpness(model[opinion.faces], opinion.likelihood)
        model = sharpen(model, power)
        told = opinion.settled & (opinion.n_votes > 0)
        faces = opinion.faces[told]
        stack = fit_stack(opinion.by_votes[told], model[faces], self.world.truth[faces])
        belief = model.copy()
        belief[opinion.faces] = stack.believe(opinion.by_votes, model[opinion.faces])
        return belief, opinion

    def next_rows(self, belief: np.ndarray, disputed: np.ndarray) -> np.ndarray:
        open_rows = np.flatnonzero(((self.n_votes == 0) | disputed) & (self.n_votes < 5))
        batch = next_batch(
            belief[open_rows],
            self.world.vectors[open_rows],
            ROUND,
            self.rng,
            disputed=disputed[open_rows],
        )
        return open_rows[batch.rows]


def one_run(n_faces: int, seed: int) -> dict[str, Any]:
    rng = np.random.default_rng(seed)
    world = make_world(n_faces, rng)
    goal = majority_of_three(world, rng)
    curves, found, wronged = {}, {SWAPPER: float("inf"), SPAMMER: float("inf")}, 0
    for crew, n_people in (("everybody", len(CROWD.kinds)), ("honest", HONEST)):
        own = np.random.default_rng([seed, n_people])
        loop = Loop(world, own, own.choice(n_faces, N_SETTLED, replace=False), n_people)
        curves[crew] = []
        for belief, opinion in loop.rounds(n_faces):
            others = np.ones(n_faces, dtype=bool)
            others[loop.settled] = False
            accuracy = float((belief.argmax(axis=1) == world.truth)[others].mean())
            ece = calibration_error(belief[others], np.eye(3)[world.truth[others]])
            curves[crew].append((len(loop.votes) / n_faces, accuracy, ece))
            wronged += note_finds(loop, opinion, found)
    reached = next((point for point in curves["everybody"] if point[1] >= goal), None)
    last = curves["everybody"][-1]
    return {
        "votes_per_face": reached[0] if reached else float("inf"),
        "accuracy": reached[1] if reached else last[1],
        "majority3": goal,
        "ece": reached[2] if reached else last[2],
        "accuracy_at_1": last[1],
        "ece_at_1": last[2],
        "harm_at_1": curves["honest"][-1][1] - last[1],
        "swapper": found[SWAPPER],
        "spammer": found[SPAMMER],
        "wronged": wronged,
    }


def note_finds(loop: Loop, opinion: Opinion, found: dict[int, float]) -> int:
    """Note when a swapper and a spammer are told, in their own votes; returns who is wronged."""
    told = {SWAPPER: opinion.swaps, SPAMMER: opinion.guesses}
    for who in found:
        if found[who] == float("inf") and told[who][opinion.people == who].any():
            found[who] = sum(w == who for _, w, _ in loop.votes)
    return int(((opinion.swaps | opinion.guesses) & (opinion.people < HONEST)).sum())


def measure(n_faces: int, n_seeds: int) -> dict[str, Any]:
    runs = []
    for seed in range(n_seeds):
        runs.append(one_run(n_faces, seed))
        say(f"seed {seed}: { {key: round(value, 4) for key, value in runs[-1].items()} }")
    median = {key: float(np.median([run[key] for run in runs])) for key in runs[0]}
    return {
        "faces": n_faces,
        "seeds": n_seeds,
        "votes_per_face": round(median["votes_per_face"], 3),
        "accuracy": round(median["accuracy"], 4),
        "majority3_accuracy": round(median["majority3"], 4),
        "ece": round(median["ece"], 4),
        "swapper_votes": median["swapper"],
        "spammer_votes": median["spammer"],
        "accuracy_at_1_vote_per_face": round(median["accuracy_at_1"], 4),
        "ece_at_1_vote_per_face": round(median["ece_at_1"], 4),
        "harm_by_swapper_and_spammer": round(median["harm_at_1"], 4),
        "honest_people_told_off": sum(run["wronged"] for run in runs),
        "worst": {
            key: round(max(run[key] for run in runs), 4)
            for key in ("votes_per_face", "ece", "ece_at_1", "harm_at_1", "swapper", "spammer")
        },
    }


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--faces", type=int, default=2000)
    parser.add_argument("--seeds", type=int, default=10)
    given = parser.parse_args()
    report("consensus", lambda: measure(given.faces, given.seeds))
