"""Regions over the API: proposed, kept, one's own, carried to other faces, refused by sentences."""

from collections.abc import Callable

import pytest

from editing.models import Region
from labeling.models import Face

BOX = {"kind": "rectangle", "box": [0.2, 0.3, 0.5, 0.6]}


def kept(client, face: Face, name: str = "left eye", shape: dict = BOX) -> dict:
    body = {"face": face.id, "name": name, "shapes": [shape]}
    answer = client.post("/api/regions", body, format="json")
    assert answer.status_code == 201, answer.data
    return answer.data


def test_the_parts_of_a_face_are_proposed(rita, faces):
    answer = rita.post("/api/regions/propose", {"face": faces[0].id}, format="json")
    assert answer.status_code == 200
    names = [region["name"] for region in answer.data["regions"]]
    assert names == ["eyes", "brows", "nose", "mouth", "chin", "hair", "background"]
    for region in answer.data["regions"]:
        kept(rita, faces[0], region["name"], region["shapes"][0])


def test_of_a_face_without_landmarks_nothing_is_proposed(rita, faces):
    Face.objects.filter(id=faces[0].id).update(landmarks=None)
    answer = rita.post("/api/regions/propose", {"face": faces[0].id}, format="json")
    assert (answer.status_code, answer.data["code"]) == (400, "no_landmarks")
    assert "mark its regions by hand" in answer.data["detail"]


def test_a_region_is_kept_renamed_redrawn_and_deleted(rita, faces):
    region = kept(rita, faces[0])
    assert region["shapes"] == [BOX]
    address = f"/api/regions/{region['id']}"
    wider = {**BOX, "box": [0.1, 0.3, 0.6, 0.6]}
    body = {"name": " eye ", "shapes": [wider]}
    assert rita.patch(address, body, format="json").status_code == 200
    assert rita.get(address).data["name"] == "eye"
    assert rita.get("/api/regions").data["results"][0]["shapes"] == [wider]
    assert rita.delete(address).status_code == 204
    assert rita.get(address).status_code == 404
    assert rita.get("/api/regions").data["results"] == []


def test_regions_are_listed_by_face_the_newest_first(rita, faces):
    first, second = kept(rita, faces[0], "a"), kept(rita, faces[0], "b")
    other = kept(rita, faces[1], "a")
    ids = [row["id"] for row in rita.get("/api/regions").data["results"]]
    assert ids == [other["id"], second["id"], first["id"]]
    listed = rita.get("/api/regions", {"face": faces[0].id, "limit": 1}).data
    assert [row["id"] for row in listed["results"]] == [second["id"]]
    following = rita.get(listed["next"]).data
    assert [row["id"] for row in following["results"]] == [first["id"]]
    assert following["next"] is None
    assert rita.get("/api/regions", {"face": "x"}).data["code"] == "invalid_query"


def test_a_name_stands_once_on_a_face_for_each_person(rita, people, api, faces):
    people.sam.is_researcher = True
    people.sam.save()
    region = kept(rita, faces[0])
    kept(rita, faces[1])
    kept(api(people.sam), faces[0])
    body = {"face": faces[0].id, "name": "left eye", "shapes": [BOX]}
    answer = rita.post("/api/regions", body, format="json")
    assert (answer.status_code, answer.data["code"]) == (409, "name_taken")
    other = kept(rita, faces[0], "right eye")
    answer = rita.patch(f"/api/regions/{other['id']}", {"name": "left eye"}, format="json")
    assert (answer.status_code, answer.data["code"]) == (409, "name_taken")
    assert Region.objects.get(id=region["id"]).name == "left eye"


def test_another_person_s_region_is_not_there(rita, people, api, faces):
    people.sam.is_researcher = True
    people.sam.save()
    address = f"/api/regions/{kept(rita, faces[0])['id']}"
    sam = api(people.sam)
    assert sam.get("/api/regions").data["results"] == []
    for method, path in (("get", ""), ("patch", ""), ("delete", ""), ("post", "/carry")):
        body = {"face": faces[0].id} if path else {}
        answer = getattr(sam, method)(address + path, body, format="json")
        assert (answer.status_code, answer.data["code"]) == (404, "not_found"), method
    assert Region.objects.count() == 1


def test_a_region_comes_to_lie_on_the_same_part_of_another_face(rita, faces):
    moved = [value + (10 if at % 2 == 0 else -6) for at, value in enumerate(faces[1].landmarks)]
    Face.objects.filter(id=faces[1].id).update(landmarks=moved)
    address = f"/api/regions/{kept(rita, faces[0])['id']}/carry"
    same = rita.post(address, {"face": faces[0].id}, format="json").data
    assert same["shapes"] == [BOX]
    carried = rita.post(address, {"face": faces[1].id}, format="json").data
    (x, y), *_ = carried["shapes"][0]["points"]
    assert (x, y) == pytest.approx((0.2 + 10 / 128, 0.3 - 6 / 128), abs=1e-4)
    Face.objects.filter(id=faces[2].id).update(landmarks=None)
    answer = rita.post(address, {"face": faces[2].id}, format="json")
    assert answer.data["code"] == "no_landmarks"
    assert Region.objects.count() == 1, "carrying keeps nothing"


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"name": ""}, "invalid"),
        ({"name": " "}, "invalid"),
        ({"name": "a" * 61}, "invalid_name"),
        ({"name": "a\nb"}, "invalid_name"),
        ({"name": "rest"}, "invalid_name"),
        ({"shapes": []}, "invalid_region"),
        ({"shapes": [BOX] * 41}, "invalid_region"),
        ({"shapes": [BOX] * 201}, "invalid"),
        ({"shapes": ["eyes"]}, "invalid_region"),
        ({"shapes": [{**BOX, "box": [0, 0, 2, 1]}]}, "invalid_region"),
        ({"shapes": BOX}, "invalid"),
        ({"colour": "red"}, "invalid"),
        ({"face": 0}, "invalid"),
        ({"face": 10**9}, "not_found"),
    ],
)
def test_what_is_no_region_is_refused_in_a_sentence(rita, faces, change: dict, code: str):
    body = {"face": faces[0].id, "name": "eye", "shapes": [BOX], **change}
    answer = rita.post("/api/regions", body, format="json")
    assert answer.status_code in (400, 404)
    assert answer.data["code"] == code
    assert len(answer.data["detail"]) > 15
    assert Region.objects.count() == 0


@pytest.mark.parametrize("name", ["ada", "mia", "sam"])
def test_regions_are_for_researchers(people, api: Callable, faces, name: str):
    client = api(getattr(people, name))
    assert client.get("/api/regions").status_code == 403
    body = {"face": faces[0].id}
    assert client.post("/api/regions/propose", body, format="json").status_code == 403
