"""The audit trail: rows that are only ever added, and an act for each of a manager's deeds."""

import uuid

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import call_command
from django.core.management.base import CommandError
from django.db import InternalError, connection, transaction
from django.test import Client
from django.utils import timezone
from knox.models import AuthToken

from labeling import acts, queue, quizzes, votes
from labeling import people as deeds
from labeling.models import (
    Act,
    Adjudication,
    Campaign,
    Import,
    QuizAttempt,
    Release,
    User,
    Vote,
)
from tests.config.test_roles import PAGES
from tests.labeling.test_api import ALLOWED


@pytest.fixture
def campaign(dataset) -> Campaign:
    return queue.create_campaign(dataset, "light", title="Light")


@pytest.fixture
def kept(campaign, people) -> dict[str, object]:
    """One row of each kind that stays as it is, by its table."""
    held = queue.next_faces(campaign, people.ada, 1)[0]
    row = {"id": str(uuid.uuid4()), "face": held.face_id, "choice": "left"}
    assert votes.cast(campaign, people.ada, [row])[0].status == "stored"
    acts.record(people.mia, "campaign.create", "Light", campaign=campaign)
    last_word = Adjudication.objects.create(
        campaign=campaign, face_id=held.face_id, choice="left", by=people.mia
    )
    return {
        "labeling_vote": Vote.objects.get(),
        "labeling_act": Act.objects.get(),
        "labeling_adjudication": last_word,
    }


TABLES = ["labeling_vote", "labeling_act", "labeling_adjudication"]
CHANGE = {"labeling_vote": "choice", "labeling_act": "about", "labeling_adjudication": "choice"}


def refused(deed) -> bool:
    """Whether the database itself refused, in words that name the rule."""
    try:
        with transaction.atomic():
            deed()
    except InternalError as error:
        return "are only ever added" in str(error)
    return False


def run(statement: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement)


@pytest.mark.parametrize("table", TABLES)
def test_no_statement_changes_or_removes_a_row_that_stays(kept, table):
    field = CHANGE[table]
    for statement in (
        f"UPDATE {table} SET {field} = 'right'",  # noqa: S608 names of the table above
        f"UPDATE {table} SET {field} = {field}",  # noqa: S608
        f"DELETE FROM {table}",  # noqa: S608
        f"TRUNCATE {table} CASCADE",
        f"INSERT INTO {table} SELECT * FROM {table} ON CONFLICT (id) DO UPDATE SET {field} = 'x'",  # noqa: S608
    ):
        assert refused(lambda statement=statement: as_the_program(statement)), statement
    kept[table].refresh_from_db()
    assert getattr(kept[table], field) in ("left", "Light")


def as_the_program(statement: str) -> None:
    """Run it in a session like the program's own; the tests' sessions may empty tables."""
    run("SET CONSTRAINTS ALL IMMEDIATE")  # PostgreSQL empties no table that still has checks due
    run("SET LOCAL penumbra.rows_may_go = ''")
    run(statement)


def test_emptying_people_does_not_take_their_votes_along(kept):
    assert refused(lambda: as_the_program("TRUNCATE labeling_user CASCADE"))


@pytest.mark.parametrize("table", TABLES)
def test_no_way_through_the_models_changes_or_removes_a_row_that_stays(kept, table):
    row, field = kept[table], CHANGE[table]
    rows = type(row).objects
    setattr(row, field, "right")
    for deed in (
        row.save,
        row.delete,
        rows.all().delete,
        lambda: rows.update(**{field: "right"}),
        lambda: rows.bulk_update([row], [field]),
        lambda: rows.filter(pk=row.pk)._raw_delete("default"),
    ):
        assert refused(deed)
    row.refresh_from_db()
    assert getattr(row, field) in ("left", "Light")


def test_rows_that_stay_can_still_be_added(kept):
    """What the triggers stop is change, not the table."""
    for table in TABLES:
        row = kept[table]
        count = type(row).objects.count()
        if table != "labeling_vote":
            row.pk = None
            row._state.adding = True
            row.save()
            assert type(row).objects.count() == count + 1


