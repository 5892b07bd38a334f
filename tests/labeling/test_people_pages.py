"""The pages about people: invites, the page behind a link, one person, and the acts."""

import re
from collections.abc import Callable
from datetime import timedelta

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from labeling import acts, queue
from labeling import people as deeds
from labeling.models import Act, Invite, User

PASSWORD = "another-long-password"
NEW = {"username": "nia", "password": PASSWORD, "again": PASSWORD}


@pytest.fixture
def browser() -> Callable[..., Client]:
    def of(user: User | None = None) -> Client:
        client = Client()
        if user is not None:
            client.force_login(user)
        return client

    return of


@pytest.fixture
def mia(people, browser) -> Client:
    return browser(people.mia)


def link_in(answer) -> str:
    """The address of the one link that a page shows."""
    found = re.findall(r'value="http://testserver(/join/[^"]+)"', answer.content.decode())
    assert len(found) == 1
    return found[0]


def made_by(client: Client, **changes: object) -> str:
    body = {"roles": ["annotator"], "note": "Seminar B", "most_uses": 2, "days": 7, **changes}
    return link_in(client.post("/people", body))


def test_a_manager_makes_a_link_and_somebody_new_comes_in_by_it(mia, browser):
    link = made_by(mia)
    nia = browser()
    page = nia.get(link).content.decode()
    assert "You come in as annotator" in page
    answer = nia.post(link, NEW)
    assert (answer.status_code, answer.url) == (302, "/")
    assert nia.get("/").status_code == 200
    person = User.objects.get(username="nia")
    assert (person.is_annotator, person.is_manager, person.is_superuser) == (True, False, False)
    assert browser().post("/login", {"username": "nia", "password": PASSWORD}).status_code == 302
    shown = mia.get("/people").content.decode()
    assert "1 of 2" in shown
    assert link not in shown, "the link was shown once"


def test_an_answer_that_shows_a_link_is_kept_by_no_cache(mia, people):
    body = {"roles": ["annotator"], "most_uses": 1, "days": 1}
    for answer in (mia.post("/people", body), mia.post(f"/people/{people.ada.id}/reset")):
        assert "no-store" in answer["Cache-Control"]
        assert answer["Referrer-Policy"] == "same-origin"


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"again": PASSWORD + "x"}, "differ"),
        ({"password": "short", "again": "short"}, "too short"),
        ({"password": "password1", "again": "password1"}, "too common"),
        ({"username": ""}, "required"),
        ({"username": "two words"}, "Letters, digits"),
        ({"username": "imported:light:zoe"}, "Letters, digits"),
        ({"username": "x" * 61}, "60"),
        ({"username": "ada"}, "The name ada is taken"),
        ({"username": "Ada"}, "The name Ada is taken"),
    ],
)
def test_a_form_filled_in_wrongly_says_so_and_costs_no_use(mia, browser, wrong, said):
    link = made_by(mia)
    answer = browser().post(link, {**NEW, **wrong})
    assert answer.status_code == 400
    assert said in answer.content.decode()
    assert PASSWORD not in answer.content.decode()
    assert Invite.objects.get().uses == 0
    assert Client().post(link, NEW).status_code == 302


def test_more_fields_in_the_form_give_no_more_rights(mia, browser):
    link = made_by(mia)
    browser().post(link, {**NEW, "is_superuser": "on", "is_manager": "on", "roles": "manager"})
    person = User.objects.get(username="nia")
    assert deeds.roles_of(person) == ["annotator"]
    assert not person.is_superuser
    assert not person.is_staff


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"revoked_at": timezone.now()}, "was taken back"),
        ({"expires_at": timezone.now() - timedelta(days=1)}, "has run out"),
        ({"uses": 2}, "used as often"),
    ],
)
def test_a_link_of_no_use_says_why_to_whoever_opens_it(mia, browser, change, said):
    link = made_by(mia)
    Invite.objects.update(**change)
    for answer in (browser().get(link), browser().post(link, NEW)):
        assert answer.status_code == 410
        assert said in answer.content.decode()
        assert "Seminar" not in answer.content.decode(), "a manager's note is the managers' own"
    assert not User.objects.filter(username="nia").exists()


