from itertools import pairwise

import numpy as np
import pytest

from editing.engine.clusters import ClusterSums, mirrored


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
