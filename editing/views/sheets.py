"""The sheet of one search: its directions by region, and the form to edit with them."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse

from editing.filters import FaceFilter
from editing.jobs import MOST_DEGREES, components, local
from editing.models import Component, Decomposition, Direction, Edit
from editing.shown import rows_of, with_preview_urls, with_urls
from editing.views.faces import filter_context
from editing.views.local_edits import LATELY, shown_edits
from labeling.roles import page_for

METHODS = {
    "locality": "the most local",
    "pooled": "the most local on many faces (pooled)",
    "settled": "settled on many faces at visible size: one for +, one for the way back",
    "jive": "of this region alone (JIVE)",
    "null_space": "free of the rest (null space)",
    "svd": "the strongest, not kept local (SVD)",
    "joint": "of the whole face",
}
# What the worker does where nobody says otherwise; engine.local_edits, whose torch no page loads.
USUAL_FORM, LOWEST_SHARE = "asymmetric", 0.3
OFFERED = 100


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
    context |= {"edits": shown_edits(edits)[:LATELY], **form_context(job)}
    return render(request, "editing/local/decomposition.html", context)


def form_context(job: Decomposition) -> dict[str, Any]:
    """What the form for an edit offers."""
    mine = Component.objects.filter(decomposition__generator=job.generator_id)
    unnamed = list(job.components.filter(name="").order_by("region", "id"))
    for row in unnamed:
        row.shown = f"{row.region or 'whole face'} {row.index + 1}, {METHODS[row.method]}"
    turns = Direction.objects.filter(generator=job.generator_id, status="done")
    return {
        **filter_context(FaceFilter(dataset=job.face.dataset.name)),
        "forms": sorted(local.FORMS, key=lambda form: form != USUAL_FORM),
        "interval": (round(LOWEST_SHARE * job.timestep), job.timestep),
        "last_timestep": job.generator.card.get("last_timestep", job.timestep),
        "kept": mine.exclude(name="").order_by("name")[:OFFERED],
        "unnamed": unnamed,
        "turns": turns.order_by("-id")[:OFFERED],
        "most_degrees": MOST_DEGREES,
        "most_composed": local.MOST_COMPOSED,
        "most_transfers": local.MOST_TRANSFERS,
    }


def sheet(job: Decomposition) -> list[dict[str, Any]]:
    """The directions found so far: regions, in each the ways of finding them, in each the rows."""
    result = with_preview_urls(job)
    rows = job.components.select_related("kept_by").in_bulk()
    spectra = {one["name"]: one for one in result.get("regions", [])}
    edits = edits_of(job)
    groups: dict[str, dict[str, Any]] = {}
    for told in result["components"]:
        if not (row := rows.get(told["id"])):
            continue
        row.preview = result["urls"].get(told.get("preview"))
        row.strength = told.get("strength")
        row.edit = edits.get(row.id)
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


def edits_of(job: Decomposition) -> dict[int, Edit]:
    """The newest finished edit of the searched face along each direction alone, with its result."""
    done = Edit.objects.filter(
        component__decomposition=job, face=job.face_id, status="done", reference=None
    )
    alone = done.exclude(settings__has_key="compose").order_by("-id")[:OFFERED]
    newest: dict[int, Edit] = {}
    for edit in alone:
        newest.setdefault(edit.component_id, edit)
    for edit in newest.values():
        edit.shown = with_urls(edit)
        strengths = [frame["strength"] for frame in edit.shown["frames"]]
        edit.start = min(range(len(strengths)), key=lambda index: abs(strengths[index]))
    return newest


def bars(told: dict[str, Any] | None, width: int = 300, height: int = 56) -> list[dict[str, Any]]:
    """A region's singular values as bars, the largest first."""
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