def test_a_made_up_link_is_404_and_tells_nothing(people, browser):
    answer = browser().get("/join/" + "x" * 32)
    assert answer.status_code == 404
    assert "leads nowhere" in answer.content.decode()


def test_whoever_is_signed_in_does_not_use_a_link_up_by_looking(mia):
    link = made_by(mia)
    assert "You are in already" in mia.get(link).content.decode()
    assert "You are in already" in mia.post(link, NEW).content.decode()
    assert Invite.objects.get().uses == 0


def test_a_forgotten_password_is_chosen_anew_by_a_link_shown_once(mia, people, browser):
    link = link_in(mia.post(f"/people/{people.ada.id}/reset"))
    assert link not in mia.get(f"/people/{people.ada.id}").content.decode()
    ada = browser()
    assert "For <strong>ada</strong>" in ada.get(link).content.decode()
    assert ada.post(link, {"password": PASSWORD, "again": PASSWORD}).url == "/"
    assert ada.get("/").status_code == 200
    assert ada.get(link).status_code == 410
    old = browser().post("/login", {"username": "ada", "password": people.password})
    assert old.status_code == 200
    assert "do not belong together" in old.content.decode()


def test_a_suspended_person_s_link_signs_nobody_in(mia, people, browser):
    link = link_in(mia.post(f"/people/{people.ada.id}/reset"))
    mia.post(f"/people/{people.ada.id}/suspend")
    ada = browser()
    assert ada.post(link, {"password": PASSWORD, "again": PASSWORD}).url == "/login"
    assert ada.get("/").status_code == 302


def test_a_manager_changes_roles_suspends_and_lets_in_again(mia, people, browser):
    ada = browser(people.ada)
    page = f"/people/{people.ada.id}"
    answer = mia.post(f"{page}/roles", {"roles": ["annotator", "researcher"]}, follow=True)
    assert "ada now has: annotator, researcher." in answer.content.decode()
    answer = mia.post(f"{page}/suspend", follow=True)
    assert "ada is suspended" in answer.content.decode()
    assert ada.get("/").url.startswith("/login")
    answer = mia.post(f"{page}/reactivate", follow=True)
    assert "ada may sign in again" in answer.content.decode()
    assert "changed the roles of <strong>ada</strong>" in answer.content.decode()


def test_a_refusal_is_told_on_the_person_s_page(mia, people):
    page = f"/people/{people.mia.id}"
    answer = mia.post(f"{page}/roles", {"roles": []}, follow=True)
    assert "mia is the last manager" in answer.content.decode()
    owner = User.objects.create_superuser("owner", password=PASSWORD)
    answer = mia.post(f"/people/{owner.id}/reset", follow=True)
    assert "command line only" in answer.content.decode()
    assert mia.post("/people/999999/suspend", follow=True).status_code == 404
    assert Act.objects.count() == 0


def test_a_manager_who_gives_the_role_up_is_led_home(people, mia):
    deeds.set_roles(people.mia, people.rita.id, ["manager"])
    answer = mia.post(f"/people/{people.mia.id}/roles", {"roles": ["annotator"]})
    assert answer.url == "/"
    assert mia.get("/people").status_code == 403


def shown(answer) -> list[str]:
    return [row["person"].username for row in answer.context["rows"]]


def test_people_are_found_by_name_note_role_and_kind(mia, people):
    _, token = deeds.invite(people.mia, ["annotator"], note="Seminar B")
    deeds.join(token, username="nia", password=PASSWORD)
    User.objects.create(username="imported:light:zoe", origin="imported", is_active=False)
    assert shown(mia.get("/people")) == ["ada", "ben", "mia", "nia", "rita", "sam"]
    assert shown(mia.get("/people?q=I&role=annotator")) == ["nia"]
    assert shown(mia.get("/people?q=seminar")) == ["nia"]
    assert shown(mia.get("/people?role=none")) == ["sam"]
    assert shown(mia.get("/people?origin=imported")) == ["imported:light:zoe"]
    assert len(shown(mia.get("/people?origin=all"))) == 7


