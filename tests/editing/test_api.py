"""The REST contract of editing: who may ask, what is answered, what is refused."""

import json
import shutil
from collections.abc import Callable
from typing import Any

import pytest
from django.urls import reverse

from editing import places
from editing.models import Direction, Edit, Embedding, Generator
from labeling.models import Dataset, Face

GETS = [
    "/api/faces",
    "/api/faces/summary",
    "/api/faces/1",
    "/api/generators",
    "/api/generators/1",
    "/api/embeddings",
    "/api/directions",
    "/api/edits",
    "/api/edits/1",
    "/api/edits/1/files/strip.png",
]
POSTS = [
    "/api/generators",
    "/api/embeddings",
    "/api/directions",
    "/api/edits",
    "/api/edits/1/cancel",
]


@pytest.mark.parametrize("name", ["ada", "mia", "sam", None])
def test_only_researchers_are_answered(people: Any, api: Callable, name: str | None) -> None:
    client = api(getattr(people, name) if name else None)
    for url in GETS:
        assert client.get(url).status_code in (401, 403), url
    for url in POSTS:
        assert client.post(url, {}, format="json").status_code in (401, 403), url


def post(client: Any, url: str, body: Any, **headers: str) -> Any:
    return client.post(url, body, format="json", headers=headers)


def test_embedding_is_accepted_as_a_job(rita: Any, dataset: Dataset, generator: Generator) -> None:
    answer = post(rita, "/api/embeddings", {"generator": "tiny", "filter": "yaw_max=-40"})
    job = answer.json()
    assert answer.status_code == 202
    assert (job["status"], job["progress"], job["error"]) == ("queued", 0, None)
    assert (job["n_faces"], job["timestep"], job["filter"]) == (5, 509, "yaw_max=-40")
    assert (job["kind"], job["gradient_steps"]) == ("x_t", 0)
    assert rita.get(job["url"]).json() == job
    assert rita.get("/api/embeddings").json()["results"] == [job]
    assert post(rita, job["url"] + "/cancel", {}).json()["status"] == "cancelled"


def test_asking_twice_with_one_key_gives_one_row(
    rita: Any, dataset: Dataset, generator: Generator
) -> None:
    body = {"generator": generator.id, "filter": {"split": "train"}}
    headers = {"Idempotency-Key": "once"}
    first = post(rita, "/api/embeddings", body, **headers)
    second = post(rita, "/api/embeddings", body, **headers)
    assert first.json()["id"] == second.json()["id"]
    other = post(rita, "/api/embeddings", {"generator": "tiny"}, **headers)
    assert (other.status_code, other.json()["code"]) == (409, "idempotency_key_reused")
    assert Embedding.objects.count() == 1


def test_an_encoder_of_the_generator_is_asked_with_its_own_settings(
    rita: Any, dataset: Dataset, generator: Generator
) -> None:
    whose = {"timestep": 300, "steps": 6, "refinements": 2}
    folder = places.encoder_folder(generator.sha256, **whose)
    record = {"format": 1, "generator_sha256": generator.sha256, "sha256": "ef" * 32, **whose}
    folder.mkdir(parents=True)
    try:
        (folder / "encoder.json").write_text(json.dumps(record))
        asked = {"generator": "tiny", "method": "encoder"}
        job = post(rita, "/api/embeddings", asked).json()
        assert {name: job[name] for name in whose} == whose
        assert f"-encoder.{'ef' * 6}-t300-s6-r2-" in job["space"]
        other = post(rita, "/api/embeddings", asked | {"timestep": 509})
        assert other.json()["code"] == "no_encoder"
        assert "no encoder of timestep 509, only of timestep 300" in other.json()["detail"]
        (folder / "encoder.json").write_text(json.dumps(record | {"format": 9}))
        damaged = post(rita, "/api/embeddings", asked)
        assert damaged.json()["code"] == "encoder_damaged"
    finally:
        shutil.rmtree(folder)


