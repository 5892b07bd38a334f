import numpy as np
import pytest
import torch

from editing.engine.calibration import fit_calibration
from editing.engine.clusters import Clusters, ClusterSums
from editing.engine.rotation import (
    RotationFit,
    YawLine,
    fit_line,
    fit_rotation,
    turn,
    with_residual,
)

LEFT, RIGHT = np.array([1.0, 0.0, 2.0, 0.0]), np.array([0.0, 3.0, 0.0, -1.0])


def planted(n: int = 4000, noise: float = 0.05) -> Clusters:
    """Clusters of latents that follow one line to the left and another to the right."""
    draw = np.random.default_rng(1)
    yaw = draw.uniform(-40, 40, n)
    latents = np.minimum(yaw, 0)[:, None] * LEFT + np.maximum(yaw, 0)[:, None] * RIGHT
    sums = ClusterSums(np.arange(-40, 41, 8), 4)
    sums.add(latents + draw.normal(scale=noise, size=(n, 4)), yaw)
    return sums.centroids()


def a_fit() -> RotationFit:
    return fit_rotation(planted())


def test_planted_lines_are_found_one_per_side():
    fit = a_fit()
    assert np.allclose(fit.left.slope, LEFT, atol=0.05)
    assert np.allclose(fit.right.slope, RIGHT, atol=0.05)
    assert fit.left.r_squared > 0.99
    assert fit.left.held_r_squared > 0.99


def test_an_exact_line_leaves_no_residual():
    yaw = np.array([2.0, 10, 20, 30])
    line = fit_line(np.array([5.0, 1, 1, 1]) + yaw[:, None] * RIGHT, yaw)
    assert np.allclose(line.slope, RIGHT)
    assert np.allclose(line.origin, [5, 1, 1, 1])
    assert np.allclose(line.residual, 0, atol=1e-12)
    assert line.held_r_squared == pytest.approx(1)


def test_weights_say_which_centroids_count():
    yaw = np.array([5.0, 15, 25, 35])
    centroids = yaw[:, None] * RIGHT
    centroids[3] += 100
    line = fit_line(centroids, yaw, np.array([100, 100, 100, 1e-6]))
    assert np.allclose(line.slope, RIGHT, atol=1e-3)


def test_noise_without_yaw_in_it_has_no_held_out_fit():
    draw = np.random.default_rng(2)
    line = fit_line(draw.normal(size=(6, 500)), np.array([3.0, 9, 15, 21, 27, 33]))
    assert line.held_r_squared < 0.1


def test_two_clusters_mixed_sides_or_equal_yaws_are_refused():
    with pytest.raises(ValueError, match="got 2"):
        fit_line(np.zeros((2, 3)), np.array([0.0, 10]))
    with pytest.raises(ValueError, match=r"-20\.0 to 20\.0"):
        fit_line(np.zeros((3, 3)), np.array([-20.0, 0, 20]))
    with pytest.raises(ValueError, match="different yaws"):
        fit_line(np.zeros((3, 3)), np.array([10.0, 10, 10]))


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


def test_a_fit_survives_being_stored_as_arrays():
    fit = a_fit()
    again = RotationFit.from_arrays(fit.arrays())
    assert np.array_equal(again.left.slope, fit.left.slope)
    assert again.right.held_r_squared == fit.right.held_r_squared
    assert RotationFit.from_arrays(RotationFit(None, fit.right).arrays()).left is None


def test_the_residual_makes_zero_degrees_the_photo_and_fades():
    photo, rebuilt = torch.rand(3, 4, 4), torch.rand(3, 4, 4)
    frames = torch.stack([rebuilt] * 4)
    mended = with_residual(frames, photo, rebuilt, [0, 10, -10, 25])
    assert torch.allclose(mended[0], photo)
    assert torch.allclose(mended[1], (photo + rebuilt) / 2, atol=1e-6)
    assert torch.equal(mended[1], mended[2])
    assert torch.allclose(mended[3], rebuilt)


def test_a_frontal_cluster_belongs_to_both_lines():
    yaw = np.array([-21.0, -11, 0.3, 9, 19])
    fit = fit_rotation(Clusters(yaw[:, None] * LEFT, yaw, np.ones(5, int), np.ones(5)))
    assert len(fit.left.residual) == 3
    assert len(fit.right.residual) == 3


def test_a_turn_that_keeps_the_moments_moves_the_same_way_at_the_same_noise_level():
    draw = torch.Generator().manual_seed(0)
    x_t = torch.randn(3, 16, 16, generator=draw, dtype=torch.float64)
    slope = torch.randn(x_t.numel(), generator=draw, dtype=torch.float64).numpy() / 10
    line = YawLine(np.zeros(x_t.numel()), slope, np.zeros(3), 1.0, 1.0)
    fit = RotationFit(line, line)
    straight = turn(x_t, fit, 0.0, [0.0, 30.0]).x_t
    kept = turn(x_t, fit, 0.0, [0.0, 30.0], keeps_moments=True).x_t
    assert torch.allclose(kept[0], x_t)
    spread = x_t.std((1, 2))
    assert (straight[1].std((1, 2)) > 2 * spread).all()
    assert torch.allclose(kept[1].std((1, 2)), spread)
    assert torch.allclose(kept[1].mean((1, 2)), x_t.mean((1, 2)))
    correlation = torch.corrcoef(torch.stack([kept[1].flatten(), straight[1].flatten()]))[0, 1]
    assert correlation > 0.99
