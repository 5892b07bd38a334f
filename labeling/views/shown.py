"""How pages show campaigns, choices and numbers."""

import time
from typing import Any

from django.core.cache import cache
from django.db.models import Count, F, Q, QuerySet, Sum

from labeling.counted import lasting
from labeling.disguises import Seeming, seeming
from labeling.models import Campaign, Turn, User, Vote

ARROWS = {"ArrowLeft": "←", "ArrowRight": "→", "ArrowUp": "↑", "ArrowDown": "↓", " ": "Space"}
LIGHT = ["left", "center", "right"]
MOST_SECONDS = 10


def with_tallies(campaigns: QuerySet[Campaign], user: User) -> list[dict[str, Any]]:
    """Campaigns with their progress and this person's own part, in four queries."""
    found = list(campaigns)
    tally_of = _tallies([campaign.id for campaign in found])
    own = standing_of(user).filter(turn__campaign__in=found).values("turn__campaign_id")
    own_of = dict(own.annotate(n=Count("id")).values_list("turn__campaign_id", "n"))
    seems = seeming(user, list(tally_of))
    cards = []
    for one in found:
        tally, more = tally_of[one.id], seems.get(one.id, Seeming())
        tally = tally | {
            "closed": tally["closed"] + more.closed,
            "votes": tally["votes"] + more.votes,
        }
        cards.append({"campaign": one, "own": own_of.get(one.id, 0), **tally})
    return cards


def _tallies(ids: list[int]) -> dict[int, dict[str, int]]:
    """Faces, closed ones and votes by campaign; large campaigns' are some seconds old."""
    keys = {f"tally-{campaign}": campaign for campaign in ids}
    known = {keys[key]: tally for key, tally in cache.get_many(keys).items()}
    missing = [campaign for campaign in ids if campaign not in known]
    if not missing:
        return known
    began = time.monotonic()
    turns = Turn.objects.asked().filter(campaign__in=missing).order_by().values("campaign_id")
    tallies = turns.annotate(
        faces=Count("id"), closed=Count("id", filter=Q(wanted=F("had"))), votes=Sum("had")
    )
    fresh = {campaign: {"faces": 0, "closed": 0, "votes": 0} for campaign in missing}
    fresh |= {tally.pop("campaign_id"): tally for tally in tallies}
    if seconds := lasting(time.monotonic() - began):
        by_key = {f"tally-{campaign}": tally for campaign, tally in fresh.items()}
        cache.set_many(by_key, min(seconds, MOST_SECONDS))
    return known | fresh


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
