"""Leases: who holds which place, renewing them, giving them back, and freeing those that ended.

Locks are always taken in one order, annotator, turn, lease, so that no two requests wait in a ring.
"""

import uuid
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import connection, transaction
from django.utils import timezone

from labeling.disguises import named
from labeling.models import Campaign, Lease, Turn, User


@dataclass(frozen=True)
class HeldFace:
    """A face that an annotator holds until the lease ends.

    face_id, filename       as the annotator knows them: a flipped face borrows another's
    suggested, probability  what the annotator may see of the model's word; None = nothing
    """

    turn_id: int
    face_id: int
    filename: str
    width: int | None
    height: int | None
    expires_at: datetime
    suggested: str | None
    probability: float | None


# What HeldFace is read from, with these aliases in the statement around it. The grid shows what it
# proposes, and a catch looks as sure as its neighbours; else a suggestion shows only where the
# lease notes one and the lot did not withhold it.
HELD_COLUMNS = """
    turn.id, coalesce(lent.id, face.id), coalesce(lent.filename, face.filename),
    face.width, face.height, lease.expires_at,
    CASE WHEN lease.suggested <> '' AND NOT lease.is_blind THEN lease.suggested END,
    CASE WHEN lease.is_catch THEN greatest(turn.certainty, 60) ELSE turn.certainty END / 100.0
"""


# The faces of leased turns, and those whose names they borrow. The limit keeps PostgreSQL from
# reading all disguises where it expects more leases than there are.
HELD_FACES = """
    JOIN labeling_face face ON face.id = turn.face_id
    LEFT JOIN LATERAL (
        SELECT other.id, other.filename
        FROM labeling_disguise worn JOIN labeling_face other ON other.id = worn.face_id
        WHERE worn.turn_id = turn.id AND worn.annotator_id = lease.annotator_id LIMIT 1
    ) lent ON TRUE
"""


def read_held(row: tuple[Any, ...]) -> HeldFace:
    *face, suggested, probability = row
    return HeldFace(*face, suggested, None if suggested is None else float(probability))


def one_at_a_time(campaign: Campaign, annotator: User) -> None:
    """Let one annotator's requests pass singly until the transaction ends.

    Without it a claim whose snapshot is older than the same person's vote, resent or in a second
    tab, would lease them the face again.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s, %s)", [campaign.id, annotator.id])


def begin_anew(
    campaign: Campaign, annotator: User, *, without: Collection[int], is_grid: bool, most: int
) -> list[HeldFace]:
    """Faces this annotator already holds, their leases begun anew; `without` are turn ids."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"""
            WITH old AS (
                SELECT lease.id FROM labeling_lease lease
                JOIN labeling_turn turn ON turn.id = lease.turn_id
                WHERE turn.campaign_id = %(campaign)s AND lease.annotator_id = %(annotator)s
                  AND turn.id <> ALL(%(without)s) AND lease.is_grid = %(is_grid)s
                ORDER BY lease.id LIMIT %(most)s
            ), lease AS (
                UPDATE labeling_lease lease
                SET expires_at = now() + %(seconds)s * interval '1 second'
                FROM old WHERE old.id = lease.id
                RETURNING lease.*
            )
            SELECT {HELD_COLUMNS}
            FROM lease JOIN labeling_turn turn ON turn.id = lease.turn_id {HELD_FACES}
            ORDER BY lease.id
            """,  # noqa: S608 what is interpolated are the constants above
            {
                "campaign": campaign.id,
                "annotator": annotator.id,
                "without": list(without),
                "is_grid": is_grid,
                "most": most,
                "seconds": campaign.lease_seconds,
            },
        )
        return [read_held(row) for row in cursor.fetchall()]


def free_expired(campaign: Campaign) -> None:
    """Give the places of ended leases back to their turns."""
    overdue = Lease.objects.filter(turn__campaign=campaign, expires_at__lt=timezone.now())
    turn_ids = list(overdue.values_list("turn_id", flat=True)[:500])
    if not turn_ids:
        return
    with transaction.atomic():
        # A turn that is locked is being voted on or claimed: the next claim frees it.
        turns = Turn.objects.filter(id__in=turn_ids).order_by("id")
        locked = turns.select_for_update(skip_locked=True).values_list("id", flat=True)
        _end(list(locked))


def _end(turn_ids: list[int], annotator: User | None = None) -> None:
    """Delete the leases of turns that we have locked: this annotator's, or all that have ended."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            WITH ended AS (
                DELETE FROM labeling_lease
                WHERE turn_id = ANY(%(turns)s)
                  AND CASE WHEN %(annotator)s::bigint IS NULL THEN expires_at < now()
                           ELSE annotator_id = %(annotator)s END
                RETURNING turn_id
            ), counted AS (SELECT turn_id, count(*) AS n FROM ended GROUP BY turn_id)
            UPDATE labeling_turn turn SET held = turn.held - counted.n
            FROM counted WHERE turn.id = counted.turn_id
            """,
            {"turns": turn_ids, "annotator": annotator and annotator.id},
        )


def renew(campaign: Campaign, annotator: User, face_ids: Sequence[int]) -> list[HeldFace]:
    """Begin the leases of these faces anew; returns those that are still held."""
    until = timezone.now() + timedelta(seconds=campaign.lease_seconds)
    turns = [meant for meant, *_ in named(campaign, annotator, face_ids).values()]
    mine = Lease.objects.filter(turn__in=turns, annotator=annotator)
    mine.update(expires_at=until)
    return held_faces(campaign, annotator)


def release(
    campaign: Campaign,
    annotator: User,
    face_ids: Sequence[int],
    requests: Collection[uuid.UUID] = (),
) -> list[HeldFace]:
    """End the leases of these faces, on leaving the page; returns those that are still held.

    requests  names of requests whose answers never came: what they leased ends, too
    """
    with transaction.atomic():
        # Waits for such a request if it is still under way, so that its leases are there.
        one_at_a_time(campaign, annotator)
        meant = [turn for turn, *_ in named(campaign, annotator, face_ids).values()]
        mine = Lease.objects.filter(turn__campaign=campaign, annotator=annotator)
        meant += mine.filter(request__in=requests).values_list("turn_id", flat=True)
        turns = Turn.objects.filter(id__in=meant).order_by("id")
        locked = turns.select_for_update().values_list("id", flat=True)
        _end(list(locked), annotator)
    return held_faces(campaign, annotator)


def note_request(annotator: User, held: Collection[HeldFace], request: uuid.UUID | None) -> None:
    """Note on new leases which request they answer."""
    if request is not None and held:
        turns = [one.turn_id for one in held]
        Lease.objects.filter(turn__in=turns, annotator=annotator).update(request=request)


def release_all(annotator: User) -> None:
    """End every lease of one person, who was suspended or has left."""
    with transaction.atomic():
        turns = Turn.objects.filter(leases__annotator=annotator).order_by("id")
        locked = turns.select_for_update(of=("self",)).values_list("id", flat=True)
        _end(list(locked), annotator)


def held_faces(campaign: Campaign, annotator: User) -> list[HeldFace]:
    """The faces an annotator holds now."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"""
            SELECT {HELD_COLUMNS}
            FROM labeling_lease lease
            JOIN labeling_turn turn ON turn.id = lease.turn_id {HELD_FACES}
            WHERE turn.campaign_id = %s AND lease.annotator_id = %s AND lease.expires_at >= now()
            ORDER BY lease.id
            """,  # noqa: S608 what is interpolated are the constants above
            [campaign.id, annotator.id],
        )
        return [read_held(row) for row in cursor.fetchall()]