@pytest.mark.parametrize(
    ("url", "body", "status", "code"),
    [
        ("embeddings", {"generator": "huge"}, 404, "not_found"),
        ("embeddings", {"generator": "tiny", "method": "encoder"}, 400, "no_encoder"),
        ("embeddings", {"generator": "tiny", "method": "magic"}, 400, "invalid"),
        ("embeddings", {"generator": "tiny", "timestep": 1000}, 400, "invalid"),
        ("embeddings", {"generator": "tiny", "steps": True}, 400, "invalid"),
        ("embeddings", {"generator": "tiny", "kind": "z"}, 400, "invalid"),
        ("embeddings", {"generator": "tiny", "gradient_steps": 201}, 400, "invalid"),
        ("embeddings", {"generator": "tiny", "filter": "yaw_min=80"}, 400, "no_faces"),
        ("embeddings", {"generator": "tiny", "filter": ["Male"]}, 400, "invalid_filter"),
        ("embeddings", {"generator": ["tiny"]}, 400, "invalid"),
        ("embeddings", {"generator": "\0"}, 400, "invalid"),
        ("embeddings", {"generator": "tiny", "filter": {"campaign": "\0"}}, 400, "invalid_filter"),
        (
            "embeddings",
            {"generator": "tiny", "filter": {"identity": list(range(400))}},
            400,
            "invalid_filter",
        ),
        ("embeddings", {"generator": "tiny", "colour": "red"}, 400, "invalid"),
        ("embeddings", {}, 400, "invalid"),
        ("directions", {"generator": "tiny"}, 409, "not_embedded"),
        ("directions", {"generator": "tiny", "bins": [-30, 0, 30]}, 400, "invalid_bins"),
        ("directions", {"generator": "tiny", "bins": ["a"]}, 400, "invalid"),
        ("directions", {"generator": "tiny", "kind": "smile"}, 400, "invalid"),
        ("directions", {"generator": "tiny", "release": 9}, 400, "invalid_filter"),
        ("directions", {"generator": "tiny", "recipe": {"points": "x"}}, 400, "invalid_recipe"),
        ("directions", {"generator": "tiny", "recipe": {"subtract": ["x"]}}, 400, "invalid_recipe"),
        ("directions", {"generator": "tiny", "recipe": "straight"}, 400, "invalid"),
        ("edits", {"face": 1, "direction": 10**20, "degrees": [1]}, 400, "invalid"),
        ("edits", {"face": "x", "direction": 1, "degrees": [1]}, 400, "invalid"),
        ("edits", {"face": 0, "direction": 1, "degrees": []}, 400, "invalid"),
        ("generators", {"name": "a b", "source": "x/y"}, 400, "invalid"),
        ("generators", {"name": "tiny", "source": "org/name"}, 409, "name_taken"),
        ("generators", {"name": "new", "source": "/etc"}, 400, "invalid_source"),
        ("generators", {"name": "new", "source": "../../etc"}, 400, "invalid_source"),
        ("generators", {"name": "new", "source": "a" * 900}, 400, "invalid_source"),
        ("generators", {"name": "new", "source": "http://far/model"}, 400, "invalid_source"),
    ],
)
def test_work_that_cannot_be_is_refused_before_it_waits(
    rita: Any, dataset: Dataset, generator: Generator, url: str, body: Any, status: int, code: str
) -> None:
    answer = post(rita, f"/api/{url}", body)
    assert (answer.status_code, answer.json()["code"]) == (status, code), answer.json()
    assert not Embedding.objects.exists()
    assert Generator.objects.count() == 1


def test_a_generator_outside_the_known_folders_is_for_the_operator_only(
    rita: Any, generator_folder: Any
) -> None:
    answer = post(rita, "/api/generators", {"name": "new", "source": str(generator_folder)})
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_source")


