import numpy as np
import pytest

from editing.engine.calibration import Calibration, Curve
from editing.engine.closed_loop import Aim, Answers, close

# What the mean face gives: convex, as measured.
STEPS = (0.0, 10.0, 20.0, 30.0, 45.0, 60.0)
CURVE = Curve(STEPS, (0.0, 5.0, 13.0, 23.0, 36.0, 44.0))
CALIBRATION = Calibration(CURVE, CURVE)
WISHES = np.array([-30.0, -20.0, -10.0, 0.0, 10.0, 20.0, 30.0])


class Face:
    """A head that answers its own way: turns by gain times the mean face's and an offset.

    light  how far each degree of turning and each step across move the light's reading
    """

    def __init__(self, gain=1.0, bend=0.0, light=(0.0, 0.0), noise=0.0) -> None:
        self.gain, self.bend, self.light, self.noise = gain, bend, light, noise
        self.draw = np.random.default_rng(0)
        self.asked: list[np.ndarray] = []

    def yaw(self, steps: np.ndarray) -> np.ndarray:
        mean = np.interp(np.abs(steps), STEPS, CURVE.achieved)
        return np.sign(steps) * (self.gain * mean + self.bend * mean**2 / 30)

    def __call__(self, rows: np.ndarray, steps: np.ndarray, across: np.ndarray) -> Answers:
        assert len(rows) == len(steps) == len(across)
        self.asked.append(steps)
        yaw = self.yaw(steps) + self.noise * self.draw.normal(size=len(steps))
        per_degree, per_step = self.light
        return Answers(yaw, np.tanh(per_degree * yaw + per_step * across))


@pytest.mark.parametrize("gain", [0.6, 0.8, 1.0, 1.3, 1.8])
@pytest.mark.parametrize("bend", [-0.1, 0.0, 0.3])
def test_what_is_asked_is_what_comes(gain: float, bend: float) -> None:
    wishes = WISHES if gain + bend > 0.75 else WISHES / 2
    face = Face(gain, bend)
    found = close(wishes, CALIBRATION, face)
    np.testing.assert_allclose(found.achieved, wishes, atol=1.0)
    np.testing.assert_allclose(face.yaw(found.step), found.achieved)
    assert found.is_reached.all()
    assert found.rounds[3] == 0
    assert found.step[3] == 0


def test_a_face_like_the_mean_is_made_once() -> None:
    face = Face()
    found = close(WISHES, CALIBRATION, face)
    assert len(face.asked) == 1
    assert (found.rounds <= 1).all()


def test_frames_that_are_there_are_not_made_again() -> None:
    face = Face(1.02)  # small turns are right at once, large ones are not
    found = close(WISHES, CALIBRATION, face, Aim(tolerance_degrees=0.5))
    sizes = [len(steps) for steps in face.asked]
    assert sizes[0] == 6
    assert sizes[1] < 6
    assert found.rounds.max() > found.rounds[2]


def test_steps_never_leave_the_measured_range_however_weak_the_face() -> None:
    face = Face(0.3)
    found = close(WISHES, CALIBRATION, face)
    assert max(np.abs(steps).max() for steps in face.asked) <= STEPS[-1]
    assert not found.is_reached[[0, 1, -2, -1]].any()
    # The farthest that was allowed is the nearest to the wish.
    assert found.achieved[-1] == pytest.approx(0.3 * 44)


def test_a_face_that_does_not_answer_keeps_its_nearest_try() -> None:
    def deaf(rows: np.ndarray, steps: np.ndarray, across: np.ndarray) -> Answers:
        return Answers(np.full(len(rows), -3.0))

    found = close([20.0, -20.0], CALIBRATION, deaf, Aim(rounds=3))
    assert found.achieved.tolist() == [-3.0, -3.0]
    assert found.rounds.tolist() == [3, 3]
    assert found.light_change is None
    assert not found.is_reached.any()


def test_a_noisy_reading_ends_after_the_rounds_with_the_nearest_seen() -> None:
    face = Face(1.4, noise=2.0)
    once = close(WISHES, CALIBRATION, Face(1.4, noise=2.0), Aim(rounds=1))
    found = close(WISHES, CALIBRATION, face, Aim(rounds=4))
    assert len(face.asked) <= 4
    off = np.abs(found.achieved - WISHES)
    assert off.mean() < np.abs(once.achieved - WISHES).mean() / 3


def test_the_light_is_held_by_stepping_across() -> None:
    drifting = (0.02, 0.8)
    let_go = close(WISHES, CALIBRATION, Face(1.2, light=drifting))
    held = close(WISHES, CALIBRATION, Face(1.2, light=drifting), holds_light=True)
    assert np.abs(let_go.light_change).max() > 0.4
    assert np.abs(held.light_change).max() <= 0.15
    np.testing.assert_allclose(held.achieved, WISHES, atol=1.0)
    # The light drifts right as the head turns right, so the step goes left.
    assert held.across[-1] < 0 < held.across[0]
    assert not let_go.across.any()


def test_steps_across_are_limited() -> None:
    stubborn = Face(light=(0.05, 0.05))
    found = close(WISHES, CALIBRATION, stubborn, holds_light=True)
    assert np.abs(found.across).max() <= 1.0


def test_a_side_that_was_never_measured_is_walked_as_asked_once() -> None:
    found = close([-20.0, 20.0], Calibration(None, CURVE), Face(0.8))
    assert found.step[0] == -20.0
    assert found.rounds[0] == 1 < found.rounds[1]
    assert found.is_reached.tolist() == [False, True]
