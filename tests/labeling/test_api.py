"""The REST contract of labeling, as an outside client and as each of the cast meets it."""

import re
import uuid

import pytest
from django.core.cache import cache
from django.urls import reverse
from knox.models import AuthToken
from rest_framework.test import APIClient

from labeling import leases, queue
from labeling.models import Import, Lease, Release, Vote


@pytest.fixture
def campaign(dataset_of):
    return queue.create_campaign(dataset_of(8), "light", title="Light")


@pytest.fixture
def token(people):
    cache.clear()  # who asked for tokens before is not this test's matter
    answer = APIClient().post(
        "/api/token", {"username": "ada", "password": people.password}, format="json"
    )
    assert answer.status_code == 200, answer.data
    return answer.data["token"]


def test_a_client_with_a_token_labels_a_face(campaign, token):
    client = APIClient(headers={"Authorization": f"Token {token}"})
    answer = client.post("/api/campaigns/light/turns", {"count": 2}, format="json").data
    assert set(answer) == {"turns", "open"}
    assert answer["open"] == 8
    turn = answer["turns"][0]
    assert set(turn) == {
        "face", "filename", "image", "width", "height", "lease_expires", "suggestion",
    }  # fmt: skip
    assert (turn["width"], turn["height"], turn["suggestion"]) == (178, 218, None)
    image = client.get(turn["image"])
    assert image["Content-Type"] == "image/jpeg"
    assert "immutable" in image["Cache-Control"]
    assert image["X-Content-Type-Options"] == "nosniff"
    assert client.get(turn["image"], headers={"If-None-Match": image["ETag"]}).status_code == 304
    part = client.get(turn["image"], headers={"Range": "bytes=0-1"})
    assert (part.status_code, b"".join(part.streaming_content)) == (206, b"\xff\xd8")

    vote = {"id": str(uuid.uuid4()), "face": turn["face"], "choice": "left", "seconds": 0.8}
    sent = {"votes": [vote, vote | {"id": str(uuid.uuid4()), "choice": "up"}]}
    answer = client.post("/api/campaigns/light/votes", sent, format="json")
    assert answer.status_code == 201
    assert [one["status"] for one in answer.data["results"]] == ["stored", "rejected"]
    assert answer.data["results"][1]["code"] == "unknown_choice"
    mine = client.get("/api/campaigns/light/mine").data
    assert (mine["votes"], mine["recent"][0]["choice"]) == (1, "left")
    assert Vote.objects.get().source == "api"

    answer = client.post("/api/campaigns/light/votes/withdraw", {"id": vote["id"]}, format="json")
    assert answer.data["turn"]["face"] == turn["face"]
    held = client.post(
        "/api/campaigns/light/leases/release", {"faces": [turn["face"]]}, format="json"
    ).data["held"]
    assert turn["face"] not in [one["face"] for one in held]


def test_a_withdrawal_sent_again_is_answered_though_the_face_went_on(campaign, people, api):
    client = api(people.ada)
    turn = client.post("/api/campaigns/light/turns", {"count": 1}, format="json").data["turns"][0]
    vote = {"id": str(uuid.uuid4()), "face": turn["face"], "choice": "left"}
    client.post("/api/campaigns/light/votes", {"votes": [vote]}, format="json")
    address = "/api/campaigns/light/votes/withdraw"
    assert client.post(address, {"id": vote["id"]}, format="json").data["turn"] is not None
    leases.release(campaign, people.ada, [turn["face"]])
    again = client.post(address, {"id": vote["id"]}, format="json")
    assert (again.status_code, again.data["turn"]) == (200, None)


def test_what_a_lost_answer_leased_is_given_back_by_the_request_s_name(campaign, people, api):
    client, lost = api(people.ada), str(uuid.uuid4())
    kept = client.post("/api/campaigns/light/turns", {"count": 2}, format="json").data["turns"]
    client.post("/api/campaigns/light/turns", {"count": 3, "request": lost}, format="json")
    address = "/api/campaigns/light/leases/release"
    other = api(people.ben).post(address, {"faces": [], "requests": [lost]}, format="json")
    assert (other.status_code, other.data["held"]) == (200, [])
    assert Lease.objects.count() == 5
    answer = client.post(address, {"faces": [], "requests": [lost]}, format="json").data
    assert {one["face"] for one in answer["held"]} == {turn["face"] for turn in kept}
    assert Lease.objects.count() == 2
    answer = client.post(address, {"faces": [], "requests": ["that one"]}, format="json")
    assert (answer.status_code, answer.data["code"]) == (400, "invalid")


def test_a_token_is_stored_hashed_expires_and_can_be_revoked(token):
    row = AuthToken.objects.get()
    assert token not in (row.digest, row.token_key)
    assert row.expiry is not None
    client = APIClient(headers={"Authorization": f"Token {token}"})
    assert client.delete("/api/token").status_code == 204
    assert client.get("/api/campaigns").status_code in (401, 403)


