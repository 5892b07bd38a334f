"""Where managers make campaigns and see how far each is."""

from datetime import datetime
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render

from labeling import campaigns as deeds
from labeling import quizzes, reports
from labeling.counted import Counted, at_hand, counted
from labeling.errors import Refused
from labeling.models import UNSURE, Campaign, Dataset
from labeling.roles import page_for
from labeling.views import certificates, charts
from labeling.views.campaign_forms import OWN, ChoiceForms, NewCampaignForm, choices_of
from labeling.views.shown import bars, percent, scalars, with_tallies

REFRESHES_SHOWN = 5
CHART_SECONDS = 120
# From here on counting votes takes so long that a page comes first and its counts later.
LARGE = 20_000


@page_for("manager")
def campaigns(request: HttpRequest) -> HttpResponse:
    """All campaigns, and a form for the next one."""
    form = NewCampaignForm(request.POST or None)
    rows = ChoiceForms(
        request.POST if "choice-TOTAL_FORMS" in request.POST else None, prefix="choice"
    )
    if form.is_valid() and (campaign := _make(request, form, rows)):
        messages.success(request, f"“{campaign.title}” is open: annotators see it now.")
        return redirect("campaign", campaign.slug)
    found = Campaign.objects.select_related("dataset").order_by("-created_at")
    return render(
        request,
        "campaigns/list.html",
        {
            "cards": with_tallies(found, request.user),
            "form": form,
            "groups": form.groups(),
            "choice_rows": rows,
            "has_datasets": Dataset.objects.here().exists(),
        },
        status=400 if form.is_bound else 200,
    )


def _make(request: HttpRequest, form: NewCampaignForm, rows: Any) -> Campaign | None:
    """The campaign; None, with the reason among the errors, when it is refused."""
    fields = form.cleaned_data
    asked: dict[str, Any] = {}
    if fields["question"] == OWN:
        if not rows.is_bound or not rows.is_valid():
            form.add_error(None, "Fill in two answers or more, each with a key.")
            return None
        asked = {"prompt": fields["prompt"], "choices": choices_of(rows)}
    try:
        return deeds.create(
            fields["dataset"],
            fields["slug"],
            by=request.user,
            title=fields["title"],
            **asked,
            **form.policy(),
        )
    except Refused as refused:
        form.add_error(None, refused.detail)
        return None


@page_for("manager")
def campaign(request: HttpRequest, slug: str) -> HttpResponse:
    """How far a campaign is, what people answered, and its releases."""
    found = campaign_named(slug)
    progress = reports.progress(found)
    known = now_or_later(found, "votes-by-hour", reports.votes_by_hour)
    return render(
        request,
        "campaigns/campaign.html",
        {
            "campaign": found,
            "tab": "campaign",
            "progress": progress,
            "foretold": certificates.foretold(progress["certified_coverage"]),
            "percent_done": percent(progress["closed"], progress["faces"]),
            **(show_charts(found, known) if known else {}),
            "quiz_state": quizzes.state(found),
            "refreshes": [
                {"job": job, "figures": scalars(job.figures)}
                for job in found.refreshes.order_by("-id")[:REFRESHES_SHOWN]
            ],
            "releases": list(found.releases.order_by("-number")),
        },
    )


@page_for("manager")
def campaign_charts(request: HttpRequest, slug: str) -> HttpResponse:
    """The charts alone, counted now: for the page that showed older ones or none."""
    found = campaign_named(slug)
    known = counted(found, "votes-by-hour", CHART_SECONDS, reports.votes_by_hour)
    context = {"campaign": found, **show_charts(found, known)}
    return render(request, "campaigns/charts.html", context)


def show_charts(campaign: Campaign, known: Counted) -> dict[str, Any]:
    """What people answered, when, and how sure we are: what the charts draw."""
    hours: list[tuple[datetime, dict[str, int]]] = known.value
    answers = [(one["value"], one["label"]) for one in campaign.choices]
    answers.append((UNSURE, "Can't tell"))
    totals = {value: sum(row.get(value, 0) for _, row in hours) for value, _ in answers}
    certainty, believed = reports.certainty(campaign), reports.believed(campaign)
    return {
        "as_of": known.as_of,
        "n_votes": sum(totals.values()),
        "votes_chart": bars([(value, text, totals[value], 0) for value, text in answers]),
        "believed_chart": bars(
            [
                (value, text, believed[value]["human"], believed[value]["model"])
                for value, text in answers[:-1]
            ]
        ),
        "is_believed": any(n for tally in believed.values() for n in tally.values()),
        "time_chart": charts.over_time(hours),
        "per_column": charts.per_column(hours),
        "certainty_chart": charts.columns(
            [(f"{100 * row['from']:.0f} %", [row["human"], row["model"]]) for row in certainty],
            ["human", "model"],
        ),
    }


def campaign_named(slug: str) -> Campaign:
    return get_object_or_404(Campaign.objects.select_related("dataset"), slug=slug)


def now_or_later(campaign: Campaign, name: str, count: Any) -> Counted | None:
    """The count: of a small campaign now; of a large one what is at hand, or None."""
    if campaign.dataset.n_faces > LARGE:
        return at_hand(campaign, name)
    return counted(campaign, name, CHART_SECONDS, count)