def test_a_turned_face_is_served_file_by_file(rita: Any, edit: Edit) -> None:
    job = rita.get(f"/api/edits/{edit.id}").json()
    assert [frame["degrees"] for frame in job["result"]["frames"]] == [-20, 0, 20]
    names = [frame["url"] for frame in job["result"]["frames"]]
    for url in [*names, job["result"]["strip_url"], job["result"]["animation_url"]]:
        answer = rita.get(url)
        assert answer.status_code == 200
        assert answer["Content-Type"] in ("image/png", "image/webp")
        assert "immutable" in answer["Cache-Control"]
        assert answer["X-Content-Type-Options"] == "nosniff"
        assert b"".join(answer.streaming_content)[:4] in (b"\x89PNG", b"RIFF")
    for name in ("frame99.png", "..%2F..%2Fsecret_key", "direction.safetensors"):
        assert rita.get(f"/api/edits/{edit.id}/files/{name}").status_code == 404


def test_a_film_is_sent_in_the_parts_that_a_player_asks_for(rita: Any, edit: Edit) -> None:
    video = rita.get(f"/api/edits/{edit.id}").json()["result"]["video_url"]
    whole = rita.get(video)
    content = b"".join(whole.streaming_content)
    assert (whole["Accept-Ranges"], whole["Content-Type"]) == ("bytes", "video/mp4")
    for asked, start, stop in (("0-1", 0, 2), ("10-", 10, len(content)), ("-5", -5, None)):
        part = rita.get(video, headers={"Range": f"bytes={asked}"})
        assert b"".join(part.streaming_content) == content[start:stop]
        assert (part.status_code, part["Content-Type"]) == (206, "video/mp4")
        assert part["Content-Range"].endswith(f"/{len(content)}")
        assert part["ETag"] == whole["ETag"]
    beyond = rita.get(video, headers={"Range": f"bytes={len(content)}-"})
    assert (beyond.status_code, beyond["Content-Range"]) == (416, f"bytes */{len(content)}")
    assert rita.get(video, headers={"If-None-Match": whole["ETag"]}).status_code == 304
    other = rita.get(f"/api/edits/{edit.id}/files/animation.webp")
    assert other["ETag"] != whole["ETag"]


def test_degrees_that_cannot_be_are_refused(rita: Any, direction: Direction) -> None:
    face = Face.objects.first()
    for degrees, told in (
        ([50], "degrees has 50; heads turn from -45 to 45"),
        (["nan"], "'nan' came; expected a finite number"),
        ([None], "may not be null"),
        ([10, 10], "names a frame twice"),
        ([True], "True came; expected a finite number"),
        (list(range(62)), "no more than 61"),
    ):
        body = {"face": face.id, "direction": direction.id, "degrees": degrees}
        answer = post(rita, "/api/edits", body)
        assert answer.status_code == 400
        assert told in answer.json()["detail"]
    assert not Edit.objects.exists()


def test_an_unfinished_direction_turns_nothing(rita: Any, direction: Direction) -> None:
    Direction.objects.filter(id=direction.id).update(status="running")
    face = Face.objects.first()
    body = {"face": face.id, "direction": direction.id, "degrees": [10]}
    answer = post(rita, "/api/edits", body)
    assert (answer.status_code, answer.json()["code"]) == (409, "direction_not_ready")


def test_pages_answer_researchers_and_nobody_else(
    people: Any, client: Any, edit: Edit, direction: Direction
) -> None:
    addresses = [
        reverse("faces"),
        reverse("faces") + "?consensus=left&consensus=right&yaw_min=steep",
        reverse("generators"),
        reverse("directions"),
        reverse("direction", args=[direction.id]),
        reverse("edit", args=[edit.id]),
        reverse("jobs"),
    ]
    for url in addresses:
        assert client.get(url).status_code == 302
    client.force_login(people.ada)
    for url in addresses:
        assert client.get(url).status_code == 403
    client.force_login(people.rita)
    for url in addresses:
        page = client.get(url)
        assert page.status_code == 200
        assert "style=" not in page.content.decode()
    assert b"000026.jpg" in client.get(reverse("edit", args=[edit.id])).content
