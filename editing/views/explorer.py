"""One page to work on: a selection, its mean faces, directions side by side, one face turned."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse

from editing import compared, drawing, faces, jobs, recipes
from editing.filters import FaceFilter
from editing.models import Direction, Edit, Embedding, FigureSet, MeanFaces
from editing.shown import rows_of, show, with_urls
from editing.views.faces import filter_context, query_of
from labeling.errors import Refused
from labeling.models import Face
from labeling.roles import page_for

# What the address carries beside the filter: rows that the page shows.
SHOWN = {
    "a": Direction,
    "b": Direction,
    "turn_a": Edit,
    "turn_b": Edit,
    "means": MeanFaces,
    "figures": FigureSet,
}
CHOSEN_AMONG = 60
OFFERED = 24


@page_for("researcher")
def explorer_page(request: HttpRequest) -> HttpResponse:
    query = query_of(request)
    rows, problems = _rows({name: query.pop(name, "") for name in SHOWN})
    face_filter = FaceFilter()
    try:
        face_filter = FaceFilter.parse(query)
        face_filter.faces()
    except Refused as error:
        problems.append(error.detail)
    done = [row for row in (rows["a"], rows["b"]) if row is not None and row.status == "done"]
    directions = list(rows_of(Direction).filter(status="done").order_by("-id")[:CHOSEN_AMONG])
    context = {
        **filter_context(face_filter),
        **_fit_context(rows["a"]),
        **rows,
        "problems": problems,
        "directions": directions + [row for row in done if row not in directions],
        "means_shown": rows["means"] and _means(rows["means"]),
        "panels": [_panel(name, rows[name]) for name in ("a", "b") if rows[name] is not None],
        "table": compared.table(done) if done else None,
        "response": _response(done),
        "offered": _offered(done),
        "dataset": done[0].dataset.name if done else "",
        "most_degrees": jobs.MOST_DEGREES,
        "can_walk": all(jobs.can_walk(row) for row in done),
        "turned": _turned(rows["turn_a"], rows["turn_b"]),
        "figures_shown": rows["figures"] and _figures(rows["figures"]),
        "has_comparison": len(done) == 2,
    }
    return render(request, "editing/explorer.html", context)


def _rows(given: dict[str, str]) -> tuple[dict[str, Any], list[str]]:
    """The rows that the address names, and a sentence for each that is not there."""
    rows: dict[str, Any] = {}
    problems = []
    for name, text in given.items():
        rows[name] = None
        if not text:
            continue
        if text.isascii() and text.isdigit() and len(text) < 19:
            found = rows_of(SHOWN[name]).filter(id=int(text))
            # A local edit has strengths instead of degrees, and a page of its own.
            is_turn = {"kind": Edit.Kind.ROTATION} if SHOWN[name] is Edit else {}
            rows[name] = found.filter(**is_turn).first()
        if rows[name] is None:
            kind = SHOWN[name]._meta.verbose_name
            problems.append(f"{name}={text[:40]} is no {kind} that is here.")
    return rows, problems


def _fit_context(a: Direction | None) -> dict[str, Any]:
    """What the form for a new direction offers; it starts from how direction A was fitted."""
    spaces: dict[tuple[int, int, str], Embedding] = {}
    finished = Embedding.objects.filter(status="done").select_related("generator", "dataset")
    for embedding in finished.order_by("-id"):
        # The newest of those that fill one space stands for all.
        key = (embedding.generator_id, embedding.dataset_id, embedding.space)
        spaces.setdefault(key, embedding)
    has_own_bins = a is not None and list(a.bins) != list(faces.DEFAULT_BINS)
    return {
        "spaces": list(spaces.values()),
        "space": a and a.space,
        "bins": ", ".join(f"{edge:g}" for edge in a.bins) if has_own_bins else "",
        "chosen": recipes.FitRecipe.parse(a.recipe if a else None),
        "default_bins": ", ".join(f"{edge:g}" for edge in faces.DEFAULT_BINS),
        "usual": recipes.FitRecipe(),
        "most_bootstraps": recipes.MOST_BOOTSTRAPS,
    }


def _means(job: MeanFaces) -> dict[str, Any]:
    told = {"job": job, "url": reverse("api-meanfaces", args=[job.id]), "query": job.filter}
    if job.status == "done":
        result = show(job)["result"]
        told |= {
            "result": result,
            "cells": drawing.mean_face_grid(result, result["urls"]),
            "sheet": result["urls"][result["sheet"]],
        }
    return told


def _panel(name: str, direction: Direction) -> dict[str, Any]:
    told = {
        "name": name.upper(),
        "direction": direction,
        "url": reverse("api-direction", args=[direction.id]),
        "filter": FaceFilter.parse(direction.filter).as_pairs(),
    }
    if direction.status == "done":
        told["bars"] = drawing.centroids(direction.result["bins"])
        told["plane"] = drawing.plane(direction.result.get("pca") or {})
    return told


def _response(done: list[Direction]) -> drawing.Plot | None:
    if not done:
        return None
    points = [direction.result["check"]["points"] for direction in done]
    return drawing.requested_against_achieved(*points)


def _offered(done: list[Direction]) -> list[Face]:
    """Faces that none of the directions has seen."""
    if not done:
        return []
    first, *others = [direction.result.get("held_out", []) for direction in done]
    ids = [i for i in first if all(i in other for other in others)][:OFFERED]
    found = Face.objects.filter(id__in=ids).select_related("dataset").in_bulk()
    return [found[i] for i in ids if i in found]


def _turned(*edits: Edit | None) -> dict[str, Any] | None:
    """The same face turned along one direction or two, for one slider."""
    asked = [(name, edit) for name, edit in zip("AB", edits, strict=True) if edit is not None]
    if not asked:
        return None
    stages = []
    for name, edit in asked:
        stage = {"name": name, "edit": edit, "url": reverse("api-edit", args=[edit.id])}
        if edit.status == "done":
            stage["result"] = with_urls(edit)
        stages.append(stage)
    told: dict[str, Any] = {"stages": stages, "is_done": all("result" in one for one in stages)}
    if told["is_done"]:
        degrees = [frame["degrees"] for frame in stages[0]["result"]["frames"]]
        told["degrees"] = degrees
        told["start"] = min(range(len(degrees)), key=lambda index: abs(degrees[index]))
        told["plot"] = drawing.requested_against_achieved(
            *(_points(stage["result"]["frames"]) for stage in stages)
        )
        told["table"] = compared.edits_table([edit for _, edit in asked])
        told["is_one_face"] = len({edit.face_id for _, edit in asked}) == 1
    return told


def _points(frames: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{"requested": f["degrees"], "achieved": f["achieved_yaw"]} for f in frames]


def _figures(job: FigureSet) -> dict[str, Any]:
    told: dict[str, Any] = {"job": job, "url": reverse("api-figureset", args=[job.id])}
    if job.status == "done":
        result = show(job)["result"]
        urls = result["urls"]
        told["figures"] = [
            {
                "title": figure["title"],
                "files": [(kind.upper(), urls[name]) for kind, name in figure["files"].items()],
            }
            for figure in result["figures"]
        ]
        told["tables"] = [(name, urls[name]) for name in result["tables"]]
        told["recipe"], told["zip"] = urls[result["recipe"]], urls[result["zip"]]
    return told
