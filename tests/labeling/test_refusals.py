"""What the REST contract of labeling refuses, and how it says so."""

import json
import uuid

import pytest
from django.core.cache import cache

from labeling import queue
from labeling.models import Release


@pytest.fixture
def campaign(dataset_of):
    return queue.create_campaign(dataset_of(8), "light", title="Light")


ODD_VOTES = [
    ({"second": 1}, "malformed", "['second'] are unknown"),
    ({"face": "7"}, "malformed", "face is '7'"),
    ({"face": 10**9}, "unknown_face", "1000000000"),
    ({"choice": ["left"]}, "unknown_choice", "['left']"),
    ({"choice": "\ud800"}, "unknown_choice", "ud800"),
    ({"id": "\ud800"}, "malformed", "ud800"),
    ({"id": None}, "malformed", "None"),
    ({"seconds": -1}, "malformed", "-1"),
    ({"suggestion_shown": "yes"}, "malformed", "'yes'"),
]


def test_a_bad_vote_is_named_in_its_place_and_spoils_no_other(campaign, people, api):
    client = api(people.ada)
    turns = client.post("/api/campaigns/light/turns", {"count": 2}, format="json").data["turns"]
    good = [{"id": str(uuid.uuid4()), "face": turn["face"], "choice": "left"} for turn in turns]
    rows = [good[0], *(good[1] | odd for odd, _, _ in ODD_VOTES), "left", None, good[1]]
    text = json.dumps({"votes": rows})
    answer = client.generic("POST", "/api/campaigns/light/votes", text, "application/json")
    assert answer.status_code == 201
    told = answer.json()["results"]
    assert [one["status"] for one in told] == ["stored", *["rejected"] * (len(rows) - 2), "stored"]
    for one, (odd, code, quoted) in zip(told[1:], ODD_VOTES, strict=False):
        assert one["code"] == code, odd
        assert quoted in one["detail"], odd
        assert one["id"] == (
            "?" if odd.get("id") == "\ud800" else str(odd.get("id", good[1]["id"]))
        )


@pytest.mark.parametrize(
    ("who", "path", "text", "status", "said"),
    [
        ("ada", "campaigns/light/turns", '{"count": 51}', 400, "50. It was 51."),
        ("ada", "campaigns/light/turns", '{"count": NaN}', 400, "NaN"),
        ("ada", "campaigns/light/turns", "[" * 100_000, 400, "too deeply"),
        ("ada", "campaigns/light/turns", f'{{"x": "{"x" * 11_000_000}"}}', 413, "at most 10485760"),
        ("ada", "campaigns/light/leases/renew", '{"faces": [1, "b"]}', 400, "It was 'b'."),
        ("ada", "campaigns/light/leases/release", '{"faces": [1], "x": 2}', 400, "['x']"),
        ("ada", "campaigns/light/votes", '{"votes": [{}], "x": 2}', 400, "['x'] are unknown"),
        ("ada", "campaigns/light/votes/withdraw", '{"id": "x"}', 400, "It was 'x'."),
        ("mia", "campaigns/light/releases", '{"confidence": 0.1}', 400, "0.5. It was 0.1."),
        ("mia", "campaigns", '{"slug": "a b", "title": "x", "dataset": "y"}', 400, "It was 'a b'."),
    ],
)  # fmt: skip
def test_a_refusal_quotes_what_came_and_what_was_expected(
    campaign, people, api, who, path, text, status, said
):
    client = api(getattr(people, who))
    answer = client.generic("POST", f"/api/{path}", text, "application/json")
    assert answer.status_code == status
    assert set(answer.json()) == {"code", "detail"}
    assert said in answer.json()["detail"]


def test_a_password_is_never_quoted(people, api):
    cache.clear()  # who asked for tokens before is not this test's matter
    body = {"username": "ada", "password": "x" * 1001}
    answer = api().post("/api/token", body, format="json")
    assert answer.status_code == 400
    assert "1000" in answer.data["detail"]
    assert "xx" not in answer.data["detail"]


@pytest.mark.parametrize(
    ("who", "path"),
    [
        ("ada", "campaigns"),
        ("ada", "campaigns/light"),
        ("ada", "campaigns/light/progress"),
        ("ada", "campaigns/light/mine"),
        ("mia", "campaigns/light/annotators"),
        ("mia", "campaigns/light/agreement"),
        ("mia", "campaigns/light/contested"),
        ("mia", "campaigns/light/releases"),
        ("ada", "faces/{face}/image"),
    ],
)
def test_a_misspelt_query_is_refused(campaign, people, api, who, path):
    path = path.format(face=campaign.dataset.faces.first().id)
    assert api(getattr(people, who)).get(f"/api/{path}").status_code == 200
    answer = api(getattr(people, who)).get(f"/api/{path}?colour=red")
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_query")
    assert "'colour'" in answer.json()["detail"]


def test_what_is_not_there_is_told_as_the_rest_of_the_api_tells_it(campaign, people, api):
    for path in ("nowhere", "faces/999999/image", "releases/99999", "imports/99999", "campaigns/x"):
        answer = api(people.mia).get(f"/api/{path}")
        assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
        assert path.split("/")[-1 - path.endswith("image")] in answer.json()["detail"]
    assert "<html" in api(people.mia).get("/nowhere").content.decode()


def test_a_key_too_long_to_keep_is_refused(campaign, people, api):
    client = api(people.mia)
    answer = client.post(
        "/api/campaigns/light/releases", {}, format="json", headers={"Idempotency-Key": "k" * 500}
    )
    assert (answer.status_code, answer.data["code"]) == (400, "invalid")
    assert not Release.objects.exists()


@pytest.mark.parametrize(
    ("path", "body", "status", "code"),
    [
        ("turns", {"count": 51}, 400, "invalid"),
        ("turns", {"count": "ten"}, 400, "invalid"),
        ("turns", {"amount": 5}, 400, "invalid"),
        ("leases/renew", {"faces": ["a"]}, 400, "invalid"),
        ("votes", {}, 400, "invalid"),
        ("votes", [], 400, "invalid"),
        ("votes", {"votes": []}, 400, "invalid"),
        ("votes", {"votes": [{}] * 201}, 413, "too_many_votes"),
        ("votes/withdraw", {"id": "x"}, 400, "invalid"),
        ("votes/withdraw", {"id": str(uuid.UUID(int=0))}, 404, "not_found"),
    ],
)
def test_a_wrong_request_is_told_why(campaign, people, api, path, body, status, code):
    answer = api(people.ada).post(f"/api/campaigns/light/{path}", body, format="json")
    assert (answer.status_code, answer.data["code"]) == (status, code)
    assert answer.data["detail"].strip()
