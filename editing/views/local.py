"""Pages of local edits: choose a face, mark its regions; what the library keeps."""

from typing import Any

from django.core.paginator import Paginator
from django.db.models import Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render

from editing import faces
from editing.filters import SPLITS, FaceFilter
from editing.jobs import components, pools
from editing.models import Component, Decomposition, Edit, Generator
from editing.shown import rows_of, with_preview_urls
from editing.views.local_edits import LATELY, shown_edits
from editing.views.sheets import METHODS
from labeling.errors import Refused
from labeling.models import Dataset, Face, User
from labeling.roles import page_for

OFFERED = 24
PER_PAGE = 24
TOOLS = (("rectangle", "Rectangle"), ("polygon", "Polygon"), ("brush", "Brush"), ("move", "Move"))


@page_for("researcher")
def local_page(request: HttpRequest) -> HttpResponse:
    """Faces to choose from, and what was searched lately."""
    problem, offered, following = "", [], None
    query = {
        key: ",".join(filter(None, request.GET.getlist(key)))
        for key in request.GET
        if key not in ("cursor", "face")
    }
    face_filter = FaceFilter()
    cursor = request.GET.get("cursor", "0")
    try:
        face_filter = FaceFilter.parse(query)
        after = int(cursor) if cursor.isascii() and cursor.isdigit() and len(cursor) < 19 else 0
        offered, following = faces.page(face_filter, after=after, limit=OFFERED)
    except Refused as error:
        problem = error.detail
    number = request.GET.get("face", "")
    wanted = Face.objects.filter(id=int(number)).first() if _is_id(number) else None
    if wanted:
        return redirect("mark", wanted.id)
    context = {
        "filter": face_filter,
        "query": face_filter.to_query(),
        "problem": problem or (f"There is no face {number!r}." if number else ""),
        "offered": offered,
        "next": following,
        "datasets": Dataset.objects.here().order_by("name"),
        "splits": SPLITS,
        "searches": searches_for(request.user),
        "edits": shown_edits(rows_of(Edit).filter(kind=Edit.Kind.LOCAL))[:6],
        "n_kept": Component.objects.exclude(name="").count(),
    }
    return render(request, "editing/local/start.html", context)


def searches_for(user: User) -> list[Any]:
    """The newest searches, each with whether this person may end it."""
    rows = list(rows_of(Decomposition).order_by("-id")[:LATELY])
    for row in rows:
        row.can_cancel = components.may_cancel(row, user)
    return rows


def _is_id(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) < 19


@page_for("researcher")
def mark_page(request: HttpRequest, face_id: int) -> HttpResponse:
    face = get_object_or_404(Face.objects.select_related("dataset"), id=face_id)
    context = {
        "face": face,
        # What moved together in its newest search is proposed for the next one.
        "searched": face.decompositions.filter(status="done").order_by("-id").first(),
        "tools": TOOLS,
        "generators": Generator.objects.filter(status="done").order_by("-id"),
        "default_rank": components.DEFAULT_RANK,
        "most_rank": components.MOST_RANK,
        "fewest_pooled": pools.FEWEST,
        "most_pooled": pools.MOST,
        "most_settled": pools.MOST_TO_SETTLE,
    }
    return render(request, "editing/local/mark.html", context)


@page_for("researcher")
def library_page(request: HttpRequest) -> HttpResponse:
    rows = Component.objects.exclude(name="").select_related(
        "kept_by", "decomposition__generator", "decomposition__face"
    )
    if text := request.GET.get("q", "").strip():
        rows = rows.filter(Q(name__icontains=text) | Q(region__icontains=text))
    page = Paginator(rows.order_by("-kept_at", "-id"), PER_PAGE).get_page(request.GET.get("page"))
    for row in page:
        result = with_preview_urls(row.decomposition)
        told = {one["id"]: one for one in result["components"]}.get(row.id, {})
        row.preview = result["urls"].get(told.get("preview"))
        row.means = METHODS[row.method]
    context = {"page": page, "text": text}
    return render(request, "editing/local/library.html", context)
