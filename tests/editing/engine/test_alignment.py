"""A region drawn on one face comes to lie on the same part of another."""

import numpy as np
import pytest

from editing.engine.alignment import affine, between, carried, moved, similarity
from editing.engine.proposals import proposed
from editing.engine.regions import as_rows, masks_of, rasterise, to_unit

FRONTAL = [69, 111, 108, 111, 88, 135, 73, 152, 105, 152]
TURNED = [80, 108, 110, 112, 107, 136, 82, 150, 105, 154]
PROFILE = [100, 111, 103, 111, 101, 135, 100, 152, 102, 152]


def test_planted_maps_are_found_again():
    points = np.random.default_rng(1).random((5, 2))
    angle, scale, shift = 0.3, 1.7, np.array([0.2, -0.4])
    turn = scale * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    found = similarity(points, points @ turn.T + shift)
    assert found == pytest.approx(np.concatenate([turn, shift[:, None]], axis=1))
    shear = np.array([[0.6, 0.2], [-0.1, 1.1]])
    found = affine(points, points @ shear.T + shift)
    assert found == pytest.approx(np.concatenate([shear, shift[:, None]], axis=1))


def test_a_similarity_never_mirrors():
    points = np.random.default_rng(2).random((5, 2))
    assert np.linalg.det(similarity(points, points * [-1, 1])[:, :2]) > 0


def test_a_part_of_one_face_comes_to_lie_on_that_part_of_another():
    there = masks_of(proposed(TURNED), 64, 64)
    for region in proposed(FRONTAL):
        if region["name"] in ("eyes", "brows", "nose", "mouth"):
            here = rasterise(carried(region["shapes"], FRONTAL, TURNED), 64, 64)
            both = here & there[region["name"]]
            overlap = both.sum() / (here | there[region["name"]]).sum()
            assert overlap > 0.5, region["name"]


@pytest.mark.parametrize("kind", ["rectangle", "polygon", "brush", "mask"])
def test_every_kind_of_shape_can_be_carried(kind):
    box = np.zeros((64, 64), bool)
    box[20:30, 20:40] = True
    shape = {
        "rectangle": {"box": [20 / 64, 20 / 64, 40 / 64, 30 / 64]},
        "polygon": {"points": [[20 / 64, 20 / 64], [40 / 64, 20 / 64], [30 / 64, 30 / 64]]},
        "brush": {"width": 0.1, "points": [[0.35, 0.4], [0.6, 0.4]]},
        "mask": {"rows": as_rows(box)},
    }[kind]
    shapes = [{"kind": kind, **shape}]
    before = rasterise(shapes, 64, 64)
    shift = np.array([[1, 0, 8 / 64], [0, 1, -4 / 64]])
    after = rasterise([moved(shape, shift) for shape in shapes], 64, 64)
    assert np.mean(after != np.roll(before, (-4, 8), axis=(0, 1))) < 0.003
    back = carried(carried(shapes, FRONTAL, TURNED), TURNED, FRONTAL)
    same = rasterise(back, 64, 64)
    assert (same & before).sum() / (same | before).sum() > 0.7


def test_what_leaves_the_picture_is_cut_off_and_nothing_left_is_refused():
    box = {"kind": "rectangle", "box": [0.6, 0, 1, 1]}
    cut = moved(box, np.array([[1, 0, 0.2], [0, 1, 0]]))
    assert np.array(cut["points"]).max() == 1
    for shape in (box, {"kind": "brush", "width": 0.1, "points": [[0.9, 0.5]]},
                  {"kind": "mask", "rows": ["01"] * 2}):  # fmt: skip
        assert moved(shape, np.array([[1, 0, 2.0], [0, 1, 0]])) is None
    far_left = [30, *FRONTAL[1:2], 40, 111, 35, 135, 30, 152, 40, 152]
    corner = {"kind": "rectangle", "box": [0, 0, 0.05, 0.05]}
    with pytest.raises(ValueError, match="outside the other face"):
        carried([corner], FRONTAL, far_left)


def test_of_a_profile_only_a_similarity_is_taken():
    linear = between(to_unit(FRONTAL), to_unit(PROFILE))[:, :2]
    assert linear[0, 0] == pytest.approx(linear[1, 1])
    sheared = between(to_unit(FRONTAL), to_unit(TURNED))[:, :2]
    assert abs(sheared[0, 0] - sheared[1, 1]) > 0.1


def test_points_that_say_nothing_are_refused():
    line = np.array([[0.0, 0], [1, 1], [2, 2]])
    with pytest.raises(ValueError, match="on one line"):
        affine(line, line)
    with pytest.raises(ValueError, match="one point"):
        similarity(np.zeros((3, 2)), line)
