"""Who gets past which door: every address of the project, as each of the cast and as nobody.

The addresses of labeling's own API stand in tests/labeling/test_api.py, Label Studio's dialect in
tests/labeling/label_studio; all others stand here, and an address in no table fails the walk.
"""

import re
import uuid
from collections.abc import Iterator
from typing import Any

import pytest
from django.test import Client
from django.urls import URLPattern, get_resolver

from labeling import people as deeds
from labeling import queue, votes
from labeling.models import Release
from tests.labeling.test_api import ALLOWED

CAST = ("ada", "mia", "rita", "sam", None)
EVERYBODY_SIGNED_IN = {"ada", "mia", "rita", "sam"}
PAGES = {
    ("get", "/"): EVERYBODY_SIGNED_IN,
    ("get", "/label/light"): {"ada"},
    ("get", "/label/light/grid"): {"ada"},
    ("get", "/label/light/rubric"): {"ada"},
    ("post", "/label/light/rubric"): {"ada"},
    ("get", "/label/light/quiz"): {"ada"},
    ("get", "/campaigns"): {"mia"},
    ("post", "/campaigns"): {"mia"},
    ("get", "/campaigns/light"): {"mia"},
    ("post", "/campaigns/light"): {"mia"},
    ("get", "/campaigns/light/charts"): {"mia"},
    ("get", "/campaigns/light/annotators"): {"mia"},
    ("get", "/campaigns/light/annotators/table"): {"mia"},
    ("get", "/campaigns/light/agreement"): {"mia"},
    ("get", "/campaigns/light/agreement/figures"): {"mia"},
    ("get", "/campaigns/light/contested"): {"mia"},
    ("get", "/campaigns/light/mean-faces"): {"mia"},
    ("get", "/campaigns/light/mean-faces/picture"): {"mia"},
    ("get", "/campaigns/light/imports"): {"mia"},
    ("post", "/campaigns/light/imports"): {"mia"},
    ("get", "/campaigns/light/settings"): {"mia"},
    ("post", "/campaigns/light/settings"): {"mia"},
    ("post", "/campaigns/light/state"): {"mia"},
    ("post", "/campaigns/light/audits"): {"mia"},
    ("get", "/campaigns/light/rubric"): {"mia"},
    ("post", "/campaigns/light/rubric"): {"mia"},
    ("get", "/campaigns/light/quiz"): {"mia"},
    ("post", "/campaigns/light/quiz"): {"mia"},
    ("post", "/campaigns/light/quiz/excuse"): {"mia"},
    ("get", "/releases/{release}"): {"mia", "rita"},
    ("get", "/releases/{release}/compare/{release}"): {"mia", "rita"},
    ("get", "/people"): {"mia"},
    ("post", "/people"): {"mia"},
    ("get", "/people/{person}"): {"mia"},
    ("post", "/people/{person}/roles"): {"mia"},
    ("post", "/people/{person}/suspend"): {"mia"},
    ("post", "/people/{person}/reactivate"): {"mia"},
    ("post", "/people/{person}/reset"): {"mia"},
    ("post", "/invites/{invite}/revoke"): {"mia"},
    ("get", "/acts"): {"mia"},
    ("get", "/faces"): {"rita"},
    ("get", "/explorer"): {"rita"},
    ("get", "/generators"): {"rita"},
    ("get", "/directions"): {"rita"},
    ("get", "/directions/1"): {"rita"},
    ("get", "/edits/1"): {"rita"},
    ("get", "/local"): {"rita"},
    ("get", "/local/1"): {"rita"},
    ("get", "/local/faces/{face}"): {"rita"},
    ("get", "/library"): {"rita"},
    ("get", "/jobs"): {"rita"},
}
EDITING = {
    ("get", "/api/faces"): {"rita"},
    ("get", "/api/faces/summary"): {"rita"},
    ("get", "/api/faces/{face}"): {"rita"},
    ("get", "/api/edits/1/files/strip.png"): {"rita"},
    ("get", "/api/mean-faces/1/files/mean_faces.png"): {"rita"},
    ("get", "/api/figures/1/files/figures.zip"): {"rita"},
    ("get", "/api/regions"): {"rita"},
    ("post", "/api/regions"): {"rita"},
    ("post", "/api/regions/propose"): {"rita"},
    ("get", "/api/regions/1"): {"rita"},
    ("patch", "/api/regions/1"): {"rita"},
    ("delete", "/api/regions/1"): {"rita"},
    ("post", "/api/regions/1/carry"): {"rita"},
    ("get", "/api/components/1/rows"): {"rita"},
    ("get", "/api/components/1/files/eyes.png"): {"rita"},
    ("get", "/api/library"): {"rita"},
    ("put", "/api/library/1"): {"rita"},
    ("delete", "/api/library/1"): {"rita"},
    ("post", "/api/edits/transfer"): {"rita"},
    **{
        (method, f"/api/{kind}{rest}"): {"rita"}
        for kind in (
            *("generators", "embeddings", "directions", "edits"),
            *("mean-faces", "figures", "components"),
        )
        for method, rest in (("get", ""), ("post", ""), ("get", "/1"), ("post", "/1/cancel"))
    },
    # Several people may wait for one search; a manager may end it for all of them.
    ("post", "/api/components/1/cancel"): {"mia", "rita"},
    ("get", "/api/schema"): EVERYBODY_SIGNED_IN,
    ("get", "/api/docs"): EVERYBODY_SIGNED_IN,
}
# Doors to the outside, open to nobody in particular; tests/config/test_safety.py tries them.
OPEN = {"/login", "/logout", "/join/<str:token>", "/api/token"}


