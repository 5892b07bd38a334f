"""[worker] How each annotator answers, and how closely they look before they accept."""

from django.db import connection, transaction

from labeling.learning.aggregation import Opinion
from labeling.learning.agreement import wilson
from labeling.learning.confusions import skill_of
from labeling.models import AnnotatorSkill, Campaign

# An annotator's two ways of answering are told apart by the parity of a number made from their id.
PEOPLE_PER_PERSON = 2
# What an accepted suggestion counts before its annotator has met a catch, worth so many catches.
UNTRIED, CATCH_PRIOR = 0.75, 4


def read_watchfulness(campaign: Campaign) -> dict[int, float]:
    """For each annotator who met catches, how far their accepted suggestions are looked at.

    Who misses half of what is wrong on purpose looked at half of the cells; the others say nothing.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT vote.annotator_id,
                   count(*) FILTER (WHERE vote.choice <> vote.suggested), count(*)
            FROM labeling_vote vote JOIN labeling_turn turn ON turn.id = vote.turn_id
            WHERE turn.campaign_id = %s AND vote.is_catch AND vote.choice IS NOT NULL
              AND NOT EXISTS (SELECT 1 FROM labeling_vote undo WHERE undo.withdraws_id = vote.id)
            GROUP BY vote.annotator_id
            """,
            [campaign.id],
        )
        return {
            person: (caught + CATCH_PRIOR * UNTRIED) / (met + CATCH_PRIOR)
            for person, caught, met in cursor.fetchall()
        }


def store(campaign: Campaign, opinion: Opinion) -> None:
    """Replace what is known of the campaign's annotators."""
    watchful = read_watchfulness(campaign)
    skill = skill_of(opinion.confusion)
    rows = []
    for place, number in enumerate(opinion.people.tolist()):
        person, accepts = divmod(number, PEOPLE_PER_PERSON)
        if accepts:
            continue
        judged, right = int(opinion.judged[place]), int(opinion.right[place])
        accuracy = wilson(right, judged)
        rows.append(
            AnnotatorSkill(
                campaign=campaign,
                annotator_id=person,
                confusion=opinion.counts[place].round(3).tolist(),
                n_votes=judged,
                accuracy=accuracy.value if judged else None,
                accuracy_low=accuracy.low if judged else None,
                accuracy_high=accuracy.high if judged else None,
                weight=float(skill[place]),
                suspicion=_suspicion(opinion, place),
                accepted_weight=watchful.get(person, UNTRIED),
            )
        )
    with transaction.atomic():
        campaign.skills.exclude(annotator__in=[row.annotator_id for row in rows]).delete()
        AnnotatorSkill.objects.bulk_create(
            rows,
            update_conflicts=True,
            unique_fields=["campaign", "annotator"],
            update_fields=[
                "confusion",
                "n_votes",
                "accuracy",
                "accuracy_low",
                "accuracy_high",
                "weight",
                "accepted_weight",
                "suspicion",
                "updated_at",
            ],
        )


def _suspicion(opinion: Opinion, place: int) -> str:
    if opinion.swaps[place]:
        return "swaps"
    return "guesses" if opinion.guesses[place] else ""
