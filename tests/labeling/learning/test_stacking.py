"""People's word and the model's in one belief: weighed by settled faces, bounded, calibrated."""

import numpy as np
import pytest

from labeling.learning.calibration import calibration_error
from labeling.learning.stacking import LEAST_FACES, Stack, fit_stack, sharpen, sharpness


def words_about(n, rng, *, right, sure):
    """A truth (n,), and probabilities (n, 3) with the top `sure`, right so often."""
    truth = rng.integers(0, 3, n)
    said = np.where(rng.random(n) < right, truth, (truth + rng.integers(1, 3, n)) % 3)
    p = np.full((n, 3), (1 - sure) / 2)
    p[np.arange(n), said] = sure
    return truth, p


def test_the_model_breaks_a_tie_overturns_one_doubtful_vote_and_not_two_that_agree():
    model = np.array([[0.001, 0.001, 0.998]])
    stack = Stack()
    assert stack.believe(np.array([[0.46, 0.08, 0.46]]), model).argmax() == 2
    assert stack.believe(np.array([[0.6, 0.2, 0.2]]), model).argmax() == 2
    assert stack.believe(np.array([[0.98, 0.01, 0.01]]), model).argmax() == 0


def test_a_model_that_says_nothing_changes_nobody_s_choice():
    posterior = np.random.default_rng(0).dirichlet([1, 1, 1], 200)
    belief = Stack().believe(posterior, np.full((200, 3), 1 / 3))
    np.testing.assert_array_equal(belief.argmax(axis=1), posterior.argmax(axis=1))


def test_settled_faces_teach_whom_to_believe():
    rng = np.random.default_rng(0)
    truth, good = words_about(400, rng, right=0.95, sure=0.8)
    poor = rng.dirichlet([2, 2, 2], 400)
    trusts_model = fit_stack(poor, good, truth)
    trusts_people = fit_stack(good, poor, truth)
    assert trusts_model.model > 1.2 > 0.5 > trusts_model.people
    assert trusts_people.people > 1.2 > 0.3 > trusts_people.model
    assert trusts_people.n_faces == 400


def test_too_few_settled_faces_teach_nothing():
    truth, p = words_about(LEAST_FACES - 1, np.random.default_rng(0), right=0.5, sure=0.9)
    assert fit_stack(p, p, truth) == Stack()


def test_stacking_makes_a_bragging_belief_honest():
    rng = np.random.default_rng(1)
    truth, brags = words_about(3000, rng, right=0.8, sure=0.99)
    stack = fit_stack(brags[:1000], np.full((1000, 3), 1 / 3), truth[:1000])
    honest = stack.believe(brags[1000:], np.full((2000, 3), 1 / 3))
    assert calibration_error(brags[1000:], np.eye(3)[truth[1000:]]) > 0.15
    assert calibration_error(honest, np.eye(3)[truth[1000:]]) < 0.03


def test_a_model_as_unsure_as_its_noisy_votes_is_sharpened_to_the_truth_behind_them():
    rng = np.random.default_rng(2)
    n = 4000
    true = rng.dirichlet([0.3, 0.3, 0.3], n)
    truth = np.array([rng.choice(3, p=row) for row in true])
    vote = np.where(rng.random(n) < 0.8, truth, (truth + rng.integers(1, 3, n)) % 3)
    likelihood = np.full((n, 3), 0.1)
    likelihood[np.arange(n), vote] = 0.8
    timid = sharpen(true, 0.5)
    assert sharpness(timid, likelihood) == pytest.approx(2, abs=0.25)
    assert sharpness(true, likelihood) == pytest.approx(1, abs=0.12)


def test_votes_that_say_nothing_sharpen_nothing():
    p = np.random.default_rng(0).dirichlet([1, 1, 1], 50)
    assert sharpness(p, np.ones((50, 3))) == pytest.approx(1, abs=1e-2)
