"""Faces to learn by: what is said of their light can be seen in them, and comes out the same."""

import json
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from lightstage import teaching
from lightstage.__main__ import main
from lightstage.camera import camera_for

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def written(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("teach")
    names = ["--examples", "examples", "--quiz", "quiz", "--truths", "truths.json"]
    paths = [name if name.startswith("--") else str(folder / name) for name in names]
    assert main(["teach", *paths]) == 0
    return folder


def left_over_right(lesson: teaching.Lesson) -> float:
    """Log of how much brighter the left of the face is: outer cheeks or the nose's two sides.

    Whichever tells more: on a head turned to the light both cheeks are bright.
    """
    linear = (lesson.picture / 255.0) ** 2.2 @ np.array([0.2126, 0.7152, 0.0722])
    camera = camera_for(lesson.person, lesson.shot)

    def ratio(xs: tuple[int, ...], z: int) -> float:
        bright = []
        for sign in (-1, 1):
            places = [
                (sign * x, y * lesson.person.face_length, z) for x in xs for y in (28, 35, 42)
            ]
            columns, rows = camera.project(np.array(places, float)).round().astype(int).T
            bright.append(np.median(linear[rows.clip(0, 217), columns.clip(0, 177)]))
        return float(np.log(bright[0] / bright[1]))

    return max(ratio((30, 34, 38), -8), ratio((16, 19), 6), key=abs)


def test_every_lit_face_shows_its_side_on_the_cheeks_or_beside_the_nose():
    for lesson in [*teaching.quiz(12), *teaching.examples(12)]:
        seen = left_over_right(lesson)
        told = (lesson.kind, lesson.truth, lesson.shot.yaw_degrees, seen)
        if lesson.truth == "left":
            assert seen > 0.8, told
        elif lesson.truth == "right":
            assert seen < -0.8, told
        elif lesson.truth == "center":
            assert abs(seen) < 0.3, told


def test_each_side_is_taught_by_its_mirror_s_angles():
    angles = {
        side: {
            (lesson.kind, abs(lesson.shot.yaw_degrees), abs(lesson.shot.azimuth_degrees))
            for lesson in teaching.examples(3)
            if lesson.truth == side
        }
        for side in ("left", "right")
    }
    assert angles["left"] == angles["right"]
    assert len(angles["left"]) == 4


def test_nobody_of_the_guide_is_asked_about_in_the_quiz(monkeypatch):
    seen: list[int] = []

    def note(person, shot):
        seen.append(person.identity)
        return np.zeros((218, 178, 3), np.uint8)

    monkeypatch.setattr(teaching, "render", note)
    list(teaching.examples(1))
    guide = set(seen)
    seen.clear()
    list(teaching.quiz(1))
    assert not guide & set(seen)
    assert len(set(seen)) == 36


def test_the_command_writes_what_it_says_it_knows(written):
    truths = json.loads((written / "truths.json").read_text())
    assert Counter(row["truth"] for row in truths) == {
        "left": 11, "center": 11, "right": 11, "unsure": 3,
    }  # fmt: skip
    names = {path.stem for path in (written / "quiz").iterdir()}
    assert names == {row["name"] for row in truths}
    picture = Image.open(written / "quiz" / f"{truths[0]['name']}.webp")
    assert (picture.format, picture.size) == ("WEBP", (178, 218))
    assert len(list((written / "examples").glob("*-*.webp"))) == 16


def test_the_shipped_faces_and_truths_are_the_command_s(written):
    """By angles and looks, not by bytes: another encoder may pack a picture otherwise."""

    def faces(truths: Path, folder: Path) -> list[tuple[list[object], np.ndarray]]:
        rows = json.loads(truths.read_text())
        known = [([v for k, v in sorted(row.items()) if k != "name"], row["name"]) for row in rows]
        return [
            (what, np.asarray(Image.open(folder / f"{name}.webp").convert("RGB"), float))
            for what, name in sorted(known, key=lambda face: str(face[0]))
        ]

    shipped = faces(ROOT / "labeling" / "quiz_faces.json", ROOT / "static" / "label" / "quiz")
    made = faces(written / "truths.json", written / "quiz")
    for (shipped_truth, shipped_picture), (truth, picture) in zip(shipped, made, strict=True):
        assert shipped_truth == truth
        assert np.abs(shipped_picture - picture).mean() < 4, truth


def test_the_shipped_examples_are_the_command_s(written):
    shipped = ROOT / "static" / "label" / "examples"
    made = {path.name: path for path in (written / "examples").iterdir()}
    assert {path.name for path in shipped.iterdir()} == set(made)
    for name, path in made.items():
        two = [np.asarray(Image.open(one).convert("RGB"), float) for one in (shipped / name, path)]
        assert np.abs(two[0] - two[1]).mean() < 4, name
