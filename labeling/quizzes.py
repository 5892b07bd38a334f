"""The quiz before the first vote: ten faces of known answer, asked and scored one by one."""

import random
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from labeling import acts
from labeling.errors import Conflict, NotFound, Refused
from labeling.leases import one_at_a_time
from labeling.models import UNSURE, Campaign, QuizAttempt, User
from labeling.quiz_faces import KnownFace, find_known, known_faces, why_not

N_QUESTIONS = 10
MOST_TRIES = 2
LEAST_OF_EACH = 2
MOST_UNSURE = 1


@dataclass(frozen=True)
class Standing:
    """How one person stands with one campaign's quiz.

    state       "none" (never begun), "open" (begun, not finished), "passed" or "failed"
    right       of the last finished try; None before it
    tries_left  0 also when there is nothing to pass any more
    """

    state: str
    right: int | None
    of: int
    tries: int
    tries_left: int


@dataclass(frozen=True)
class Verdict:
    """What became of one answer."""

    face: KnownFace
    choice: str
    truth: str
    is_right: bool
    is_last: bool


def is_given(campaign: Campaign) -> bool:
    """The campaign has a quiz: it is switched on, and there are faces to ask about."""
    return campaign.quiz != Campaign.Quiz.OFF and why_not(campaign) is None


def may_label(campaign: Campaign, annotator: User) -> bool:
    """False only where a quiz is required, can be taken, and has not been passed."""
    if campaign.quiz != Campaign.Quiz.REQUIRED:
        return True
    # Whoever passed is asked most often: each further batch of faces passes here.
    if counted(campaign, annotator).filter(has_passed=True).exists():
        return True
    return not is_given(campaign)


def state(campaign: Campaign) -> str:
    """One sentence for managers about the campaign's quiz."""
    if campaign.quiz == Campaign.Quiz.OFF:
        return "There is no quiz: annotators start after reading the guide."
    if reason := why_not(campaign):
        return f"There is no quiz yet, and nobody is held up: {reason}"
    passed = QuizAttempt.objects.filter(campaign=campaign, is_void=False, has_passed=True)
    n_passed = passed.values("annotator").distinct().count()
    people = "1 person has" if n_passed == 1 else f"{n_passed} people have"
    must = "must" if campaign.quiz == Campaign.Quiz.REQUIRED else "may"
    return (
        f"Annotators {must} pass a quiz of {N_QUESTIONS} faces with "
        f"{campaign.quiz_pass_mark} right before they label; {people} passed."
    )


def counted(campaign: Campaign, annotator: User) -> QuerySet[QuizAttempt]:
    """A person's tries, without those a manager has forgiven."""
    return QuizAttempt.objects.filter(campaign=campaign, annotator=annotator, is_void=False)


def standing(campaign: Campaign, annotator: User) -> Standing:
    """How this person stands with the campaign's quiz."""
    return standing_from(list(counted(campaign, annotator).order_by("id")))


def standing_from(tries: list[QuizAttempt]) -> Standing:
    """How a person stands who has these tries, oldest first, forgiven ones left out."""
    finished = [one for one in tries if one.finished_at]
    passed = [one for one in finished if one.has_passed]
    last = (passed or finished)[-1] if finished else None
    if passed:
        name = "passed"
    elif len(finished) < len(tries):
        name = "open"
    else:
        name = "failed" if finished else "none"
    return Standing(
        state=name,
        right=last.n_right if last else None,
        of=last.n_questions if last else N_QUESTIONS,
        tries=len(tries),
        tries_left=0 if passed else max(MOST_TRIES - len(tries), 0),
    )


def summary(campaign: Campaign, annotator: User) -> dict[str, Any]:
    """How this person stands, for programs."""
    now = standing(campaign, annotator)
    return {"state": now.state, "right": now.right, "of": now.of, "tries": now.tries}


def start(campaign: Campaign, annotator: User) -> QuizAttempt:
    """This person's open try, or a new one with ten faces.

    raises  Conflict when there is no quiz, it is passed already, or no try is left
    """
    with transaction.atomic():
        # Two tabs that start at once get the same try.
        one_at_a_time(campaign, annotator)
        if attempt := open_try(campaign, annotator):
            return attempt
        if campaign.quiz == Campaign.Quiz.OFF:
            raise Conflict("no_quiz", f"The campaign {campaign.slug!r} has no quiz.")
        if reason := why_not(campaign):
            raise Conflict("no_quiz", f"The campaign {campaign.slug!r} has no quiz yet: {reason}")
        # A try whose faces are gone can't be finished; it is nobody's failure.
        counted(campaign, annotator).filter(finished_at=None).update(is_void=True)
        now = standing(campaign, annotator)
        if now.state == "passed":
            raise Conflict("quiz_passed", "You have passed this quiz already.")
        if not now.tries_left:
            detail = f"You have had {now.tries} tries of {MOST_TRIES}; a manager can give another."
            raise Conflict("no_tries_left", detail)
        keys = draw(known_faces(campaign), seen=_times_seen(campaign, annotator))
        return QuizAttempt.objects.create(
            campaign=campaign,
            annotator=annotator,
            n_questions=len(keys),
            answers=[{"question": key, "choice": None, "is_right": None} for key in keys],
        )


def open_try(campaign: Campaign, annotator: User) -> QuizAttempt | None:
    """The try this person is in the middle of, if all its faces can still be asked."""
    attempt = counted(campaign, annotator).filter(finished_at=None).order_by("id").last()
    if attempt is None or len(faces_of(campaign, attempt)) < attempt.n_questions:
        return None
    return attempt


