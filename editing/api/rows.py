"""What every kind of long work has: a list, a row, a way to cancel it, and their addresses."""

from typing import Any

from django.db.models import QuerySet
from django.shortcuts import get_object_or_404
from django.urls import path
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from editing.queries import paged, query_of
from editing.shown import rows_of, show
from labeling import jobs as labeling_jobs
from labeling.bodies import ANY_OBJECT, read_query
from labeling.errors import Refused
from labeling.models import Job
from labeling.roles import needs

RESEARCHER = [needs("researcher")]


class JobsView(APIView):
    """GET lists one kind of job, the newest first; POST asks for one."""

    permission_classes = RESEARCHER
    model: type[Job]

    def rows(self) -> QuerySet[Any]:
        return rows_of(self.model)

    @extend_schema(responses=ANY_OBJECT)
    def get(self, request: Request) -> Response:
        read_query(request.query_params, "cursor", "limit")
        _, cursor, limit = query_of(request)
        rows = self.rows().order_by("-id")
        found = list((rows.filter(id__lt=cursor) if cursor else rows)[: limit + 1])
        following = found[limit - 1].id if len(found) > limit else None
        return paged([show(row) for row in found[:limit]], following, request)

    def answer(self, job: Job) -> Response:
        return Response(show(self.rows().get(id=job.id)), status=202)


def listed(operation_id: str) -> Any:
    """Names a kind's list in the schema, where it would be taken for one row of it."""
    return extend_schema_view(get=extend_schema(operation_id=operation_id, responses=ANY_OBJECT))


class JobView(APIView):
    permission_classes = RESEARCHER
    model: type[Job] = Job

    @extend_schema(responses=ANY_OBJECT)
    def get(self, request: Request, job_id: int) -> Response:
        return Response(show(get_object_or_404(rows_of(self.model), id=job_id)))


class CancelView(APIView):
    permission_classes = RESEARCHER
    model: type[Job] = Job

    @extend_schema(request=None, responses=ANY_OBJECT)
    def post(self, request: Request, job_id: int) -> Response:
        job = get_object_or_404(rows_of(self.model), id=job_id)
        labeling_jobs.cancel(job)
        return Response(show(job))


def key_of(request: Request) -> str:
    key = request.headers.get("Idempotency-Key", "")
    if len(key) > 200:
        raise Refused(
            "invalid", f"Idempotency-Key has {len(key)} characters; expected at most 200."
        )
    return key


def addresses(
    model: type[Job],
    plural: str,
    view: type[JobsView],
    cancel_view: type[CancelView] = CancelView,
) -> list[Any]:
    """The addresses that every kind of job has."""
    name, place = model.__name__.lower(), f"api/{plural}/<int:job_id>"
    return [
        path(f"api/{plural}", view.as_view(), name=f"api-{plural}"),
        path(place, JobView.as_view(model=model), name=f"api-{name}"),
        path(f"{place}/cancel", cancel_view.as_view(model=model), name=f"api-{name}-cancel"),
    ]
