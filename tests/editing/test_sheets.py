# ruff: noqa: F811 fixtures are asked for by their names
"""The pages of searches and local edits, as the server writes them."""

import pytest
from django.test import Client

from editing.engine import local_edits
from editing.models import Component, Decomposition, Direction, Edit
from editing.views import sheets
from editing.views.local_edits import composed_with, settings_in_words
from tests.editing.searches import ask, found  # noqa: F401 the fixtures

FRAME = {"strength": 0.2, "file": "frame00.png"}


@pytest.fixture
def page(people):
    """page(person, address) is what that person reads there."""

    def read(person, address: str) -> str:
        client = Client()
        client.force_login(person)
        answer = client.get(address)
        assert answer.status_code == 200
        return answer.content.decode()

    return read


def test_the_form_says_what_the_worker_does_by_itself(found):
    job = found[0].decomposition
    offered = sheets.form_context(job)
    assert offered["forms"][0] == local_edits.DEFAULT_FORM
    assert offered["interval"] == local_edits.default_interval((100, job.timestep))


def test_it_offers_what_fits_the_same_generator(found, generator, dataset):
    job = found[0].decomposition
    same = {"generator": generator, "dataset": dataset, "bins": [-20, 0, 20]}
    turn = Direction.objects.create(**same, status="done")
    Direction.objects.create(**same, status="running")
    Component.objects.filter(id=found[1].id).update(name="wider eyes", kept_by=job.requested_by)
    offered = sheets.form_context(job)
    assert [row.id for row in offered["turns"]] == [turn.id]
    assert [row.name for row in offered["kept"]] == ["wider eyes"]
    assert "eyes 1, of this region alone (JIVE)" in [row.shown for row in offered["unnamed"]]
    assert found[1].id not in [row.id for row in offered["unnamed"]]


def test_a_direction_shows_its_newest_finished_edit_of_the_searched_face_alone(found, faces):
    job = found[0].decomposition

    def edited(status: str = "done", **change: object) -> Edit:
        fields = {"kind": "local", "face": job.face, "component": found[0], "status": status}
        result = {"folder": "1", "frames": [FRAME], "strip": "strip.png"}
        return Edit.objects.create(**{**fields, **change}, result=result)

    edited()
    newest = edited(settings={"hold_outside": True})
    edited("running")
    edited(face=faces[2])
    edited(reference=faces[2])
    edited(settings={"compose": [{"component": found[1].id, "strength": 0.1}]})
    (shown,) = sheets.edits_of(job).values()
    assert shown == newest
    assert shown.shown["frames"][0]["url"].endswith("frame00.png")


def test_an_edit_says_how_it_was_made(found):
    steps = [
        {"component": found[1].id, "strength": -0.2},
        {"direction": 7, "degrees": 15.0},
        {"component": 10**6, "strength": 1.0},
    ]
    edit = Edit(settings={"form": "symmetric", "compose": steps})
    assert settings_in_words(edit) == ["symmetric"]
    named = [(one["name"], one["by"]) for one in composed_with(edit)]
    assert named == [("eyes 2", "-0.2"), ("direction 7", "+15°, first"), ("a direction", "+1")]
    edit.result = {"settings": {"form": "symmetric", "interval": [10, 20], "hold_outside": True}}
    told = ["symmetric", "pushed between timesteps 10 and 20", "what lies outside held"]
    assert settings_in_words(edit) == told


def test_only_who_may_end_a_search_is_offered_to(found, people, page):
    people.ben.is_researcher = True
    people.ben.save()
    job = found[0].decomposition
    Decomposition.objects.update(status="running")
    for address in (f"/local/{job.id}", "/local", "/jobs"):
        assert f"/api/components/{job.id}/cancel" in page(people.rita, address)
        assert f"/api/components/{job.id}/cancel" not in page(people.ben, address), address
