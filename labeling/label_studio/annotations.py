"""Votes as annotations: an annotator has one annotation per task, whatever they changed in it.

An annotation's number is made of its task's and its annotator's, so it stays when the answer is
changed, which for us is a withdrawal and another vote.
"""

import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import transaction

from labeling import votes
from labeling.disguises import is_lent
from labeling.errors import NotFound, Refused
from labeling.label_studio.configs import LabelConfig, config_of
from labeling.label_studio.errors import Invalid
from labeling.label_studio.texts import quoted
from labeling.models import UNSURE, Campaign, Turn, User, Vote

# Room for a million annotators; numbers stay below 2**53, which every JSON reader holds exactly,
# up to eight billion tasks.
ANNOTATOR_BITS = 20
# Names the votes of the dialect, so that an answer sent again is the same vote.
_VOTES = uuid.UUID("0f3c7a52-8f2e-4b1a-9a43-1d2b6f6f5c9e")


@dataclass(frozen=True)
class Annotation:
    """The standing vote of one annotator on one task, and when they first answered."""

    vote: Vote
    created_at: datetime

    @property
    def number(self) -> int:
        return number_of(self.vote.turn_id, self.vote.annotator_id)


def number_of(task_id: int, annotator_id: int) -> int:
    """The annotation's number in the dialect."""
    if annotator_id >= 1 << ANNOTATOR_BITS:
        raise ValueError(f"annotator {annotator_id} came; expected less than 2**{ANNOTATOR_BITS}")
    return (task_id << ANNOTATOR_BITS) + annotator_id


def parts_of(number: int) -> tuple[int, int]:
    """The task and the annotator of an annotation's number."""
    return number >> ANNOTATOR_BITS, number & ((1 << ANNOTATOR_BITS) - 1)


def of_tasks(
    turns: Iterable[Turn], *, by: User | None = None, without_trials: bool = False
) -> dict[int, list[Annotation]]:
    """The annotations of each turn, in the order of their annotators.

    by              only this person's
    without_trials  leave out answers to suggestions that were wrong on purpose: they tell of the
                    annotator, not of the face
    """
    rows = Vote.objects.filter(turn__in=[turn.id for turn in turns])
    if by is not None:
        rows = rows.filter(annotator=by)
    first: dict[tuple[int, int], Vote] = {}
    last: dict[tuple[int, int], Vote] = {}
    for vote in rows.order_by("turn_id", "annotator_id", "revision"):
        whose = (vote.turn_id, vote.annotator_id)
        first.setdefault(whose, vote)
        last[whose] = vote
    found: dict[int, list[Annotation]] = {}
    for whose, vote in last.items():
        if vote.choice is not None and not (without_trials and vote.is_catch):
            one = Annotation(vote, first[whose].created_at)
            found.setdefault(vote.turn_id, []).append(one)
    return found


def show(annotation: Annotation, campaign: Campaign, config: LabelConfig) -> dict[str, Any]:
    """An annotation as Label Studio shows it; "can't tell" is a skipped task there."""
    vote = annotation.vote
    is_skipped = vote.choice == UNSURE
    result = [] if is_skipped else [region(config, vote.choice, vote.id.hex[:10])]
    last_action = "updated" if vote.revision else "submitted"
    return {
        "id": annotation.number,
        "task": vote.turn_id,
        "project": campaign.id,
        "completed_by": vote.annotator_id,
        "result": result,
        "result_count": len(result),
        "was_cancelled": is_skipped,
        "ground_truth": False,
        "created_at": stamp(annotation.created_at),
        "updated_at": stamp(vote.created_at),
        "updated_by": vote.annotator_id,
        "draft_created_at": None,
        "lead_time": vote.seconds,
        "import_id": None,
        "last_action": "skipped" if is_skipped else last_action,
        "last_created_by": vote.annotator_id,
        "parent_annotation": None,
        "parent_prediction": None,
        "unique_id": str(vote.id),
        "bulk_created": False,
    }


def region(config: LabelConfig, choice: str, name: str) -> dict[str, Any]:
    """One choice as a result of Label Studio."""
    return {
        "id": name,
        "from_name": config.choices_name,
        "to_name": config.image_name,
        "type": "choices",
        "value": {"choices": [config.word_for(choice)]},
        "origin": "manual",
    }


def stamp(moment: datetime) -> str:
    """A time as Label Studio writes it: UTC, with microseconds."""
    return moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ")


@dataclass(frozen=True)
class Answer:
    """What a client said of one task, checked for form."""

    choice: str
    seconds: object


