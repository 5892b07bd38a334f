"""A batch is mostly doubt, spread out, with every choice, some disputes, and some by lot."""

import numpy as np
import pytest

from labeling.learning.acquisition import AGAIN, BY_LOT, STRATA, Reason, cold_batch, next_batch


def beliefs(top, choice):
    """Probabilities (n, 3) with this top probability for this choice."""
    p = np.repeat(((1 - top) / 2)[:, None], 3, axis=1)
    p[np.arange(len(top)), choice] = top
    return p


def vectors_of(n, seed=0):
    return np.random.default_rng(seed).normal(size=(n, 8))


def batch_of(top, choice, size, seed=0, **more):
    rng = np.random.default_rng(seed)
    return next_batch(beliefs(top, choice), vectors_of(len(top)), size, rng, **more)


def test_a_batch_is_seeded_names_no_face_twice_and_gives_each_a_reason():
    p, x = np.random.default_rng(0).dirichlet([1, 1, 1], 500), vectors_of(500)
    first = next_batch(p, x, 100, np.random.default_rng(1))
    assert len(np.unique(first.rows)) == len(first.rows) >= 95
    assert set(first.reasons) == {Reason.DOUBT, Reason.LOT}
    again = next_batch(p, x, 100, np.random.default_rng(1))
    np.testing.assert_array_equal(first.rows, again.rows)
    other = next_batch(p, x, 100, np.random.default_rng(2))
    assert first.rows.tolist() != other.rows.tolist()


def test_a_batch_is_mostly_doubt_and_partly_lot():
    n = 5000
    top = np.where(np.arange(n) < 500, 0.4, 0.99)
    doubtful = batch_of(top, np.arange(n) % 3, 300).rows < 500
    assert 0.75 < doubtful.mean() < 0.9


def test_only_the_lot_has_a_propensity_and_it_is_the_share_that_was_drawn():
    batch = batch_of(np.full(1000, 0.5), np.arange(1000) % 3, 100)
    by_lot = batch.reasons == Reason.LOT
    assert batch.propensity[by_lot] == pytest.approx(BY_LOT * 100 / 1000)
    assert np.isnan(batch.propensity[~by_lot]).all()


def test_the_lot_draws_every_face_alike():
    drawn = np.zeros(40)
    for seed in range(400):
        batch = batch_of(np.linspace(0.4, 0.99, 40), np.arange(40) % 3, 20, seed=seed)
        drawn[batch.rows[batch.reasons == Reason.LOT]] += 1
    # What is doubtful too may stand under that reason: the sure ones are drawn by nothing else.
    assert drawn[-10:] / 400 == pytest.approx(BY_LOT * 20 / 40, abs=0.06)


def test_a_rare_choice_keeps_its_place():
    n = 3000
    choice = np.where(np.arange(n) < 60, 0, 1)
    top = np.where(choice == 0, 0.95, 0.45)
    rare = batch_of(top, choice, 200).rows < 60
    assert rare.mean() > 0.08


def test_disputed_faces_come_again_the_riskiest_first_up_to_their_share():
    n = 1000
    disputed = np.zeros(n, dtype=bool)
    disputed[900:] = True
    top = np.where(disputed, np.linspace(0.5, 0.95, n), 0.9)
    batch = batch_of(top, np.arange(n) % 3, 100, disputed=disputed)
    again = batch.rows[batch.reasons == Reason.AGAIN]
    assert len(again) == pytest.approx(AGAIN * 100, abs=5)
    assert again.max() < 930


def test_doubtful_faces_are_spread_over_the_feature_space():
    rng = np.random.default_rng(0)
    middle = np.repeat(np.eye(8)[:4] * 20, 250, axis=0)
    x = middle + rng.normal(size=(1000, 8))
    # A part of one cluster is the least certain: margin alone would ask about nothing else.
    top = np.where(np.arange(1000) < 100, 0.40, 0.45)
    batch = next_batch(beliefs(top, np.zeros(1000, int)), x, 40, rng)
    clusters = np.unique(batch.rows[batch.reasons == Reason.DOUBT] // 250)
    assert len(clusters) >= 2


def test_the_reasons_are_mixed_from_the_first_face_on():
    batch = batch_of(np.full(2000, 0.5), np.arange(2000) % 3, 200)
    first = batch.reasons[:20]
    assert 2 <= (first == Reason.LOT).sum() <= 6


def test_a_batch_larger_than_what_is_left_is_what_is_left():
    batch = batch_of(np.full(7, 0.5), np.arange(7) % 3, 100)
    assert sorted(batch.rows) == list(range(7))


def test_a_cold_start_visits_every_light_and_every_pose():
    rng = np.random.default_rng(0)
    contrast, yaw = rng.normal(size=3600), rng.normal(size=3600) * 20
    first = cold_batch(contrast, yaw, STRATA**2, rng).rows
    extremes = np.quantile(contrast, [1 / STRATA, 1 - 1 / STRATA])
    assert (contrast[first] < extremes[0]).sum() == STRATA
    assert (contrast[first] > extremes[1]).sum() == STRATA
    assert (yaw[first] < np.quantile(yaw, 1 / STRATA)).sum() == STRATA


def test_a_cold_start_begins_with_the_two_sides():
    rng = np.random.default_rng(0)
    contrast = rng.permutation(np.linspace(-1, 1, 600))
    two = cold_batch(contrast, np.zeros(600), 2, rng).rows
    assert sorted(np.sign(contrast[two])) == [-1, 1]
    assert np.abs(contrast[two]).min() > 0.6


def test_a_cold_start_knows_no_yaw_and_goes_on():
    batch = cold_batch(np.arange(10.0), np.full(10, np.nan), 100, np.random.default_rng(0))
    assert sorted(batch.rows) == list(range(10))
    assert set(batch.reasons) == {Reason.STRATUM}


def test_no_faces_need_no_batch():
    batch = next_batch(np.zeros((0, 3)), np.zeros((0, 8)), 10, np.random.default_rng(0))
    assert len(batch.rows) == 0
    with pytest.raises(ValueError, match="at least 2 choices"):
        next_batch(np.ones((4, 1)), np.zeros((4, 8)), 2, np.random.default_rng(0))
