"""What the explorer draws: mean faces of a selection, figures for a paper, and who may ask."""

import csv
import io
import json
import zipfile
from collections.abc import Callable
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest
from django.urls import reverse
from PIL import Image

from editing import jobs, runs
from editing.filters import FaceFilter
from editing.models import Direction, Edit, FigureSet, MeanFaces
from labeling import worker
from labeling.errors import Conflict, Refused
from labeling.management.running import nobody
from labeling.models import Campaign, Consensus, Dataset
from labeling.queue import create_campaign


@pytest.fixture
def campaign(many: Dataset) -> Campaign:
    """Faces lit from both sides by turns, as their pictures are; nobody is lit from ahead."""
    campaign = create_campaign(many, "light", title="Light")
    Consensus.objects.bulk_create(
        Consensus(
            campaign=campaign,
            face=face,
            choice=("left", "right")[index % 2],
            probability=1,
            probabilities=[1, 0, 0],
            source="human",
        )
        for index, face in enumerate(many.faces.order_by("filename"))
    )
    return campaign


def drawn(job: MeanFaces | FigureSet) -> Any:
    work = runs.draw_mean_faces if isinstance(job, MeanFaces) else runs.draw_figures
    worker.run(type(job), job.id, work)
    job.refresh_from_db()
    return job


def ask_means(query: str = "", **options: Any) -> MeanFaces:
    return jobs.draw_mean_faces(
        user=None, face_filter=FaceFilter.parse(query), body={}, ring=nobody, **options
    )


def test_a_selection_s_mean_faces_have_distances_and_pictures(campaign: Campaign, rita: Any):
    job = drawn(ask_means())
    assert job.error is None
    told = rita.get(f"/api/mean-faces/{job.id}").data["result"]
    assert sum(map(sum, told["counts"])) == 120
    # The fixture's sides are mirror images of each other, and nobody is lit from ahead.
    assert told["rows"] == ["left", "center", "right"]
    assert told["counts"][1] == [0, 0, 0]
    assert told["published"]["between_poses"]["left"] == [0.0066, 0.0045]
    name = told["tiles"][0][0]
    picture = rita.get(told["urls"][name])
    assert picture["Content-Type"] == "image/png"
    mean = np.asarray(Image.open(io.BytesIO(b"".join(picture.streaming_content))), float)
    dark, bright = sorted([mean[:, :40].mean(), mean[:, -40:].mean()])
    assert bright - dark > 40
    assert rita.get(f"/api/mean-faces/{job.id}/files/..%2Fx.png").status_code == 404


def test_only_what_passes_the_filter_is_in_the_means(campaign: Campaign):
    job = drawn(ask_means("yaw_max=-12"))
    assert [sum(column) for column in zip(*job.result["counts"], strict=True)][1:] == [0, 0]
    assert (
        sum(map(sum, job.result["counts"]))
        == campaign.dataset.faces.filter(yaw_degrees__lt=-12).count()
    )


def test_mirrored_means_are_mirror_images_of_their_opposites(campaign: Campaign):
    job = drawn(ask_means(mirror=True))
    counts = job.result["counts"]
    assert sum(map(sum, counts)) == 240
    assert counts[0] == counts[2][::-1]
    assert job.result["between_poses"][0] == job.result["between_poses"][2][::-1]


def test_too_few_faces_are_told_in_a_sentence(campaign: Campaign):
    job = drawn(ask_means("yaw_min=0&yaw_max=8"))
    assert (job.status, job.result) == ("failed", {})
    assert "Widen the filter" in job.error


def test_mean_faces_need_a_campaign_about_light(many: Dataset):
    with pytest.raises(Refused, match="name one campaign"):
        ask_means()
    campaign = create_campaign(many, "hats", title="Hats")
    campaign.choices = [{**one, "value": f"x{one['value']}"} for one in campaign.choices]
    campaign.save()
    with pytest.raises(Refused, match="need left, center, right"):
        ask_means()


def ask_figures(query: str = "", **rows: Any) -> FigureSet:
    return jobs.draw_figures(
        user=None, face_filter=FaceFilter.parse(query), body={}, ring=nobody, **rows
    )


