# ruff: noqa: F811 fixtures are asked for by their names
"""Requests for local edits: along a direction that was found, on one face or on a cluster."""

from collections.abc import Callable
from typing import Any

import pytest

from editing.models import Decomposition, Direction, Edit, Generator
from tests.editing.searches import (  # noqa: F401 the fixtures
    EYES,
    MOUTH,
    ask,
    box,
    found,
)


@pytest.fixture
def edit_with(rita, found, faces) -> Callable[..., Any]:
    def post(**change: Any) -> Any:
        body = {"kind": "local", "face": faces[3].id, "component": found[0].id, **change}
        return rita.post("/api/edits", body, format="json")

    return post


def test_a_local_edit_is_asked_for(edit_with, found, faces):
    settings = {
        "form": "asymmetric",
        "interval": [100, 500],
        "hold_outside": True,
        "adapt": True,
        "compose": [{"component": found[2].id, "strength": 0.2}],
    }
    answer = edit_with(strengths=[0.2, 0, -0.2], reference=faces[4].id, settings=settings)
    assert answer.status_code == 202, answer.data
    assert answer.data["strengths"] == [-0.2, 0, 0.2]
    assert (answer.data["kind"], answer.data["component"]) == ("local", found[0].id)
    assert (answer.data["reference"], answer.data["direction"]) == (faces[4].id, None)
    assert answer.data["settings"] == settings
    assert len(edit_with().data["strengths"]) == 7


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"strengths": []}, "invalid"),
        ({"strengths": [0, 0]}, "invalid_strengths"),
        ({"strengths": [5]}, "invalid_strengths"),
        ({"strengths": ["nan"]}, "invalid"),
        ({"strengths": [n / 100 for n in range(22)]}, "invalid"),
        ({"settings": {"form": "odd"}}, "invalid"),
        ({"settings": {"interval": [500, 100]}}, "invalid"),
        ({"settings": {"interval": [0, 5000]}}, "invalid"),
        ({"settings": {"interval": [0]}}, "invalid"),
        ({"settings": {"colour": 1}}, "invalid"),
        ({"settings": {"compose": [{"component": 1}]}}, "invalid"),
        ({"settings": {"compose": [{"component": 10**9, "strength": 1}]}}, "not_found"),
        ({"settings": {"compose": [{"direction": 10**9, "degrees": 1}]}}, "not_found"),
        ({"component": 10**9}, "not_found"),
        ({"reference": 10**9}, "not_found"),
        ({"degrees": [3]}, "invalid"),
    ],
)
def test_what_cannot_be_edited_is_refused_in_a_sentence(edit_with, change, code):
    answer = edit_with(**change)
    assert answer.status_code in (400, 404)
    assert answer.data["code"] == code
    assert Edit.objects.count() == 0


def test_a_direction_of_the_whole_face_has_no_outside_and_no_reference(edit_with, found, faces):
    for change in (
        {"settings": {"hold_outside": True}},
        {"settings": {"adapt": True}},
        {"reference": faces[4].id},
    ):
        answer = edit_with(component=found[-1].id, **change)
        assert (answer.status_code, answer.data["code"]) == (400, "invalid")
    assert edit_with(component=found[-1].id).status_code == 202


def test_a_rotation_and_a_local_edit_compose_within_one_generator(edit_with, generator, dataset):
    fields = {"dataset": dataset, "bins": [-1, 0, 1], "space": "s", "status": "done"}
    ours = Direction.objects.create(generator=generator, **fields)
    other = Generator.objects.create(name="other", status="done")
    theirs = Direction.objects.create(generator=other, **fields)
    compose = [{"direction": ours.id, "degrees": 20}]
    assert edit_with(settings={"compose": compose}).status_code == 202
    answer = edit_with(settings={"compose": [{"direction": theirs.id, "degrees": 20}]})
    assert (answer.status_code, answer.data["code"]) == (409, "another_generator")
    answer = edit_with(settings={"compose": [{"direction": ours.id, "degrees": 80}]})
    assert answer.data["code"] == "invalid_degrees"


def test_nothing_is_edited_along_a_search_that_is_not_done(edit_with, found):
    Decomposition.objects.update(status="running")
    answer = edit_with()
    assert (answer.status_code, answer.data["code"]) == (409, "decomposition_not_ready")


def test_one_request_edits_a_whole_cluster(rita, found, faces):
    body = {"component": found[0].id, "filter": "yaw_min=-48", "count": 5, "strengths": [0, 0.2]}
    headers = {"Idempotency-Key": "cluster"}
    answer = rita.post("/api/edits/transfer", body, format="json", headers=headers)
    assert answer.status_code == 202
    wanted = [face.id for face in faces if face.yaw_degrees >= -48][:5]
    assert [row["face"] for row in answer.data["results"]] == wanted
    again = rita.post("/api/edits/transfer", body, format="json", headers=headers)
    ids = [[row["id"] for row in one.data["results"]] for one in (answer, again)]
    assert ids[0] == ids[1]
    for change, code in (
        ({"count": 51}, "invalid"),
        ({"filter": "yaw_min=70"}, "no_faces"),
        ({"filter": "colour=red"}, "invalid_filter"),
        ({"component": 10**9}, "not_found"),
    ):
        refused = rita.post("/api/edits/transfer", {**body, **change}, format="json")
        assert refused.data["code"] == code
    assert Edit.objects.count() == 5
