import json

import numpy as np
import pytest

from editing.engine.calibration import Calibration, fit_calibration


def test_a_convex_response_is_inverted_on_its_own_side():
    step = np.repeat([-60.0, -30, -15, 15, 30, 60], 50)
    achieved = np.where(step < 0, -1, 0.5) * (step**2 / 120)
    noisy = achieved + np.random.default_rng(0).normal(scale=0.5, size=len(step))
    steps, clamped = fit_calibration(step, noisy).steps(np.array([-30, -7.5, 0, 3.75, 15]))
    assert np.allclose(steps, [-60, -30, 0, 30, 60], atol=1.5)
    assert steps[2] == 0
    assert not clamped[1:4].any()


def test_a_response_that_falls_is_pooled_so_that_the_curve_rises():
    curve = fit_calibration(np.array([10.0, 20, 30, 40]), np.array([5.0, 12, 10, 20])).right
    assert curve.achieved == (0, 5, 11, 20)
    assert curve.step == (0, 10, 20, 40)


def test_asking_past_what_was_measured_is_cut_and_said():
    calibration = fit_calibration(np.array([10.0, 20]), np.array([4.0, 10]))
    steps, clamped = calibration.steps(np.array([10, 12]))
    assert steps.tolist() == [20, 20]
    assert clamped.tolist() == [False, True]


def test_a_side_that_was_not_measured_is_walked_as_asked():
    calibration = fit_calibration(np.array([10.0]), np.array([5.0]))
    assert calibration.left is None
    assert calibration.steps(np.array([-10]))[0].tolist() == [-10]


def test_a_side_that_moves_the_wrong_way_gets_no_curve():
    assert fit_calibration(np.array([10.0, 20]), np.array([-5.0, -9])).right is None


def test_a_calibration_survives_json():
    calibration = fit_calibration(np.array([-10.0, 10, 20]), np.array([-4.0, 5, 11]))
    assert Calibration.from_json(json.loads(json.dumps(calibration.to_json()))) == calibration


def test_steps_without_their_yaw_are_refused():
    with pytest.raises(ValueError, match="must be pairs"):
        fit_calibration(np.zeros(3), np.zeros(2))
