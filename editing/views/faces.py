"""The page of faces: a filter, what passes it, and what to do with them."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from editing import faces, jobs
from editing.filters import SPLITS, FaceFilter
from editing.models import Generator
from labeling.errors import Refused
from labeling.models import Campaign, Dataset, Release
from labeling.roles import page_for

FACES_PER_PAGE = 48


def query_of(request: HttpRequest) -> dict[str, str]:
    """The filter in a page's address; boxes of one name, as forms send them, become one list."""
    keys = (key for key in request.GET if key != "cursor")
    return {key: ",".join(filter(None, request.GET.getlist(key))) for key in keys}


@page_for("researcher")
def faces_page(request: HttpRequest) -> HttpResponse:
    problem, found, following = "", [], None
    query = query_of(request)
    face_filter = FaceFilter()
    cursor = request.GET.get("cursor", "0")
    try:
        face_filter = FaceFilter.parse(query)
        after = int(cursor) if cursor.isascii() and cursor.isdigit() else 0
        found, following = faces.page(face_filter, after=after, limit=FACES_PER_PAGE)
        found = faces.show(found, face_filter)
    except Refused as error:
        problem = error.detail
    context = {
        **filter_context(face_filter),
        "problem": problem,
        "faces": found,
        "next": following,
        "is_first_page": cursor == "0",
        "generators": Generator.objects.filter(status="done").order_by("-id"),
        "default_bins": ", ".join(f"{edge:g}" for edge in faces.DEFAULT_BINS),
        "default_steps": jobs.DEFAULT_STEPS,
        "default_refinements": jobs.DEFAULT_REFINEMENTS,
    }
    return render(request, "editing/faces.html", context)


def filter_context(face_filter: FaceFilter) -> dict[str, Any]:
    """What templates/editing/filter.html offers, and which of it the filter asks for."""
    campaigns = list(Campaign.objects.select_related("dataset").order_by("slug"))
    attributes = {name for dataset in Dataset.objects.here() for name in dataset.attribute_names}
    return {
        "filter": face_filter,
        "query": face_filter.to_query(),
        "datasets": Dataset.objects.here().order_by("name"),
        "campaigns": campaigns,
        "choices": {c["value"]: c["label"] for campaign in campaigns for c in campaign.choices},
        "attributes": sorted(attributes),
        "splits": SPLITS,
        "releases": Release.objects.filter(status="done").select_related("campaign"),
    }
