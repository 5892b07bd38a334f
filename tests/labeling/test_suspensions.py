"""Who is suspended, reset or changed: at once, and never the last manager."""

import threading

import pytest
from django.contrib.sessions.models import Session
from django.db import connection
from django.test import Client

from labeling import people as deeds
from labeling import queue
from labeling.errors import Refused
from labeling.models import Act, Invite, Lease, Turn, User
from tests.labeling.entering import acted, in_browser, signed_in, together, with_token

PASSWORD = "another-long-password"


@pytest.fixture
def campaign(dataset):
    return queue.create_campaign(dataset, "light", title="Light")


def test_suspending_shuts_out_at_once_and_frees_what_was_held(people, campaign):
    browser, program = in_browser(people.ada), with_token(people.ada)
    bens = in_browser(people.ben)
    queue.next_faces(campaign, people.ada, 3)
    queue.next_faces(campaign, people.ben, 2)
    assert signed_in(browser)
    assert signed_in(program)
    deeds.suspend(people.mia, people.ada.id)
    assert not signed_in(browser)
    assert not signed_in(program)
    assert signed_in(bens)
    assert set(Lease.objects.values_list("annotator__username", flat=True)) == {"ben"}
    assert sum(Turn.objects.values_list("held", flat=True)) == 2
    answer = Client().post("/login", {"username": "ada", "password": people.password})
    assert answer.status_code == 200, "no way in with the right password either"
    assert acted() == [("mia", "person.suspend", "ada")]


def test_reactivating_lets_in_again_but_revives_no_session_and_no_token(people):
    browser, program = in_browser(people.ada), with_token(people.ada)
    deeds.suspend(people.mia, people.ada.id)
    deeds.reactivate(people.mia, people.ada.id)
    assert not signed_in(browser)
    assert not signed_in(program)
    answer = Client().post("/login", {"username": "ada", "password": people.password})
    assert answer.status_code == 302
    assert [what for _, what, _ in acted()] == ["person.suspend", "person.reactivate"]


def test_a_session_left_over_from_the_moment_of_suspension_is_not_revived(people):
    deeds.suspend(people.mia, people.ada.id)
    late = in_browser(people.ada)  # its sign-in had read the row just before
    assert not signed_in(late)
    deeds.reactivate(people.mia, people.ada.id)
    assert not signed_in(late)


def test_a_new_password_ends_sessions_tokens_and_the_link(people):
    browser, program = in_browser(people.ada), with_token(people.ada)
    _, token = deeds.reset_password(people.mia, people.ada.id)
    assert signed_in(browser), "until the link is used, nothing changes"
    assert deeds.choose_password(token, PASSWORD) == people.ada
    assert not signed_in(browser)
    assert not signed_in(program)
    people.ada.refresh_from_db()
    assert people.ada.check_password(PASSWORD)
    with pytest.raises(Refused, match="as often"):
        deeds.choose_password(token, PASSWORD + "2")
    assert acted() == [("mia", "person.reset", "ada"), ("ada", "person.password", "ada")]


def test_a_second_reset_link_ends_the_first(people):
    _, first = deeds.reset_password(people.mia, people.ada.id)
    _, second = deeds.reset_password(people.mia, people.ada.id)
    with pytest.raises(Refused, match="taken back"):
        deeds.choose_password(first, PASSWORD)
    deeds.choose_password(second, PASSWORD)


def test_links_do_only_what_they_are_for(people):
    _, entry = deeds.invite(people.mia, ["manager"])
    _, reset = deeds.reset_password(people.mia, people.ada.id)
    with pytest.raises(Refused):
        deeds.choose_password(entry, PASSWORD)
    with pytest.raises(Refused):
        deeds.join(reset, username="nia", password=PASSWORD)
    assert [one.uses for one in Invite.objects.all()] == [0, 0]


def test_the_last_manager_stays_one(people):
    for deed in (
        lambda: deeds.set_roles(people.mia, people.mia.id, ["annotator"]),
        lambda: deeds.suspend(people.rita, people.mia.id),
    ):
        with pytest.raises(Refused, match="last manager"):
            deed()
    deeds.set_roles(people.mia, people.rita.id, ["manager"])
    assert deeds.roles_of(deeds.set_roles(people.rita, people.mia.id, [])) == []
    before_and_after = Act.objects.latest("id").details
    assert before_and_after == {"before": ["manager"], "after": []}


@pytest.mark.django_db(transaction=True)
def test_two_managers_cannot_resign_side_by_side(people):
    people.rita.is_manager = True
    people.rita.save()
    begin = threading.Barrier(2)
    outcomes: list[str] = []

    def resign(number: int) -> None:
        person = (people.mia, people.rita)[number]
        begin.wait()
        try:
            deeds.set_roles(person, person.id, ["annotator"])
            outcomes.append("resigned")
        except Refused as refused:
            outcomes.append(refused.code)
        finally:
            connection.close()

    together(resign, 2)
    assert sorted(outcomes) == ["last_manager", "resigned"]
    assert User.objects.filter(is_manager=True).count() == 1


def test_nobody_suspends_themselves(people):
    with pytest.raises(Refused, match="yourself"):
        deeds.suspend(people.mia, people.mia.id)


@pytest.mark.parametrize("power", ["is_superuser", "is_staff"])
def test_managers_change_nothing_about_the_owners_of_the_server(people, power):
    owner = User.objects.create_user(username="owner", password=PASSWORD, **{power: True})
    for deed in (
        lambda: deeds.set_roles(people.mia, owner.id, []),
        lambda: deeds.suspend(people.mia, owner.id),
        lambda: deeds.reactivate(people.mia, owner.id),
        lambda: deeds.reset_password(people.mia, owner.id),
    ):
        with pytest.raises(Refused) as refused:
            deed()
        assert (refused.value.code, refused.value.status) == ("not_yours_to_change", 403)
    assert Invite.objects.count() == Act.objects.count() == 0


def test_a_stand_in_never_becomes_a_person_who_can_enter(people):
    stand_in = User.objects.create(
        username="imported:light:zoe", origin=User.Origin.IMPORTED, is_active=False
    )
    for deed in (deeds.reactivate, deeds.reset_password):
        with pytest.raises(Refused):
            deed(people.mia, stand_in.id)


def test_losing_the_annotator_s_role_gives_faces_back(people, campaign):
    queue.next_faces(campaign, people.ada, 3)
    deeds.set_roles(people.mia, people.ada.id, ["researcher"])
    assert Lease.objects.count() == 0
    assert sum(Turn.objects.values_list("held", flat=True)) == 0


def test_a_deed_that_fails_leaves_no_act_and_no_change(people, monkeypatch):
    """The act is written in the deed's own transaction."""
    Session.objects.all().delete()
    too_long = "x" * 41
    monkeypatch.setattr(deeds, "record", lambda by, what, about, **_: Act.objects.create(
        by=by, what=too_long, about=about
    ))  # fmt: skip
    with pytest.raises(Exception, match="too long"):
        deeds.suspend(people.mia, people.ada.id)
    people.ada.refresh_from_db()
    assert people.ada.is_active
