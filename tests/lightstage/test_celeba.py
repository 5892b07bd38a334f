"""The folder: CelebA's tables, growth, continuation, refusals."""

import dataclasses
import io
import json
import os

import numpy as np
import pytest
from PIL import Image

from lightstage.__main__ import main
from lightstage.attributes import ATTRIBUTE_NAMES
from lightstage.cast import role
from lightstage.celeba import write_dataset
from lightstage.landmarks import landmarks
from lightstage.light import side
from lightstage.people import draw_person, draw_shot
from lightstage.render import render
from lightstage.truth import read_truth

SEED = 5


@pytest.fixture(scope="module")
def faces(tmp_path_factory):
    """A data set of 20 faces."""
    folder = tmp_path_factory.mktemp("stage") / "faces"
    write_dataset(folder, 20, SEED, faces_per_identity=4, processes=1)
    return folder


def images(folder):
    return {path.name: path.read_bytes() for path in (folder / "img_align_celeba").iterdir()}


def rows(path):
    content = path.read_bytes()
    assert content.endswith(b"\r\n")
    assert content.count(b"\n") == content.count(b"\r\n")
    return content.decode("ascii").split("\r\n")[:-1]


def test_the_tables_parse_and_list_exactly_the_images(faces):
    files = sorted(images(faces))
    assert files == [f"{i:06d}.jpg" for i in range(1, 21)]
    count, header, *attributes = rows(faces / "list_attr_celeba.txt")
    assert count == "20"
    assert header.split() == list(ATTRIBUTE_NAMES)
    assert len(ATTRIBUTE_NAMES) == 40
    assert [row.split()[0] for row in attributes] == files
    assert all(set(row.split()[1:]) <= {"1", "-1"} and len(row.split()) == 41 for row in attributes)
    count, header, *points = rows(faces / "list_landmarks_align_celeba.txt")
    assert count == "20"
    assert len(header.split()) == 10
    assert [row.split()[0] for row in points] == files
    for table in ("identity_CelebA.txt", "list_eval_partition.txt"):
        assert [row.split()[0] for row in rows(faces / table)] == files
    assert [truth.file for truth in read_truth(faces)] == files


def test_the_tables_say_what_the_faces_were_drawn_with(faces):
    names = dict(enumerate(ATTRIBUTE_NAMES, start=1))
    attribute_rows = rows(faces / "list_attr_celeba.txt")[2:]
    landmark_rows = rows(faces / "list_landmarks_align_celeba.txt")[2:]
    for truth, attribute_row, landmark_row in zip(
        read_truth(faces), attribute_rows, landmark_rows, strict=True
    ):
        person, shot = truth.person(), truth.shot()
        true = {names[i] for i, value in enumerate(attribute_row.split()) if value == "1"}
        assert ("Male" in true) == person.is_male
        assert ("Eyeglasses" in true) == shot.has_glasses
        assert ("Smiling" in true) == (shot.smile > 0.35)
        assert truth.side == side(shot.azimuth_degrees, shot.elevation_degrees)
        assert abs(truth.yaw_degrees - shot.yaw_degrees) < 1e-3
        pixels = np.array(landmark_row.split()[1:], dtype=int).reshape(5, 2)
        assert np.abs(pixels - landmarks(person, shot)).max() <= 0.5


def test_a_face_is_rendered_again_from_truth_alone_and_turned(faces):
    truth = read_truth(faces)[7]
    stored = np.asarray(Image.open(faces / "img_align_celeba" / truth.file)).astype(float)
    again = render(truth.person(), truth.shot()).astype(float)
    turned = dataclasses.replace(truth.shot(), yaw_degrees=truth.yaw_degrees + 25)
    assert np.abs(stored - again).mean() < 3.0
    assert np.abs(stored - render(truth.person(), turned)).mean() > 6.0


def test_growing_and_continuing_keep_every_byte_and_leave_no_parts(faces, tmp_path):
    folder = tmp_path / "faces"
    seen = []
    write_dataset(folder, 10, SEED, faces_per_identity=4, processes=1)
    (folder / "img_align_celeba" / "000003.jpg").unlink()
    damaged = folder / "img_align_celeba" / "000004.jpg"
    damaged.write_bytes(damaged.read_bytes()[:200])
    write_dataset(
        folder, 20, SEED, faces_per_identity=4, processes=1, progress=lambda *at: seen.append(at)
    )
    assert images(folder) == images(faces)
    assert (folder / "truth.csv").read_bytes() == (faces / "truth.csv").read_bytes()
    assert seen[0] == (8, 20)
    assert seen[-1] == (20, 20)
    assert not list(folder.rglob("*.part"))