def test_a_wrong_password_gives_no_token(people, api):
    answer = api().post("/api/token", {"username": "ada", "password": "guess"}, format="json")
    assert (answer.status_code, answer.data["code"]) == (400, "wrong_credentials")


def test_guessing_passwords_is_slowed_down(people, api):
    body = {"username": "ada", "password": "guess"}
    answers = {api().post("/api/token", body, format="json").status_code for _ in range(12)}
    assert answers == {400, 429}


def test_a_browser_s_copy_is_known_also_behind_a_proxy_that_compresses(campaign, people, api):
    address = f"/api/faces/{campaign.dataset.faces.first().id}/image"
    client = api(people.ada)
    whole = client.get(address)
    etag = whole["ETag"]
    for known in (f"W/{etag}", f'"other", W/{etag}', "*"):
        assert client.get(address, headers={"If-None-Match": known}).status_code == 304
    assert client.get(address, headers={"If-None-Match": '"other"'}).status_code == 200
    # A range that ends before it begins is no range: RFC 9110 says to ignore it.
    assert client.get(address, headers={"Range": "bytes=9-2"}).status_code == 200


# Who may call what; the stranger and nobody may call nothing.
ALLOWED = {
    ("get", "/api/campaigns"): {"ada", "mia", "rita"},
    ("post", "/api/campaigns"): {"mia"},
    ("get", "/api/campaigns/light"): {"ada", "mia", "rita"},
    ("patch", "/api/campaigns/light"): {"mia"},
    ("post", "/api/campaigns/light/audits"): {"mia"},
    ("get", "/api/campaigns/light/agreement"): {"mia"},
    ("get", "/api/campaigns/light/contested"): {"mia"},
    ("get", "/api/imports/{import}"): {"mia"},
    ("post", "/api/imports/{import}/cancel"): {"mia"},
    ("post", "/api/campaigns/light/adjudications"): {"mia"},
    ("get", "/api/campaigns/light/progress"): {"ada", "mia", "rita"},
    ("get", "/api/campaigns/light/annotators"): {"mia"},
    ("get", "/api/campaigns/light/mine"): {"ada"},
    ("get", "/api/campaigns/light/quiz"): {"ada"},
    ("post", "/api/campaigns/light/quiz"): {"ada"},
    ("post", "/api/campaigns/light/quiz/answers"): {"ada"},
    ("post", "/api/campaigns/light/turns"): {"ada"},
    ("post", "/api/campaigns/light/grid"): {"ada"},
    ("post", "/api/campaigns/light/leases/renew"): {"ada"},
    ("post", "/api/campaigns/light/leases/release"): {"ada"},
    ("post", "/api/campaigns/light/votes"): {"ada"},
    ("post", "/api/me/keys"): {"ada"},
    ("post", "/api/campaigns/light/votes/withdraw"): {"ada"},
    ("get", "/api/campaigns/light/releases"): {"mia"},
    ("post", "/api/campaigns/light/releases"): {"mia"},
    ("get", "/api/releases/{release}"): {"mia", "rita"},
    ("get", "/api/releases/{release}/files/labels.csv"): {"mia", "rita"},
    ("get", "/api/releases/{release}/compare/{release}"): {"mia", "rita"},
    ("post", "/api/releases/{release}/cancel"): {"mia"},
    ("get", "/api/faces/{face}/image"): {"ada", "mia", "rita"},
}


@pytest.mark.parametrize(("method", "path"), ALLOWED)
def test_each_role_gets_what_is_its_own_and_no_more(campaign, people, api, method, path):
    release = Release.objects.create(campaign=campaign, number=1)
    sent = Import.objects.create(campaign=campaign, kind="votes", file="/nonexistent")
    face = campaign.dataset.faces.first()
    address = path.format_map({"release": release.id, "face": face.id, "import": sent.id})
    let_in = set()
    for name in ("ada", "mia", "rita", "sam", None):
        person = getattr(people, name) if name else None
        status = getattr(api(person), method)(address, {}, format="json").status_code
        if status not in (401, 403):
            let_in.add(name)
            # Past the door: an empty body may be wrong (400), an unwritten file missing (404).
            assert status in (200, 201, 202, 400, 404), (name, status)
    assert let_in == ALLOWED[method, path]


def test_every_labeling_address_is_in_the_table_of_roles(campaign):
    from labeling.api import urlpatterns

    named = {re.sub(r"{\w+}", "1", path) for _, path in ALLOWED}
    arguments = {"slug": "light", "name": "labels.csv"}
    arguments |= dict.fromkeys(["release_id", "other_id", "import_id", "face_id"], 1)
    for pattern in urlpatterns:
        wanted = {key: arguments[key] for key in pattern.pattern.converters}
        address = reverse(pattern.name, kwargs=wanted)
        assert address in named or address == "/api/token"


