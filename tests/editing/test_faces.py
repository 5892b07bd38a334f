"""Faces by filter, their summary and what is known of one, over the API."""

from typing import Any

import pytest

from labeling.models import Consensus, Dataset, Face, Release
from labeling.queue import create_campaign


def test_faces_come_in_pages_by_id(rita: Any, faces: list[Face]) -> None:
    seen, url = [], "/api/faces?limit=5&yaw_min=-48"
    while url:
        answer = rita.get(url).json()
        seen += [face["id"] for face in answer["results"]]
        assert len(answer["results"]) <= 5
        url = answer["next"]
    assert seen == [face.id for face in faces[1:]]


def test_a_face_says_what_is_known_of_it(rita: Any, faces: list[Face], dataset: Dataset) -> None:
    campaign = create_campaign(dataset, "light", title="Light")
    Consensus.objects.create(
        campaign=campaign,
        face=faces[3],
        choice="left",
        probability=0.8,
        probabilities=[0.8, 0.1, 0.1],
        source="human",
    )
    shown = rita.get(f"/api/faces/{faces[3].id}").json()
    assert shown["attributes"] == ["Male", "Smiling"]
    assert (shown["identity"], shown["split"], shown["yaw_degrees"]) == (2, "train", -44.0)
    assert shown["consensus"] == {
        "campaign": "light",
        "choice": "left",
        "probability": 0.8,
        "source": "human",
    }
    assert rita.get(shown["image"]).status_code == 200
    assert rita.get("/api/faces/999999").status_code == 404


def test_within_a_release_faces_show_what_it_published(
    rita: Any, faces: list[Face], dataset: Dataset
) -> None:
    campaign = create_campaign(dataset, "light", title="Light")
    said = {"face": faces[0], "probability": 0.8, "probabilities": [0.8, 0.1, 0.1]}
    Consensus.objects.create(campaign=campaign, choice="left", source="model", **said)
    release = Release.objects.create(campaign=campaign, number=1, status="done")
    release.labels.create(choice="right", source="human", n_votes=1, **said)
    (shown,) = rita.get(f"/api/faces?release={release.id}").json()["results"]
    assert (shown["consensus"]["choice"], shown["consensus"]["source"]) == ("right", "human")
    told = rita.get(f"/api/faces/summary?release={release.id}").json()
    assert told["choices"] == {"left": 0, "center": 0, "right": 1, "": 0}


def test_the_summary_counts_by_yaw_and_choice(
    rita: Any, faces: list[Face], dataset: Dataset
) -> None:
    campaign = create_campaign(dataset, "light", title="Light")
    for face, choice in zip(faces[:4], ("left", "left", "right", "center"), strict=True):
        Consensus.objects.create(
            campaign=campaign,
            face=face,
            choice=choice,
            probability=0.9,
            probabilities=[0.9, 0.1, 0.0],
            source="model",
        )
    Face.objects.filter(id=faces[11].id).update(yaw_degrees=None)
    # Yaws are -50, -48, ... -30 and one that is not known.
    told = rita.get("/api/faces/summary?bins=-47,-45,-40").json()
    assert (told["total"], told["without_yaw"]) == (12, 1)
    assert told["choices"] == {"left": 2, "center": 1, "right": 1, "": 8}
    assert [(one["yaw_min"], one["yaw_max"], one["total"]) for one in told["bins"]] == [
        (None, -47, 2),
        (-47, -45, 1),
        (-45, -40, 2),
        (-40, None, 6),
    ]
    assert told["bins"][0]["choices"] == {"left": 2, "center": 0, "right": 0, "": 0}
    fewer = rita.get("/api/faces/summary?consensus=left&bins=-49").json()
    assert (fewer["total"], [one["total"] for one in fewer["bins"]]) == (2, [1, 1])


@pytest.mark.parametrize(
    ("url", "code", "told"),
    [
        ("/api/faces?colour=red", "invalid_filter", "'colour'"),
        ("/api/faces?attributes=Tall", "invalid_filter", "'Tall'"),
        ("/api/faces?limit=1000", "invalid", "limit is '1000'; expected a whole number 1..200"),
        ("/api/faces?cursor=x", "invalid", "cursor is 'x'"),
        (f"/api/faces?cursor={'0' * 5000}1", "invalid", "cursor is"),
        ("/api/faces?campaign=%00", "invalid_filter", "campaign is"),
        ("/api/faces/summary?bins=1,b", "invalid", "bins has 'b'"),
        ("/api/faces/summary?bins=30,10", "invalid_bins", "growing"),
    ],
)
def test_a_query_that_cannot_be_is_refused(
    rita: Any, faces: list[Face], url: str, code: str, told: str
) -> None:
    answer = rita.get(url)
    assert (answer.status_code, answer.json()["code"]) == (400, code)
    assert told in answer.json()["detail"]
