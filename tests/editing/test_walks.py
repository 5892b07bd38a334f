"""Heads walked round in strides, from the request to the files, and what is refused."""

import io
import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from django.conf import settings
from django.core.management import call_command
from django.test import Client
from PIL import Image

from editing import jobs, places
from editing.filters import FaceFilter
from editing.management.contenders import Setting
from editing.management.evaluation import Evaluation
from editing.models import Direction, Edit, Generator
from editing.runs.loading import crops_of
from editing.runs.measuring import Meter, meter_of
from editing.runs.walking import neighbours_of
from labeling.errors import Refused
from labeling.learning import features, light_prior
from labeling.management.running import nobody
from labeling.models import Classifier, Consensus, Dataset, Job
from labeling.queue import create_campaign

Done = Callable[[Job], Job]
Ask = Callable[..., Edit]


@pytest.fixture
def ask(direction: Direction, many: Dataset) -> Ask:
    def turn(degrees: list[float], **settings: object) -> Edit:
        face = many.faces.get(filename="000026.jpg")
        return jobs.turn(
            user=None, face=face, direction=settings.pop("direction", direction), degrees=degrees,
            body={}, ring=nobody, **settings,
        )  # fmt: skip

    return turn


def page_of(edit: Edit, people: Any) -> str:
    client = Client()
    client.force_login(people.rita)
    return client.get(f"/edits/{edit.id}").content.decode()


def test_a_walk_is_told_stride_by_stride(ask: Ask, done: Done, people: Any) -> None:
    edit = done(ask([-20, 0, 20], path="walk"))
    assert (edit.status, edit.error) == ("done", None)
    assert edit.settings == {"closed_loop": False, "hold_light": False, "path": "walk"}
    low, photo, high = edit.result["frames"]
    assert photo["rounds"] == 0
    assert min(low["rounds"], high["rounds"]) >= 1
    assert photo["shell"] == pytest.approx(1)
    assert len(edit.result["probe"]["steering_errors"]) == 2
    # These faces have no labels: there is no light to hold.
    assert edit.result["light_held"] is False
    assert "The light was not held" in page_of(edit, people)
    folder = places.edit_folder(edit.id) / edit.result["folder"]
    kept = np.asarray(Image.open(folder / photo["file"]), int)
    assert np.abs(kept - crops_of([edit.face_id], 16)[0]).max() <= 1
    turned = np.asarray(Image.open(folder / high["file"]), int)
    assert np.abs(turned - kept).max() > 10


@pytest.fixture
def lit(direction: Direction, many: Dataset, generator: Generator, done: Done) -> Direction:
    """A direction whose campaign says from which side the faces are lit, and can read it."""
    campaign = create_campaign(many, "light", title="Light")
    sides = campaign.values
    for index, face in enumerate(many.faces.order_by("id")):
        side = sides[index % 3]
        said = {value: 0.9 if value == side else 0.05 for value in sides}
        Consensus.objects.create(
            campaign=campaign, face=face, choice=side, probability=0.9,
            probabilities=[*said.values()], source="human",
        )  # fmt: skip
    Classifier.objects.create(
        campaign=campaign, version=1, feature_version=features.VERSION,
        weights=light_prior.shipped().to_bytes(), card={},
    )  # fmt: skip
    row = jobs.fit_direction(
        user=None, generator=generator, face_filter=FaceFilter.parse("campaign=light"), body={},
        ring=nobody,
    )  # fmt: skip
    return done(row)


def test_a_walk_holds_the_light_that_its_campaign_knows(
    ask: Ask, done: Done, lit: Direction, people: Any
) -> None:
    assert (lit.status, lit.error) == ("done", None)
    assert neighbours_of(lit).knows_light
    edit = done(ask([0, 20], path="walk", direction=lit))
    assert (edit.status, edit.error) == ("done", None)
    assert (edit.result["light_held"], edit.result["light_of"]) == (True, lit.id)
    assert "The light was not held" not in page_of(edit, people)
    photo, turned = edit.result["frames"]
    assert (photo["across"], photo["step"]) == (0, 0)
    assert turned["light"] is not None


