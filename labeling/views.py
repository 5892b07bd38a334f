"""The pages of labeling: parse, query, render."""

import json
from typing import Any

from django import forms
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.db.models import Count, F, Q, QuerySet, Sum
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse

from labeling import queue, reports
from labeling.errors import Refused
from labeling.models import UNSURE, Campaign, Dataset, Release, Turn, User, Vote
from labeling.released import MANIFEST
from labeling.roles import has_role, page_for

ARROWS = {"ArrowLeft": "←", "ArrowRight": "→", "ArrowUp": "↑", "ArrowDown": "↓", " ": "Space"}
LIGHT = ["left", "center", "right"]
REFRESHES_SHOWN = 5


@login_required
def home(request: HttpRequest) -> HttpResponse:
    """What this person can do next."""
    user = request.user
    campaigns = Campaign.objects.select_related("dataset").order_by("-created_at")
    is_annotator = has_role(user, "annotator")
    cards = with_tallies(campaigns.filter(is_open=True), user) if is_annotator else []
    return render(
        request,
        "home.html",
        {
            "is_annotator": is_annotator,
            "is_manager": has_role(user, "manager"),
            "is_researcher": has_role(user, "researcher"),
            "cards": cards,
            "n_campaigns": campaigns.count(),
            "datasets": Dataset.objects.order_by("name"),
            "releases": Release.objects.filter(status=Release.Status.DONE)
            .select_related("campaign")
            .order_by("-finished_at")[:3],
        },
    )


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


@page_for("annotator")
def label(request: HttpRequest, slug: str) -> HttpResponse:
    """One face at a time; the first visit begins with the rubric."""
    campaign = get_object_or_404(Campaign, slug=slug, is_open=True)
    if not has_read_rubric(request, campaign):
        return redirect("rubric", slug)
    total = campaign.turns.count()
    open_turns = queue.count_open(campaign)
    return render(
        request,
        "label/label.html",
        {
            "campaign": campaign,
            "choices": show_choices(campaign),
            "is_about_light": campaign.values == LIGHT,
            "own_votes": standing_of(request.user).filter(turn__campaign=campaign).count(),
            "total": total,
            "open": open_turns,
            "done": total - open_turns,
        },
    )


@page_for("annotator")
def rubric(request: HttpRequest, slug: str) -> HttpResponse:
    """What the answers mean; confirmed once before the first vote."""
    campaign = get_object_or_404(Campaign, slug=slug, is_open=True)
    if request.method == "POST":
        read = request.session.get("rubrics", [])
        request.session["rubrics"] = sorted({*read, campaign.slug})
        return redirect("label", slug)
    return render(
        request,
        "label/rubric.html",
        {
            "campaign": campaign,
            "choices": show_choices(campaign),
            "is_about_light": campaign.values == LIGHT,
            "is_confirmed": has_read_rubric(request, campaign),
        },
    )


def has_read_rubric(request: HttpRequest, campaign: Campaign) -> bool:
    """Confirmed in this session, or some day before: whoever voted here has read it."""
    if campaign.slug in request.session.get("rubrics", []):
        return True
    return Vote.objects.filter(annotator=request.user, turn__campaign=campaign).exists()