@pytest.mark.django_db(transaction=True)
def test_flush_is_refused_and_everything_is_still_there(kept):
    run("SET penumbra.rows_may_go = ''")
    try:
        with pytest.raises(CommandError, match="couldn't be flushed"):
            call_command("flush", interactive=False, verbosity=0)
        assert Vote.objects.count() == Act.objects.count() == 1
    finally:
        run("SET penumbra.rows_may_go = 'on'")


# Each of a manager's deeds: how to do it, and the word of its act.
DEEDS = {
    ("post", "/campaigns"): (
        {"question": "light", "title": "T", "slug": "third", "dataset": "{dataset}"},
        "campaign.create",
    ),
    ("post", "/campaigns/light/settings"): ({"title": "T", "prompt": "Why?"}, "campaign.change"),
    ("post", "/campaigns/light/state"): ({"is_open": "no"}, "campaign.close"),
    ("post", "/campaigns/light/audits"): ({"faces": 2}, "audit.draw"),
    ("post", "/campaigns/light/imports"): ({"kind": "votes", "file": "{csv}"}, "import.votes"),
    ("post", "/campaigns/light/rubric"): (
        {"version": "{version}", "notes": "Look at the cheeks.", "text-left": "Bright left."},
        "rubric.change",
    ),
    ("post", "/campaigns/light/quiz/excuse"): ({"annotator": "ben"}, "quiz.excuse"),
    ("post", "/people"): (
        {"roles": ["annotator"], "note": "B", "most_uses": 1, "days": 1},
        "person.invite",
    ),
    ("post", "/people/{person}/roles"): ({"roles": ["annotator"]}, "person.roles"),
    ("post", "/people/{person}/suspend"): ({}, "person.suspend"),
    ("post", "/people/{suspended}/reactivate"): ({}, "person.reactivate"),
    ("post", "/people/{person}/reset"): ({}, "person.reset"),
    ("post", "/invites/{invite}/revoke"): ({}, "person.revoke"),
    ("post", "/api/campaigns"): (
        {"slug": "second", "title": "Second", "dataset": "small"},
        "campaign.create",
    ),
    ("patch", "/api/campaigns/light"): ({"title": "Other"}, "campaign.change"),
    ("post", "/api/campaigns/light/audits"): ({"faces": 2}, "audit.draw"),
    ("post", "/api/campaigns/light/adjudications"): (
        {"face": "{face}", "choice": "left"},
        "face.adjudicate",
    ),
    ("post", "/api/campaigns/light/releases"): ({"include": ["human"]}, "release.ask"),
    ("post", "/api/releases/{release}/cancel"): ({}, "release.cancel"),
    ("post", "/api/imports/{import}/cancel"): ({}, "import.cancel"),
}
# Addresses that answer a POST of a manager without any deed, and why.
NO_DEEDS = {
    ("post", "/campaigns/light"): "a page that only shows",
    ("post", "/campaigns/light/quiz"): "a page that only shows",
}


@pytest.fixture
def world(campaign, people) -> dict[str, object]:
    suspended = User.objects.create_user(username="zoe", is_active=False)
    invite, _ = deeds.invite(people.rita, ["annotator"])
    for _ in range(quizzes.MOST_TRIES):  # ben has used his tries up
        QuizAttempt.objects.create(
            campaign=campaign, annotator=people.ben, n_questions=10, finished_at=timezone.now()
        )
    return {
        "dataset": campaign.dataset_id,
        "version": campaign.rubric.get("version", 0),
        "person": people.sam.id,
        "suspended": suspended.id,
        "invite": invite.id,
        "face": campaign.dataset.faces.first().id,
        "release": Release.objects.create(campaign=campaign, number=1).id,
        "csv": SimpleUploadedFile("votes.csv", b"file,annotator,choice\n000001.jpg,zoe,left\n"),
        "import": Import.objects.create(
            campaign=campaign, kind="votes", file="/nonexistent", request={"filename": "v.csv"}
        ).id,
    }


def filled(value: object, world: dict[str, object]) -> object:
    if value == "{csv}":
        return world["csv"]
    return value.format(**world) if isinstance(value, str) else value


