"""Shapes become masks of the right pixels, and what can be no region is refused by a sentence."""

import numpy as np
import pytest

from editing.engine import regions
from editing.engine.regions import (
    as_rows,
    check_mask,
    check_shapes,
    feather,
    masks_of,
    mirror,
    rasterise,
    to_unit,
)

HALF = {"kind": "rectangle", "box": [0, 0, 0.5, 1]}
ROUND = [0.5 + 0.25 * np.exp(2j * np.pi * turn / 64) for turn in range(64)]
DISC = {
    "kind": "polygon",
    "points": [[round(z.real, 5), round(z.imag + 0.5, 5)] for z in ROUND],
}


def test_a_rectangle_covers_exactly_its_pixels():
    mask = rasterise([{"kind": "rectangle", "box": [0.25, 0.5, 0.75, 1]}], 8, 16)
    expected = np.zeros((8, 16), bool)
    expected[4:, 4:12] = True
    assert np.array_equal(mask, expected)


@pytest.mark.parametrize("size", [16, 64, 128])
def test_a_round_polygon_and_a_brush_s_dot_cover_a_disc_s_area(size):
    dot = {"kind": "brush", "width": 0.5, "points": [[0.5, 0.5]]}
    for shape in (DISC, dot):
        assert rasterise([shape], size, size).mean() == pytest.approx(np.pi / 16, rel=0.05)


def test_a_thin_brush_follows_its_line():
    stroke = {"kind": "brush", "width": 0.1, "points": [[0.1, 0.5], [0.9, 0.5]]}
    mask = rasterise([stroke], 40, 40)
    assert mask[18:22, 4:36].all()
    assert mask.sum() == pytest.approx(4 * 32 + np.pi * 4, abs=8)


def test_shapes_add_up_and_a_mask_of_pixels_stays_as_it_is():
    drawn = np.random.default_rng(3).random((12, 12)) < 0.3
    both = rasterise([{"kind": "mask", "rows": as_rows(drawn)}, HALF], 12, 12)
    assert np.array_equal(both[:, 6:], drawn[:, 6:])
    assert both[:, :6].all()


STROKE = {"kind": "brush", "width": 0.2, "points": [[0.3, 0.7]]}
PIXELS = {"kind": "mask", "rows": ["0111" * 6] * 24}


@pytest.mark.parametrize("shape", [HALF, DISC, STROKE, PIXELS])
def test_the_mirrored_shape_covers_the_mirrored_pixels(shape):
    mask = rasterise([shape], 24, 24)
    assert mirror(mirror([shape])) == [shape]
    # A slanted edge may take or leave a pixel that it cuts in half.
    assert np.sum(rasterise(mirror([shape]), 24, 24) != mask[:, ::-1]) <= 8


def test_a_feathered_edge_falls_off_evenly_and_keeps_what_is_deep_inside():
    mask = rasterise([HALF], 32, 32)
    soft = feather(mask, 2)
    assert np.array_equal(feather(mask, 0), mask)
    assert soft[16, 15] + soft[16, 16] == pytest.approx(1, abs=1e-6)
    assert (np.diff(soft[16]) <= 0).all()
    assert soft[:, :8].min() == pytest.approx(1, abs=1e-6), "a region at the edge is whole there"
    assert soft[:, 24:].max() == pytest.approx(0, abs=1e-6)
    assert (soft.dtype, soft.shape) == (np.float32, (32, 32))


def test_the_rest_of_the_face_is_a_region_too():
    masks = masks_of(
        [{"name": "left", "shapes": [HALF]}, {"name": "disc", "shapes": [DISC]}], 16, 16
    )
    assert list(masks) == ["left", "disc", "rest"]
    assert np.array_equal(masks["rest"], ~(masks["left"] | masks["disc"]))
    right = {"name": "right", "shapes": mirror([HALF])}
    assert "rest" not in masks_of([{"name": "left", "shapes": [HALF]}, right], 16, 16)


