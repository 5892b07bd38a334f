"""How people come in, and what managers may change about them."""

import threading
from datetime import timedelta

import pytest
from django.db import IntegrityError, connection
from django.utils import timezone

from labeling import people as deeds
from labeling import queue
from labeling.errors import Conflict, NotFound, Refused
from labeling.models import Act, Invite, User
from tests.labeling.entering import acted, together

PASSWORD = "another-long-password"


@pytest.fixture
def campaign(dataset):
    return queue.create_campaign(dataset, "light", title="Light")


def test_an_invite_lets_in_as_many_as_it_says_with_its_roles(people):
    made, token = deeds.invite(
        people.mia, ["annotator", "researcher"], most_uses=2, note="Seminar B"
    )
    for name in ("nia", "noa"):
        person = deeds.join(token, username=name, password=PASSWORD)
        assert deeds.roles_of(person) == ["annotator", "researcher"]
        assert person.invite == made
        assert person.check_password(PASSWORD)
    with pytest.raises(Refused) as refused:
        deeds.join(token, username="nils", password=PASSWORD)
    assert refused.value.code == "used_up"
    assert not User.objects.filter(username="nils").exists()
    assert acted() == [
        ("mia", "person.invite", "Seminar B"),
        ("nia", "person.join", "nia"),
        ("noa", "person.join", "noa"),
    ]


def test_the_database_keeps_no_link_that_could_be_used(people):
    made, token = deeds.invite(people.mia, ["annotator"])
    with connection.cursor() as cursor:
        cursor.execute("SELECT row_to_json(labeling_invite)::text FROM labeling_invite")
        assert token not in cursor.fetchone()[0]
    assert len(token) >= 32
    assert deeds.invite_for(token) == made


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"revoked_at": timezone.now()}, "revoked"),
        ({"expires_at": timezone.now() - timedelta(seconds=1)}, "expired"),
        ({"most_uses": 1, "uses": 1}, "used_up"),
    ],
)
def test_a_link_of_no_use_says_so_and_lets_nobody_in(people, change, code):
    made, token = deeds.invite(people.mia, ["annotator"])
    Invite.objects.filter(id=made.id).update(**change)
    with pytest.raises(Refused) as refused:
        deeds.join(token, username="nia", password=PASSWORD)
    assert refused.value.code == code
    assert not User.objects.filter(username="nia").exists()


def test_a_made_up_link_leads_nowhere(people):
    for token in ("", "x" * 32, "\0", deeds.digest("x")):
        with pytest.raises(NotFound):
            deeds.invite_for(token)


def test_a_taken_name_costs_no_use(people):
    made, token = deeds.invite(people.mia, ["annotator"])
    for name in ("ada", "ADA"):
        with pytest.raises(Conflict, match="taken"):
            deeds.join(token, username=name, password=PASSWORD)
    made.refresh_from_db()
    assert made.uses == 0
    deeds.join(token, username="nia", password=PASSWORD)


def test_an_invite_without_roles_or_for_too_many_is_refused(people):
    for roles, options in (
        ([], {}),
        (["superuser"], {}),
        (["annotator"], {"most_uses": 0}),
        (["annotator"], {"most_uses": 201}),
        (["annotator"], {"days": 91}),
    ):
        with pytest.raises(Refused):
            deeds.invite(people.mia, roles, **options)
    assert Invite.objects.count() == Act.objects.count() == 0


@pytest.mark.django_db(transaction=True)
def test_of_many_at_the_last_places_only_so_many_get_in(people):
    made, token = deeds.invite(people.mia, ["annotator"], most_uses=3)
    begin = threading.Barrier(8)
    outcomes: list[str] = []

    def enter(number: int) -> None:
        begin.wait()
        try:
            deeds.join(token, username=f"new{number}", password=PASSWORD)
            outcomes.append("in")
        except Refused as refused:
            outcomes.append(refused.code)
        finally:
            connection.close()

    together(enter, 8)
    assert sorted(outcomes) == ["in"] * 3 + ["used_up"] * 5
    made.refresh_from_db()
    assert made.uses == made.people.count() == 3


@pytest.mark.django_db(transaction=True)
def test_of_two_with_one_name_one_is_told_it_is_taken(people):
    made, token = deeds.invite(people.mia, ["annotator"], most_uses=5)
    begin = threading.Barrier(4)
    outcomes: list[str] = []

    def enter(_: int) -> None:
        begin.wait()
        try:
            deeds.join(token, username="nia", password=PASSWORD)
            outcomes.append("in")
        except Conflict as conflict:
            outcomes.append(conflict.code)
        finally:
            connection.close()

    together(enter, 4)
    assert sorted(outcomes) == ["in"] + ["name_taken"] * 3
    made.refresh_from_db()
    assert made.uses == 1


def test_the_constraint_stands_behind_the_count(people):
    made, _ = deeds.invite(people.mia, ["annotator"])
    with pytest.raises(IntegrityError, match="an_invite_lets_in_no_more_than_it_says"):
        Invite.objects.filter(id=made.id).update(uses=2)


def test_a_revoked_invite_is_no_longer_listed_and_stays_in_the_acts(people):
    made, token = deeds.invite(people.mia, ["annotator"], note="Seminar B")
    assert deeds.open_invites() == [made]
    deeds.revoke(people.mia, made.id)
    deeds.revoke(people.mia, made.id)
    assert deeds.open_invites() == []
    assert acted()[1:] == [("mia", "person.revoke", "Seminar B")]
    with pytest.raises(Refused, match="taken back"):
        deeds.invite_for(token)