def test_every_figure_comes_in_three_formats_and_all_in_one_zip(
    campaign: Campaign, edit: Edit, rita: Any
):
    direction = edit.direction
    direction.result["pca"] = {
        "explained": [0.6, 0.2],
        "centroids": [{"yaw": yaw, "count": 9, "xy": [yaw / 20, 0]} for yaw in (-20, 20)],
        "left": [[0, 0], [-1, 0]],
        "right": None,
    }  # fmt: skip
    direction.save()
    job = ask_figures(
        "yaw_min=-40",
        mean_faces=drawn(ask_means()),
        direction=direction,
        against=direction,
        edit=edit,
        edit_against=edit,
    )
    assert drawn(job).error is None
    told = rita.get(f"/api/figures/{job.id}").data["result"]
    names = {figure["name"] for figure in told["figures"]}
    assert {"yaw_by_light", "mean_faces", "response", f"edit{edit.id}_strip"} <= names
    assert f"direction{direction.id}_lines" in names

    answer = rita.get(told["urls"]["figures.zip"])
    assert "attachment" in answer["Content-Disposition"]
    whole = zipfile.ZipFile(io.BytesIO(b"".join(answer.streaming_content)))
    begins = {"svg": b"<?xml", "pdf": b"%PDF", "png": b"\x89PNG"}
    for figure in told["figures"]:
        assert set(figure["files"]) == set(begins)
        for kind, name in figure["files"].items():
            assert whole.read(name).startswith(begins[kind]), name
    strip = whole.read(f"edit{edit.id}_strip.png")
    assert strip != whole.read(f"edit{edit.id}_frames.png")
    assert f"edit{edit.id}_animation.webp" in whole.namelist()

    recipe = json.loads(whole.read("recipe.json"))
    assert recipe["filter"] == {"yaw_min": "-40"}
    assert recipe["directions"][0]["generator"]["sha256"] == direction.generator.sha256
    assert recipe["directions"][0]["bins"] == direction.bins
    assert len(recipe["code"]["sources_sha256"]) == 64
    picture = Image.open(io.BytesIO(strip))
    inside = json.loads(picture.text["penumbra"])
    assert (inside["code"], inside["filter"]) == (recipe["code"], recipe["filter"])
    assert inside["edits"] == [
        {k: v for k, v in one.items() if k != "result"} for one in recipe["edits"]
    ]
    described = ElementTree.fromstring(whole.read(f"edit{edit.id}_strip.svg"))
    text = described.find(".//{http://purl.org/dc/elements/1.1/}description").text
    assert json.loads(text) == inside
    assert b"penumbra-figures-1" in whole.read(f"edit{edit.id}_strip.pdf")
    assert (
        json.loads(
            Image.open(io.BytesIO(whole.read(f"edit{edit.id}_frames.png"))).text["penumbra"]
        )["degrees"]
        == edit.degrees
    )
    rows = list(csv.DictReader(io.StringIO(whole.read(f"edit{edit.id}_frames.csv").decode())))
    assert [float(row["degrees"]) for row in rows] == edit.degrees
    counted = csv.DictReader(io.StringIO(whole.read("yaw_by_light.csv").decode()))
    passing = FaceFilter.parse("yaw_min=-40").faces().count()
    assert sum(int(row["total"]) for row in counted) == passing


def test_the_same_rows_make_the_same_bytes(campaign: Campaign, rita: Any):
    first, again = (drawn(ask_figures("yaw_min=0")) for _ in range(2))
    for name in ("yaw_by_light.svg", "yaw_by_light.pdf", "yaw_by_light.png"):
        sent = [
            b"".join(rita.get(f"/api/figures/{job.id}/files/{name}").streaming_content)
            for job in (first, again)
        ]
        assert sent[0] == sent[1], name


def test_figures_of_what_does_not_belong_together_are_refused(
    campaign: Campaign, direction: Direction, dataset_of: Callable
):
    with pytest.raises(Refused, match="without a direction"):
        ask_figures(against=direction)
    with pytest.raises(Conflict, match="expected done"):
        ask_figures(mean_faces=ask_means())
    dataset_of(3, name="other")
    with pytest.raises(Conflict, match="of dataset 'many', the filter of 'other'"):
        ask_figures("dataset=other", direction=direction)
    face = campaign.dataset.faces.first()
    turned = Edit.objects.create(
        kind="rotation", face=face, direction=direction, degrees=[0], status="done"
    )
    with pytest.raises(Refused, match="not None"):
        ask_figures("dataset=many", edit=turned)


def test_over_the_api_misspelt_and_missing_things_are_refused_by_name(
    campaign: Campaign, rita: Any
) -> None:
    answer = rita.post("/api/mean-faces", {"filter": "yaw_min=0", "mirrored": True}, format="json")
    assert (answer.status_code, "mirrored" in answer.data["detail"]) == (400, True)
    answer = rita.post("/api/mean-faces", {"filter": "light=left"}, format="json")
    assert (answer.status_code, answer.data["code"]) == (400, "invalid_filter")
    answer = rita.post("/api/figures", {"direction": 4711}, format="json")
    assert (answer.status_code, answer.data["detail"]) == (404, "There is no direction 4711.")
    assert not MeanFaces.objects.exists()
    assert not FigureSet.objects.exists()


def test_asking_twice_with_one_key_draws_once(campaign: Campaign, rita: Any) -> None:
    body = {"filter": {"consensus": ["left"], "yaw_max": 10}}
    twice = [
        rita.post("/api/mean-faces", body, format="json", headers={"Idempotency-Key": "k"})
        for _ in range(2)
    ]
    assert [answer.status_code for answer in twice] == [202, 202]
    assert twice[0].data["id"] == twice[1].data["id"]
    assert twice[0].data["filter"] == "consensus=left&yaw_max=10"
    listed = rita.get("/api/mean-faces").data["results"]
    assert [row["status"] for row in listed] == ["queued"]


def test_a_direction_s_page_says_when_its_probe_ran_out_of_time(
    direction: Direction, people: Any, client: Any
) -> None:
    taught = direction.result["probe"]["taught"]
    assert taught["lessons"] == taught["planned"] > 0
    client.force_login(people.rita)
    page = reverse("direction", args=[direction.id])
    assert "lessons" not in client.get(page).content.decode()
    taught["planned"] = 2400
    direction.save()
    assert f"only {taught['lessons']} of its 2400 lessons" in client.get(page).content.decode()