def read_answer(body: object, campaign: Campaign, annotator: User) -> Answer:
    """The one choice in an annotation's body, or a skipped task; raises Invalid for all else."""
    if not isinstance(body, dict):
        raise Invalid("non_field_errors", f"The annotation is {quoted(body)}; expected an object.")
    if body.get("completed_by") not in (None, annotator.id):
        detail = f"completed_by is {quoted(body['completed_by'])}; you are {annotator.id}."
        raise Invalid("completed_by", f"{detail} Everybody answers for themselves.")
    if body.get("ground_truth"):
        detail = "ground_truth is true; managers say last words on the page of contested faces."
        raise Invalid("ground_truth", detail)
    result = body.get("result")
    if body.get("was_cancelled") is True:
        if result:
            detail = f"was_cancelled is true, and the result is {quoted(result)}"
            raise Invalid("result", f"{detail}; expected one of both.")
        return Answer(UNSURE, body.get("lead_time"))
    return Answer(_read_choice(result, campaign), body.get("lead_time"))


def _read_choice(result: object, campaign: Campaign) -> str:
    config, _ = config_of(campaign)
    if not isinstance(result, list) or len(result) != 1 or not isinstance(result[0], dict):
        raise Invalid("result", f"The result is {quoted(result)}; expected a list with one object.")
    came = result[0]
    expected = {
        "from_name": config.choices_name,
        "to_name": config.image_name,
        "type": "choices",
    }
    for field, value in expected.items():
        if came.get(field) != value:
            detail = f"{field} is {quoted(came.get(field))}; expected {value!r}."
            raise Invalid("result", detail)
    value = came.get("value")
    chosen = value.get("choices") if isinstance(value, dict) else None
    if not isinstance(chosen, list) or len(chosen) != 1 or chosen[0] not in config.words:
        detail = f"The choices are {quoted(chosen)}; expected exactly one of {config.words}."
        raise Invalid("result", detail)
    return config.value_of(chosen[0])


def create(turn: Turn, annotator: User, body: object) -> tuple[Annotation, bool]:
    """Store an answer; True if it is new, False if just this one was here before.

    raises  Invalid for what is malformed, Refused where the queue or an earlier answer says no
    """
    answer = read_answer(body, turn.campaign, annotator)
    if earlier := _mine(turn, annotator):
        if earlier.vote.choice == answer.choice:
            return earlier, False
        raise Refused(
            "already_voted",
            f"Your annotation {earlier.number} of task {turn.id} says {earlier.vote.choice!r}; "
            f"update it to say {answer.choice!r}.",
        )
    try:
        is_new = _cast(turn, annotator, answer)
    except Refused:
        # A request that was sent twice may have stored this very answer since we looked.
        meanwhile = _mine(turn, annotator)
        if meanwhile is None or meanwhile.vote.choice != answer.choice:
            raise
        return meanwhile, False
    return mine(turn, annotator), is_new


def change(turn: Turn, annotator: User, body: object) -> Annotation:
    """Take one's own answer back and give another."""
    answer = read_answer(body, turn.campaign, annotator)
    with transaction.atomic():
        earlier = mine(turn, annotator)
        if earlier.vote.choice != answer.choice:
            # The withdrawal gives the place back to this annotator, who answers anew.
            votes.withdraw(turn.campaign, annotator, earlier.vote.id)
            _cast(turn, annotator, answer)
    return mine(turn, annotator)


def take_back(turn: Turn, annotator: User) -> None:
    """Withdraw one's own answer; the face comes back to this annotator."""
    votes.withdraw(turn.campaign, annotator, mine(turn, annotator).vote.id)


def mine(turn: Turn, annotator: User) -> Annotation:
    """One's own annotation of a task; raises NotFound where there is none."""
    if found := _mine(turn, annotator):
        return found
    raise NotFound(f"You have no annotation of task {turn.id}.")


def _mine(turn: Turn, annotator: User) -> Annotation | None:
    return next(iter(of_tasks([turn], by=annotator).get(turn.id, [])), None)


def _cast(turn: Turn, annotator: User, answer: Answer) -> bool:
    """Store a vote; False if a request that was sent twice has stored it meanwhile."""
    if is_lent(turn, annotator):
        # What the client showed under its name was a flipped face of the label page.
        raise Refused("turn_closed", f"Task {turn.id} is not yours just now; ask for the next one.")
    # Withdrawals count, so an answer given again after one is another vote.
    revision = Vote.objects.filter(turn=turn, annotator=annotator).count()
    name = f"{turn.id}/{annotator.id}/{revision}/{answer.choice}"
    row = {
        "id": str(uuid.uuid5(_VOTES, name)),
        "face": turn.face_id,
        "choice": answer.choice,
        "seconds": answer.seconds,
    }
    (outcome,) = votes.cast(turn.campaign, annotator, [row], source=Vote.Source.API)
    if outcome.status == "rejected":
        if outcome.code == "malformed":
            raise Invalid("lead_time", str(outcome.detail))
        raise Refused(str(outcome.code), str(outcome.detail))
    return outcome.status == "stored"
