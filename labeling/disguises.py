"""The names that flipped faces borrow: a trial is shown as a face that its annotator does not meet.

A flipped face has an id of its own, above all others, and its original's file name; either would
tell it from the rest. So it goes by the id and the file name of a face of the same dataset that
this person has never had, and that face comes to them only when nothing else is left.
"""

import random
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Any

from django.db import connection
from django.db.models import Exists, OuterRef
from django.utils import timezone
from django.utils.crypto import constant_time_compare, salted_hmac

from labeling.models import Campaign, Disguise, Face, Lease, Turn, User, Vote

NAMES_TRIED = 400
# One of these faces that this person neither has had nor has; example faces are known from the
# guide, adjudicated ones perhaps from the quiz. Counted: of NOT EXISTS PostgreSQL would make
# joins over whole tables, for one row.
_FREE_NAME = """
    SELECT turn.face_id FROM unnest(%(ids)s::bigint[]) AS tried (id)
    JOIN labeling_turn turn ON turn.face_id = tried.id AND turn.campaign_id = %(campaign)s
    JOIN labeling_face face ON face.id = tried.id
    WHERE turn.kind = 'ask' AND face.dataset_id = %(dataset)s
      AND (SELECT count(*) FROM labeling_turn own JOIN labeling_vote vote
               ON vote.turn_id = own.id AND vote.annotator_id = %(annotator)s
           WHERE own.face_id = turn.face_id) = 0
      AND (SELECT count(*) FROM labeling_turn own JOIN labeling_lease lease
               ON lease.turn_id = own.id AND lease.annotator_id = %(annotator)s
           WHERE own.face_id = turn.face_id) = 0
      AND (SELECT count(*) FROM labeling_adjudication word
           WHERE word.face_id = turn.face_id AND word.campaign_id = turn.campaign_id) = 0
      AND (SELECT count(*) FROM labeling_disguise lent
           WHERE lent.face_id = turn.face_id AND lent.annotator_id = %(annotator)s) = 0
    LIMIT 1
"""


def lend(campaign: Campaign, annotator: User, trial: Turn, original: Face) -> bool:
    """See that a trial has a name that this person does not know otherwise; False if none is left.

    To be called while the annotator's requests pass singly: see leases.one_at_a_time.
    """
    worn = Disguise.objects.filter(turn=trial, annotator=annotator).first()
    if worn is not None and not _have_come(annotator, [worn.face_id]):
        return True
    name = _free_name(campaign, annotator, original)
    if name is None:
        return False
    if worn is not None:  # the face of its old name has come itself meanwhile
        Disguise.objects.filter(id=worn.id).update(face_id=name, lent_at=timezone.now())
        return True
    # Another campaign's request of the same person may have lent the name just now.
    with connection.cursor() as cursor:
        cursor.execute(
            """
            INSERT INTO labeling_disguise (turn_id, annotator_id, face_id, lent_at)
            VALUES (%s, %s, %s, now()) ON CONFLICT DO NOTHING
            """,
            [trial.id, annotator.id, name],
        )
        return cursor.rowcount == 1


