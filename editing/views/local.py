"""Pages of local edits: choose a face, mark its regions, see what was found, keep and apply it."""

import json
from typing import Any

from django.core.paginator import Paginator
from django.db.models import Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse

from editing import faces
from editing.filters import SPLITS, FaceFilter
from editing.jobs import components, local
from editing.models import Component, Decomposition, Edit, Generator
from editing.shown import rows_of, with_preview_urls, with_urls
from labeling.errors import Refused
from labeling.models import Dataset, Face, User
from labeling.roles import page_for

OFFERED = 24
LATELY = 12
PER_PAGE = 24
TOOLS = (("rectangle", "Rectangle"), ("polygon", "Polygon"), ("brush", "Brush"), ("move", "Move"))
METHODS = {
    "locality": "the most local",
    "jive": "of this region alone (JIVE)",
    "null_space": "free of the rest (null space)",
    "svd": "the strongest, not kept local (SVD)",
    "joint": "of the whole face",
}
# The order to read measurements in, which an object in the database does not keep.
ORDER = (
    *("at_strength", "changed_inside", "roir", "ssim_outside", "identity"),
    *("yaw_before", "yaw_turned", "yaw_shift", "light_before", "light_shift"),
)
# Names of measurements that are no words.
SHORT = {"roir": "ROIR", "ssim": "SSIM", "lpips": "LPIPS"}


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
    }
    return render(request, "editing/local/mark.html", context)


@page_for("researcher")
def decomposition_page(request: HttpRequest, decomposition_id: int) -> HttpResponse:
    """A search while it runs and once it is done; ?part=sheet is its sheet alone."""
    job = get_object_or_404(rows_of(Decomposition), id=decomposition_id)
    context: dict[str, Any] = {
        "job": job,
        "url": reverse("api-decomposition", args=[job.id]),
        "groups": sheet(job),
        "can_edit": job.status == "done",
        "can_cancel": components.may_cancel(job, request.user),
    }
    if request.GET.get("part") == "sheet":
        return render(request, "editing/local/sheet.html", context)
    edits = rows_of(Edit).filter(component__decomposition=job)
    context |= {
        "edits": shown_edits(edits)[:LATELY],
        "strengths": local.DEFAULT_STRENGTHS,
        "forms": local.FORMS,
        "most_transfers": local.MOST_TRANSFERS,
    }
    return render(request, "editing/local/decomposition.html", context)


def sheet(job: Decomposition) -> list[dict[str, Any]]:
    """The directions found so far: regions, in each the ways of finding them, in each the rows."""
    result = with_preview_urls(job)
    rows = job.components.select_related("kept_by").in_bulk()
    spectra = {one["name"]: one for one in result.get("regions", [])}
    groups: dict[str, dict[str, Any]] = {}
    for told in result["components"]:
        if not (row := rows.get(told["id"])):
            continue
        row.preview = result["urls"].get(told.get("preview"))
        row.strength = told.get("strength")
        group = groups.setdefault(row.region, {"region": row.region, "ways": {}})
        group["ways"].setdefault(row.method, []).append(row)
    for name, group in groups.items():
        group["told"] = spectra.get(name)
        group["spectrum"] = bars(spectra.get(name))
        # What moves the rest least is open, the published method a press away (README, Measured).
        group["ways"] = [
            {"method": method, "means": METHODS[method], "rows": group["ways"][method]}
            for method in METHODS
            if method in group["ways"]
        ]
    # What moves the whole face comes last.
    return sorted(groups.values(), key=lambda group: group["region"] == "")


def bars(told: dict[str, Any] | None, width: int = 300, height: int = 56) -> list[dict[str, Any]]:
    """A region's singular values as bars: those shared with the whole face, then its own."""
    values = (told or {}).get("spectrum") or []
    if not values or max(values) <= 0:
        return []
    wide = width / max(len(values), 8)
    drawn = []
    for index, value in enumerate(values):
        tall = max(value / max(values) * height, 1)
        drawn.append(
            {
                "x": round(index * wide, 2),
                "y": round(height - tall, 2),
                "width": round(wide * 0.8, 2),
                "height": round(tall, 2),
                "value": value,
            }
        )
    return drawn


def shown_edits(edits: Any) -> list[Any]:
    """The newest of these edits, each with the address of its strip once there is one."""
    rows = list(edits.select_related("component__decomposition").order_by("-id")[:LATELY])
    for edit in rows:
        edit.strip_url = with_urls(edit).get("strip_url")
        edit.api_url = reverse("api-edit", args=[edit.id])
    return rows


def local_edit_page(request: HttpRequest, edit: Edit) -> HttpResponse:
    """The page of one local edit; views.directions.edit_page has let its reader in."""
    context: dict[str, Any] = {
        "edit": edit,
        "url": reverse("api-edit", args=[edit.id]),
        # The same request for another face: the page adds its number.
        "again": json.dumps(
            {
                "kind": "local",
                "component": edit.component_id,
                "strengths": edit.strengths,
                "settings": edit.settings,
            }
        ),
    }
    if edit.status == "done":
        result = with_urls(edit)
        strengths = [frame["strength"] for frame in result["frames"]]
        context |= {
            "result": result,
            "start": min(range(len(strengths)), key=lambda index: abs(strengths[index])),
            "figures": figures_of(result["frames"]),
            "measured": figures_in(result.get("measured", {})),
        }
    return render(request, "editing/local/edit.html", context)


def figures_of(frames: list[dict[str, Any]]) -> dict[str, Any]:
    """The numbers that frames have, as the columns and rows of a table."""
    found = {
        name
        for frame in frames
        for name, value in frame.items()
        if _is_number(value) and name != "strength"
    }
    names = sorted(found, key=_place)
    rows = [(frame, [frame.get(name) for name in names]) for frame in frames]
    return {"names": [named(name) for name in names], "rows": rows}


def figures_in(measured: dict[str, Any], before: str = "") -> list[tuple[str, str]]:
    """A nested result, each of its numbers and texts under the words of its path."""
    told = []
    for name, value in sorted(measured.items(), key=lambda item: _place(item[0])):
        words = f"{before} {named(name)}".strip()
        if isinstance(value, dict):
            told += figures_in(value, words)
        elif _is_number(value):
            told.append((words, f"{value:.4g}"))
        elif isinstance(value, str) and value:
            told.append((words, value))
    return told


def _place(name: str) -> tuple[int, str]:
    return (ORDER.index(name) if name in ORDER else len(ORDER), name)


def named(name: str) -> str:
    """A key as people read it: ssim_outside is "SSIM outside"."""
    first, *rest = name.split("_")
    return " ".join([SHORT.get(first, first), *rest])


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


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
    context = {"page": page, "text": text, "most_transfers": local.MOST_TRANSFERS}
    return render(request, "editing/local/library.html", context)
