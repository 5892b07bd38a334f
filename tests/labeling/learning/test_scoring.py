"""The figures of a model card: known values, intervals that hold, groups that stay together."""

import json

import numpy as np
import pytest

from labeling.learning.scoring import area_under_curve, judge


def answers(n, seed=0, *, honest=0.8):
    """Probabilities that say one of three with 0.8, and truths that follow in `honest` of cases."""
    rng = np.random.default_rng(seed)
    said = rng.integers(0, 3, n)
    off = (said + rng.integers(1, 3, n)) % 3
    true = np.where(rng.random(n) < honest, said, off)
    return np.full((n, 3), 0.1) + 0.7 * np.eye(3)[said], np.eye(3)[true]


def test_figures_of_a_small_case_by_hand():
    said = np.array([[0.9, 0.1], [0.6, 0.4], [0.2, 0.8], [0.3, 0.7]])
    true = np.eye(2)[[0, 1, 1, 1]]
    judged = judge(said, true)
    assert judged["accuracy"] == 0.75
    assert judged["macro_f1"] == pytest.approx((2 / 3 + 4 / 5) / 2)
    assert judged["log_loss"] == pytest.approx(-np.log([0.9, 0.4, 0.8, 0.7]).mean())
    assert judged["ece"] == pytest.approx((0.1 + 0.6 + 0.2 + 0.3) / 4)
    assert judged["confusion"] == [[1, 0], [1, 2]]


def test_weights_count_as_so_many_faces():
    said, true = answers(30)
    twice = np.repeat(np.arange(30), np.arange(30) % 3 + 1)
    weighted = judge(said, true, weights=(np.arange(30) % 3 + 1).astype(float))
    repeated = judge(said[twice], true[twice])
    for name in ("accuracy", "macro_f1", "log_loss"):
        assert weighted[name] == pytest.approx(repeated[name])


def test_intervals_hold_the_truth_about_as_often_as_they_promise():
    held = 0
    for seed in range(100):
        low, high = judge(*answers(200, seed))["intervals"]["accuracy"]
        held += low <= 0.8 <= high
    assert 88 <= held <= 99


def test_faces_of_one_person_widen_an_interval():
    said, true = answers(50)
    said, true = np.repeat(said, 8, axis=0), np.repeat(true, 8, axis=0)
    alone = judge(said, true)["intervals"]["accuracy"]
    together = judge(said, true, groups=np.repeat(np.arange(50), 8))["intervals"]["accuracy"]
    assert np.ptp(together) > 1.8 * np.ptp(alone)


def test_reliability_bins_show_overconfidence():
    judged = judge(*answers(4000, honest=0.6))
    assert sum(row["n"] for row in judged["reliability"]) == 4000
    gaps = [row["said"] - row["right"] for row in judged["reliability"]]
    assert np.mean(gaps) == pytest.approx(0.2, abs=0.03)
    assert judged["ece"] == pytest.approx(0.2, abs=0.03)


def test_confusion_by_yaw_leaves_out_who_is_not_known():
    said, true = answers(6)
    yaw = np.array([-30, -13, 0, 11, 40, np.nan])
    rows = judge(said, true, yaw=yaw)["confusion_by_yaw"]
    assert [row["yaw"] for row in rows] == [[None, -12.0], [-12.0, 12.0], [12.0, None]]
    assert [np.sum(row["confusion"]) for row in rows] == [2, 2, 1]


def test_a_card_is_json():
    json.dumps(judge(*answers(40), yaw=np.zeros(40)), allow_nan=False)


def test_area_under_the_curve():
    scores = np.array([0.1, 0.4, 0.4, 0.9])
    assert area_under_curve(scores, np.array([False, False, True, True])) == 0.875
    assert np.isnan(area_under_curve(scores, np.ones(4, dtype=bool)))


def test_nobody_to_judge_by_is_refused():
    with pytest.raises(ValueError, match="0 faces were given"):
        judge(np.zeros((0, 3)), np.zeros((0, 3)))
