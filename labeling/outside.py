"""Answers that were not given here, checked and stored by the database: all of a file, or nothing.

The rows are copied into a temporary table first, so memory stays flat however many there are.
"""

import uuid
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from typing import Any

from django.contrib.auth.hashers import make_password
from django.db import connection, transaction

from labeling import stopping
from labeling.errors import Conflict, Refused
from labeling.importing.copy import copy_rows
from labeling.models import UNSURE, Campaign, User, Vote

# Names the votes of a file, so that the same file imported twice is the same votes.
_FILE_VOTES = uuid.UUID("5d1a4c0e-51ad-4f6c-9d0e-7f0f6f1c2b11")
ROWS_AT_ONCE = 20_000
LONGEST_NAME = 80
MOST_PEOPLE = 2000
COLUMNS = ("number", "id", "file", "name", "choice")


@dataclass(frozen=True)
class Stored:
    """What became of the rows: stored, or there before."""

    stored: int
    duplicate: int


def store_votes(
    campaign: Campaign,
    rows: Iterable[tuple[str, str, str]],
    *,
    source: Vote.Source,
    told: Callable[[int], None] | None = None,
) -> Stored:
    """Store votes that were cast elsewhere: all of them, or none with the first thing wrong.

    rows    (file name, annotator's name, choice); row numbers in errors start at 1
    source  IMPORTED or SIMULATED: the annotators become people of that origin who can't log in
    told    hears now and then how many rows were read
    raises  Refused for an unknown file or choice or contradicting rows, Conflict for a second,
            different answer
    """
    if source not in (Vote.Source.IMPORTED, Vote.Source.SIMULATED):
        raise ValueError(f"source is {source!r}; expected imported or simulated")
    with _brought(campaign, rows, told), transaction.atomic(), connection.cursor() as cursor:
        _alone(cursor, campaign)
        _resolve(cursor, campaign)
        _let_in(cursor, campaign, source)
        _check_said_before(cursor)
        cursor.execute("SELECT count(*) FROM brought_once")
        n_rows = cursor.fetchone()[0]
        # In the order in which everybody locks turns; claims pass over them meanwhile.
        cursor.execute(
            """
            SELECT turn.id FROM labeling_turn turn
            WHERE turn.id IN (SELECT turn_id FROM brought_once)
            ORDER BY turn.id FOR NO KEY UPDATE
            """
        )
        cursor.execute(
            """
            WITH stored AS (
                INSERT INTO labeling_vote (id, turn_id, annotator_id, revision, choice, source,
                    suggestion_shown, channel, suggested, is_blind, is_catch, created_at)
                SELECT once.id, once.turn_id, once.person_id, 0, once.choice, %(source)s,
                       false, 'answer', '', false, false, now()
                FROM brought_once once
                WHERE NOT EXISTS (SELECT 1 FROM labeling_vote earlier
                                  WHERE earlier.turn_id = once.turn_id
                                    AND earlier.annotator_id = once.person_id)
                RETURNING turn_id
            ), new AS (SELECT turn_id, count(*) AS n FROM stored GROUP BY turn_id),
            counted AS (
                UPDATE labeling_turn turn SET
                    had = turn.had + new.n,
                    wanted = greatest(turn.wanted, turn.had + turn.held + new.n),
                    closing_rule = CASE WHEN turn.had + new.n >= turn.wanted THEN %(rule)s
                                        ELSE '' END
                FROM new WHERE turn.id = new.turn_id
            )
            SELECT count(*) FROM stored
            """,
            {"source": source, "rule": stopping.OUTSIDE_RULE},
        )
        n_stored = cursor.fetchone()[0]
    return Stored(n_stored, n_rows - n_stored)


def store_words(
    campaign: Campaign,
    rows: Iterable[tuple[str, str]],
    *,
    by: User,
    told: Callable[[int], None] | None = None,
) -> Stored:
    """Store settled labels as last words: all of them, or none with the first thing wrong.

    rows    (file name, choice); a word that stands already is not said again
    by      whose words they are
    raises  Refused as store_votes does
    """
    named = ((file, "the file", choice) for file, choice in rows)
    with _brought(campaign, named, told), transaction.atomic(), connection.cursor() as cursor:
        _alone(cursor, campaign)
        _resolve(cursor, campaign)
        cursor.execute("SELECT count(*) FROM brought_once")
        n_rows = cursor.fetchone()[0]
        cursor.execute(
            """
            INSERT INTO labeling_adjudication (campaign_id, face_id, choice, by_id, created_at)
            SELECT %(campaign)s, turn.face_id, once.choice, %(by)s, now()
            FROM brought_once once JOIN labeling_turn turn ON turn.id = once.turn_id
            LEFT JOIN LATERAL (
                SELECT word.choice FROM labeling_adjudication word
                WHERE word.campaign_id = %(campaign)s AND word.face_id = turn.face_id
                ORDER BY word.id DESC LIMIT 1
            ) newest ON true
            WHERE newest.choice IS DISTINCT FROM once.choice
            ORDER BY turn.face_id
            """,
            {"campaign": campaign.id, "by": by.id},
        )
        n_stored = cursor.rowcount
    return Stored(n_stored, n_rows - n_stored)