@pytest.fixture
def world(people, dataset) -> dict[str, Any]:
    """One of everything, by the names in the tables."""
    campaign = queue.create_campaign(dataset, "light", title="Light")
    invite, _ = deeds.invite(people.mia, ["annotator"])
    return {
        "release": Release.objects.create(campaign=campaign, number=1).id,
        "person": people.sam.id,
        "invite": invite.id,
        "face": dataset.faces.first().id,
    }


def asked(person: object, method: str, address: str, **options: object) -> Any:
    client = Client()
    if person is not None:
        client.force_login(person)
    return getattr(client, method)(address, **options)


def is_turned_away(answer: Any) -> bool:
    to_sign_in = answer.status_code == 302 and answer.url.startswith(("/login?", "/admin/login/"))
    return to_sign_in or answer.status_code in (401, 403)


@pytest.mark.parametrize(("method", "path"), [*PAGES, *EDITING])
def test_each_door_opens_for_its_roles_and_for_no_others(world, people, method, path):
    address = path.format(**world)
    options = {"content_type": "application/json"} if path.startswith("/api/") else {}
    let_in = set()
    for name in CAST:
        answer = asked(getattr(people, name) if name else None, method, address, **options)
        if is_turned_away(answer):
            assert b"Light" not in answer.content.replace(b"Lights", b"")
            continue
        let_in.add(name)
        # Past the door: an empty body may be wrong (400), a row that isn't there missing (404),
        # and one thing may have to be done before another (302).
        assert answer.status_code in (200, 202, 302, 400, 404), (name, answer.status_code)
    assert let_in == (PAGES | EDITING)[method, path]


def addresses(patterns: list[Any], before: str = "/") -> Iterator[tuple[str, URLPattern]]:
    for pattern in patterns:
        here = before + str(pattern.pattern)
        if isinstance(pattern, URLPattern):
            yield here, pattern
        else:
            yield from addresses(pattern.url_patterns, here)


def methods_of(pattern: URLPattern) -> set[str]:
    """What a class-based view answers to; pages written as functions say nothing of it."""
    view = getattr(pattern.callback, "cls", None) or getattr(pattern.callback, "view_class", None)
    names = ("get", "post", "put", "patch", "delete")
    return {name for name in names if hasattr(view, name)} or {"get", "post"}