class CampaignForm(forms.Form):
    """A new campaign about the light in a dataset's faces."""

    title = forms.CharField(max_length=120, initial="Where does the light come from?")
    slug = forms.SlugField(
        max_length=60, help_text="its name in addresses: small letters, digits, -"
    )
    dataset = forms.ModelChoiceField(Dataset.objects.order_by("name"), empty_label=None)
    votes_min = forms.IntegerField(
        min_value=1, max_value=20, initial=1, label="Votes for each face"
    )
    votes_max = forms.IntegerField(
        min_value=1, max_value=20, initial=3, label="At most, where annotators disagree"
    )
    shows_suggestions = forms.BooleanField(
        required=False,
        label="Show the model's suggestion while labeling",
        help_text="off is better: people overlook mistakes that a suggestion makes",
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["dataset"].label_from_instance = lambda d: f"{d.name} ({d.n_faces:,} faces)"

    def clean(self) -> dict[str, Any]:
        votes_min, votes_max = (self.cleaned_data.get(n) for n in ("votes_min", "votes_max"))
        if votes_min and votes_max and votes_max < votes_min:
            self.add_error("votes_max", f"{votes_max} is less than the {votes_min} for each face.")
        return self.cleaned_data

    def create(self) -> Campaign | None:
        """The campaign; None, with the reason among the errors, when it is refused."""
        try:
            return queue.create_campaign(**self.cleaned_data)
        except Refused as refused:
            self.add_error(None, refused.detail)
            return None


@page_for("manager")
def campaigns(request: HttpRequest) -> HttpResponse:
    """All campaigns, and a form for the next one."""
    form = CampaignForm(request.POST or None)
    if form.is_valid() and (campaign := form.create()):
        messages.success(request, f"“{campaign.title}” is open: annotators see it now.")
        return redirect("campaign", campaign.slug)
    rows = Campaign.objects.select_related("dataset").order_by("-created_at")
    return render(
        request,
        "campaigns/list.html",
        {
            "cards": with_tallies(rows, request.user),
            "form": form,
            "has_datasets": Dataset.objects.exists(),
        },
        status=400 if form.is_bound else 200,
    )


@page_for("manager")
def campaign(request: HttpRequest, slug: str) -> HttpResponse:
    """How far a campaign is, who answered what, and its releases."""
    found = get_object_or_404(Campaign.objects.select_related("dataset"), slug=slug)
    progress = reports.progress(found)
    values = [(choice["value"], choice["label"]) for choice in found.choices]
    answers = [*values, (UNSURE, "Can't tell")]
    people = sorted(reports.annotators(found), key=lambda person: -person["votes"])
    for person in people:
        # A stand-in is named kind:campaign:name; the page says the kind with a badge.
        is_person = person["origin"] == User.Origin.PERSON
        person["name"] = person["annotator"] if is_person else person["annotator"].split(":")[-1]
        person["answers"] = [person["by_choice"].get(value, 0) for value, _ in answers]
    votes_by_choice = {
        value: sum(person["by_choice"].get(value, 0) for person in people) for value, _ in answers
    }
    return render(
        request,
        "campaigns/campaign.html",
        {
            "campaign": found,
            "progress": progress,
            "percent_done": percent(progress["closed"], progress["faces"]),
            "votes_chart": bars([(v, text, votes_by_choice[v], 0) for v, text in answers]),
            "believed_chart": bars(
                [
                    (v, text, progress["consensus"][v]["human"], progress["consensus"][v]["model"])
                    for v, text in values
                ]
            ),
            "is_believed": any(n for row in progress["consensus"].values() for n in row.values()),
            "answers": [text for _, text in answers],
            "people": people,
            "refreshes": [
                {"job": job, "figures": scalars(job.figures)}
                for job in found.refreshes.order_by("-id")[:REFRESHES_SHOWN]
            ],
            "releases": list(found.releases.order_by("-number")),
        },
    )


@page_for("manager", "researcher")
def release(request: HttpRequest, release_id: int) -> HttpResponse:
    """What a release holds and what it promises."""
    found = get_object_or_404(
        Release.objects.select_related("campaign__dataset", "requested_by"), id=release_id
    )
    labels = {choice["value"]: choice["label"] for choice in found.campaign.choices}
    manifest = found.manifest
    counts = manifest.get("counts", {})
    # The database keeps no order within JSON: the campaign's choices have theirs.
    order = [*(value for value in labels if value in counts), *sorted(set(counts) - set(labels))]
    rows = [
        (
            value,
            labels.get(value, value),
            counts[value].get("human", 0),
            counts[value].get("model", 0),
        )
        for value in order
    ]
    shown = {name: manifest.get(name, "") for name in ("format", "created_at")}
    shown |= {name: manifest.get(f"n_{name}", "") for name in ("labels", "votes")}
    shown |= {f"votes, {kind}": n for kind, n in manifest.get("votes_by_source", {}).items()}
    return render(
        request,
        "campaigns/release.html",
        {
            "release": found,
            "api_url": reverse("api-release", args=[found.id]),
            "chart": bars(rows),
            "files": manifest.get("files", []),
            "facts": scalars(shown),
            "manifest_text": json.dumps(manifest, indent=2, ensure_ascii=False),
            "certificate": manifest.get("certificate"),
            "manifest_name": MANIFEST,
        },
    )


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