def test_annotators_see_no_closed_campaign_and_none_of_its_images(campaign, people, api):
    campaign.is_open = False
    campaign.save()
    face = campaign.dataset.faces.first()
    assert api(people.ada).get("/api/campaigns").data["results"] == []
    assert api(people.ada).get("/api/campaigns/light").status_code == 404
    assert api(people.ada).get(f"/api/faces/{face.id}/image").status_code == 404
    assert api(people.mia).get("/api/campaigns/light").status_code == 200


@pytest.mark.parametrize("name", ["../secret.jpg", "link.jpg", "notes.txt", "gone.jpg"])
def test_no_image_leads_out_of_its_dataset(campaign, people, api, tmp_path, name):
    (tmp_path / "secret.jpg").write_bytes(b"\xff\xd8 secret")
    folder = tmp_path / "small"
    (folder / "link.jpg").symlink_to(tmp_path / "secret.jpg")
    (folder / "notes.txt").write_text("not an image")
    face = campaign.dataset.faces.create(filename=name)
    answer = api(people.rita).get(f"/api/faces/{face.id}/image")
    assert (answer.status_code, answer.data["code"]) == (404, "not_found")


def test_a_person_s_keys_are_one_of_the_layouts_and_their_own(campaign, people, api):
    client = api(people.ada)
    answer = client.post("/api/me/keys", {"layout": "left_hand"}, format="json")
    assert (answer.status_code, answer.data) == (200, {"layout": "left_hand"})
    answer = client.post("/api/me/keys", {"layout": "feet"}, format="json")
    assert (answer.status_code, answer.data["code"]) == (400, "invalid")
    layouts = dict(type(people.ada).objects.values_list("username", "key_layout"))
    assert (layouts["ada"], layouts["ben"]) == ("left_hand", "arrows")


def test_one_s_own_votes_are_counted_since_a_moment_trials_among_them(campaign, people, api):
    client = api(people.ada)
    turns = client.post("/api/campaigns/light/turns", {"count": 3}, format="json").data["turns"]
    rows = [{"id": str(uuid.uuid4()), "face": t["face"], "choice": "left"} for t in turns]
    client.post("/api/campaigns/light/votes", {"votes": rows}, format="json")
    first = Vote.objects.order_by("created_at").first()
    campaign.turns.filter(id=first.turn_id).update(kind="mirror")
    mine = client.get("/api/campaigns/light/mine").data
    assert (mine["votes"], mine["votes_since"]) == (3, 3), "a trial must not be told from a face"
    later = client.get("/api/campaigns/light/mine", {"since": "2999-01-01T00:00:00Z"}).data
    assert (later["votes"], later["votes_since"]) == (3, 0)
    wrong = client.get("/api/campaigns/light/mine", {"since": "monday"})
    assert (wrong.status_code, wrong.data["code"]) == (400, "invalid")


def test_a_release_asked_for_twice_with_one_key_is_one_release(campaign, people, api):
    client, body = api(people.mia), {"include": ["human"]}
    key = {"headers": {"Idempotency-Key": "monday"}}
    first, second = (
        client.post("/api/campaigns/light/releases", body, format="json", **key) for _ in range(2)
    )
    assert first.status_code == second.status_code == 202
    assert {"id", "status", "progress", "error", "url"} <= set(first.data)
    assert first.data["id"] == second.data["id"]
    other = client.post("/api/campaigns/light/releases", {}, format="json", **key)
    assert (other.status_code, other.data["code"]) == (409, "idempotency_key_reused")
    assert client.post(first.data["url"] + "/cancel").data["status"] == "cancelled"
    third = client.post("/api/campaigns/light/releases", body, format="json").data
    assert third["number"] == first.data["number"] + 1


def test_the_api_describes_itself(people, api):
    answer = api(people.rita).get("/api/schema", headers={"Accept": "application/json"})
    assert answer.status_code == 200
    assert answer.data["openapi"].startswith("3.1")
    assert "/api/campaigns/{slug}/turns" in answer.data["paths"]
    assert api(people.rita).get("/api/docs").status_code == 200


def test_who_must_pass_a_quiz_first_gets_no_faces(campaign, people, api):
    campaign.quiz = "required"
    campaign.save()
    for what in ("turns", "grid"):
        answer = api(people.ada).post(f"/api/campaigns/light/{what}", {}, format="json")
        assert (answer.status_code, answer.data["code"]) == (403, "quiz_needed")
    campaign.quiz_attempts.create(annotator=people.ada, n_questions=10, n_right=9, has_passed=True)
    answer = api(people.ada).post("/api/campaigns/light/turns", {}, format="json")
    assert answer.status_code == 200