@pytest.mark.parametrize(
    ("shapes", "said"),
    [
        ([], "shapes is empty"),
        ("eyes", "shapes is empty"),
        ([HALF] * 41, "41 shapes; expected at most 40"),
        ([{"kind": "circle"}], "kind is 'circle'"),
        ([{"kind": ["circle"]}], "kind is"),
        (["eyes"], "kind is None"),
        ([{"kind": "rectangle"}], "expected kind and box"),
        ([{**HALF, "colour": 1}], "expected kind and box"),
        ([{"kind": "rectangle", "box": [0, 0, 1]}], "four numbers"),
        ([{"kind": "rectangle", "box": [0.5, 0, 0.5, 1]}], "left < right"),
        ([{"kind": "rectangle", "box": [0, 0, 1.4, 1]}], "1.4, outside the picture"),
        ([{"kind": "rectangle", "box": [0, 0, float("nan"), 1]}], "a finite number"),
        ([{"kind": "rectangle", "box": [0, 0, True, 1]}], "a finite number"),
        ([{"kind": "rectangle", "box": [0, 0, "1", 1]}], "a finite number"),
        ([{"kind": "polygon", "points": [[0, 0], [1, 1]]}], "2 points; expected 3 to 600"),
        ([{"kind": "polygon", "points": [[0, 0]] * 601}], "601 points"),
        ([{"kind": "polygon", "points": [[0, 0], [1, 1], [1]]}], "expected x and y"),
        ([{"kind": "brush", "width": 0, "points": [[0, 0]]}], "more than 0"),
        ([{"kind": "brush", "width": 0.1, "points": []}], "0 points; expected 1"),
        ([{"kind": "mask", "rows": []}], "0 rows"),
        ([{"kind": "mask", "rows": ["01", "0"]}], "all of one length"),
        ([{"kind": "mask", "rows": ["02"]}], "texts of 0 and 1"),
        ([{"kind": "mask", "rows": [""]}], "texts of 0 and 1"),
    ],
)  # fmt: skip
def test_what_is_no_shape_is_told_in_a_sentence(shapes, said):
    with pytest.raises(ValueError, match=said.replace("(", r"\(")):
        check_shapes(shapes)


@pytest.mark.parametrize(
    ("shape", "said"),
    [
        ({"kind": "rectangle", "box": [0, 0, 0.01, 0.01]}, "covers no pixel of 16x16"),
        ({"kind": "rectangle", "box": [0, 0, 1, 1]}, "covers the whole face"),
        ({"kind": "mask", "rows": ["01"] * 2}, "is 2x2; expected 16x16"),
    ],
)
def test_an_empty_a_whole_and_a_wrongly_sized_mask_are_refused(shape, said):
    with pytest.raises(ValueError, match=said):
        masks_of([{"name": "eyes", "shapes": [shape]}], 16, 16)


def test_a_mask_of_another_size_and_a_name_used_twice_are_refused():
    with pytest.raises(ValueError, match="'eyes' is 4x8; expected 16x16"):
        check_mask(np.ones((8, 4), bool), "eyes", height=16, width=16)
    for name in ("a", "rest"):
        with pytest.raises(ValueError, match=f"named '{name}'"):
            masks_of([{"name": "a", "shapes": [HALF]}, {"name": name, "shapes": [HALF]}], 8, 8)


def test_landmarks_lie_in_the_crop_and_others_are_refused():
    corners = [25, 45, 153, 45, 89, 109, 25, 173, 153, 173]
    assert to_unit(corners).tolist() == [[0, 0], [1, 0], [0.5, 0.5], [0, 1], [1, 1]]
    with pytest.raises(ValueError, match="8 landmark numbers"):
        to_unit(corners[:8])
    with pytest.raises(ValueError, match="outside the picture"):
        to_unit([*corners[:8], 300, 10])


def test_a_finger_just_beyond_the_edge_is_taken_at_the_edge():
    (shape,) = check_shapes([{"kind": "rectangle", "box": [-regions.SLACK, 0, 0.5, 1]}])
    assert shape["box"] == [0, 0, 0.5, 1]
