"""What a person can do next."""

from django.contrib.auth.decorators import login_required
from django.db.models import Exists, F, OuterRef
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from labeling.claims import GRID_CERTAINTY
from labeling.models import Campaign, Dataset, Release, Turn
from labeling.roles import has_role
from labeling.views.shown import with_tallies

# Whether a campaign has faces for the grid; counting them is the grid's own business.
TO_VERIFY = Turn.objects.filter(
    campaign=OuterRef("id"),
    kind=Turn.Kind.ASK,
    wanted__gt=F("had") + F("held"),
    certainty__gte=GRID_CERTAINTY,
).exclude(suggested="")


@login_required
def home(request: HttpRequest) -> HttpResponse:
    """What this person can do next."""
    user = request.user
    campaigns = Campaign.objects.select_related("dataset").order_by("-created_at")
    is_annotator = has_role(user, "annotator")
    open_ones = campaigns.filter(is_open=True).annotate(has_grid=Exists(TO_VERIFY))
    cards = with_tallies(open_ones, user) if is_annotator else []
    return render(
        request,
        "home.html",
        {
            "is_annotator": is_annotator,
            "is_manager": has_role(user, "manager"),
            "is_researcher": has_role(user, "researcher"),
            "cards": cards,
            "n_campaigns": campaigns.count(),
            "datasets": Dataset.objects.here().order_by("name"),
            "releases": Release.objects.filter(status=Release.Status.DONE)
            .select_related("campaign")
            .order_by("-finished_at")[:3],
        },
    )
