# ruff: noqa: F811 fixtures are asked for by their names
"""Directions of regions over the API: asked for, made once, kept in the library, applied."""

import json
from typing import Any

import pytest

from editing import places
from editing.engine.regions import as_rows, rasterise
from editing.jobs import components
from editing.models import Decomposition, Generator
from editing.tasks import sweep
from labeling import worker
from labeling.models import Face
from tests.editing.searches import (  # noqa: F401 the fixtures
    EYES,
    MOUTH,
    ask,
    box,
    found,
)


def test_a_search_is_asked_for_with_defaults_and_followed(ask, rita, generator):
    answer = ask()
    assert answer.status_code == 202
    assert (answer.data["status"], answer.data["progress"]) == ("queued", 0)
    assert answer.data["regions"] == [EYES, MOUTH]
    wanted = {"timestep": 509, "steps": 20, "rank": 10, "joint_rank": None}
    assert {key: answer.data[key] for key in wanted} == wanted
    assert rita.get(answer.data["url"]).data["id"] == answer.data["id"]
    assert [row["id"] for row in rita.get("/api/components").data["results"]] == [answer.data["id"]]
    cancelled = rita.post(f"{answer.data['url']}/cancel")
    assert cancelled.data["status"] == "cancelled"


def test_a_search_may_be_pooled_over_other_people(ask, rita, faces):
    alone = ask().data
    assert alone["pool"] is None
    pooled = ask(pool={"faces": 2}).data
    assert (pooled["pool"]["faces"], len(pooled["pool"]["ids"])) == (2, 2)
    assert faces[0].id not in pooled["pool"]["ids"]
    assert pooled["pool"]["filter"] == f"dataset={faces[0].dataset.name}"
    assert pooled["id"] != alone["id"]
    assert ask(pool={"faces": 2, "settle": False}).data["id"] == pooled["id"]
    settled = ask(pool={"faces": 2, "settle": True}).data
    assert settled["id"] != pooled["id"]
    assert settled["pool"] == {**pooled["pool"], "settle": True}
    turned = ask(pool={"faces": 2, "filter": "yaw_min=-42"}).data["pool"]
    assert turned["filter"] == f"dataset={faces[0].dataset.name}&yaw_min=-42"
    chosen = [face for face in faces if face.id in turned["ids"]]
    assert [face.yaw_degrees >= -42 for face in chosen] == [True, True]
    # Masks on the other faces follow from their landmarks.
    moved = Face.objects.get(id=pooled["pool"]["ids"][0])
    moved.landmarks[0] += 1
    moved.save()
    assert ask(pool={"faces": 2}).data["id"] != pooled["id"]
    for pool, code in (
        ({"faces": 1}, "invalid"),
        ({"faces": 41}, "invalid"),
        ({"faces": 41, "settle": True}, "too_few_faces"),
        ({"faces": 301, "settle": True}, "invalid"),
        ({"faces": 40}, "too_few_faces"),
        ({"colour": 1}, "invalid"),
        ({"filter": "colour=1"}, "invalid_filter"),
    ):
        answer = ask(pool=pool)
        assert (answer.status_code, answer.data["code"]) == (400, code)
    Face.objects.filter(id=faces[0].id).update(landmarks=None)
    answer = ask(pool={"faces": 2})
    assert (answer.status_code, answer.data["code"]) == (400, "no_landmarks")


def test_an_equal_search_is_made_once(ask, people, api, generator, faces):
    first = ask().data
    # Drawn otherwise, the same pixels; named by number, the same generator.
    polygon = [[0.2, 0.4], [0.8, 0.4], [0.8, 0.6], [0.2, 0.6]]
    drawn = {"name": "eyes", "shapes": [{"kind": "mask", "rows": _rows(EYES)}]}
    again = [ask(), ask(regions=[drawn, MOUTH]), ask(generator=generator.id), ask(rank=10)]
    assert {answer.data["id"] for answer in again} == {first["id"]}
    others = [
        ask(regions=[EYES]),
        ask(regions=[MOUTH, EYES]),
        ask(regions=[{**EYES, "name": "both eyes"}, MOUTH]),
        ask(regions=[{**EYES, "shapes": [{"kind": "polygon", "points": polygon[:3]}]}, MOUTH]),
        ask(rank=9),
        ask(joint_rank=1),
        ask(individual_rank=2),
        ask(timestep=500),
        ask(steps=10),
        ask(refinements=2),
        ask(face=faces[1].id),
    ]
    assert [answer.status_code for answer in others] == [202] * len(others)
    ids = {answer.data["id"] for answer in others}
    assert len(ids) == len(others)
    assert first["id"] not in ids


