"""The lighting vector: mirrors in closed form, blind to exposure, sees the lit side."""

import numpy as np
import pytest

from labeling.learning import features


def noise_faces(n=8, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (n, 64, 64, 3), dtype=np.uint8)


def lit_faces(strength):
    """Grey faces that brighten towards the viewer's right by `strength` (n,) across the crop."""
    ramp = np.linspace(-1, 1, 64)[None, None, :] * np.asarray(strength)[:, None, None]
    grey = np.broadcast_to(110 + 80 * ramp, (len(strength), 64, 64))
    return np.repeat(grey[..., None], 3, axis=3).astype(np.uint8)


def test_mirroring_the_face_is_mirroring_its_vector():
    crops, yaw = noise_faces(), np.linspace(-60, 60, 8)
    flipped = np.ascontiguousarray(crops[:, :, ::-1])
    there = features.extract(flipped, yaw=-yaw)
    np.testing.assert_allclose(there, features.mirror(features.extract(crops, yaw=yaw)), atol=1e-4)


def test_mirroring_twice_is_nothing():
    vectors = features.extract(noise_faces())
    np.testing.assert_array_equal(features.mirror(features.mirror(vectors)), vectors)


def test_a_symmetric_face_has_no_odd_numbers():
    half = noise_faces()[:, :, :32]
    whole = np.concatenate([half, half[:, :, ::-1]], axis=2)
    odd = features.extract(whole)[:, features.mirror_signs() < 0]
    assert np.abs(odd).max() < 1e-4
    assert np.abs(features.extract(noise_faces())[:, features.mirror_signs() < 0]).max() > 0.1


def test_the_side_contrast_grows_with_light_from_the_viewers_right():
    contrast = features.side_contrast(features.extract(lit_faces([-0.8, -0.3, 0, 0.3, 0.8])))
    assert (np.diff(contrast) > 0.1).all()
    assert contrast[2] == pytest.approx(0, abs=1e-5)


def test_a_light_behind_the_face_does_not_count():
    crops = lit_faces([0.0])
    crops[:, :, -12:] = 255
    assert features.side_contrast(features.extract(crops))[0] == pytest.approx(0, abs=1e-5)


def test_an_unknown_yaw_is_taken_as_frontal():
    crops = noise_faces(2)
    with_nan = features.extract(crops, yaw=np.array([np.nan, 0.0]))
    np.testing.assert_array_equal(with_nan, features.extract(crops))


def test_vectors_are_finite_for_black_and_white():
    crops = np.stack([np.zeros((64, 64, 3), np.uint8), np.full((64, 64, 3), 255, np.uint8)])
    assert np.isfinite(features.extract(crops)).all()
    assert features.extract(crops).shape == (2, len(features.mirror_signs()))


def test_other_shapes_and_types_are_refused():
    with pytest.raises(ValueError, match=r"float64 \(1, 64, 64, 3\), expected uint8"):
        features.extract(np.zeros((1, 64, 64, 3)))
    with pytest.raises(ValueError, match=r"uint8 \(1, 32, 32, 3\), expected uint8"):
        features.extract(np.zeros((1, 32, 32, 3), np.uint8))
    with pytest.raises(ValueError, match=r"yaw has shape \(3,\), expected \(1,\)"):
        features.extract(noise_faces(1), yaw=np.zeros(3))


def test_landmarks_say_where_the_face_is():
    """A face drawn 6 pixels off, and landmarks that say so, read as the face in its place."""
    rng = np.random.default_rng(3)
    smooth = np.kron(rng.integers(60, 200, (1, 16, 16, 3)), np.ones((1, 4, 4, 1))).astype(np.uint8)
    points = np.array([[[69, 111], [108, 111], [88, 134], [72, 152], [105, 152]]], dtype=float)
    there = features.extract(smooth, landmarks=points)
    moved = np.roll(smooth, 3, axis=2)
    found = features.extract(moved, landmarks=points + np.array([6, 0]))
    missed = features.extract(moved, landmarks=points)
    assert np.abs(found - there).max() < 0.02
    assert np.abs(missed - there).max() > 0.2


def test_landmarks_that_make_no_face_are_not_believed():
    crops = noise_faces(2)
    nonsense = np.zeros((2, 5, 2))
    np.testing.assert_array_equal(
        features.extract(crops, landmarks=nonsense), features.extract(crops)
    )


def test_a_brighter_print_of_a_picture_reads_the_same():
    crops = lit_faces([0.4])
    darker = (crops * 0.8).astype(np.uint8)
    contrast = features.side_contrast(features.extract(np.concatenate([crops, darker])))
    assert contrast[0] == pytest.approx(contrast[1], abs=0.03)