@contextmanager
def _brought(
    campaign: Campaign,
    rows: Iterable[tuple[str, str, str]],
    told: Callable[[int], None] | None,
) -> Iterator[None]:
    """The rows in a temporary table, checked for what can be checked row by row."""
    with connection.cursor() as cursor:
        cursor.execute("DROP TABLE IF EXISTS brought, brought_once")
        cursor.execute(
            "CREATE TEMPORARY TABLE brought (number bigint, id uuid, file text, name text, "
            "choice varchar(40))"
        )
        try:
            numbered = enumerate(rows, start=1)
            # In parts: between two of them the connection is free to tell the progress.
            while part := list(islice(numbered, ROWS_AT_ONCE)):
                # A list: what is refused within COPY would come out as COPY's own error.
                checked = [_checked(campaign, number, *row) for number, row in part]
                with transaction.atomic():
                    copy_rows(cursor, "brought", COLUMNS, checked)
                if told:
                    told(part[-1][0])
            cursor.execute("ANALYZE brought")
            yield
        finally:
            if not connection.needs_rollback:
                cursor.execute("DROP TABLE IF EXISTS brought, brought_once")


def _checked(
    campaign: Campaign, number: int, file: str, name: str, choice: str
) -> tuple[int, str, str, str, str]:
    allowed = [*campaign.values, UNSURE]
    if choice not in allowed:
        raise Refused(
            "unknown_choice",
            f"Row {number}: the choice is {choice!r}; expected one of {sorted(allowed)}.",
        )
    if not name or len(name) > LONGEST_NAME or not name.isprintable():
        raise Refused(
            "invalid_name",
            f"Row {number}: the annotator is {name[:100]!r}; "
            f"expected a name of 1 to {LONGEST_NAME} characters.",
        )
    if not file.isprintable():
        raise Refused("unknown_face", f"Row {number}: {file[:100]!r} is not in {campaign.slug!r}.")
    vote = uuid.uuid5(_FILE_VOTES, f"{campaign.id}/{file}/{name}/{choice}")
    return number, str(vote), file, name, choice


def _alone(cursor: Any, campaign: Campaign) -> None:
    """Two files that contradict each other must not pass each other's checks."""
    cursor.execute(
        "SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))",
        [f"outside answers of campaign {campaign.id}"],
    )


def _resolve(cursor: Any, campaign: Campaign) -> None:
    """Find each row's turn, and keep one row for each face and name; refuse what contradicts."""
    # Of the campaign's own dataset: a mirrored face has the same name in a hidden one.
    cursor.execute(
        """
        CREATE TEMPORARY TABLE brought_once AS
        SELECT DISTINCT ON (turn.id, brought.name) turn.id AS turn_id, brought.name,
               brought.number, brought.id, brought.file, brought.choice, NULL::bigint AS person_id
        FROM brought
        JOIN labeling_face face
            ON face.dataset_id = %(dataset)s AND face.filename = brought.file
        JOIN labeling_turn turn ON turn.face_id = face.id AND turn.campaign_id = %(campaign)s
        ORDER BY turn.id, brought.name, brought.number
        """,
        {"dataset": campaign.dataset_id, "campaign": campaign.id},
    )
    cursor.execute("ANALYZE brought_once")
    cursor.execute(
        """
        SELECT number, file FROM brought
        WHERE NOT EXISTS (SELECT 1 FROM brought_once once WHERE once.file = brought.file)
        ORDER BY number LIMIT 1
        """
    )
    if row := cursor.fetchone():
        raise Refused("unknown_face", f"Row {row[0]}: {row[1]!r} is not in {campaign.slug!r}.")
    cursor.execute(
        """
        SELECT brought.number, brought.name, brought.choice, brought.file, once.choice, once.number
        FROM brought JOIN brought_once once USING (file, name)
        WHERE brought.choice <> once.choice ORDER BY brought.number LIMIT 1
        """
    )
    if row := cursor.fetchone():
        number, name, choice, file, earlier, at = row
        raise Refused(
            "contradiction",
            f"Row {number}: {name!r} says {choice!r} of {file!r}, and {earlier!r} in row {at}.",
        )


def _let_in(cursor: Any, campaign: Campaign, source: Vote.Source) -> None:
    """Note whose votes the rows are: one person per campaign and name, unable to log in."""
    cursor.execute("SELECT DISTINCT name FROM brought_once ORDER BY name")
    names = [row[0] for row in cursor.fetchall()]
    if len(names) > MOST_PEOPLE:
        raise Refused(
            "too_many_people",
            f"The file names {len(names)} annotators; expected up to {MOST_PEOPLE}.",
        )
    username_of = {name: f"{source}:{campaign.slug}:{name}"[:150] for name in names}
    people = [
        User(username=name, origin=source, is_active=False, password=make_password(None))
        for name in username_of.values()
    ]
    User.objects.bulk_create(people, ignore_conflicts=True)
    ids = dict(User.objects.filter(username__in=username_of.values()).values_list("username", "id"))
    cursor.execute(
        """
        UPDATE brought_once once SET person_id = person.id
        FROM unnest(%s::text[], %s::bigint[]) AS person (name, id) WHERE once.name = person.name
        """,
        [names, [ids[username_of[name]] for name in names]],
    )


def _check_said_before(cursor: Any) -> None:
    cursor.execute(
        """
        SELECT once.number, once.name, once.file, earlier.choice, once.choice
        FROM brought_once once
        JOIN labeling_vote earlier ON earlier.turn_id = once.turn_id
            AND earlier.annotator_id = once.person_id AND earlier.revision = 0
        WHERE earlier.choice <> once.choice ORDER BY once.number LIMIT 1
        """
    )
    if row := cursor.fetchone():
        number, name, file, earlier, now = row
        raise Conflict(
            "vote_differs",
            f"Row {number}: {name!r} said {earlier!r} of {file!r} before, now {now!r}; "
            "a stored vote is never changed.",
        )
