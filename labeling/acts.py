"""What managers did: the only writer of Act, in the transaction of the deed itself."""

from dataclasses import dataclass
from typing import Any

from labeling.errors import Refused
from labeling.models import Act, Campaign, User

# What was done, in words that follow a name and come before what it was done to.
WORDS = {
    "person.invite": "made an invite",
    "person.revoke": "took back an invite",
    "person.join": "came in as",
    "person.roles": "changed the roles of",
    "person.suspend": "suspended",
    "person.reactivate": "reactivated",
    "person.reset": "made a link for a new password for",
    "person.password": "chose a new password for",
    "campaign.create": "made the campaign",
    "campaign.change": "changed the campaign",
    "campaign.close": "closed the campaign",
    "campaign.reopen": "opened again the campaign",
    "campaign.import": "brought faces into the campaign",
    "rubric.change": "rewrote the rubric of",
    "quiz.excuse": "let past the quiz",
    "import.votes": "sent a file of votes into",
    "import.labels": "sent a file of labels into",
    "import.cancel": "stopped the import of",
    "audit.draw": "drew audit faces in",
    "face.adjudicate": "had the last word on",
    "release.ask": "asked for",
    "release.cancel": "cancelled",
    "admin.add": "added in the back office",
    "admin.change": "changed in the back office",
    "admin.delete": "deleted in the back office",
}
MOST_SHOWN = 50
MOST_CHARACTERS = 200


def record(
    by: User | None, what: str, about: str, *, campaign: Campaign | None = None, **details: Any
) -> None:
    """Note one deed; `by` is None where the program itself or its owner's terminal did it.

    what     a stable word: "campaign.create", "person.suspend"
    about    the thing's name as it was then
    details  what changed, JSON
    """
    if by is None:
        return
    Act.objects.create(by=by, what=what, about=about[:200], campaign=campaign, details=details)


@dataclass(frozen=True)
class ActFilter:
    """Which acts are meant; an empty text means any.

    campaign  a campaign's slug
    by        a person's name
    what      a stable word
    before    only acts older than the one of this number: the next page
    """

    campaign: str = ""
    by: str = ""
    what: str = ""
    before: str = ""


def find(asked: ActFilter) -> tuple[list[Act], int | None]:
    """The newest acts that pass, and after which one the next page begins.

    raises  Refused("invalid_filter") for a campaign, a person or a word that is not there
    """
    rows = Act.objects.select_related("by", "campaign").order_by("-id")
    if asked.campaign:
        _known(Campaign.objects.filter(slug=asked.campaign), "campaign", asked.campaign)
        rows = rows.filter(campaign__slug=asked.campaign)
    if asked.by:
        _known(User.objects.filter(username=asked.by), "person", asked.by)
        rows = rows.filter(by__username=asked.by)
    if asked.what:
        if asked.what not in WORDS:
            _known(Act.objects.filter(what=asked.what), "deed", asked.what)
        rows = rows.filter(what=asked.what)
    if asked.before:
        if not (asked.before.isascii() and asked.before.isdigit() and len(asked.before) < 19):
            raise Refused(
                "invalid_filter", f"before is {asked.before!r}; expected an act's number."
            )
        rows = rows.filter(id__lt=int(asked.before))
    found = list(rows[: MOST_SHOWN + 1])
    following = found[MOST_SHOWN - 1].id if len(found) > MOST_SHOWN else None
    return found[:MOST_SHOWN], following


def _known(rows: Any, kind: str, name: str) -> None:
    if "\0" in name or not rows.exists():
        raise Refused("invalid_filter", f"There is no {kind} {name!r} to filter by.")


def in_words(what: str) -> str:
    """A stable word as people read it; one that has no words yet still reads."""
    return WORDS.get(what) or what.replace(".", ": ").replace("_", " ")


def details_in_words(details: dict[str, Any]) -> list[tuple[str, str]]:
    """What changed, as name and text; the row itself keeps a long text whole."""
    return [(name.replace("_", " "), _short(_text(value))) for name, value in details.items()]


def _short(text: str) -> str:
    return text if len(text) <= MOST_CHARACTERS else f"{text[:MOST_CHARACTERS]} …"


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return ", ".join(_text(part) for part in value) or "none"
    if isinstance(value, dict):
        return "; ".join(f"{name.replace('_', ' ')} {_text(part)}" for name, part in value.items())
    if isinstance(value, float):
        return f"{value:g}"
    return "none" if value in (None, "") else str(value)
