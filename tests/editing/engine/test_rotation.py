import numpy as np
import pytest
import torch

from editing.engine.calibration import fit_calibration
from editing.engine.clusters import Clusters
from editing.engine.lines import RotationFit, YawLine, fit_rotation
from editing.engine.rotation import MOTIONS, turn, with_residual
from tests.editing.engine.test_lines import a_fit, planted


def test_a_side_without_clusters_has_no_line_and_says_so_when_asked():
    every = planted()
    right = every.yaw > -5
    fit = fit_rotation(Clusters(*(part[right] for part in vars(every).values())))
    assert fit.left is None
    assert fit.right is not None
    with pytest.raises(ValueError, match="a line to the left"):
        turn(torch.zeros(1, 2, 2), fit, 0.0, [-10])
    with pytest.raises(ValueError, match="at least one side"):
        fit_rotation(Clusters(*(part[:2] for part in vars(every).values())))


def test_a_turn_through_the_front_follows_both_lines():
    fit = a_fit()
    x_t = torch.ones(1, 2, 2, dtype=torch.float64)
    turned = turn(x_t, fit, 10.0, [0, 5, -30])
    assert turned.x_t.shape == (3, 1, 2, 2)
    assert torch.equal(turned.x_t[0], x_t)
    moves = (turned.x_t - x_t).reshape(3, 4).numpy()
    assert np.allclose(moves[1], 5 * fit.right.slope)
    assert np.allclose(moves[2], -10 * fit.right.slope - 20 * fit.left.slope)
    assert not turned.is_clamped.any()


def test_a_calibrated_turn_walks_further_and_says_when_it_cannot():
    # Every 2 degrees walked turn the head by 1, measured up to a turn of 20.
    walked = np.array([-40.0, -20, 20, 40])
    turned = turn(
        torch.zeros(1, 2, 2), a_fit(), 0.0, [-30, 10], fit_calibration(walked, walked / 2)
    )
    assert turned.step_degrees.tolist() == [-40, 20]
    assert turned.is_clamped.tolist() == [True, False]


def test_the_residual_makes_zero_degrees_the_photo_and_fades():
    photo, rebuilt = torch.rand(3, 4, 4), torch.rand(3, 4, 4)
    frames = torch.stack([rebuilt] * 4)
    mended = with_residual(frames, photo, rebuilt, [0, 10, -10, 25])
    assert torch.allclose(mended[0], photo)
    assert torch.allclose(mended[1], (photo + rebuilt) / 2, atol=1e-6)
    assert torch.equal(mended[1], mended[2])
    assert torch.allclose(mended[3], rebuilt)


def test_a_turn_that_keeps_the_moments_moves_the_same_way_at_the_same_noise_level():
    draw = torch.Generator().manual_seed(0)
    x_t = torch.randn(3, 16, 16, generator=draw, dtype=torch.float64)
    slope = torch.randn(x_t.numel(), generator=draw, dtype=torch.float64).numpy() / 10
    line = YawLine(np.zeros(x_t.numel()), slope, np.zeros(3), 1.0, 1.0)
    fit = RotationFit(line, line)
    straight = turn(x_t, fit, 0.0, [0.0, 30.0]).x_t
    kept = turn(x_t, fit, 0.0, [0.0, 30.0], motion="moments").x_t
    assert torch.allclose(kept[0], x_t)
    spread = x_t.std((1, 2))
    assert (straight[1].std((1, 2)) > 2 * spread).all()
    assert torch.allclose(kept[1].std((1, 2)), spread)
    assert torch.allclose(kept[1].mean((1, 2)), x_t.mean((1, 2)))
    correlation = torch.corrcoef(torch.stack([kept[1].flatten(), straight[1].flatten()]))[0, 1]
    assert correlation > 0.99


def a_turn_by(motion: str) -> tuple[torch.Tensor, torch.Tensor]:
    """A latent, and what becomes of it at -30, 0 and 30 degrees."""
    draw = torch.Generator().manual_seed(0)
    x_t = torch.randn(3, 8, 8, generator=draw, dtype=torch.float64)
    slopes = torch.randn(2, x_t.numel(), generator=draw, dtype=torch.float64).numpy() / 25
    fit = RotationFit(*(YawLine(np.zeros(192), s, np.zeros(3), 1.0, 1.0) for s in slopes))
    return x_t, turn(x_t, fit, 0.0, [-30.0, 0.0, 30.0], motion=motion).x_t


@pytest.mark.parametrize("motion", ["norm", "slerp"])
def test_a_turn_on_the_shell_keeps_the_norm_and_the_sense(motion):
    x_t, moved = a_turn_by(motion)
    _, straight = a_turn_by("straight")
    assert torch.allclose(moved[1], x_t)
    assert torch.allclose(moved.flatten(1).norm(dim=1), x_t.norm())
    assert (straight.flatten(1).norm(dim=1)[[0, 2]] > 1.3 * x_t.norm()).all()
    for at in (0, 2):
        gone, asked = (moved[at] - x_t).flatten(), (straight[at] - x_t).flatten()
        assert torch.cosine_similarity(gone, asked, dim=0) > 0.5


def test_slerp_walks_as_far_along_the_shell_as_the_straight_move_is_long():
    x_t = torch.tensor([3.0, 0, 0, 0], dtype=torch.float64).reshape(1, 2, 2)
    line = YawLine(np.zeros(4), np.array([0, 3 * np.pi / 180, 0, 0]), np.zeros(3), 1.0, 1.0)
    moved = turn(x_t, RotationFit(line, line), 0.0, [90.0], motion="slerp").x_t
    assert torch.allclose(moved.flatten(), torch.tensor([0, 3.0, 0, 0], dtype=torch.float64))


def test_a_motion_that_does_not_exist_and_a_line_of_another_size_are_told():
    with pytest.raises(ValueError, match="'sideways'; expected one of straight, moments"):
        a_turn_by("sideways")
    assert set(MOTIONS) == {"straight", "moments", "norm", "slerp"}
    with pytest.raises(ValueError, match="has 4 numbers, the latent 12"):
        turn(torch.zeros(3, 2, 2), a_fit(), 0.0, [10])
