"""A replayed campaign: strategies ask, simulated people answer, accuracy rises."""

import numpy as np
import pytest

from labeling.learning import replay
from labeling.learning.crowd import Crowd, Kind
from labeling.learning.replay import Curves

MIRROR = np.array([2, 1, 0])
SIGNS = np.repeat([-1.0, 1.0], [4, 3])


def pools(n=400, seed=0):
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, 3, n)
    vectors = rng.normal(size=(n, 7))
    vectors[:, :4] += 2 * (truth - 1)[:, None]
    vectors[:, 4:] += 2 * (truth != 1)[:, None]
    return replay.split_by_people(
        vectors,
        truth,
        np.arange(n) // 4,
        ambiguity=np.zeros(n),
        contrast=vectors[:, :4].mean(axis=1),
        yaw=np.zeros(n),
        mirror_of=MIRROR,
        signs=SIGNS,
    )


def test_accuracy_rises_with_votes_and_a_seed_repeats_itself():
    crowd = Crowd([Kind.CAREFUL, Kind.CARELESS], MIRROR)
    pool = pools()(0)
    rows = [replay.run(pool, replay.ours, crowd, budgets=[6, 30, 90], seed=1) for _ in range(2)]
    np.testing.assert_array_equal(*rows)
    assert rows[0][-1] > 0.9
    assert rows[0][-1] > rows[0][0] - 0.02


@pytest.mark.parametrize("name", sorted(replay.STRATEGIES))
def test_a_strategy_asks_for_what_is_left_and_never_twice(name):
    asked = []

    def watched(state, size):
        rows = replay.STRATEGIES[name](state, size)
        asked.extend(rows.tolist())
        assert len(rows) == size
        return rows

    replay.run(pools()(0), watched, Crowd([Kind.CAREFUL], MIRROR), budgets=[9, 30, 60], seed=0)
    assert len(set(asked)) == 60


def test_no_person_is_both_asked_about_and_judged_on():
    first, second = pools()(0), pools()(1)
    assert len(first.truth) + len(first.test_truth) == 400
    assert len(first.truth) % 4 == 0
    assert first.vectors.tolist() != second.vectors.tolist()
    np.testing.assert_array_equal(first.vectors, pools()(0).vectors)


def test_votes_to_a_goal_are_read_off_the_mean_curve():
    curve = Curves("ours", [10, 20, 40], np.array([[0.5, 0.7, 0.9], [0.5, 0.9, 0.9]]))
    votes, low, high = curve.votes_to(0.85)
    assert votes == pytest.approx(30)
    assert low < votes < high
    assert curve.votes_to(0.95) == (float("inf"),) * 3
    assert curve.votes_to(0.4) == (10.0, 10.0, 10.0)


def test_simulated_people_answer_as_their_kind_does():
    rng = np.random.default_rng(0)
    crowd = Crowd([Kind.CAREFUL, Kind.SWAPPER, Kind.SPAMMER], MIRROR)
    said = np.array([[crowd.answer(w, 0, 0.0, rng) for _ in range(2000)] for w in range(3)])
    shares = np.array([np.bincount(row, minlength=4) / 2000 for row in said])
    assert shares[0, 0] > 0.9
    assert shares[1, 2] > 0.88
    assert shares[2, :3] == pytest.approx([1 / 3] * 3, abs=0.05)
    near = np.array([crowd.answer(0, 0, 1.0, rng) for _ in range(2000)])
    assert (near == 1).mean() > 0.3
    assert (near == 2).mean() < 0.1
