"""The worker's local edits: frames, figures and files; the outside, a reference, other faces."""

import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import ExifTags, Image

from editing import jobs, places, runs
from editing.jobs import components, local
from editing.models import Component, Decomposition, Direction, Edit, Generator
from editing.runs import decomposing
from editing.runs.loading import crops_of
from labeling import worker
from labeling.management.running import nobody
from labeling.models import Dataset, Face

MOUTH = {"name": "mouth", "shapes": [{"kind": "rectangle", "box": [0.25, 0.6, 0.75, 0.95]}]}


@pytest.fixture
def face(many: Dataset) -> Face:
    return Face.objects.get(dataset=many, filename="000026.jpg")


@pytest.fixture
def other(many: Dataset) -> Face:
    return Face.objects.get(dataset=many, filename="000031.jpg")


@pytest.fixture
def component(generator: Generator, face: Face, monkeypatch: pytest.MonkeyPatch) -> Component:
    """The strongest own direction of the mouth's region."""
    monkeypatch.setattr(decomposing, "SHOWN", 1)  # previews are tried where searches are
    job = components.decompose(
        user=None,
        generator=generator,
        face=face,
        regions=[MOUTH],
        rank=3,
        steps=4,
        refinements=0,
        body={},
        ring=nobody,
    )
    worker.run(Decomposition, job.id, runs.decompose)
    return Component.objects.get(decomposition=job, method="jive", region="mouth", index=0)


@pytest.fixture
def change(component: Component, face: Face) -> Callable[..., Edit]:
    """change(strengths=[..], settings={..}) asks for an edit and makes it."""

    def make(face: Face = face, strengths: Any = (-0.3, 0.0, 0.3), **more: Any) -> Edit:
        job = local.edit_locally(
            user=None, face=face, component=component, strengths=strengths, body={}, ring=nobody,
            **more,
        )  # fmt: skip
        worker.run(Edit, job.id, runs.edit_locally)
        job.refresh_from_db()
        return job

    return make


def picture(edit: Edit, name: str) -> np.ndarray:
    folder = places.edit_folder(edit.id) / edit.result["folder"]
    return np.asarray(Image.open(folder / name)).astype(int)


def test_an_edit_has_frames_figures_and_at_strength_zero_the_photo(change, face):
    edit = change()
    assert (edit.status, edit.error) == ("done", None)
    still = crops_of([face.id], 16)[0].astype(int)
    frames = edit.result["frames"]
    assert [frame["strength"] for frame in frames] == [-0.3, 0.0, 0.3]
    assert np.abs(picture(edit, frames[1]["file"]) - still).max() <= 1
    assert np.abs(picture(edit, frames[2]["file"]) - still).max() > 1
    assert frames[1]["roir"] is None
    for frame in (frames[0], frames[2]):
        assert frame["changed_inside"] > 0.001
        assert frame["roir"] > 0
        assert frame["ssim_outside"] <= 1
        assert abs(frame["yaw_shift"]) < 90
    assert edit.result["measured"]["at_strength"] in (-0.3, 0.3)
    assert "LPIPS" in edit.result["measured"]["not_measured"]
    assert picture(edit, "difference.png").shape == (64, 64, 3)
    for name in (edit.result["strip"], edit.result["animation"]):
        assert (places.edit_folder(edit.id) / edit.result["folder"] / name).stat().st_size > 100


def test_every_picture_tells_in_its_metadata_how_to_make_it_again(change, component, face):
    edit = change(settings={"form": "symmetric", "interval": [100, 400]})
    folder = places.edit_folder(edit.id) / edit.result["folder"]
    for path in folder.glob("*.png"):
        recipe = json.loads(Image.open(io.BytesIO(Path(path).read_bytes())).text["penumbra"])
        assert recipe["face"] == face.filename
        assert recipe["direction"]["search_sha256"] == component.decomposition.sha256
        assert (recipe["form"], recipe["interval"]) == ("symmetric", [100, 400])
        if path.name == "frame02.png":
            assert recipe["strength"] == 0.3
    with Image.open(folder / edit.result["animation"]) as played:
        assert json.loads(played.getexif()[ExifTags.Base.ImageDescription])["interval"] == [
            100,
            400,
        ]


def test_a_held_outside_stays_the_photo_and_measures_so(change):
    free, held = change(), change(settings={"hold_outside": True})
    assert held.result["frames"][2]["roir"] < free.result["frames"][2]["roir"] / 2
    corner = np.abs(picture(held, "frame02.png") - picture(held, "frame01.png"))[:5]
    assert corner.max() <= 1


def test_a_reference_brings_the_face_nearer_to_it_in_the_rows_of_the_region(change, other):
    edit = change(reference=other, strengths=[0.0, 0.2])
    assert edit.error is None
    measured = edit.result["measured"]
    assert measured["reference"] == other.filename
    assert 0 < measured["reference_strength"] < 4
    assert edit.result["frames"][1]["changed_inside"] > 0


def test_the_same_direction_on_another_face_acts_on_its_own_region(change, other):
    edit = change(face=other)
    assert (edit.status, edit.error) == ("done", None)
    still = crops_of([other.id], 16)[0].astype(int)
    assert np.abs(picture(edit, "frame01.png") - still).max() <= 1


def test_a_direction_fitted_to_another_face_changes_less_outside(change, other):
    carried, fitted = (
        change(face=other, strengths=[0.0, 0.2], settings={"adapt": adapt})
        for adapt in (False, True)
    )
    assert (fitted.status, fitted.error) == ("done", None)
    assert fitted.result["settings"]["adapt"]
    assert fitted.result["measured"]["adapted"][0] > 0
    assert "adapted" not in carried.result["measured"]
    first, second = (edit.result["frames"][1] for edit in (carried, fitted))
    assert second["roir"] < 0.8 * first["roir"]
    # One strength does as much with either.
    assert 0.5 < second["changed_inside"] / first["changed_inside"] < 2


def test_edits_compose_with_one_another_and_with_a_turn(
    change, component, direction: Direction, face, done
):
    second = Component.objects.get(
        decomposition=component.decomposition, method="svd", region="mouth", index=0
    )
    steps = [{"component": second.id, "strength": 0.3}, {"direction": direction.id, "degrees": 10}]
    edit = change(strengths=[0.0, 0.2], settings={"compose": steps})
    assert (edit.status, edit.error) == ("done", None)
    assert edit.result["frames"][0]["changed_inside"] > 0.001  # the second component alone
    assert "yaw_turned" in edit.result["measured"]
    turn = jobs.turn(user=None, face=face, direction=direction, degrees=[10], body={}, ring=nobody)
    done(turn)
    alone = change(strengths=[0.0], settings={"compose": steps[1:]})
    assert np.abs(picture(alone, "frame00.png") - picture(turn, "frame00.png")).max() <= 1


def test_a_face_without_landmarks_and_a_lost_search_fail_with_a_sentence(change, component, other):
    Face.objects.filter(id=other.id).update(landmarks=None)
    other.refresh_from_db()
    edit = change(face=other)
    assert edit.status == "failed"
    assert "no landmarks" in edit.error
    for path in places.decomposition_folder(component.decomposition_id).rglob("*.safetensors"):
        path.unlink()
    edit = change()
    assert edit.status == "failed"
    assert "search again" in edit.error
