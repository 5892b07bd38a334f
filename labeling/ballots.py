"""One answer as a client sends it: checked for form before anything is looked up."""

import math
import uuid
from dataclasses import dataclass
from typing import Any

from labeling.errors import Refused
from labeling.models import UNSURE, Campaign

MOST_SECONDS = 86_400
FIELDS = {"id", "face", "choice", "seconds", "suggestion_shown"}


@dataclass(frozen=True)
class Ballot:
    """One answer as it came in, checked for form."""

    id: uuid.UUID
    face_id: int
    choice: str
    seconds: float | None
    suggestion_shown: bool


@dataclass(frozen=True)
class Outcome:
    """What became of one answer: stored, duplicate (it was stored before) or rejected, and why."""

    id: str
    status: str
    code: str | None = None
    detail: str | None = None


def read_ballot(row: Any, campaign: Campaign) -> Ballot:
    """One answer from what a client sent; raises Refused with what is wrong."""
    if not isinstance(row, dict):
        raise Refused("malformed", f"The vote is {row!r}; expected an object.")
    if unknown := sorted(set(row) - FIELDS):
        detail = f"The fields {unknown} are unknown; expected some of {sorted(FIELDS)}."
        raise Refused("malformed", detail)
    try:
        identifier = uuid.UUID(str(row.get("id")))
    except ValueError:
        raise Refused(
            "malformed", f"The vote's id is {row.get('id')!r}; expected a UUID."
        ) from None
    face_id, choice, seconds = row.get("face"), row.get("choice"), row.get("seconds")
    if not isinstance(face_id, int) or isinstance(face_id, bool) or not 0 < face_id < 2**63:
        raise Refused("malformed", f"The vote's face is {face_id!r}; expected a face's number.")
    allowed = [*campaign.values, UNSURE]
    if choice not in allowed:
        raise Refused("unknown_choice", f"The choice is {choice!r}; expected one of {allowed}.")
    if seconds is not None and (
        isinstance(seconds, bool)
        or not isinstance(seconds, int | float)
        or not math.isfinite(seconds)
        or seconds < 0
    ):
        raise Refused("malformed", f"The seconds are {seconds!r}; expected a number from 0 up.")
    shown = row.get("suggestion_shown") or False
    if not isinstance(shown, bool):
        raise Refused("malformed", f"suggestion_shown is {shown!r}; expected true or false.")
    if seconds is not None:
        # A page left open over the weekend is not a week of thought.
        seconds = min(float(seconds), MOST_SECONDS)
    return Ballot(identifier, face_id, choice, seconds, shown)