def test_what_steers_by_light_learned_it_from_the_campaign_s_classifier(lit: Direction) -> None:
    face_filter = FaceFilter.parse(lit.filter)
    campaign = face_filter.labels_campaign()

    def meter(n_votes: int) -> Meter:
        known = light_prior.shipped()
        classifier = replace(known, card={**known.card, "n_votes": n_votes})
        campaign.classifiers.update(weights=classifier.to_bytes())
        return meter_of(lit.dataset, face_filter, 16, lambda *_: None, steering=True)

    # A file serves until the votes have doubled.
    first, _, _ = (meter(n_votes) for n_votes in (40, 60, 400))
    files = (settings.VAR_DIR / "probes").glob(f"dataset{lit.dataset_id}-*light{campaign.id}x*")
    assert len(list(files)) == 2
    plain, taught = first.steering
    assert (plain.light_classes, taught.light_classes) == ((), ("left", "center", "right"))
    x = torch.linspace(-1, 1, 3 * 16 * 16).reshape(1, 3, 16, 16)
    by_network, by_both, seen = taught.predict(x).light, first.steer(x), first.read(x)
    np.testing.assert_allclose(
        2 * by_both.light - by_network,
        Meter(first.probe, first.light, first.values, steering=[plain, plain]).steer(x).light,
        atol=0.02,
    )
    assert seen.light is not None
    assert np.abs(by_both.light - seen.light).max() > 1e-3


def test_a_walk_takes_each_of_the_direction_s_faces_once(direction: Direction) -> None:
    near = neighbours_of(direction)
    assert 100 >= len(near.latents) >= 60
    assert not near.knows_light
    # Each looks one way as it is and the other way mirrored.
    np.testing.assert_allclose(np.sort(near.yaw), np.sort(-near.yaw))


def test_a_walk_along_something_else_is_refused(ask: Ask) -> None:
    with pytest.raises(Refused, match="path is 'run'; expected line or walk"):
        ask([5], path="run")
    with pytest.raises(Refused, match="path is 'walk' and closed_loop is true"):
        ask([5], path="walk", closed_loop=True)


def test_a_bottleneck_s_direction_is_not_walked(
    direction: Direction,
    ask: Ask,
    ask_embedding: Callable[..., Job],
    people: Any,
    client: Client,
) -> None:
    client.force_login(people.rita)
    page = client.get(f"/directions/{direction.id}").content.decode()
    assert "Strides of ten degrees" in page
    space = ask_embedding(kind="h").space
    Direction.objects.filter(id=direction.id).update(space=space)
    direction.refresh_from_db()
    with pytest.raises(Refused, match=f"lies in {space}, a space of kind 'h'"):
        ask([5], path="walk", direction=direction)
    page = client.get(f"/directions/{direction.id}").content.decode()
    assert "these are of the bottleneck" in page


def test_a_path_is_checked_at_the_door(
    people: Any, api: Callable, direction: Direction, many: Dataset
) -> None:
    body = {"face": many.faces.first().id, "direction": direction.id, "degrees": [0, 10]}

    def post(**more: object) -> Any:
        return api(people.rita).post("/api/edits", {**body, **more}, format="json")

    told = post(path="run")
    assert told.status_code == 400
    assert "path is 'run'; expected line or walk." in json.dumps(told.json())
    told = post(path="walk", hold_light=True)
    assert (told.status_code, told.json()["code"]) == (400, "invalid_settings")
    assert not Edit.objects.exists()


def test_a_walk_is_asked_for_on_the_command_line(direction: Direction, many: Dataset) -> None:
    call = ["turn", str(direction.id), "000026.jpg", "--degrees", "0", "15", "--path", "walk"]
    call_command(*call, stdout=io.StringIO())
    call_command(*call, stdout=io.StringIO())
    edit = Edit.objects.get()  # the second call finds what the first one made
    assert edit.settings["path"] == "walk"
    call_command(*call[:-2], stdout=io.StringIO())
    assert Edit.objects.count() == 2


def test_walks_and_lines_are_compared_on_the_same_faces(direction: Direction, tmp_path) -> None:
    ways = [Setting("line", (direction,)), Setting("walk", (direction,), path="walk")]
    records = Evaluation(ways, tmp_path, degrees=(-15.0, 15.0), n_faces=1).run()
    assert [one["setting"] for one in records] == ["line", "walk"]
    line, walk = records
    assert line["face"] == walk["face"]
    assert line["frames"] != walk["frames"]
    assert min(frame["rounds"] for frame in walk["frames"]) >= 1
    assert ways[0].key([15.0]) != ways[1].key([15.0])
