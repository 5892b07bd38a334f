"""The next faces for an annotator: places in turns, claimed.

A turn wants some votes. Each place is free, held by a lease, or had by a vote; the row counts held
and had, and a check constraint keeps their sum within what is wanted, whoever writes at once.
"""

import random
import uuid
from collections.abc import Sequence
from typing import Any

from django.core.cache import cache
from django.db import connection, transaction
from django.db.models import Count, F

from labeling import trials
from labeling.claims import GRID_CERTAINTY, claim, claim_all, claim_to_verify, claim_trials
from labeling.disguises import Seeming, seeming
from labeling.errors import Conflict, Refused
from labeling.leases import HeldFace, begin_anew, free_expired, note_request, one_at_a_time
from labeling.models import (
    UNSURE,
    AuditDraw,
    Campaign,
    Dataset,
    LabelStudioProject,
    Lease,
    Turn,
    User,
)

ILLUMINATION = [
    {"value": "left", "label": "Left", "key": "ArrowLeft", "mirror": "right"},
    {"value": "center", "label": "Center", "key": "ArrowDown", "mirror": "center"},
    {"value": "right", "label": "Right", "key": "ArrowRight", "mirror": "left"},
]
# As pandas reads a table of labels, quoted or not.
READ_AS_MISSING = {"nan", "null"}
ILLUMINATION_PROMPT = "Which side does the light come from, as you see it?"
# An annotator who asks for ever more faces without voting gets their own again.
MOST_HELD = 100
MOST_HELD_IN_GRID = 200


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

    policy  votes_min, votes_max, lease_seconds, shows_suggestions, ...: see Campaign
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
    if lost := sorted(READ_AS_MISSING & set(values)):
        raise Refused(
            "invalid_choices",
            f"The choices are {values}; expected none of {lost}: programs that read releases take "
            "these words for missing ones.",
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
    """Turns for the faces that have none yet, in random order; returns how many were added.

    None where a client of Label Studio's dialect imports its tasks itself: they are all it asks.
    """
    if LabelStudioProject.objects.filter(campaign=campaign).exists():
        return 0
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


def draw_audits(campaign: Campaign, n_faces: int) -> int:
    """Draw audit faces uniformly from those nobody has voted on or holds; returns how many.

    An audit face wants the campaign's audit_votes, is voted blind, and never trains anything. Only
    untouched faces can be drawn, so that every vote on an audit face was cast blind.
    raises  Refused for less than one face
    """
    if n_faces < 1:
        raise Refused("invalid", f"{n_faces} audit faces were asked for; expected at least 1.")
    with transaction.atomic(), connection.cursor() as cursor:
        draw = AuditDraw.objects.create(campaign=campaign)
        cursor.execute(
            """
            WITH pool AS MATERIALIZED (
                SELECT turn.id FROM labeling_turn turn
                WHERE turn.campaign_id = %(campaign)s AND turn.kind = 'ask'
                  AND turn.had = 0 AND turn.held = 0
                  AND NOT EXISTS (SELECT 1 FROM labeling_vote vote WHERE vote.turn_id = turn.id)
                  AND NOT EXISTS (SELECT 1 FROM labeling_adjudication word
                                  WHERE word.campaign_id = turn.campaign_id
                                    AND word.face_id = turn.face_id)
            ), drawn AS (
                SELECT turn.id FROM labeling_turn turn JOIN pool USING (id)
                WHERE turn.kind = 'ask' AND turn.had = 0 AND turn.held = 0
                ORDER BY random() LIMIT %(n)s
                FOR UPDATE OF turn SKIP LOCKED
            ), marked AS (
                UPDATE labeling_turn turn SET kind = 'audit', audit_draw_id = %(draw)s,
                       priority = random(), suggested = '', certainty = 0, wanted = %(wanted)s,
                       reason = 'audit', propensity = NULL
                FROM drawn WHERE turn.id = drawn.id RETURNING turn.id
            )
            SELECT (SELECT count(*) FROM pool), (SELECT count(*) FROM marked),
                   (SELECT coalesce(max(id), 0) FROM labeling_turn
                    WHERE campaign_id = %(campaign)s AND kind <> 'mirror')
            """,
            {
                "campaign": campaign.id,
                "n": n_faces,
                "draw": draw.id,
                "wanted": campaign.audit_votes,
            },
        )
        draw.n_pool, draw.n_drawn, draw.newest_turn = cursor.fetchone()
        if draw.n_drawn:
            draw.save()
        else:
            draw.delete()
        return draw.n_drawn


def next_faces(
    campaign: Campaign, annotator: User, count: int, *, request: uuid.UUID | None = None
) -> list[HeldFace]:
    """Lease up to `count` faces to an annotator, drawn from the head of the queue.

    Audit faces and trials stand among them in the campaign's shares. New faces come first; when
    too few are left, those already held fill up, so an empty list means that nothing is left for
    this person.
    request  the client's own name for it: see leases.release
    """
    with transaction.atomic():
        one_at_a_time(campaign, annotator)
        free_expired(campaign)
        room = min(count, MOST_HELD - _n_held(campaign, annotator, is_grid=False))
        fresh: list[HeldFace] = []
        if room > 0 and campaign.is_open:
            wished = [
                trials.mirrored(campaign, annotator, _by_lot(room, campaign.mirror_share)),
                trials.known(campaign, annotator, _by_lot(room, campaign.known_share)),
            ]
            fresh = claim_trials(campaign, annotator, [t for part in wished for t in part][:room])
            n_audits = _by_lot(room - len(fresh), campaign.audit_share)
            fresh += claim(campaign, annotator, n_audits, Turn.Kind.AUDIT)
            fresh += claim_all(campaign, annotator, room - len(fresh), Turn.Kind.ASK)
            # The questions ran out before the audits did.
            fresh += claim_all(campaign, annotator, room - len(fresh), Turn.Kind.AUDIT)
            for kind in (Turn.Kind.ASK, Turn.Kind.AUDIT):
                fresh += claim_all(campaign, annotator, room - len(fresh), kind, at_last=True)
        random.shuffle(fresh)
        note_request(annotator, fresh, request)
        if len(fresh) < count:
            old = {"without": [f.turn_id for f in fresh], "most": count - len(fresh)}
            fresh += begin_anew(campaign, annotator, is_grid=False, **old)
        return fresh


def next_grid(
    campaign: Campaign,
    annotator: User,
    count: int,
    choice: str | None = None,
    *,
    request: uuid.UUID | None = None,
) -> tuple[str | None, list[HeldFace]]:
    """Lease up to `count` faces that the model gives one choice, the most certain first.

    choice   which one; None: the one that most faces wait for
    returns  the choice and its faces, with some catches among them; None and [] = nothing to verify
    raises   Refused for a choice the campaign does not have
    """
    if choice is not None and choice not in campaign.values:
        raise Refused("unknown_choice", f"{choice!r} came; expected one of {campaign.values}.")
    if choice is None:
        waiting = count_to_verify(campaign)
        choice = max(campaign.values, key=lambda value: waiting[value])
    with transaction.atomic():
        one_at_a_time(campaign, annotator)
        free_expired(campaign)
        room = min(count, MOST_HELD_IN_GRID - _n_held(campaign, annotator, is_grid=True))
        fresh: list[HeldFace] = []
        if room > 0 and campaign.is_open:
            fresh = claim_to_verify(campaign, annotator, room, choice)
            wrong = trials.catches(
                campaign, annotator, choice, _by_lot(len(fresh), campaign.catch_share)
            )
            for trial in claim_trials(campaign, annotator, wrong, is_grid=True):
                fresh.insert(random.randint(0, len(fresh)), trial)
            note_request(annotator, fresh, request)
        if len(fresh) < count:
            old = {"without": [f.turn_id for f in fresh], "most": count - len(fresh)}
            held = begin_anew(campaign, annotator, is_grid=True, **old)
            fresh += [one for one in held if one.suggested == choice]
        return (choice, fresh) if fresh else (None, [])


def _n_held(campaign: Campaign, annotator: User, *, is_grid: bool) -> int:
    held = Lease.objects.filter(turn__campaign=campaign, annotator=annotator, is_grid=is_grid)
    return held.count()


def _by_lot(n: int, share: float) -> int:
    """How many of n fall to a share of the draws, each decided by lot."""
    return sum(random.random() < share for _ in range(n)) if share else 0


EXACT_UP_TO = 2000
COUNTED_FOR_SECONDS = 10


def count_open(campaign: Campaign) -> int:
    """Turns that still want votes: exact to 2,000, beyond that as of the last ten seconds."""
    key = f"open-turns-{campaign.id}"
    if (counted := cache.get(key)) is not None:
        return counted
    wanting = Turn.objects.asked().filter(campaign=campaign, wanted__gt=F("had"))
    few = wanting.order_by()[: EXACT_UP_TO + 1].count()
    if few <= EXACT_UP_TO:
        return few
    counted = wanting.count()
    cache.set(key, counted, COUNTED_FOR_SECONDS)
    return counted


def count_open_to(campaign: Campaign, annotator: User) -> int:
    """The same as an annotator must see it: their trials count as the faces they pass for."""
    counted = count_open(campaign)
    if counted > EXACT_UP_TO:  # too coarse and too old to tell one face
        return counted
    seems = seeming(annotator, [campaign.id]).get(campaign.id, Seeming())
    return max(0, counted - seems.closed)


def count_to_verify(campaign: Campaign) -> dict[str, int]:
    """For each choice, the open faces that a grid would propose it for; ten seconds old at most."""
    key = f"to-verify-{campaign.id}"
    if (counted := cache.get(key)) is None:
        open_turns = Turn.objects.filter(
            campaign=campaign,
            kind=Turn.Kind.ASK,
            wanted__gt=F("had") + F("held"),
            certainty__gte=GRID_CERTAINTY,
        )
        rows = open_turns.exclude(suggested="").values_list("suggested").annotate(n=Count("id"))
        counted = dict(rows)
        cache.set(key, counted, COUNTED_FOR_SECONDS)
    return {value: counted.get(value, 0) for value in campaign.values}
