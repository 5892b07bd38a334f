"""Who answers how in a campaign, and how far people agree."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse

from labeling import agreements, annotators
from labeling.counted import Counted, counted
from labeling.models import UNSURE, Campaign, User
from labeling.roles import page_for
from labeling.views import charts
from labeling.views.campaigns import campaign_named, now_or_later

PEOPLE_SECONDS, AGREEMENT_SECONDS = 10, 60
# A matrix of more people than this is read by nobody; the API gives every pair.
MOST_IN_MATRIX = 24
FEW_PAIRED = 20


@page_for("manager")
def annotators_page(request: HttpRequest, slug: str) -> HttpResponse:
    """Everybody who answered: votes, speed, skill, trials and catches."""
    found = campaign_named(slug)
    order = read_order(request)
    known = now_or_later(found, "annotators", annotators.annotators)
    context = {"campaign": found, "tab": "annotators", "order": order}
    if known:
        context |= show_people(found, known, order)
    return render(request, "campaigns/annotators.html", context)


@page_for("manager")
def annotators_table(request: HttpRequest, slug: str) -> HttpResponse:
    """The table alone, counted now."""
    found, order = campaign_named(slug), read_order(request)
    known = counted(found, "annotators", PEOPLE_SECONDS, annotators.annotators)
    context = {"campaign": found, "order": order, **show_people(found, known, order)}
    return render(request, "campaigns/annotators_table.html", context)


def read_order(request: HttpRequest) -> str:
    order = request.GET.get("sort", "-votes")
    return order if order in annotators.ORDERS else "-votes"


def show_people(campaign: Campaign, known: Counted, order: str) -> dict[str, Any]:
    people = annotators.in_order(known.value, order)
    labels = [choice["label"] for choice in campaign.choices]
    return {
        "as_of": known.as_of,
        "people": [show_person(campaign, person, labels) for person in people],
        "answers": [*labels, "Can't tell"],
        "bias": (bias := annotators.bias_overall(known.value)),
        "bias_text": in_points(bias),
        "columns": [show_column(name, order) for name in COLUMNS],
        "has_swappers": any(person["swaps_sides"] for person in people),
    }


COLUMNS = {
    "name": ("Who", ""),
    "votes": ("Votes", "standing votes on faces"),
    "seconds": ("Seconds", "median time for an answer"),
    "accuracy": (
        "Skill",
        "share of answers that agree with what is believed of faces that others "
        "voted on too, with its 95% interval",
    ),
    "mirror": ("Mirrored", "of faces shown again flipped: the answer turned as well"),
    "known": ("Settled", "right on faces that a manager had settled before"),
    "catches": ("Caught", "wrong suggestions in the grid that were noticed"),
    "bias": ("Follows", "how much more often the suggestion is chosen when it is shown"),
    "quiz": ("Quiz", "right answers in the last try"),
    "last": ("Last vote", ""),
}


def show_column(name: str, order: str) -> dict[str, Any]:
    """A column's heading, and the order that a click on it asks for."""
    is_down, is_up = order == f"-{name}", order == name
    first = name if name in ("name", "seconds") else f"-{name}"
    other = name if first.startswith("-") else f"-{name}"
    title, meaning = COLUMNS[name]
    return {
        "name": name,
        "title": title,
        "meaning": meaning,
        "sorted": "descending" if is_down else "ascending" if is_up else "",
        "next": other if order == first else first,
    }


def show_person(campaign: Campaign, person: dict[str, Any], labels: list[str]) -> dict[str, Any]:
    is_person = person["origin"] == User.Origin.PERSON
    values = [*campaign.values, UNSURE]
    # A stand-in is named kind:campaign:name; the page says the kind with a badge.
    name = person["annotator"] if is_person else person["annotator"].split(":")[-1]
    skill = person["skill"]
    return {
        **person,
        "name": name,
        "answers": [person["by_choice"].get(value, 0) for value in values],
        "skill_whisker": skill
        and charts.whisker(
            {"value": skill["accuracy"], "low": skill["low"], "high": skill["high"]}
        ),
        "confusion_rows": [
            {"label": label, "cells": shade([round(n, 1) for n in row]), "of": round(sum(row))}
            for label, row in zip(labels, person["confusion"] or [], strict=False)
        ],
        "bias_text": in_points(person["bias"]),
        "page": reverse("person", args=[person["id"]]) if is_person else "",
    }