def _rows(region: dict) -> list[str]:
    return as_rows(rasterise(region["shapes"], 16, 16))


def test_what_failed_or_was_cancelled_can_be_asked_for_again(ask, rita):
    first = ask().data
    rita.post(f"{first['url']}/cancel")
    second = ask().data
    Decomposition.objects.filter(id=second["id"]).update(status="failed")
    third = ask().data
    assert len({first["id"], second["id"], third["id"]}) == 3


def test_one_key_and_body_give_one_row_and_another_body_a_conflict(ask):
    first = ask(key="monday")
    assert ask(key="monday").data["id"] == first.data["id"]
    answer = ask(key="monday", rank=3)
    assert (answer.status_code, answer.data["code"]) == (409, "idempotency_key_reused")


def test_one_s_own_region_is_carried_to_the_face_that_is_searched(ask, rita, people, api, faces):
    body = {"face": faces[1].id, **EYES}
    region = rita.post("/api/regions", body, format="json").data["id"]
    (shown,) = ask(regions=[{"region": region}]).data["regions"]
    assert shown["name"] == "eyes"
    assert ask(regions=[{"region": region + 1}]).status_code == 404
    answer = ask(regions=[{"region": region, "name": "x"}])
    assert (answer.status_code, answer.data["code"]) == (400, "invalid")


@pytest.mark.parametrize(
    ("change", "code", "said"),
    [
        ({"regions": box(0, 0, 0.01, 0.01)}, "invalid_region", "covers no pixel of 16x16"),
        ({"regions": box(0, 0, 1, 1)}, "invalid_region", "covers the whole face"),
        ({"regions": box(0, 0, 1, 3)}, "invalid_region", "outside the picture"),
        (
            {"regions": [{"name": "eyes", "shapes": [{"kind": "mask", "rows": ["01", "10"]}]}]},
            "invalid_region",
            "is 2x2; expected 16x16",
        ),
        ({"regions": [EYES, EYES]}, "invalid_region", "Two regions are named 'eyes'"),
        ({"regions": []}, "invalid_regions", "0 regions; expected 1 to 8"),
        ({"regions": [{**EYES, "name": str(n)} for n in range(9)]}, "invalid_regions", "9 regions"),
        ({"regions": [{**EYES, "name": "rest"}]}, "invalid_name", "all else of the face"),
        ({"rank": 0}, "invalid", "rank is 0; expected a whole number 1..64"),
        ({"rank": 65}, "invalid", "rank is 65"),
        ({"rank": 5, "joint_rank": 6}, "invalid", "joint_rank is 6; expected a whole number 0..5"),
        ({"individual_rank": 0}, "invalid", "individual_rank is 0"),
        ({"timestep": 0}, "invalid", "timestep is 0"),
        ({"steps": 1}, "invalid", "steps is 1"),
        ({"refinements": 4}, "invalid", "refinements is 4"),
        ({"generator": "nobody"}, "not_found", "no generator 'nobody'"),
        ({"face": 10**12}, "not_found", "no face"),
        ({"colour": "red"}, "invalid", "colour"),
    ],
)
def test_what_cannot_be_searched_is_refused_in_a_sentence(ask, change, code, said):
    answer = ask(**change)
    assert answer.status_code in (400, 404)
    assert answer.data["code"] == code
    assert said in answer.data["detail"]
    assert Decomposition.objects.count() == 0


def test_a_generator_that_is_not_ready_is_a_conflict(ask, generator):
    Generator.objects.update(status="failed", error="no weights")
    answer = ask()
    assert (answer.status_code, answer.data["code"]) == (409, "generator_not_ready")


def test_a_shared_search_is_cancelled_by_who_asked_for_it_or_a_manager(ask, people, api, rita):
    people.ben.is_researcher = True
    people.ben.save()
    url = f"{ask().data['url']}/cancel"
    refused = api(people.ben).post(url)
    assert (refused.status_code, refused.data["code"]) == (403, "asked_by_another")
    assert "only rita or a manager may cancel it, and you are ben" in refused.data["detail"]
    assert rita.get(url.removesuffix("/cancel")).data["status"] == "queued"
    assert rita.post(url).data["status"] == "cancelled"
    again = f"{ask().data['url']}/cancel"
    assert again != url
    assert api(people.mia).post(again).data["status"] == "cancelled"
    # What a command asked for is nobody's in particular.
    third = ask().data
    Decomposition.objects.filter(id=third["id"]).update(requested_by=None)
    assert api(people.ben).post(f"{third['url']}/cancel").data["status"] == "cancelled"