def test_asking_for_fewer_faces_keeps_those_that_are_there(faces):
    assert write_dataset(faces, 5, SEED, faces_per_identity=4) == 20
    assert len(read_truth(faces)) == 20


def test_two_processes_write_what_one_writes(faces, tmp_path):
    folder = tmp_path / "faces"
    write_dataset(folder, 20, SEED, faces_per_identity=4, processes=2)
    assert images(folder) == images(faces)


def test_another_seed_or_a_foreign_folder_is_refused_in_one_sentence(faces, tmp_path):
    before = images(faces)
    with pytest.raises(ValueError, match=r"holds light-stage faces of seed 5, not 6"):
        write_dataset(faces, 20, 6, faces_per_identity=4)
    with pytest.raises(ValueError, match=r"faces per identity 4, not 12"):
        write_dataset(faces, 20, SEED)
    assert images(faces) == before
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(ValueError, match="was not made by the light stage"):
        write_dataset(tmp_path, 20, SEED)
    assert [path.name for path in tmp_path.iterdir()] == ["notes.txt"]


def test_faces_of_an_older_look_are_refused(tmp_path):
    folder = tmp_path / "faces"
    write_dataset(folder, 1, SEED, processes=1)
    mark = json.loads((folder / "lightstage.json").read_text())
    (folder / "lightstage.json").write_text(json.dumps({**mark, "version": 0}))
    with pytest.raises(ValueError, match="version 0"):
        write_dataset(folder, 2, SEED)


def test_an_interrupted_run_leaves_a_folder_that_the_next_call_completes(faces, tmp_path):
    folder = tmp_path / "faces"

    def stop_early(ready, wanted):
        if ready >= 16:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_dataset(folder, 20, SEED, faces_per_identity=4, processes=1, progress=stop_early)
    assert len(images(folder)) == 16
    assert not (folder / "truth.csv").exists()
    write_dataset(folder, 20, SEED, faces_per_identity=4, processes=1)
    assert images(folder) == images(faces)
    assert len(read_truth(folder)) == 20


def test_what_a_killed_run_left_unfinished_is_swept_away(faces):
    old, new = (faces / "img_align_celeba" / f".00000{i}.jpg.77.part" for i in (1, 2))
    for part in (old, new):
        part.write_bytes(b"half")
    os.utime(old, (1, 1))
    write_dataset(faces, 20, SEED, faces_per_identity=4)
    assert not old.exists()
    assert new.exists()
    new.unlink()


def test_a_damaged_truth_table_is_named_with_file_and_line(faces, tmp_path):
    lines = (faces / "truth.csv").read_text().splitlines()
    lines[3] = lines[3].replace(lines[3].split(",")[2], "north")
    (tmp_path / "truth.csv").write_text("\n".join(lines) + "\n")
    with pytest.raises(ValueError, match=r"truth\.csv, line 4.*north"):
        read_truth(tmp_path)


def test_identities_repeat_early_and_never_cross_splits():
    roles = [role(1, number) for number in range(1, 1201)]
    first = [one.identity for one in roles[:600]]
    assert len(set(first)) == 50
    assert min(first.count(i) for i in set(first)) == 12
    assert len({(one.identity, one.index) for one in roles}) == 1200
    splits = {}
    for one in roles:
        splits.setdefault(one.identity, set()).add(one.split)
    assert all(len(found) == 1 for found in splits.values())
    counts = [sum(found == {split} for found in splits.values()) for split in (0, 1, 2)]
    assert counts == [80, 10, 10]


def test_the_command_writes_a_sheet_and_says_in_one_line_what_is_wrong(tmp_path, faces, capsys):
    assert main(["sheet", str(tmp_path / "sheet.png"), "--faces", "3", "--seed", "1"]) == 0
    with Image.open(io.BytesIO((tmp_path / "sheet.png").read_bytes())) as sheet:
        assert sheet.size == (3 * 178, 218)
    assert main([str(faces), "--faces", "20", "--seed", "99"]) == 1
    assert "lightstage: " in capsys.readouterr().err


def test_an_identity_keeps_its_face_while_shots_differ():
    person = draw_person(SEED, 1)
    shots = [draw_shot(SEED, 1, index) for index in range(12)]
    assert draw_person(SEED, 1) == person
    assert len({shot.azimuth_degrees for shot in shots}) == 12
    assert len({side(shot.azimuth_degrees) for shot in shots}) >= 2
