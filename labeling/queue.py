"""The next faces for an annotator: places in turns, and the leases that hold them.

A turn wants some votes. Each place is free, held by a lease, or had by a vote; the row counts held
and had, and a check constraint keeps their sum within what is wanted, whoever writes at once.
Locks are always taken in one order, annotator, turn, lease, so that no two requests wait in a ring.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.core.cache import cache
from django.db import connection, transaction
from django.db.models import F
from django.utils import timezone

from labeling.errors import Conflict, Refused
from labeling.models import UNSURE, Campaign, Dataset, Lease, Turn, User

ILLUMINATION = [
    {"value": "left", "label": "Left", "key": "ArrowLeft", "mirror": "right"},
    {"value": "center", "label": "Center", "key": "ArrowDown", "mirror": "center"},
    {"value": "right", "label": "Right", "key": "ArrowRight", "mirror": "left"},
]
ILLUMINATION_PROMPT = "Which side does the light come from, as you see it?"
# An annotator who asks for ever more faces without voting gets their own again.
MOST_HELD = 100


@dataclass(frozen=True)
class HeldFace:
    """A face that an annotator holds until the lease ends."""

    face_id: int
    filename: str
    width: int | None
    height: int | None
    expires_at: datetime
    suggested: str | None
    probability: float | None


def create_campaign(
    dataset: Dataset,
    slug: str,
    *,
    title: str,
    prompt: str = ILLUMINATION_PROMPT,
    choices: Sequence[dict[str, str]] = ILLUMINATION,
    **policy: Any,
) -> Campaign:
    """A campaign about a dataset, with a turn for each of its faces.

    policy  votes_min, votes_max, lease_seconds, shows_suggestions: see Campaign
    raises  Refused for choices that contradict each other, Conflict for a slug in use
    """
    check_choices(choices)
    if Campaign.objects.filter(slug=slug).exists():
        raise Conflict("campaign_exists", f"A campaign with the slug {slug!r} is already there.")
    with transaction.atomic():
        campaign = Campaign.objects.create(
            slug=slug, title=title, dataset=dataset, prompt=prompt, choices=list(choices), **policy
        )
        top_up(campaign)
    return campaign


def check_choices(choices: Sequence[dict[str, str]]) -> None:
    """Refuse choices whose values or keys repeat, or whose mirrors do not point back."""
    values = [choice["value"] for choice in choices]
    keys = [choice["key"] for choice in choices]
    if len(values) < 2 or len(set(values)) < len(values) or UNSURE in values:
        raise Refused(
            "invalid_choices",
            f"The choices are {values}; expected two or more different ones, none {UNSURE!r}.",
        )
    if len(set(keys)) < len(keys):
        raise Refused("invalid_choices", f"The keys are {keys}; expected a different one for each.")
    mirror_of = {choice["value"]: choice["mirror"] for choice in choices}
    for value, mirror in mirror_of.items():
        if mirror_of.get(mirror) != value:
            raise Refused(
                "invalid_choices",
                f"The mirror of {value!r} is {mirror!r}, whose own is {mirror_of.get(mirror)!r}; "
                f"expected {value!r}.",
            )


def top_up(campaign: Campaign) -> int:
    """Turns for the faces that have none yet, in random order; returns how many were added."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            INSERT INTO labeling_turn
                (campaign_id, face_id, kind, priority, suggested, certainty, wanted, had, held,
                 closing_rule)
            SELECT %(campaign)s, face.id, 'ask', random(), '', 0, %(wanted)s, 0, 0, ''
            FROM labeling_face face
            WHERE face.dataset_id = %(dataset)s
            ON CONFLICT (campaign_id, face_id) DO NOTHING
            """,
            {
                "campaign": campaign.id,
                "wanted": campaign.votes_min,
                "dataset": campaign.dataset_id,
            },
        )
        return cursor.rowcount


def one_at_a_time(campaign: Campaign, annotator: User) -> None:
    """Let one annotator's requests pass singly until the transaction ends.

    Without it a claim whose snapshot is older than the same person's vote, resent or in a second
    tab, would lease them the face again.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s, %s)", [campaign.id, annotator.id])


def next_faces(campaign: Campaign, annotator: User, count: int) -> list[HeldFace]:
    """Lease up to `count` faces to an annotator, highest priority first.

    New faces come first; when too few are left, those already held fill up, so an empty list means
    that nothing is left for this person.
    """
    with transaction.atomic():
        one_at_a_time(campaign, annotator)
        free_expired(campaign)
        held = Lease.objects.filter(turn__campaign=campaign, annotator=annotator).count()
        fresh = _claim(campaign, annotator, min(count, MOST_HELD - held))
        if len(fresh) < count:
            fresh += _held_before(campaign, annotator, fresh, count - len(fresh))
        return fresh


_FACE_COLUMNS = """
    face.id, face.filename, face.width, face.height, lease.expires_at,
    suggestion.choice, suggestion.probabilities
"""


