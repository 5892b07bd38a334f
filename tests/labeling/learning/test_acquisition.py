"""The head of the queue: doubtful faces, every choice among them, and some by lot."""

import numpy as np
import pytest

from labeling.learning.acquisition import STRATA, cold_priorities, priorities


def head(values, n):
    return np.argsort(-values)[:n]


def beliefs(top, choice):
    """Probabilities (n, 3) with this top probability for this choice."""
    p = np.repeat(((1 - top) / 2)[:, None], 3, axis=1)
    p[np.arange(len(top)), choice] = top
    return p


def test_priorities_are_a_seeded_order_without_ties():
    p = np.random.default_rng(0).dirichlet([1, 1, 1], 500)
    first = priorities(p, np.random.default_rng(1))
    assert len(np.unique(first)) == 500
    assert 0 < first.min() < first.max() <= 1
    np.testing.assert_array_equal(first, priorities(p, np.random.default_rng(1)))
    assert (first != priorities(p, np.random.default_rng(2))).any()


def test_the_head_is_mostly_doubtful_and_partly_drawn_by_lot():
    n = 5000
    top = np.where(np.arange(n) < 500, 0.4, 0.99)
    p = beliefs(top, np.arange(n) % 3)
    doubtful = head(priorities(p, np.random.default_rng(0)), 300) < 500
    assert 0.7 < doubtful.mean() < 0.92


def test_a_rare_choice_keeps_its_place():
    n = 3000
    choice = np.where(np.arange(n) < 60, 0, 1)
    top = np.where(choice == 0, 0.95, 0.45)
    rare = head(priorities(beliefs(top, choice), np.random.default_rng(0)), 200) < 60
    assert rare.mean() > 0.08


def test_a_cold_start_visits_every_light_and_every_pose():
    rng = np.random.default_rng(0)
    contrast, yaw = rng.normal(size=3600), rng.normal(size=3600) * 20
    first = head(cold_priorities(contrast, yaw, rng), STRATA**2)
    extremes = np.quantile(contrast, [1 / STRATA, 1 - 1 / STRATA])
    assert (contrast[first] < extremes[0]).sum() == STRATA
    assert (contrast[first] > extremes[1]).sum() == STRATA
    assert (yaw[first] < np.quantile(yaw, 1 / STRATA)).sum() == STRATA


def test_a_cold_start_knows_no_yaw_and_goes_on():
    order = cold_priorities(np.arange(10.0), np.full(10, np.nan), np.random.default_rng(0))
    assert len(np.unique(order)) == 10


def test_no_faces_need_no_priorities():
    assert priorities(np.zeros((0, 3)), np.random.default_rng(0)).shape == (0,)
    with pytest.raises(ValueError, match="1 choices came, expected at least 2"):
        priorities(np.ones((4, 1)), np.random.default_rng(0))