def test_rows_are_listed_by_region_and_method(rita, found):
    address = f"/api/components/{found[0].decomposition_id}/rows"
    everything = rita.get(address).data["results"]
    assert [row["id"] for row in everything] == [row.id for row in found]
    assert everything[0]["region"] == "eyes"
    mouth = rita.get(address, {"region": "mouth", "method": "jive", "limit": 1}).data
    assert [row["id"] for row in mouth["results"]] == [found[2].id]
    assert len(rita.get(mouth["next"]).data["results"]) == 1
    assert rita.get(address, {"colour": "red"}).status_code == 400


def test_only_files_that_the_worker_named_are_served(rita, found):
    job = found[0].decomposition
    shown = rita.get(f"/api/components/{job.id}").data["result"]
    answer = rita.get(shown["urls"]["eyes0.png"])
    assert (answer.status_code, answer["Content-Type"]) == (200, "image/png")
    assert b"".join(answer.streaming_content) == b"a picture"
    for name in ("secret.png", "gone.png", "1", "..", "%2e%2e%2fmodels.py"):
        assert rita.get(f"/api/components/{job.id}/files/{name}").status_code == 404, name


def test_what_moved_together_in_a_search_is_proposed_for_the_next(rita, found, faces):
    job = found[0].decomposition
    body = {"face": job.face_id, "decomposition": job.id}

    def proposed(**change: int) -> Any:
        return rita.post("/api/regions/propose", body | change, format="json")

    assert proposed().data["code"] == "no_proposal"
    job.folder = str(places.decomposition_folder(job.id) / "1")
    job.save()
    region = {"name": "moves together 1", "shapes": [{"kind": "mask", "rows": _rows(EYES)}]}
    file = places.decomposition_folder(job.id) / "1" / places.PROPOSED_FILE
    file.write_text(json.dumps([region]))
    assert proposed().data["regions"] == [region]
    assert proposed(face=faces[1].id).data["code"] == "another_face"
    assert proposed(decomposition=10**9).status_code == 404


def test_a_direction_is_kept_under_a_name_and_let_go(rita, people, api, found):
    people.sam.is_researcher = True
    people.sam.save()
    address = f"/api/library/{found[0].id}"
    answer = rita.put(address, {"name": " wider eyes "}, format="json")
    assert (answer.data["name"], answer.data["kept_by"]) == ("wider eyes", "rita")
    assert [row["name"] for row in rita.get("/api/library").data["results"]] == ["wider eyes"]
    answer = rita.put(f"/api/library/{found[1].id}", {"name": "wider eyes"}, format="json")
    assert (answer.status_code, answer.data["code"]) == (409, "name_taken")
    sam = api(people.sam)
    answer = sam.put(address, {"name": "mine"}, format="json")
    assert (answer.status_code, answer.data["code"]) == (409, "kept_by_another")
    assert sam.delete(address).status_code == 404
    assert rita.put(address, {"name": "wide eyes"}, format="json").data["name"] == "wide eyes"
    assert rita.delete(address).data["name"] == ""
    assert rita.get("/api/library").data["results"] == []
    for name in ("", "a" * 61, "a\nb"):
        assert rita.put(address, {"name": name}, format="json").status_code == 400


def test_the_sweep_rings_for_a_search_whose_worker_went_silent(ask):
    job = Decomposition.objects.get(id=ask().data["id"])
    long_ago = job.created_at - worker.STALE_AFTER * 3
    Decomposition.objects.update(created_at=long_ago, heartbeat_at=long_ago, status="queued")
    sweep()
    job.refresh_from_db()
    assert job.heartbeat_at > long_ago


def test_the_hash_follows_every_mask(generator, faces):
    fields = {"rank": 3}

    def hashed(*edges: float) -> str:
        return components.key_of(generator, faces[0], box(*edges), fields)

    assert hashed(0, 0, 0.5, 0.5) == hashed(0, 0, 0.501, 0.499)
    assert hashed(0, 0, 0.5, 0.5) != hashed(0, 0, 0.5, 0.5625)
    assert len(hashed(0, 0, 0.5, 0.5)) == 64
