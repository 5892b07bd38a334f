"""The parts of a face are found where rendered faces have them."""

import numpy as np
import pytest

from editing.engine.proposals import NAMES, proposed
from editing.engine.regions import masks_of

FRONTAL = [69, 111, 108, 111, 88, 135, 73, 152, 105, 152]  # CelebA's mean face


def test_every_part_lies_where_it_belongs_on_the_mean_face():
    found = proposed(FRONTAL)
    assert [region["name"] for region in found] == list(NAMES)
    masks = masks_of(found, 64, 64, rest="cheeks")
    middles = {name: np.argwhere(mask).mean(axis=0) / 64 for name, mask in masks.items()}
    down = [middles[name][0] for name in ("hair", "brows", "eyes", "nose", "mouth", "chin")]
    assert down == sorted(down)
    assert middles["eyes"] == pytest.approx([0.516, 0.496], abs=0.02)
    assert middles["mouth"] == pytest.approx([0.85, 0.5], abs=0.02)
    for one, other in (("eyes", "mouth"), ("eyes", "brows"), ("hair", "eyes")):
        assert not (masks[one] & masks[other]).any(), (one, other)
    along_the_edge = (masks["hair"] & masks["background"]).sum()
    assert along_the_edge < 0.1 * masks["hair"].sum()
    assert not masks["background"][20:60, 20:44].any(), "the face is no background"
    assert masks["background"][0, 0] & masks["background"][-1, -1]


def test_a_part_s_mirror_is_the_mirrored_face_s_part():
    mirrored = FRONTAL.copy()
    # The picture is 178 wide, and left changes places with right.
    for to, at in ((0, 2), (2, 0), (4, 4), (6, 8), (8, 6)):
        mirrored[to], mirrored[to + 1] = 178 - FRONTAL[at], FRONTAL[at + 1]
    here, there = (masks_of(proposed(marks), 64, 64) for marks in (FRONTAL, mirrored))
    for name in NAMES:
        different = np.mean(here[name] != there[name][:, ::-1])
        assert different < 0.01, name


def test_of_a_turned_head_the_hair_lies_away_from_the_nose():
    turned = [75, 111, 105, 111, 110, 135, 80, 152, 104, 152]
    column = {
        name: np.argwhere(masks_of([region], 64, 64)[name]).mean(axis=0)[1]
        for marks in (FRONTAL, turned)
        for region in proposed(marks)
        if (name := region["name"]) == "hair"
    }
    assert column["hair"] < 30


def test_landmarks_on_one_line_are_refused():
    with pytest.raises(ValueError, match="lie on one line"):
        proposed([60, 100, 80, 100, 90, 100, 100, 100, 110, 100])
