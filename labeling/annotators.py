"""Who answers how in a campaign: votes, speed, skill, and what the trials say of each person."""

from collections.abc import Iterable
from typing import Any

from django.db import connection
from django.db.models import Aggregate, Avg, Count, F, FloatField, Max, Q

from labeling.learning.agreement import chance_of_as_many, difference, wilson
from labeling.models import UNSURE, AnnotatorSkill, Campaign, QuizAttempt, User, Vote
from labeling.votes import answers, standing

# A fair coin gives a false alarm about so often.
ALARM = 0.01


class Median(Aggregate):
    """The middle value, NULLs left out."""

    function = "percentile_cont"
    template = "%(function)s(0.5) WITHIN GROUP (ORDER BY %(expressions)s)"
    output_field = FloatField()


def annotators(campaign: Campaign) -> list[dict[str, Any]]:
    """Everybody who ever answered here, by name, with all that the rows tell of them."""
    cast = {row.pop("annotator_id"): row for row in _cast(campaign)}
    caught = {row["annotator_id"]: row for row in _catches(campaign)}
    mirrored = _mirrored(campaign)
    known = _known(campaign)
    quiz = _quiz(campaign)
    skills = {skill.annotator_id: skill for skill in campaign.skills.all()}
    ids = {*cast, *caught, *mirrored, *quiz, *skills}
    return [
        _describe(
            person,
            campaign,
            cast.get(person.id),
            catches=caught.get(person.id),
            mirrored=mirrored.get(person.id, []),
            known=known.get(person.id),
            quiz=quiz.get(person.id, []),
            skill=skills.get(person.id),
        )
        for person in User.objects.filter(id__in=ids).order_by("username")
    ]


def _describe(
    person: User,
    campaign: Campaign,
    cast: dict[str, Any] | None,
    *,
    catches: dict[str, Any] | None,
    mirrored: list[tuple[str, str, int]],
    known: tuple[int, int] | None,
    quiz: list[QuizAttempt],
    skill: AnnotatorSkill | None,
) -> dict[str, Any]:
    values = [*campaign.values, UNSURE]
    by_choice = {value: cast[f"times_{i}"] for i, value in enumerate(values)} if cast else {}
    return {
        "annotator": person.username,
        "id": person.id,
        "origin": person.origin,
        "is_active": person.is_active,
        "votes": sum(by_choice.values()),
        "by_choice": {value: n for value, n in by_choice.items() if n},
        "seconds_per_vote": cast["mean"] if cast else None,
        "median_seconds": cast["median"] if cast else None,
        "last_vote": cast["last"] if cast else None,
        "skill": _skill(skill),
        "confusion": skill.confusion if skill else None,
        "swaps_sides": _swaps_sides(campaign, skill),
        "guesses": skill is not None and skill.suspicion == "guesses",
        "mirror": _mirror(campaign, mirrored),
        "catches": _share(catches["caught"], catches["n"]) if catches else None,
        "known": _share(*known) if known else None,
        "bias": _bias(cast) if cast else None,
        "quiz": _quiz_result(quiz),
    }


def _cast(campaign: Campaign) -> Iterable[dict[str, Any]]:
    """One pass over the standing votes: choices, speed, and agreement with the suggestion."""
    values = [*campaign.values, UNSURE]
    # Both arms of the experiment: what the model said was kept, and shown or withheld by lot.
    in_arm = ~Q(suggested="") & Q(channel=Vote.Channel.ANSWER)
    shown, blind = in_arm & Q(suggestion_shown=True, is_blind=False), in_arm & Q(is_blind=True)
    agrees = Q(choice=F("suggested"))
    return (
        standing(campaign)
        .order_by()
        .values("annotator_id")
        .annotate(
            **{f"times_{i}": Count("id", filter=Q(choice=v)) for i, v in enumerate(values)},
            mean=Avg("seconds"),
            median=Median("seconds"),
            last=Max("created_at"),
            n_shown=Count("id", filter=shown),
            agrees_shown=Count("id", filter=shown & agrees),
            n_blind=Count("id", filter=blind),
            agrees_blind=Count("id", filter=blind & agrees),
        )
    )