@pytest.mark.parametrize(
    "query",
    ["role=owner", "origin=robot", "password=x", "is_superuser=1", "q=a&q=b", "q=%00",
     "order=password"],
)  # fmt: skip
def test_the_list_of_people_refuses_what_it_does_not_know(mia, query):
    answer = mia.get(f"/people?{query}")
    assert answer.status_code == 400
    assert shown(answer) == []
    name = query.split("=")[0]
    assert name in answer.content.decode() or "NUL" in answer.content.decode()


def test_a_long_list_comes_in_pages_without_a_gap(mia, people):
    User.objects.bulk_create(User(username=f"p{number:03}") for number in range(150))
    first = mia.get("/people?role=none")
    assert len(shown(first)) == 100
    second = mia.get(f"/people?role=none&after={first.context['next']}")
    names = shown(first) + shown(second)
    assert names == sorted({*names})
    assert len(names) == 151


def test_the_list_takes_the_same_queries_for_three_people_as_for_a_hundred(mia, people):
    def n_queries() -> int:
        with CaptureQueriesContext(
            connection,
        ) as queries:
            assert mia.get("/people").status_code == 200
        return len(queries)

    few = n_queries()
    User.objects.bulk_create(User(username=f"p{number:03}") for number in range(90))
    assert n_queries() == few


def test_the_votes_shown_are_the_standing_ones(mia, people, dataset):
    from uuid import uuid4

    from labeling import votes

    campaign = queue.create_campaign(dataset, "light", title="Light")
    held = queue.next_faces(campaign, people.ada, 3)
    rows = [{"id": str(uuid4()), "face": one.face_id, "choice": "left"} for one in held]
    votes.cast(campaign, people.ada, rows)
    votes.withdraw(campaign, people.ada, rows[0]["id"])
    tallies = {row["person"].username: row for row in mia.get("/people").context["rows"]}
    assert tallies["ada"]["votes"] == 2
    assert tallies["ada"]["seen"] is not None
    assert (tallies["sam"]["votes"], tallies["sam"]["seen"]) == (0, None)


def test_the_acts_say_who_did_what_when_in_words(mia, people):
    made_by(mia, note="Seminar B", roles=["annotator", "researcher"], most_uses=30)
    mia.post(f"/people/{people.ada.id}/suspend")
    page = mia.get("/acts").content.decode().split("<tbody>")[1]
    assert "made an invite <strong>Seminar B</strong>" in page
    assert "annotator, researcher" in page
    assert "for how many" in page
    assert page.index("suspended <strong>ada") < page.index("made an invite")


def test_acts_are_filtered_by_campaign_person_and_deed(mia, people, dataset):
    campaign = queue.create_campaign(dataset, "light", title="Light")
    acts.record(people.mia, "campaign.create", "Light", campaign=campaign)
    acts.record(people.rita, "person.suspend", "ada")

    def found(query: str) -> list[str]:
        return [row["act"].about for row in mia.get(f"/acts?{query}").context["rows"]]

    assert found("campaign=light") == ["Light"]
    assert found("by=rita") == ["ada"]
    assert found("what=campaign.create&by=mia") == ["Light"]
    assert found("what=campaign.create&by=rita") == []


@pytest.mark.parametrize(
    "query",
    ["campaign=dark", "by=nobody", "what=party", "before=-1", "before=x", "before=" + "9" * 20,
     "about=ada", "details__x=1", "by=mia&by=rita", "by=%00"],
)  # fmt: skip
def test_the_acts_refuse_what_they_do_not_know(mia, people, query):
    acts.record(people.mia, "person.suspend", "ada")
    answer = mia.get(f"/acts?{query}")
    assert (answer.status_code, answer.context["rows"]) == (400, [])


def test_acts_come_in_pages_without_a_gap(mia, people):
    for number in range(120):
        acts.record(people.mia, "person.suspend", f"p{number}")
    seen, query = [], ""
    while True:
        answer = mia.get(f"/acts?{query}")
        seen += [row["act"].about for row in answer.context["rows"]]
        query = answer.context["next"]
        if not query:
            break
    assert seen == [f"p{number}" for number in reversed(range(120))]


def test_an_act_without_words_yet_still_reads(mia, people):
    acts.record(people.mia, "grid.some_new_deed", "Light", share=0.25, ok=True, gone=None)
    page = mia.get("/acts").content.decode()
    assert "grid: some new deed" in page
    assert "0.25" in page