def in_points(bias: dict[str, Any] | None) -> dict[str, str] | None:
    """Both arms in percent, and their difference with its interval in points."""
    if bias is None or bias["more"]["value"] is None:
        return None
    more = bias["more"]
    return {
        "shown": f"{100 * bias['shown']['value']:.0f} %",
        "blind": f"{100 * bias['blind']['value']:.0f} %",
        "more": signed(more["value"]),
        "range": f"{signed(more['low'])} to {signed(more['high'])}",
    }


def signed(share: float) -> str:
    """In points, with a minus as people write it."""
    return f"{100 * share:+.0f}".replace("-", "−")


def shade(row: list[float]) -> list[dict[str, Any]]:
    """Numbers with their share of the row as a step from 0 to 9, for the colour."""
    whole = sum(row)
    return [{"n": n, "step": min(int(10 * n / whole), 9) if whole else 0} for n in row]


@page_for("manager")
def agreement_page(request: HttpRequest, slug: str) -> HttpResponse:
    """Alpha, by yaw and by pair."""
    found = campaign_named(slug)
    known = now_or_later(found, "agreement", agreements.agreement)
    context = {"campaign": found, "tab": "agreement"}
    if known:
        context |= show_agreement(known)
    return render(request, "campaigns/agreement.html", context)


@page_for("manager")
def agreement_figures(request: HttpRequest, slug: str) -> HttpResponse:
    """The figures alone, counted now."""
    found = campaign_named(slug)
    known = counted(found, "agreement", AGREEMENT_SECONDS, agreements.agreement)
    return render(
        request, "campaigns/agreement_figures.html", {"campaign": found, **show_agreement(known)}
    )


def show_agreement(known: Counted) -> dict[str, Any]:
    figures = known.value
    labels = {"nominal": "any two answers differ alike", "ordinal": "neighbours differ less"}
    return {
        "as_of": known.as_of,
        "figures": figures,
        "alphas": [
            {
                "name": name,
                "meaning": labels[name],
                **estimate,
                "whisker": charts.whisker(estimate),
            }
            for name, estimate in figures["alpha"].items()
        ],
        "unsure_percent": _percent(figures["unsure_share"]),
        "by_yaw": [
            {
                "name": name_of_bin(row["from"], row["to"]),
                "units": row["units"],
                "unsure": _percent(row["unsure_share"]),
                **row["alpha"]["nominal"],
                "whisker": charts.whisker(row["alpha"]["nominal"]),
            }
            for row in figures["by_yaw"]
        ],
        **matrix(figures["pairs"]),
    }


def _percent(share: float | None) -> float | None:
    return None if share is None else 100 * share


def name_of_bin(low: int | None, high: int | None) -> str:
    if low is None:
        name = f"below {high}°"
    else:
        name = f"{low}° and more" if high is None else f"{low}° to {high}°"
    return name.replace("-", "−")


def matrix(pairs: list[dict[str, Any]]) -> dict[str, Any]:
    """The people with the most answers in common as rows and columns, and who agrees least."""
    shared: dict[str, int] = {}
    for pair in pairs:
        for who in (pair["a"], pair["b"]):
            shared[who] = shared.get(who, 0) + pair["n"]
    names = sorted(sorted(shared), key=lambda who: -shared[who])[:MOST_IN_MATRIX]
    cell_of = {}
    for pair in pairs:
        shown = {
            **pair,
            "percent": round(100 * pair["equal"]),
            "step": min(int(10 * pair["equal"]), 9),
        }
        cell_of[pair["a"], pair["b"]] = cell_of[pair["b"], pair["a"]] = shown
    enough = [pair for pair in pairs if pair["n"] >= FEW_PAIRED and pair["alpha"] is not None]
    return {
        "matrix": [
            {"name": short(who), "cells": [cell_of.get((who, other)) for other in names]}
            for who in names
        ],
        "n_people": len(shared),
        "few_paired": FEW_PAIRED,
        "least": [
            {**pair, "a": short(pair["a"]), "b": short(pair["b"]), "percent": 100 * pair["equal"]}
            for pair in sorted(enough, key=lambda pair: pair["alpha"])[:5]
        ],
    }


def short(name: str) -> str:
    """A stand-in without its kind and campaign."""
    return name.split(":")[-1]