def _claim(campaign: Campaign, annotator: User, count: int) -> list[HeldFace]:
    if count <= 0 or not campaign.is_open:
        return []
    with connection.cursor() as cursor:
        # SKIP LOCKED: another annotator who claims now takes other turns instead of waiting.
        # A turn whose last place went between our snapshot and our lock is checked again by
        # PostgreSQL against its newest row, because the claim itself updates that row.
        cursor.execute(
            f"""
            WITH free AS (
                SELECT turn.id FROM labeling_turn turn
                WHERE turn.campaign_id = %(campaign)s AND turn.wanted > turn.had + turn.held
                  AND NOT EXISTS (
                      SELECT 1 FROM labeling_lease mine
                      WHERE mine.turn_id = turn.id AND mine.annotator_id = %(annotator)s)
                  AND NOT EXISTS (
                      SELECT 1 FROM labeling_vote vote
                      WHERE vote.turn_id = turn.id AND vote.annotator_id = %(annotator)s
                        AND vote.choice IS NOT NULL
                        AND NOT EXISTS (
                            SELECT 1 FROM labeling_vote undo WHERE undo.withdraws_id = vote.id))
                ORDER BY turn.priority DESC, turn.id
                LIMIT %(count)s
                FOR UPDATE OF turn SKIP LOCKED
            ), lease AS (
                INSERT INTO labeling_lease (turn_id, annotator_id, expires_at, is_grid,
                                            suggested, is_blind, is_catch)
                SELECT free.id, %(annotator)s, now() + %(seconds)s * interval '1 second',
                       false, '', false, false
                FROM free
                ON CONFLICT (turn_id, annotator_id) DO NOTHING
                RETURNING turn_id, expires_at
            ), taken AS (
                UPDATE labeling_turn turn SET held = turn.held + 1
                FROM lease WHERE turn.id = lease.turn_id
                RETURNING turn.id, turn.face_id, turn.priority
            )
            SELECT {_FACE_COLUMNS}
            FROM taken JOIN lease ON lease.turn_id = taken.id
            JOIN labeling_face face ON face.id = taken.face_id
            LEFT JOIN labeling_suggestion suggestion
                ON suggestion.face_id = face.id AND suggestion.campaign_id = %(campaign)s
            ORDER BY taken.priority DESC, taken.id
            """,  # noqa: S608 the interpolated columns are the constant above
            {
                "campaign": campaign.id,
                "annotator": annotator.id,
                "count": count,
                "seconds": campaign.lease_seconds,
            },
        )
        return [_held_face(row) for row in cursor.fetchall()]


def _held_before(
    campaign: Campaign, annotator: User, fresh: Iterable[HeldFace], count: int
) -> list[HeldFace]:
    """Faces this annotator already holds, their leases begun anew."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"""
            WITH lease AS (
                UPDATE labeling_lease lease
                SET expires_at = now() + %(seconds)s * interval '1 second'
                FROM labeling_turn turn
                WHERE turn.id = lease.turn_id AND turn.campaign_id = %(campaign)s
                  AND lease.annotator_id = %(annotator)s AND turn.face_id <> ALL(%(fresh)s)
                RETURNING lease.id, turn.face_id, lease.expires_at
            )
            SELECT {_FACE_COLUMNS}
            FROM lease JOIN labeling_face face ON face.id = lease.face_id
            LEFT JOIN labeling_suggestion suggestion
                ON suggestion.face_id = face.id AND suggestion.campaign_id = %(campaign)s
            ORDER BY lease.id LIMIT %(count)s
            """,  # noqa: S608 the interpolated columns are the constant above
            {
                "campaign": campaign.id,
                "annotator": annotator.id,
                "fresh": [held.face_id for held in fresh],
                "count": count,
                "seconds": campaign.lease_seconds,
            },
        )
        return [_held_face(row) for row in cursor.fetchall()]


def _held_face(row: tuple[Any, ...]) -> HeldFace:
    *face, probabilities = row
    return HeldFace(*face, probability=max(probabilities) if probabilities else None)


def free_expired(campaign: Campaign) -> None:
    """Give the places of ended leases back to their turns."""
    overdue = Lease.objects.filter(turn__campaign=campaign, expires_at__lt=timezone.now())
    if not overdue.exists():
        return
    with transaction.atomic():
        # A turn that is locked is being voted on or claimed: the next claim frees it.
        turns = Turn.objects.filter(id__in=overdue.values("turn_id")[:500]).order_by("id")
        locked = turns.select_for_update(skip_locked=True).values_list("id", flat=True)
        _end_leases(list(locked))


def _end_leases(turn_ids: list[int], annotator: User | None = None) -> None:
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
    mine = Lease.objects.filter(
        turn__campaign=campaign, turn__face_id__in=face_ids, annotator=annotator
    )
    mine.update(expires_at=until)
    return held_faces(campaign, annotator)


def release(campaign: Campaign, annotator: User, face_ids: Sequence[int]) -> list[HeldFace]:
    """End the leases of these faces, on leaving the page; returns those that are still held."""
    with transaction.atomic():
        one_at_a_time(campaign, annotator)
        turns = Turn.objects.filter(campaign=campaign, face_id__in=face_ids).order_by("id")
        locked = turns.select_for_update().values_list("id", flat=True)
        _end_leases(list(locked), annotator)
    return held_faces(campaign, annotator)


def held_faces(campaign: Campaign, annotator: User) -> list[HeldFace]:
    """The faces an annotator holds now."""
    leases = Lease.objects.filter(
        turn__campaign=campaign, annotator=annotator, expires_at__gte=timezone.now()
    ).select_related("turn__face")
    return [
        HeldFace(
            lease.turn.face_id,
            lease.turn.face.filename,
            lease.turn.face.width,
            lease.turn.face.height,
            lease.expires_at,
            None,
            None,
        )
        for lease in leases.order_by("id")
    ]


EXACT_UP_TO = 2000
COUNTED_FOR_SECONDS = 10


def count_open(campaign: Campaign) -> int:
    """Turns that still want votes: exact to 2,000, beyond that as of the last ten seconds."""
    wanting = Turn.objects.filter(campaign=campaign, wanted__gt=F("had"))
    few = len(wanting.values_list("id")[: EXACT_UP_TO + 1])
    if few <= EXACT_UP_TO:
        return few
    return cache.get_or_set(f"open-turns-{campaign.id}", wanting.count, COUNTED_FOR_SECONDS)
