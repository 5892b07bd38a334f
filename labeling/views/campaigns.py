"""Where managers make campaigns and watch them."""

from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render

from labeling import annotators, queue, reports
from labeling.errors import Refused
from labeling.models import UNSURE, Campaign, Dataset, User
from labeling.roles import page_for
from labeling.views.shown import bars, percent, scalars, with_tallies

REFRESHES_SHOWN = 5


class CampaignForm(forms.Form):
    """A new campaign about the light in a dataset's faces."""

    title = forms.CharField(max_length=120, initial="Where does the light come from?")
    slug = forms.SlugField(
        max_length=60, help_text="its name in addresses: small letters, digits, -"
    )
    dataset = forms.ModelChoiceField(Dataset.objects.here().order_by("name"), empty_label=None)
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
            "has_datasets": Dataset.objects.here().exists(),
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
    people = sorted(annotators.annotators(found), key=lambda person: -person["votes"])
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
