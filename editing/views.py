"""The researcher's pages: faces, generators, directions, an edit, all jobs."""

from typing import Any

from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import path, reverse

from editing import drawing, faces, jobs
from editing.filters import SPLITS, FaceFilter
from editing.models import Direction, Edit, Embedding, Generator
from editing.shown import rows_of, with_urls
from labeling.errors import Refused
from labeling.models import Campaign, Dataset, Face, Release
from labeling.roles import page_for

FACES_PER_PAGE = 48
JOBS_SHOWN = 100
# Faces offered for turning: those the direction has not seen.
OFFERED = 24


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
    campaigns = list(Campaign.objects.select_related("dataset").order_by("slug"))
    choices = {c["value"]: c["label"] for campaign in campaigns for c in campaign.choices}
    attributes = {name for dataset in Dataset.objects.here() for name in dataset.attribute_names}
    context = {
        "filter": face_filter,
        "query": face_filter.to_query(),
        "problem": problem,
        "faces": found,
        "next": following,
        "is_first_page": cursor == "0",
        "datasets": Dataset.objects.here().order_by("name"),
        "campaigns": campaigns,
        "choices": choices,
        "attributes": sorted(attributes),
        "splits": SPLITS,
        "releases": Release.objects.filter(status="done").select_related("campaign"),
        "generators": Generator.objects.filter(status="done").order_by("-id"),
        "default_bins": ", ".join(f"{edge:g}" for edge in faces.DEFAULT_BINS),
        "default_steps": jobs.DEFAULT_STEPS,
        "default_refinements": jobs.DEFAULT_REFINEMENTS,
    }
    return render(request, "editing/faces.html", context)


@page_for("researcher")
def generators_page(request: HttpRequest) -> HttpResponse:
    return render(request, "editing/generators.html", {"generators": listed(Generator)})


@page_for("researcher")
def directions_page(request: HttpRequest) -> HttpResponse:
    pages = Paginator(rows_of(Direction).order_by("-id"), 30)
    context = {
        "page": pages.get_page(request.GET.get("page")),
        "edits": rows_of(Edit).filter(status="done").order_by("-id")[:8],
        "has_embedding": Embedding.objects.filter(status="done").exists(),
        "has_generator": Generator.objects.filter(status="done").exists(),
    }
    for edit in context["edits"]:
        edit.strip_url = with_urls(edit)["strip_url"]
    return render(request, "editing/directions.html", context)


@page_for("researcher")
def direction_page(request: HttpRequest, direction_id: int) -> HttpResponse:
    direction = get_object_or_404(rows_of(Direction), id=direction_id)
    result = direction.result
    offered = Face.objects.filter(id__in=result.get("held_out", [])[:OFFERED])
    by_id = offered.select_related("dataset").in_bulk()
    context: dict[str, Any] = {
        "direction": direction,
        "url": reverse("api-direction", args=[direction.id]),
        "filter": FaceFilter.parse(direction.filter).as_pairs(),
        "offered": [by_id[i] for i in result.get("held_out", [])[:OFFERED] if i in by_id],
        "edits": direction.edits.select_related("face").order_by("-id")[:12],
        "most_degrees": jobs.MOST_DEGREES,
    }
    if direction.status == "done":
        calibration = result["calibration"]
        # A side whose heads did not follow the line is walked as asked, and turns as it likes.
        context["unanswered"] = [side for side in calibration if calibration[side] is None]
        kept = result["check"]["light_kept"]
        context["light_kept_percent"] = None if kept is None else round(100 * kept)
        context["plot"] = drawing.requested_against_achieved(result["check"]["points"])
        context["line_plot"] = drawing.centroids(result["bins"])
    return render(request, "editing/direction.html", context)


@page_for("researcher")
def edit_page(request: HttpRequest, edit_id: int) -> HttpResponse:
    edit = get_object_or_404(rows_of(Edit), id=edit_id)
    context: dict[str, Any] = {"edit": edit, "url": reverse("api-edit", args=[edit.id])}
    if edit.status == "done":
        result = with_urls(edit)
        degrees = [frame["degrees"] for frame in result["frames"]]
        context |= {
            "result": result,
            # The slider starts at the photo itself, or at what comes nearest to it.
            "start": min(range(len(degrees)), key=lambda index: abs(degrees[index])),
            "rows": [
                (frame, [frame["light"][choice] for choice in result["choices"]])
                for frame in result["frames"]
            ],
            "plot": drawing.requested_against_achieved(
                [
                    {"requested": f["degrees"], "achieved": f["achieved_yaw"]}
                    for f in result["frames"]
                ]
            ),
        }
    return render(request, "editing/edit.html", context)


@page_for("researcher")
def jobs_page(request: HttpRequest) -> HttpResponse:
    rows = [row for model in (Generator, Embedding, Direction, Edit) for row in listed(model)]
    rows.sort(key=lambda row: row.created_at, reverse=True)
    return render(request, "editing/jobs.html", {"rows": rows[:JOBS_SHOWN]})


def listed(model: type) -> list[Any]:
    """The newest rows of one kind of job, each with its kind and addresses for the page."""
    rows = list(rows_of(model).select_related("requested_by").order_by("-id")[:JOBS_SHOWN])
    kind = model.__name__.lower()
    for row in rows:
        row.kind_shown = kind
        row.api_url = reverse(f"api-{kind}", args=[row.id])
        row.page_url = reverse(kind, args=[row.id]) if model in (Direction, Edit) else ""
    return rows


urlpatterns = [
    path("faces", faces_page, name="faces"),
    path("generators", generators_page, name="generators"),
    path("directions", directions_page, name="directions"),
    path("directions/<int:direction_id>", direction_page, name="direction"),
    path("edits/<int:edit_id>", edit_page, name="edit"),
    path("jobs", jobs_page, name="jobs"),
]