def _catches(campaign: Campaign) -> Iterable[dict[str, Any]]:
    """How many wrong suggestions each person was proposed, and did not accept."""
    wrong = answers(campaign).filter(is_catch=True).order_by().values("annotator_id")
    return wrong.annotate(n=Count("id"), caught=Count("id", filter=~Q(choice=F("suggested"))))


def _mirrored(campaign: Campaign) -> dict[int, list[tuple[str, str, int]]]:
    """Each person's answers to a face and to the same face flipped: (first, flipped, times)."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT trial.annotator_id, first.choice, trial.choice, count(*)
            FROM labeling_turn flipped
            JOIN labeling_vote trial ON trial.turn_id = flipped.id AND trial.choice IS NOT NULL
            JOIN labeling_face twin ON twin.id = flipped.face_id
            JOIN labeling_dataset dataset ON dataset.id = twin.dataset_id
            JOIN labeling_face original
                ON original.dataset_id = dataset.mirrors_id AND original.filename = twin.filename
            JOIN labeling_turn turn
                ON turn.face_id = original.id AND turn.campaign_id = flipped.campaign_id
            JOIN labeling_vote first ON first.turn_id = turn.id AND first.choice IS NOT NULL
                AND first.annotator_id = trial.annotator_id
            WHERE flipped.campaign_id = %s AND flipped.kind = 'mirror'
              AND NOT EXISTS (SELECT 1 FROM labeling_vote undo WHERE undo.withdraws_id = trial.id)
              AND NOT EXISTS (SELECT 1 FROM labeling_vote undo WHERE undo.withdraws_id = first.id)
            GROUP BY 1, 2, 3
            """,
            [campaign.id],
        )
        by_person: dict[int, list[tuple[str, str, int]]] = {}
        for person, first, flipped, n in cursor.fetchall():
            by_person.setdefault(person, []).append((first, flipped, n))
    return by_person


def _known(campaign: Campaign) -> dict[int, tuple[int, int]]:
    """How often each person was right on faces settled before they answered: (right, of)."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            WITH word AS (
                SELECT DISTINCT ON (face_id) face_id, choice, created_at
                FROM labeling_adjudication WHERE campaign_id = %(campaign)s
                ORDER BY face_id, id DESC
            )
            SELECT vote.annotator_id,
                   count(*) FILTER (WHERE vote.choice = word.choice), count(*)
            FROM word
            JOIN labeling_turn turn
                ON turn.face_id = word.face_id AND turn.campaign_id = %(campaign)s
            JOIN labeling_vote vote ON vote.turn_id = turn.id AND vote.created_at > word.created_at
            WHERE vote.choice IS NOT NULL AND NOT vote.is_catch
              AND NOT EXISTS (SELECT 1 FROM labeling_vote undo WHERE undo.withdraws_id = vote.id)
            GROUP BY 1
            """,
            {"campaign": campaign.id},
        )
        return {person: (right, n) for person, right, n in cursor.fetchall()}


def _quiz(campaign: Campaign) -> dict[int, list[QuizAttempt]]:
    by_person: dict[int, list[QuizAttempt]] = {}
    for attempt in campaign.quiz_attempts.order_by("id"):
        by_person.setdefault(attempt.annotator_id, []).append(attempt)
    return by_person


def _quiz_result(attempts: list[QuizAttempt]) -> dict[str, Any] | None:
    ended = [attempt for attempt in attempts if attempt.finished_at is not None]
    if not ended:
        return None
    newest = ended[-1]
    return {
        "right": newest.n_right,
        "of": newest.n_questions,
        "passed": any(one.has_passed for one in ended if not one.is_void),
        "tries": len([one for one in ended if not one.is_void]),
        "at": newest.finished_at,
    }


def _skill(skill: AnnotatorSkill | None) -> dict[str, Any] | None:
    if skill is None:
        return None
    return {
        "accuracy": skill.accuracy,
        "low": skill.accuracy_low,
        "high": skill.accuracy_high,
        "votes": skill.n_votes,
        "weight": skill.weight,
        "accepted_weight": skill.accepted_weight,
        "as_of": skill.updated_at,
    }


