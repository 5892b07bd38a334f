from itertools import pairwise

import numpy as np
import pytest

from editing.engine.clusters import ClusterSums, bins_of, equal_counts, mirrored


def test_chunks_give_the_same_centroids_as_all_faces_at_once():
    draw = np.random.default_rng(0)
    latents, yaw = draw.normal(size=(500, 6)), draw.uniform(-40, 40, 500)
    weights = draw.uniform(0.1, 2, 500)
    edges = [-30, -10, 10, 30]
    sums = ClusterSums(edges, 6)
    for start in range(0, 500, 77):
        part = slice(start, start + 77)
        sums.add(latents[part].astype(np.float32), yaw[part], weights[part])
    found = sums.centroids()
    for b, (low, high) in enumerate(pairwise(edges)):
        rows = (yaw >= low) & (yaw < high)
        expected = np.average(latents[rows], axis=0, weights=weights[rows])
        assert np.allclose(found.mean[b], expected, atol=1e-6)
        assert found.yaw[b] == pytest.approx(np.average(yaw[rows], weights=weights[rows]))
        assert found.count[b] == rows.sum()
    assert sums.n_outside == ((yaw < -30) | (yaw >= 30)).sum()


def test_a_face_on_the_last_edge_counts_and_empty_bins_are_left_out():
    sums = ClusterSums([-20, -10, 0, 10], 2)
    sums.add(np.ones((2, 2)), np.array([10.0, -20.0]))
    found = sums.centroids()
    assert found.yaw.tolist() == [-20.0, 10.0]
    assert found.count.tolist() == [1, 1]


def test_a_face_of_no_weight_is_not_in_a_cluster():
    sums = ClusterSums([-10, 10], 1)
    sums.add(np.array([[1.0], [5.0]]), np.array([0.0, 3.0]), np.array([1.0, 0.0]))
    assert sums.centroids().mean.tolist() == [[1.0]]
    assert sums.n_outside == 1


def test_mirrored_latents_are_the_flipped_pictures():
    pictures = np.arange(2 * 3 * 4 * 5, dtype=np.float32).reshape(2, 3, 4, 5)
    found = mirrored(pictures.reshape(2, -1), 3, 4, 5).reshape(2, 3, 4, 5)
    assert (found == pictures[..., ::-1]).all()


@pytest.mark.parametrize("edges", [[0], [0, 0], [10, -10]])
def test_edges_that_do_not_rise_are_refused(edges):
    with pytest.raises(ValueError, match="must rise"):
        ClusterSums(edges, 3)


def test_misfitting_chunks_and_bad_numbers_are_refused():
    sums = ClusterSums([-10, 10], 3)
    with pytest.raises(ValueError, match=r"\(2, 4\)"):
        sums.add(np.zeros((2, 4)), np.zeros(2))
    with pytest.raises(ValueError, match="finite"):
        sums.add(np.zeros((2, 3)), np.array([0, np.nan]))


def test_halves_are_summed_to_a_millionth_of_what_float64_gives():
    draw = np.random.default_rng(3)
    latents = draw.normal(size=(3000, 40)).astype(np.float16)
    latents[0, :3] = [6e-8, -3e-5, 65504]  # the smallest half, a subnormal one, the largest
    yaw, weights = draw.uniform(-30, 30, 3000), draw.uniform(0, 1, 3000)
    edges = [-30, -10, 10, 30]
    sums = ClusterSums(edges, 40)
    for at in range(0, 3000, 64):
        part = slice(at, at + 64)
        sums.add(latents[part], yaw[part], weights[part])
    found = sums.centroids()
    bins = bins_of(yaw, edges)
    for b in range(3):
        x, w = latents[bins == b].astype(np.float64), weights[bins == b]
        exact = np.average(x, axis=0, weights=w)
        assert np.linalg.norm(found.mean[b] - exact) < 1e-6 * np.linalg.norm(exact)
        trace = np.average(((x - exact) ** 2).sum(axis=1), weights=w)
        assert found.trace[b] == pytest.approx(trace, rel=1e-5)


def test_only_the_rows_asked_for_are_read():
    latents = np.full((6, 3), np.nan, np.float16)
    latents[[1, 4]] = [[1, 2, 3], [3, 4, 5]]
    sums = ClusterSums([-10, 10], 3)
    sums.add(latents, np.array([0.0, 5.0]), rows=np.array([1, 4]))
    assert sums.centroids().mean.tolist() == [[2, 3, 4]]


def test_mirrored_faces_count_as_their_mirror_images():
    draw = np.random.default_rng(4)
    latents = draw.normal(size=(50, 2 * 3 * 4)).astype(np.float16)
    yaw, flips = draw.uniform(-30, 30, 50), draw.random(50) < 0.5
    whole = ClusterSums([-30, 0, 30], 24, (2, 3, 4))
    whole.add(latents, yaw, is_mirrored=flips)
    by_hand = ClusterSums([-30, 0, 30], 24)
    by_hand.add(np.where(flips[:, None], mirrored(latents, 2, 3, 4), latents), yaw)
    assert np.allclose(whole.centroids().mean, by_hand.centroids().mean)
    assert np.allclose(whole.centroids().trace, by_hand.centroids().trace)
    with pytest.raises(ValueError, match="shape of a latent is not known"):
        by_hand.add(latents, yaw, is_mirrored=flips)


def test_bins_of_equal_count_hold_as_many_each():
    yaw = np.random.default_rng(5).normal(0, 15, 7001)
    edges = equal_counts(yaw, [-45, -30, -20, -10, 10, 20, 30, 45])
    assert (edges[0], edges[-1], len(edges)) == (-45, 45, 8)
    counts = np.bincount(bins_of(yaw[np.abs(yaw) <= 45], edges))
    assert counts.max() - counts.min() < 10
    with pytest.raises(ValueError, match="2 different yaws lie within"):
        equal_counts(np.array([0.0, 1.0, 0.0]), [-45, -10, 10, 45])