def test_every_address_is_in_a_table_of_roles():
    tables = [*PAGES, *EDITING, *ALLOWED]
    missing = []
    for address, pattern in addresses(get_resolver().url_patterns):
        if address.startswith(("/admin/", "/label-studio/")) or address in OPEN:
            continue
        # A table's {release} or 1 stands where the address has <int:release_id>.
        shape = re.compile(re.sub(r"<[^>]+>", "[^/]+", address) + "$")
        known = {method for method, path in tables if shape.match(path)}
        is_page = not address.startswith("/api/")
        if not known or (not is_page and methods_of(pattern) - known):
            missing.append((address, sorted(methods_of(pattern) - known)))
    assert missing == []


def test_the_walk_sees_the_addresses():
    found = {address for address, _ in addresses(get_resolver().url_patterns)}
    assert {"/", "/api/faces", "/api/campaigns/<slug:slug>/turns", "/admin/"} <= found
    assert len(found) > 60


def test_the_back_office_is_closed_to_every_role(world, people):
    """Managers look after people on their own pages; the back office is for the server's owner."""
    tried = 0
    for address, _ in addresses(get_resolver().url_patterns):
        if not address.startswith("/admin/") or address == "/admin/login/":
            continue
        plain = re.sub(r"<[^>]+>", "1", address)
        if re.search(r"[\^$(]", plain):
            plain = "/admin/labeling/" if "app_label" in plain else "/admin/anything"
        tried += 1
        for name in CAST:
            for method in ("get", "post"):
                person = getattr(people, name) if name else None
                answer = asked(person, method, plain)
                closed = is_turned_away(answer) or (answer.status_code, method) == (405, "get")
                # Logging out of the back office is logging out.
                assert closed or plain == "/admin/logout/", (plain, name, answer.status_code)
    assert tried > 20


def test_annotators_see_their_own_votes_and_nobody_else_s(world, people, api):
    campaign = Release.objects.get().campaign
    ids = {}
    for person in (people.ada, people.ben):
        held = queue.next_faces(campaign, person, 1)[0]
        ids[person.username] = str(uuid.uuid4())
        vote = {"id": ids[person.username], "face": held.face_id, "choice": "left"}
        assert votes.cast(campaign, person, [vote])[0].status == "stored"
    mine = api(people.ada).get("/api/campaigns/light/mine")
    assert [vote["id"] for vote in mine.data["recent"]] == [ids["ada"]]
    assert ids["ben"] not in str(mine.data)
    body = {"id": ids["ben"]}
    answer = api(people.ada).post("/api/campaigns/light/votes/withdraw", body, format="json")
    assert answer.status_code == 404
    again = {"votes": [{"id": ids["ben"], "face": world["face"], "choice": "left"}]}
    answer = api(people.ada).post("/api/campaigns/light/votes", again, format="json")
    assert answer.data["results"][0]["status"] == "rejected"
    assert "ben" not in str(answer.data["results"])


@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("mia", "/api/campaigns"),
        ("mia", "/api/campaigns/light/annotators"),
        ("mia", "/api/campaigns/light/contested"),
        ("mia", "/api/campaigns/light/releases"),
        ("rita", "/api/faces"),
        ("rita", "/api/faces/summary"),
        ("rita", "/api/generators"),
        ("rita", "/api/embeddings"),
        ("rita", "/api/directions"),
        ("rita", "/api/edits"),
        ("rita", "/api/mean-faces"),
        ("rita", "/api/figures"),
        ("rita", "/api/regions"),
        ("rita", "/api/components"),
        ("rita", "/api/library"),
    ],
)
@pytest.mark.parametrize(
    "query",
    ["annotator__password=x", "order_by=-password", "dataset__image_folder=/", "colour=red"],
)  # fmt: skip
def test_a_list_refuses_what_it_does_not_know_by_its_name(world, people, api, name, path, query):
    answer = api(getattr(people, name)).get(f"{path}?{query}")
    assert answer.status_code == 400
    assert answer.data["code"] in ("invalid_query", "invalid_filter")
    assert query.split("=")[0] in answer.data["detail"]


def test_a_parameter_that_comes_twice_is_refused(world, people, api):
    answer = api(people.mia).get("/api/campaigns/light/annotators?sort=name&sort=votes")
    assert (answer.status_code, answer.data["code"]) == (400, "invalid_query")