def _free_name(campaign: Campaign, annotator: User, original: Face) -> int | None:
    """By lot, so that borrowed names lie where others do; None where nearly all are known."""
    # A dataset's ids follow one another as it was imported.
    n_faces = max(original.dataset.n_faces, NAMES_TRIED // 2)
    around = range(max(1, original.id - n_faces), original.id + n_faces + 1)
    tried = random.sample(around, min(NAMES_TRIED, len(around)))
    rows = campaign.rubric.get("choices", {}).values()
    examples = {face for row in rows for face in row.get("faces", [])}
    given = {
        "campaign": campaign.id,
        "annotator": annotator.id,
        "dataset": original.dataset_id,
        "ids": [face for face in tried if face not in examples],
    }
    with connection.cursor() as cursor:
        cursor.execute(_FREE_NAME, given)
        row = cursor.fetchone()
        return row[0] if row else None


def named(campaign: Campaign, annotator: User, names: Collection[int]) -> dict[int, list[int]]:
    """Ids of the turns that face ids may name when this person says them, the meant one first.

    A borrowed name means the trial until the face that it belongs to has come to them, too.
    """
    asked = Turn.objects.asked().filter(campaign=campaign, face_id__in=names)
    turns = {face: [turn] for face, turn in asked.values_list("face_id", "id")}
    lent = Disguise.objects.filter(
        annotator=annotator, turn__campaign=campaign, face_id__in=names
    ).values_list("face_id", "turn_id")
    come = _have_come(annotator, [face for face, _ in lent]) if lent else set()
    on_screen = Lease.objects.filter(annotator=annotator, turn__in=[trial for _, trial in lent])
    held = set(on_screen.values_list("turn_id", flat=True)) if come else set()
    for face, trial in lent:
        own = turns.get(face, [])
        is_own = face in come and trial not in held
        turns[face] = [*own, trial] if is_own else [trial, *own]
    return turns


def _have_come(annotator: User, faces: Collection[int]) -> set[int]:
    """Those of the faces that this person holds, or has ever voted on, as themselves."""
    mine = {"turn": OuterRef("pk"), "annotator": annotator}
    turns = Turn.objects.asked().filter(face_id__in=faces)
    touched = Exists(Vote.objects.filter(**mine)) | Exists(Lease.objects.filter(**mine))
    return set(turns.filter(touched).values_list("face_id", flat=True))


def may_return(trial: Turn, annotator: User) -> bool:
    """Whether a turn can be shown again: not as a face that has come itself meanwhile."""
    worn = Disguise.objects.filter(turn=trial, annotator=annotator)
    return not _have_come(annotator, worn.values_list("face_id", flat=True))


def is_lent(turn: Turn, annotator: User) -> bool:
    """Whether a trial goes by the name of this turn's face, which has not come itself."""
    worn = Disguise.objects.filter(annotator=annotator, face_id=turn.face_id)
    return worn.exists() and not _have_come(annotator, [turn.face_id])


def names_of(annotator: User, turns: Iterable[Turn]) -> dict[int, Face]:
    """By turn id, the faces as which this person knows the trials among the turns."""
    trials = [turn.id for turn in turns if turn.kind == Turn.Kind.MIRROR]
    worn = Disguise.objects.filter(annotator=annotator, turn__in=trials).select_related("face")
    return {one.turn_id: one.face for one in worn} if trials else {}


@dataclass(frozen=True)
class Seeming:
    """What one person's trials add to a campaign's counts, had they been the faces they pass for.

    Without it, a count that stands still would tell its annotator that the last face was a trial.
    """

    votes: int = 0
    with_votes: int = 0
    closed: int = 0
    held: int = 0


def seeming(annotator: User, campaigns: Collection[int]) -> dict[int, Seeming]:
    """By campaign id, what a person must find in the counts; nothing where they had no trials."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT trial.campaign_id, count(*) FILTER (WHERE is_answered),
                   count(*) FILTER (WHERE is_answered AND own.had = 0),
                   count(*) FILTER (WHERE is_answered AND own.wanted = own.had + 1),
                   count(*) FILTER (WHERE is_held)
            FROM labeling_disguise worn JOIN labeling_turn trial ON trial.id = worn.turn_id
            CROSS JOIN LATERAL (
                SELECT own.id, own.had, own.wanted FROM labeling_turn own
                WHERE own.face_id = worn.face_id AND own.campaign_id = trial.campaign_id LIMIT 1
            ) own
            CROSS JOIN LATERAL (
                SELECT EXISTS (
                    SELECT 1 FROM labeling_vote vote
                    WHERE vote.turn_id = trial.id AND vote.annotator_id = worn.annotator_id
                      AND vote.choice IS NOT NULL
                      AND NOT EXISTS (SELECT 1 FROM labeling_vote undo
                                      WHERE undo.withdraws_id = vote.id)) AS is_answered,
                EXISTS (
                    SELECT 1 FROM labeling_lease lease
                    WHERE lease.turn_id = trial.id
                      AND lease.annotator_id = worn.annotator_id) AS is_held,
                EXISTS (SELECT 1 FROM labeling_vote vote WHERE vote.turn_id = own.id
                        AND vote.annotator_id = worn.annotator_id)
                OR EXISTS (SELECT 1 FROM labeling_lease lease WHERE lease.turn_id = own.id
                           AND lease.annotator_id = worn.annotator_id) AS has_come
            ) now
            WHERE worn.annotator_id = %(annotator)s AND trial.campaign_id = ANY(%(campaigns)s)
              AND NOT has_come
            GROUP BY trial.campaign_id
            """,
            {"annotator": annotator.id, "campaigns": list(campaigns)},
        )
        return {campaign: Seeming(*counts) for campaign, *counts in cursor.fetchall()}


def mark_of(annotator_id: int, turn_id: int) -> str:
    """What an image's address carries, so that one name can have two pictures."""
    return salted_hmac("labeling.disguises", f"{annotator_id} {turn_id}").hexdigest()[:16]


def picture_of(face: Face, viewer: User, mark: str | None, *, sees_all: bool) -> Face | None:
    """The face whose picture a viewer gets under a face's name; None = none for them.

    mark      from the address; without it, annotators get what the name means to them
    sees_all  the viewer may see faces that no open campaign asks about
    """
    shown: Any = Turn.objects.asked().filter(face=face)
    worn = Turn.objects.filter(disguises__annotator=viewer, disguises__face=face)
    trials = worn.filter(campaign__is_open=True).select_related("face__dataset__mirrors")
    if mark is not None:
        for turn in [*trials, *shown]:
            if constant_time_compare(mark, mark_of(viewer.id, turn.id)):
                return turn.face if turn.kind == Turn.Kind.MIRROR else face
        return None
    if sees_all:
        return face
    if (trial := trials.first()) and not _have_come(viewer, [face.id]):
        return trial.face
    return face if shown.filter(campaign__is_open=True).exists() else None