def _swaps_sides(campaign: Campaign, skill: AnnotatorSkill | None) -> bool:
    """On faces believed to have a side, this person names the other one more often than chance.

    Mirror trials cannot see this: whoever always swaps swaps on the flipped face too.
    """
    if skill is None:
        return False
    if skill.suspicion == "swaps":
        return True  # the refresh saw it, which also compares people whom others mislead
    values, right, swapped = campaign.values, 0.0, 0.0
    for choice in campaign.choices:
        if choice["mirror"] != choice["value"]:
            row = skill.confusion[values.index(choice["value"])]
            right += row[values.index(choice["value"])]
            swapped += row[values.index(choice["mirror"])]
    return _is_more_than_chance(round(swapped), round(right))


def _mirror(campaign: Campaign, rows: list[tuple[str, str, int]]) -> dict[str, Any] | None:
    """Do the answers turn round when the face does? Rows: (first, flipped, times)."""
    if not rows:
        return None
    mirror_of = {choice["value"]: choice["mirror"] for choice in campaign.choices}
    mirror_of[UNSURE] = UNSURE
    sided = [row for row in rows if mirror_of[row[0]] != row[0]]
    turned = sum(n for first, flipped, n in sided if flipped == mirror_of[first])
    stuck = sum(n for first, flipped, n in sided if flipped == first)
    consistent = sum(n for first, flipped, n in rows if flipped == mirror_of[first])
    return {
        **_share(consistent, sum(n for *_, n in rows)),
        "turned": turned,
        "stuck": stuck,
        "sticks_to_a_side": _is_more_than_chance(stuck, turned),
    }


def _is_more_than_chance(these: int, those: int) -> bool:
    return these > those and chance_of_as_many(these, these + those) < ALARM


def _share(right: int, n: int) -> dict[str, Any]:
    return {"right": right, "n": n, **wilson(right, n).told()}


def _bias(cast: dict[str, Any]) -> dict[str, Any] | None:
    """How much more often the suggestion's choice is given when it is shown than when it is not."""
    counts = [cast["agrees_shown"], cast["n_shown"], cast["agrees_blind"], cast["n_blind"]]
    if not counts[1] and not counts[3]:
        return None
    shown, blind = _share(*counts[:2]), _share(*counts[2:])
    return {"shown": shown, "blind": blind, "more": difference(*counts).told()}


def bias_overall(people: Iterable[dict[str, Any]]) -> dict[str, Any] | None:
    """The same for all of a campaign's annotators together."""
    told = [person["bias"] for person in people if person["bias"]]
    counts = {
        f"{what}_{arm}": sum(bias[arm][key] for bias in told)
        for arm in ("shown", "blind")
        for what, key in (("agrees", "right"), ("n", "n"))
    }
    return _bias(counts) if told else None


_ORDERS: dict[str, Any] = {
    "name": lambda person: person["annotator"].lower(),
    "votes": lambda person: person["votes"],
    "seconds": lambda person: person["median_seconds"],
    "accuracy": lambda person: (person["skill"] or {}).get("accuracy"),
    "weight": lambda person: (person["skill"] or {}).get("weight"),
    "mirror": lambda person: (person["mirror"] or {}).get("value"),
    "catches": lambda person: (person["catches"] or {}).get("value"),
    "known": lambda person: (person["known"] or {}).get("value"),
    "bias": lambda person: person["bias"]["more"]["value"] if person["bias"] else None,
    "quiz": lambda person: (person["quiz"] or {}).get("right"),
    "last": lambda person: person["last_vote"],
}
ORDERS = [*_ORDERS, *(f"-{name}" for name in _ORDERS)]


def in_order(people: list[dict[str, Any]], order: str) -> list[dict[str, Any]]:
    """People by one of ORDERS, "-" for the greatest first; those without the figure come last."""
    figure = _ORDERS[order.removeprefix("-")]
    with_it = [person for person in people if figure(person) is not None]
    without = [person for person in people if figure(person) is None]
    return [*sorted(with_it, key=figure, reverse=order.startswith("-")), *without]
