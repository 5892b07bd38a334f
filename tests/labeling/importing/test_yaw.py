"""Yaw from five landmarks: exact on the model's own head, signed for the viewer."""

import numpy as np
import pytest

from labeling.importing.yaw import HEAD, yaw_from_landmarks
from lightstage.camera import turned

MIRRORED_ORDER = [1, 0, 2, 4, 3]


def seen(yaw, *, nod=0.0, roll=0.0, scale=0.6, noise=0.0, seed=0):
    """The five landmarks (1, 5, 2) of the model's head in an aligned image."""
    angle = np.radians(roll)
    rolled = np.array(
        [[np.cos(angle), -np.sin(angle), 0], [np.sin(angle), np.cos(angle), 0], [0, 0, 1]]
    )
    points = (HEAD @ (rolled @ turned(yaw, nod)).T)[:, :2] * scale + (88.5, 111)
    return points[None] + np.random.default_rng(seed).normal(0, noise, (1, 5, 2))


@pytest.mark.parametrize("yaw", [-60, -30, -5, 0, 12, 45])
@pytest.mark.parametrize(("nod", "roll", "scale"), [(0, 0, 0.6), (10, 0, 1), (-8, 6, 0.3)])
def test_a_projected_head_reads_its_own_yaw(yaw, nod, roll, scale):
    read = yaw_from_landmarks(seen(yaw, nod=nod, roll=roll, scale=scale))
    assert read == pytest.approx([yaw], abs=1e-6)


def test_a_nose_on_the_viewers_right_is_positive():
    points = np.array([[[69, 111], [108, 111], [96, 135], [75, 152], [106, 152]]])
    assert yaw_from_landmarks(points)[0] > 10


def test_the_mirror_image_reads_the_opposite():
    points = np.concatenate([seen(yaw, nod=4, roll=3, noise=2, seed=yaw) for yaw in range(40)])
    mirrored = points[:, MIRRORED_ORDER].copy()
    mirrored[..., 0] = 177 - mirrored[..., 0]
    assert yaw_from_landmarks(mirrored) == pytest.approx(-yaw_from_landmarks(points), abs=1e-9)


def test_points_on_one_line_have_no_yaw():
    line = np.array([[[69, 111], [108, 111], [88, 111], [75, 111], [100, 111]]])
    assert np.isnan(yaw_from_landmarks(np.concatenate([line, seen(20)]))).tolist() == [True, False]
    assert np.isnan(yaw_from_landmarks(np.full((1, 5, 2), 50))).all()


def test_another_shape_is_refused():
    with pytest.raises(ValueError, match=r"shape \(5, 2\), expected \(n, 5, 2\)"):
        yaw_from_landmarks(np.zeros((5, 2)))


def test_real_faces_look_both_ways_alike(shared_data):
    table = shared_data / "celeba_slice" / "list_landmarks_align_celeba.txt"
    rows = [line.split()[1:] for line in table.read_text().splitlines()[2:]]
    yaw = yaw_from_landmarks(np.array(rows, dtype=float).reshape(-1, 5, 2))
    assert len(yaw) == 8000
    assert abs(yaw.mean()) < 2.5
    assert 17 < yaw.std() < 21
    assert min((yaw < -30).sum(), (yaw > 30).sum()) > 400


def test_the_light_stages_landmarks_give_its_true_yaw():
    from lightstage.cast import role
    from lightstage.landmarks import landmarks
    from lightstage.people import draw_person, draw_shot

    roles = [role(5, index) for index in range(1, 401)]
    people = [draw_person(5, one.identity) for one in roles]
    shots = [draw_shot(5, one.identity, one.index) for one in roles]
    points = np.stack([landmarks(p, s) for p, s in zip(people, shots, strict=True)])
    truth = np.array([shot.yaw_degrees for shot in shots])
    error = yaw_from_landmarks(points) - truth
    assert abs(error.mean()) < 0.5
    assert np.abs(error).mean() < 3
    assert 0.95 < np.polyfit(truth, truth + error, 1)[0] < 1.1
