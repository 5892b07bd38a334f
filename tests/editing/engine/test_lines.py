import numpy as np
import pytest

from editing.engine.clusters import Clusters, ClusterSums
from editing.engine.lines import RotationFit, fit_line, fit_rotation

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


def test_a_fit_survives_being_stored_as_arrays():
    fit = a_fit()
    again = RotationFit.from_arrays(fit.arrays())
    assert np.array_equal(again.left.slope, fit.left.slope)
    assert again.right.held_r_squared == fit.right.held_r_squared
    assert RotationFit.from_arrays(RotationFit(None, fit.right).arrays()).left is None


def test_a_frontal_cluster_belongs_to_both_lines():
    yaw = np.array([-21.0, -11, 0.3, 9, 19])
    fit = fit_rotation(Clusters(yaw[:, None] * LEFT, yaw, np.ones(5, int), np.ones(5)))
    assert len(fit.left.residual) == 3
    assert len(fit.right.residual) == 3


def test_one_line_runs_through_both_sides():
    yaw = np.array([-20.0, -10, 0, 10, 20])
    fit = fit_rotation(Clusters(yaw[:, None] * LEFT, yaw, np.ones(5, int), np.ones(5)), lines="one")
    assert fit.left is fit.right
    assert np.allclose(fit.left.slope, LEFT)
    two = np.array([-3.0, 3])
    with pytest.raises(ValueError, match="There are 2 clusters"):
        fit_rotation(Clusters(two[:, None] * LEFT, two, np.ones(2), np.ones(2)), lines="one")


def test_a_ridge_shortens_the_slope_by_the_share_it_adds():
    yaw = np.array([0.0, 10, 20, 30])
    line = fit_line(yaw[:, None] * RIGHT, yaw, ridge=yaw.var())
    assert np.allclose(line.slope, RIGHT / 2)
    assert np.allclose(line.origin, yaw.mean() * RIGHT / 2)