def last_finished(campaign: Campaign, annotator: User) -> QuizAttempt | None:
    """The try that counts for this person: the passed one, or else the newest finished one."""
    finished = counted(campaign, annotator).exclude(finished_at=None)
    return finished.order_by("has_passed", "id").last()


def faces_of(campaign: Campaign, attempt: QuizAttempt) -> dict[str, KnownFace]:
    """The faces of a try by their keys; one that is gone is missing."""
    return find_known(campaign, [row["question"] for row in attempt.answers])


def _times_seen(campaign: Campaign, annotator: User) -> Counter[str]:
    """How often a person was asked about each face, forgiven tries included."""
    tries = QuizAttempt.objects.filter(campaign=campaign, annotator=annotator)
    rows = tries.values_list("answers", flat=True)
    return Counter(row["question"] for answers in rows for row in answers)


def draw(
    faces: Mapping[str, KnownFace],
    *,
    seen: Mapping[str, int],
    rng: random.Random | None = None,
) -> list[str]:
    """Keys of ten faces, some of each choice, the least often seen ones first, in random order."""
    rng = rng or random.SystemRandom()
    keys = sorted(faces)
    rng.shuffle(keys)
    keys.sort(key=lambda key: seen.get(key, 0))  # stable: chance decides among equals
    values = sorted({face.truth for face in faces.values()} - {UNSURE})
    least = min(LEAST_OF_EACH, N_QUESTIONS // max(len(values), 1))
    drawn = [
        key for value in values for key in [k for k in keys if faces[k].truth == value][:least]
    ]
    n_unsure = 0
    for key in keys:
        if len(drawn) >= N_QUESTIONS:
            break
        if key in drawn:
            continue
        if faces[key].truth == UNSURE:
            if n_unsure >= MOST_UNSURE:
                continue
            n_unsure += 1
        drawn.append(key)
    rng.shuffle(drawn)
    return drawn


def answer(
    campaign: Campaign, annotator: User, attempt_id: int, question: str, choice: str
) -> Verdict:
    """Store and score one answer; the same answer sent again is told the same.

    raises  NotFound for a try or a question that is not this person's, Refused for an unknown
            choice, Conflict for a second, different answer
    """
    allowed = [*campaign.values, UNSURE]
    if choice not in allowed:
        raise Refused("unknown_choice", f"The choice is {choice!r}; expected one of {allowed}.")
    with transaction.atomic():
        # The row's lock orders two tabs: the second one sees the first one's answer.
        own = counted(campaign, annotator).select_for_update(of=("self",))
        attempt = own.select_related("campaign").filter(id=attempt_id).first()
        rows = attempt.answers if attempt else []
        row = next((one for one in rows if one["question"] == question), None)
        face = find_known(campaign, [question]).get(question) if row else None
        if attempt is None or row is None or face is None:
            raise NotFound(f"Your try {attempt_id} does not ask about {question!r}.")
        if row["choice"] is None:
            row |= {"choice": choice, "truth": face.truth, "is_right": choice == face.truth}
            _finish_if_done(attempt)
            attempt.save()
        elif row["choice"] != choice:
            raise Conflict(
                "already_answered",
                f"You have answered {row['choice']!r} here; it can't become {choice!r}.",
            )
        is_last = attempt.finished_at is not None
        return Verdict(face, choice, row["truth"], row["is_right"], is_last)


def _finish_if_done(attempt: QuizAttempt) -> None:
    attempt.n_right = sum(row["is_right"] is True for row in attempt.answers)
    if all(row["choice"] is not None for row in attempt.answers):
        attempt.finished_at = timezone.now()
        mark = min(attempt.campaign.quiz_pass_mark, attempt.n_questions)
        attempt.has_passed = attempt.n_right >= mark


def excuse(campaign: Campaign, annotator: User, *, by: User) -> None:
    """Give somebody who has used up their tries one more: the newest failed one is forgiven.

    raises  Conflict for somebody who has a try left, or has passed
    """
    with transaction.atomic():
        one_at_a_time(campaign, annotator)
        now = standing(campaign, annotator)
        if now.state != "failed" or now.tries_left:
            raise Conflict(
                "has_tries_left",
                f"{annotator.username} has not used up the tries: the quiz is {now.state}, "
                f"{now.tries_left} of {MOST_TRIES} tries left.",
            )
        newest = counted(campaign, annotator).order_by("id").last()
        QuizAttempt.objects.filter(id=newest.id).update(is_void=True)
        acts.record(by, "quiz.excuse", annotator.username, campaign=campaign, right=newest.n_right)


def results(campaign: Campaign) -> list[dict[str, Any]]:
    """Everybody who has begun the quiz, and how they stand, for managers."""
    tries: dict[User, list[QuizAttempt]] = {}
    rows = QuizAttempt.objects.filter(campaign=campaign).select_related("annotator")
    for row in rows.order_by("annotator__username", "id"):
        tries.setdefault(row.annotator, []).append(row)
    return [
        {
            "annotator": person.username,
            "standing": (now := standing_from([one for one in own if not one.is_void])),
            "scores": [one.n_right for one in own if one.finished_at],
            "last": own[-1].finished_at or own[-1].started_at,
            "needs_excuse": now.state == "failed" and not now.tries_left,
        }
        for person, own in tries.items()
    ]
