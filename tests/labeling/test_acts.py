"""The audit trail: rows that are only ever added, and an act for each of a manager's deeds."""

import uuid

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from django.db import InternalError, connection, transaction

from labeling import acts, queue, votes
from labeling.models import Act, Adjudication, Campaign, Vote


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
