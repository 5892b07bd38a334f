"""Pages of directions, and of the faces turned along them."""

from typing import Any

from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse

from editing import compared, drawing, jobs
from editing.filters import FaceFilter
from editing.models import Direction, Edit, Embedding, Generator
from editing.shown import rows_of, with_urls
from editing.views.local_edits import local_edit_page
from labeling.models import Face
from labeling.roles import page_for

# Faces offered for turning: those the direction has not seen.
OFFERED = 24


@page_for("researcher")
def directions_page(request: HttpRequest) -> HttpResponse:
    pages = Paginator(rows_of(Direction).order_by("-id"), 30)
    context = {
        "page": pages.get_page(request.GET.get("page")),
        "edits": rows_of(Edit).filter(kind="rotation", status="done").order_by("-id")[:8],
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
        "dataset": direction.dataset.name,
        "offered": [by_id[i] for i in result.get("held_out", [])[:OFFERED] if i in by_id],
        "edits": direction.edits.select_related("face").order_by("-id")[:12],
        "most_degrees": jobs.MOST_DEGREES,
        "can_walk": jobs.can_walk(direction),
    }
    if direction.status == "done":
        calibration = result["calibration"]
        # A side whose heads did not follow the line is walked as asked, and turns as it likes.
        context["unanswered"] = [side for side in calibration if calibration[side] is None]
        kept = result["check"]["light_kept"]
        context["light_kept_percent"] = None if kept is None else round(100 * kept)
        context["plot"] = drawing.requested_against_achieved(result["check"]["points"])
        context["has_rungs"] = any("rung" in one for one in result["bins"])
        context["plane"] = drawing.plane(result.get("pca") or {})
        context["table"] = compared.table([direction])
        context["line_plot"] = drawing.centroids(result["bins"])
    return render(request, "editing/direction.html", context)


@page_for("researcher")
def edit_page(request: HttpRequest, edit_id: int) -> HttpResponse:
    edit = get_object_or_404(rows_of(Edit), id=edit_id)
    if edit.kind == Edit.Kind.LOCAL:
        return local_edit_page(request, edit)
    context: dict[str, Any] = {"edit": edit, "url": reverse("api-edit", args=[edit.id])}
    if edit.status == "done":
        result = with_urls(edit)
        columns, texts = compared.frames_table(result)
        degrees = [frame["degrees"] for frame in result["frames"]]
        context |= {
            "result": result,
            # The slider starts at the photo itself, or at what comes nearest to it.
            "start": min(range(len(degrees)), key=lambda index: abs(degrees[index])),
            "columns": columns,
            "rows": list(zip(result["frames"], texts, strict=True)),
            "figures": compared.edits_table([edit]),
            "plot": drawing.requested_against_achieved(
                [
                    {"requested": f["degrees"], "achieved": f["achieved_yaw"]}
                    for f in result["frames"]
                ]
            ),
        }
    return render(request, "editing/edit.html", context)
