"""The faces are what their parameters say: light, sides, landmarks, sameness."""

import dataclasses

import numpy as np
import pytest

from lightstage.camera import LEFT_EYE, RIGHT_EYE
from lightstage.landmarks import landmarks
from lightstage.light import CENTER_DEGREES, light_direction, side
from lightstage.people import draw_person, draw_shot
from lightstage.render import render

SEED = 11
# pupils, nose, mouth corners in mm: the model of the yaw estimate by weak-perspective least squares
MODEL = np.array(
    [[-31.5, 0, 0], [31.5, 0, 0], [0, 38, 35], [-25, 68, 12], [25, 68, 12]], dtype=float
)


def plain_shot(identity=1, **changes):
    """A frontal, hard-lit shot without jitter; `changes` say what the test is about."""
    still = {
        "yaw_degrees": 0.0,
        "pitch_degrees": 0.0,
        "roll_degrees": 0.0,
        "elevation_degrees": 20.0,
        "softness": 0.1,
        "has_glasses": False,
        "background": "plain",
        "jitter_x": 0.0,
        "jitter_y": 0.0,
        "jitter_scale": 1.0,
        "body_yaw_degrees": 0.0,
    }
    return dataclasses.replace(draw_shot(SEED, identity, 0), **{**still, **changes})


def yaw_from_landmarks(points):
    model = MODEL - MODEL.mean(axis=0)
    affine = (points - points.mean(axis=0)).T @ np.linalg.pinv(model).T
    left, _, right = np.linalg.svd(affine, full_matrices=False)
    rows = left @ right
    return np.degrees(np.arctan2(rows[0, 2], np.cross(rows[0], rows[1])[2]))


def cheek_brightness(picture):
    """Mean brightness of the cheeks on the viewer's left and right of a frontal face."""
    gray = picture.astype(float).mean(axis=2)
    return gray[125:145, 58:76].mean(), gray[125:145, 101:119].mean()


def test_a_face_is_the_same_however_often_and_in_whatever_order_it_is_made():
    first = render(draw_person(SEED, 3), draw_shot(SEED, 3, 5))
    draw_person.cache_clear()
    draw_shot.cache_clear()
    draw_shot(SEED, 4, 0)
    again = render(draw_person(SEED, 3), draw_shot(SEED, 3, 5))
    assert first.shape == (218, 178, 3)
    assert first.dtype == np.uint8
    assert np.array_equal(first, again)
    assert not np.array_equal(first, render(draw_person(SEED, 4), draw_shot(SEED, 4, 5)))


def test_the_five_landmarks_tell_the_true_yaw_and_its_sign():
    true, read = [], []
    for identity in range(1, 201):
        shot = draw_shot(SEED, identity, 0)
        true.append(shot.yaw_degrees)
        read.append(yaw_from_landmarks(landmarks(draw_person(SEED, identity), shot)))
    true, read = np.array(true), np.array(read)
    assert np.abs(true - read).mean() < 4.0
    assert abs((read - true).mean()) < 1.0
    turned = np.abs(true) > 10
    assert np.array_equal(np.sign(true[turned]), np.sign(read[turned]))


@pytest.mark.parametrize("yaw", [-40.0, 0.0, 35.0])
def test_the_eyes_lie_where_the_alignment_of_celeba_puts_them(yaw):
    points = landmarks(draw_person(SEED, 2), plain_shot(2, yaw_degrees=yaw))
    assert np.allclose(points[0], LEFT_EYE, atol=0.01)
    assert np.allclose(points[1], RIGHT_EYE, atol=0.01)


@pytest.mark.parametrize("identity", [1, 2, 5, 8])
def test_the_cheek_towards_the_light_is_the_brighter_one(identity):
    person = draw_person(SEED, identity)
    left, right = cheek_brightness(render(person, plain_shot(identity, azimuth_degrees=-50.0)))
    assert left > 1.2 * right
    left, right = cheek_brightness(render(person, plain_shot(identity, azimuth_degrees=50.0)))
    assert right > 1.2 * left


def test_a_mirrored_pose_under_a_mirrored_light_is_about_the_mirrored_picture():
    person = dataclasses.replace(draw_person(SEED, 2), hair_part=0.0)
    one = render(person, plain_shot(2, yaw_degrees=20.0, azimuth_degrees=40.0)).astype(float)
    other = render(person, plain_shot(2, yaw_degrees=-20.0, azimuth_degrees=-40.0)).astype(float)
    face = np.s_[80:170, 50:127]
    mirrored = other[:, ::-1]
    unmirrored_error = np.abs(one[face] - other[face]).mean()
    assert np.abs(one[face] - mirrored[face]).mean() < 0.35 * unmirrored_error


def test_turning_the_head_leaves_light_and_scenery_where_they_were():
    shot = plain_shot(2, azimuth_degrees=-60.0)
    turned = dataclasses.replace(shot, yaw_degrees=30.0)
    person = draw_person(SEED, 2)
    before, after = render(person, shot), render(person, turned)
    corner = np.s_[:12, :12]
    assert np.array_equal(before[corner], after[corner])
    left, right = cheek_brightness(after)
    assert left > right


def test_sides_are_the_viewers_and_the_border_is_center():
    assert side(CENTER_DEGREES, 10) == side(-CENTER_DEGREES, 10) == "center"
    assert side(CENTER_DEGREES + 0.1, 10) == "right"
    assert side(-CENTER_DEGREES - 0.1, 10) == "left"
    x, y, z = light_direction(30, 40)
    assert x > 0
    assert y < 0
    assert z > 0
    with pytest.raises(ValueError, match="120"):
        side(0, 120)


def test_lights_and_yaws_are_spread_as_promised():
    shots = [draw_shot(SEED, identity, 0) for identity in range(1, 3001)]
    sides = [side(shot.azimuth_degrees, shot.elevation_degrees) for shot in shots]
    yaw = np.array([shot.yaw_degrees for shot in shots])
    for name in ("left", "center", "right"):
        assert 0.29 < sides.count(name) / len(sides) < 0.38
    assert (yaw > 30).mean() > 0.03
    assert (yaw < -30).mean() > 0.03
    assert np.abs(yaw).max() <= 50
    assert np.median(np.abs(yaw)) < 15
