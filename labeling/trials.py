"""Trials of annotators, mixed invisibly among the faces: mirrored ones, known ones, and catches.

A trial is an ordinary turn and vote, so leases, undo and the outbox need to know nothing of it; its
turn wants as many votes as there are people to try.
"""

from dataclasses import dataclass

from django.db import connection

from labeling.disguises import lend
from labeling.models import UNSURE, Campaign, Dataset, Face, Turn, User

# A face comes back flipped only once it is out of sight, and not from long ago.
MIRROR_AFTER_VOTES, MIRROR_WITHIN_VOTES = 20, 500
# A catch must be beyond doubt: the annotator is judged by it.
CATCH_CERTAINTY, CATCH_VOTES = 0.95, 2


@dataclass(frozen=True)
class Trial:
    """A turn to be leased as a trial; `suggested`: the wrong choice that a catch proposes."""

    turn_id: int
    suggested: str = ""


def mirrored(campaign: Campaign, annotator: User, most: int) -> list[Trial]:
    """Turns of faces that this annotator gave a side to, flipped."""
    sided = [choice["value"] for choice in campaign.choices if choice["mirror"] != choice["value"]]
    if not sided or most <= 0:
        return []
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT face.id FROM (
                SELECT id, turn_id, choice FROM labeling_vote
                WHERE annotator_id = %(annotator)s AND NOT is_catch
                ORDER BY created_at DESC OFFSET %(after)s LIMIT %(within)s
            ) vote JOIN labeling_turn turn ON turn.id = vote.turn_id
            JOIN labeling_face face ON face.id = turn.face_id
            WHERE turn.campaign_id = %(campaign)s AND turn.kind <> 'mirror'
              AND vote.choice = ANY(%(sided)s)
              AND NOT EXISTS (SELECT 1 FROM labeling_vote undo WHERE undo.withdraws_id = vote.id)
              AND NOT EXISTS (
                  SELECT 1 FROM labeling_dataset flipped
                  JOIN labeling_face twin
                      ON twin.dataset_id = flipped.id AND twin.filename = face.filename
                  JOIN labeling_turn trial
                      ON trial.face_id = twin.id AND trial.campaign_id = turn.campaign_id
                  WHERE flipped.mirrors_id = face.dataset_id
                    AND (EXISTS (SELECT 1 FROM labeling_vote mine WHERE mine.turn_id = trial.id
                                 AND mine.annotator_id = %(annotator)s)
                         OR EXISTS (SELECT 1 FROM labeling_lease mine WHERE mine.turn_id = trial.id
                                    AND mine.annotator_id = %(annotator)s)))
            ORDER BY random() LIMIT %(most)s
            """,
            {
                "annotator": annotator.id,
                "campaign": campaign.id,
                "sided": sided,
                "after": MIRROR_AFTER_VOTES,
                "within": MIRROR_WITHIN_VOTES,
                "most": most,
            },
        )
        originals = Face.objects.filter(id__in=[row[0] for row in cursor.fetchall()])
    turns = [(_flipped_turn(campaign, face), face) for face in originals.order_by("id")]
    return [Trial(turn.id) for turn, face in turns if lend(campaign, annotator, turn, face)]


def _flipped_turn(campaign: Campaign, original: Face) -> Turn:
    source = original.dataset
    # Two annotators may need the same twin at once: the unique names let one of them win.
    dataset, _ = Dataset.objects.get_or_create(
        mirrors=source,
        defaults={
            "name": f"{source.name[:50]}-mirrored",
            "image_folder": source.image_folder,
            "is_rendered": source.is_rendered,
        },
    )
    yaw = original.yaw_degrees
    twin, _ = Face.objects.get_or_create(
        dataset=dataset,
        filename=original.filename,
        defaults={
            "width": original.width,
            "height": original.height,
            "yaw_degrees": None if yaw is None else -yaw,
        },
    )
    turn, _ = Turn.objects.get_or_create(
        campaign=campaign,
        face=twin,
        defaults={"kind": Turn.Kind.MIRROR, "wanted": 0, "reason": "trial"},
    )
    return turn


def known(campaign: Campaign, annotator: User, most: int) -> list[Trial]:
    """Turns of adjudicated faces that this annotator has not seen."""
    return _untouched(
        campaign,
        annotator,
        most,
        """
        SELECT DISTINCT ON (word.face_id) word.face_id, '' AS suggested, word.choice
        FROM labeling_adjudication word WHERE word.campaign_id = %(campaign)s
        ORDER BY word.face_id, word.id DESC
        """,
        {},
    )


def catches(campaign: Campaign, annotator: User, choice: str, most: int) -> list[Trial]:
    """Turns of faces that are surely not `choice`, to be proposed as `choice`."""
    return _untouched(
        campaign,
        annotator,
        most,
        """
        SELECT sure.face_id, %(proposed)s AS suggested, sure.choice FROM (
            (SELECT DISTINCT ON (word.face_id) word.face_id, word.choice
             FROM labeling_adjudication word WHERE word.campaign_id = %(campaign)s
             ORDER BY word.face_id, word.id DESC)
            UNION
            (SELECT believed.face_id, believed.choice FROM labeling_consensus believed
             WHERE believed.campaign_id = %(campaign)s AND believed.choice <> %(proposed)s
               AND believed.probability >= %(certainty)s AND believed.source = 'human'
               AND believed.n_votes >= %(votes)s
             LIMIT 300)
        ) sure WHERE sure.choice <> %(proposed)s
        """,
        {"proposed": choice, "certainty": CATCH_CERTAINTY, "votes": CATCH_VOTES},
    )


def _untouched(
    campaign: Campaign, annotator: User, most: int, candidates: str, given: dict[str, object]
) -> list[Trial]:
    """Closed turns among the candidates (face_id, suggested, choice), new to this person."""
    if most <= 0:
        return []
    with connection.cursor() as cursor:
        cursor.execute(
            f"""
            SELECT turn.id, candidate.suggested FROM ({candidates}) candidate
            JOIN labeling_turn turn
                ON turn.face_id = candidate.face_id AND turn.campaign_id = %(campaign)s
            WHERE turn.kind = 'ask' AND turn.wanted = turn.had + turn.held
              AND candidate.choice <> %(unsure)s
              AND NOT EXISTS (SELECT 1 FROM labeling_vote vote
                              WHERE vote.turn_id = turn.id AND vote.annotator_id = %(annotator)s)
              AND NOT EXISTS (SELECT 1 FROM labeling_lease lease
                              WHERE lease.turn_id = turn.id AND lease.annotator_id = %(annotator)s)
              AND NOT EXISTS (SELECT 1 FROM labeling_disguise lent
                              WHERE lent.face_id = turn.face_id
                                AND lent.annotator_id = %(annotator)s)
            ORDER BY random() LIMIT %(most)s
            """,  # noqa: S608 the candidates are the constants above
            {
                "campaign": campaign.id,
                "annotator": annotator.id,
                "most": most,
                "unsure": UNSURE,
                **given,
            },
        )
        return [Trial(turn_id, suggested) for turn_id, suggested in cursor.fetchall()]
