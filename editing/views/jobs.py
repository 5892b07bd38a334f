"""Pages of long work: generators, and all jobs."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse

from editing.jobs.components import may_cancel
from editing.models import (
    Decomposition,
    Direction,
    Edit,
    Embedding,
    FigureSet,
    Generator,
    MeanFaces,
)
from editing.shown import rows_of
from labeling.models import User
from labeling.roles import page_for

JOBS_SHOWN = 100
WITH_A_PAGE = (Direction, Decomposition, Edit)
# What the explorer shows, by the name in its address.
IN_THE_EXPLORER = {MeanFaces: "means", FigureSet: "figures"}


@page_for("researcher")
def generators_page(request: HttpRequest) -> HttpResponse:
    return render(
        request, "editing/generators.html", {"generators": listed(Generator, request.user)}
    )


@page_for("researcher")
def jobs_page(request: HttpRequest) -> HttpResponse:
    kinds = (Generator, Embedding, Direction, Decomposition, Edit, *IN_THE_EXPLORER)
    rows = [row for kind in kinds for row in listed(kind, request.user)]
    rows.sort(key=lambda row: row.created_at, reverse=True)
    return render(request, "editing/jobs.html", {"rows": rows[:JOBS_SHOWN]})


def listed(model: type, user: User) -> list[Any]:
    """The newest rows of one kind of job, each with what the page says of it to this person."""
    rows = list(rows_of(model).select_related("requested_by").order_by("-id")[:JOBS_SHOWN])
    kind = model.__name__.lower()
    for row in rows:
        row.kind_shown = kind
        row.name_shown = str(model._meta.verbose_name)
        row.api_url = reverse(f"api-{kind}", args=[row.id])
        row.can_cancel = model is not Decomposition or may_cancel(row, user)
        row.page_url = reverse(kind, args=[row.id]) if model in WITH_A_PAGE else ""
        if name := IN_THE_EXPLORER.get(model):
            query = f"{row.filter}&{name}={row.id}".removeprefix("&")
            row.page_url = f"{reverse('explorer')}?{query}#{name}"
    return rows