@pytest.mark.parametrize(("method", "path"), DEEDS)
def test_each_deed_of_a_manager_leaves_an_act(world, people, api, method, path):
    body, word = DEEDS[method, path]
    is_api = path.startswith("/api/")
    client = api(people.mia) if is_api else Client()
    client.force_login(people.mia)
    sent = {name: filled(value, world) for name, value in body.items()}
    options = {"format": "json"} if is_api else {}
    answer = getattr(client, method)(path.format(**world), sent, **options)
    assert answer.status_code in (200, 201, 202, 302), getattr(answer, "data", answer.content)
    mine = Act.objects.filter(by=people.mia)
    assert [act.what for act in mine] == [word]
    act = mine.get()
    assert act.about
    assert (act.campaign is not None) == (word.split(".")[0] != "person")
    assert word in acts.WORDS, "the acts page has words for it"


def test_every_address_that_changes_something_for_managers_is_among_the_deeds():
    tables = PAGES | ALLOWED
    changing = {key for key, names in tables.items() if key[0] != "get" and "mia" in names}
    known = {(method, path.replace("{suspended}", "{person}")) for method, path in DEEDS}
    assert changing == known | set(NO_DEEDS)


def test_what_is_done_again_without_effect_leaves_no_second_act(world, people, api):
    client = api(people.mia)
    for _ in range(2):
        client.post(f"/api/releases/{world['release']}/cancel")
        client.post(
            "/api/campaigns/light/releases", {}, format="json", headers={"Idempotency-Key": "one"}
        )
        client.patch("/api/campaigns/light", {"title": "Other"}, format="json")
        deeds.suspend(people.mia, people.sam.id)
        deeds.set_roles(people.mia, people.rita.id, ["researcher"])
    whats = sorted(act.what for act in Act.objects.filter(by=people.mia))
    assert whats == ["campaign.change", "person.suspend", "release.ask", "release.cancel"]


@pytest.fixture
def owner(people) -> Client:
    client = Client()
    client.force_login(User.objects.create_superuser("root", password=people.password))
    return client


def test_the_back_office_shows_votes_and_acts_and_changes_none(owner, kept):
    for row in (kept["labeling_vote"], kept["labeling_act"]):
        place = f"/admin/labeling/{row._meta.model_name}/"
        assert owner.get(place).status_code == 200
        assert owner.get(f"{place}{row.pk}/change/").status_code == 200
        for path in (f"{row.pk}/change/", f"{row.pk}/delete/", "add/"):
            assert owner.post(place + path, {"post": "yes"}).status_code == 403
        sent = {"action": "delete_selected", "_selected_action": [str(row.pk)], "post": "yes"}
        owner.post(place, sent)
        row.refresh_from_db()


def test_what_the_owner_does_in_the_back_office_is_an_act_too(owner, people, campaign):
    form = {"username": "zoe", "password1": people.password, "password2": people.password,
            "usable_password": "true"}  # fmt: skip
    assert owner.post("/admin/labeling/user/add/", form).status_code == 302
    place = f"/admin/labeling/campaign/{campaign.id}/change/"
    fields = owner.get(place).context["adminform"].form.initial
    changed = {name: value for name, value in fields.items() if value is not None}
    changed |= {"title": "Other", "is_open": "on"}
    answer = owner.post(place, changed)
    assert answer.status_code == 302, answer.context["adminform"].form.errors
    place = f"/admin/labeling/user/{people.ada.id}/password/"
    form = {"password1": "another-long-password", "password2": "another-long-password",
            "usable_password": "true"}  # fmt: skip
    assert owner.post(place, form).status_code == 302
    found = [(act.what, act.about) for act in Act.objects.order_by("id")]
    assert found == [("admin.add", "zoe"), ("admin.change", "light"), ("admin.change", "ada")]
    assert "Title" in Act.objects.get(about="light").details["fields"]
    assert Act.objects.get(about="light").campaign == campaign


def test_the_back_office_signs_out_whom_it_shuts_out(owner, people):
    ada = Client()
    ada.force_login(people.ada)
    AuthToken.objects.create(people.ada)
    form = {"password1": "another-long-password", "password2": "another-long-password",
            "usable_password": "true"}  # fmt: skip
    owner.post(f"/admin/labeling/user/{people.ada.id}/password/", form)
    assert ada.get("/").status_code == 302
    assert AuthToken.objects.count() == 0


def test_nobody_is_deleted_in_the_back_office(owner, people):
    place = f"/admin/labeling/user/{people.sam.id}/delete/"
    assert owner.post(place, {"post": "yes"}).status_code == 403
    people.sam.refresh_from_db()
