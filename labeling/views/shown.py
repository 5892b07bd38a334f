"""How pages show campaigns, choices and numbers."""

from typing import Any

from django.db.models import Count, F, Q, QuerySet, Sum

from labeling.models import Campaign, Turn, User, Vote

ARROWS = {"ArrowLeft": "←", "ArrowRight": "→", "ArrowUp": "↑", "ArrowDown": "↓", " ": "Space"}
LIGHT = ["left", "center", "right"]


def with_tallies(campaigns: QuerySet[Campaign], user: User) -> list[dict[str, Any]]:
    """Campaigns with their progress and this person's own part, in three queries."""
    found = list(campaigns)
    ids = [campaign.id for campaign in found]
    turns = Turn.objects.filter(campaign__in=ids).values("campaign_id")
    tallies = turns.annotate(
        faces=Count("id"), closed=Count("id", filter=Q(wanted=F("had"))), votes=Sum("had")
    )
    tally_of = {tally["campaign_id"]: tally for tally in tallies}
    own = standing_of(user).filter(turn__campaign__in=ids).values("turn__campaign_id")
    own_of = dict(own.annotate(n=Count("id")).values_list("turn__campaign_id", "n"))
    nothing = {"faces": 0, "closed": 0, "votes": 0}
    return [
        {"campaign": one, "own": own_of.get(one.id, 0), **tally_of.get(one.id, nothing)}
        for one in found
    ]


def standing_of(user: User) -> QuerySet[Vote]:
    """The votes that a person has cast and not taken back."""
    return Vote.objects.filter(annotator=user, choice__isnull=False, withdrawal=None)


def show_choices(campaign: Campaign) -> list[dict[str, str]]:
    """The campaign's choices with their keys as people read them."""
    return [
        {**choice, "key_shown": ARROWS.get(choice["key"], choice["key"].upper())}
        for choice in campaign.choices
    ]


def percent(part: int, whole: int) -> float:
    return 100 * part / whole if whole else 0.0


def bars(rows: list[tuple[str, str, int, int]]) -> list[dict[str, Any]]:
    """Bars of two parts, human and model, as percents of the longest one."""
    longest = max((human + model for _, _, human, model in rows), default=0)
    return [
        {
            "value": value,
            "label": text,
            "count": human + model,
            "human": f"{percent(human, longest):.2f}",
            "model": f"{percent(model, longest):.2f}",
        }
        for value, text, human, model in rows
    ]


def scalars(figures: dict[str, Any]) -> list[tuple[str, Any]]:
    """The plain numbers and words of a record, named as people read them."""
    return [
        (name.replace("_", " "), f"{value:.4g}" if isinstance(value, float) else value)
        for name, value in figures.items()
        if isinstance(value, str | int | float) and value != ""
    ]
