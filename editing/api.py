"""The REST contract of editing: parse, call, answer. Errors become HTTP in config.api_errors."""

import math
from typing import Any

from django.db.models import QuerySet
from django.http import FileResponse
from django.shortcuts import get_object_or_404
from django.urls import path
from drf_spectacular.utils import (
    OpenApiTypes,
    extend_schema,
    extend_schema_field,
    extend_schema_view,
)
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from editing import faces, jobs, places
from editing.filters import FaceFilter
from editing.models import Direction, Edit, Embedding, Generator
from editing.queries import numbers, paged, query_of
from editing.shown import rows_of, show
from labeling import jobs as labeling_jobs
from labeling.bodies import ANY_OBJECT, Strict, read
from labeling.errors import NotFound, Refused
from labeling.models import Face, Job
from labeling.roles import needs

RESEARCHER = [needs("researcher")]
PICTURES = {".png": "image/png", ".webp": "image/webp"}


class FacesView(APIView):
    permission_classes = RESEARCHER

    @extend_schema(operation_id="faces_list", responses=ANY_OBJECT)
    def get(self, request: Request) -> Response:
        query, cursor, limit = query_of(request)
        face_filter = FaceFilter.parse(query)
        found, following = faces.page(face_filter, after=cursor, limit=limit)
        return paged(faces.show(found, face_filter), following, request)


class SummaryView(APIView):
    permission_classes = RESEARCHER

    @extend_schema(responses=ANY_OBJECT)
    def get(self, request: Request) -> Response:
        query = request.query_params.copy()
        bins = numbers(query.pop("bins")[-1], "bins") if query.get("bins") else faces.DEFAULT_BINS
        query.pop("bins", None)
        if sorted(set(bins)) != list(bins) or len(bins) > 181:
            raise Refused(
                "invalid_bins", f"bins are {list(bins)}; expected at most 181 growing edges."
            )
        return Response(faces.summary(FaceFilter.parse(query), bins))


class FaceView(APIView):
    permission_classes = RESEARCHER

    @extend_schema(responses=ANY_OBJECT)
    def get(self, request: Request, face_id: int) -> Response:
        face = get_object_or_404(Face.objects.select_related("dataset"), id=face_id)
        return Response(faces.show([face], FaceFilter(dataset=face.dataset.name))[0])


@extend_schema_field({"oneOf": [{"type": "integer"}, {"type": "string"}]})
class NameOrId(serializers.Field):
    """A row's id, or its name."""

    def to_internal_value(self, data: Any) -> int | str:
        if isinstance(data, bool) or not isinstance(data, int | str) or not str(data).strip():
            raise serializers.ValidationError(f"{data!r} came; expected a name or an id.")
        text = str(data).strip()
        if "\0" in text or len(text) > 60:
            raise serializers.ValidationError(f"{text[:60]!r} is no name and no id.")
        return int(text) if isinstance(data, int) or (text.isascii() and text.isdigit()) else text

    def to_representation(self, value: Any) -> Any:
        return value


class Number(serializers.FloatField):
    """A finite number; true and false are none."""

    def to_internal_value(self, data: Any) -> float:
        try:
            number = math.nan if isinstance(data, bool) else float(data)
        except (TypeError, ValueError, OverflowError):
            number = math.nan
        if not math.isfinite(number):
            raise serializers.ValidationError(f"{data!r} came; expected a finite number.")
        return number


def row_id(**options: Any) -> serializers.IntegerField:
    return serializers.IntegerField(min_value=1, max_value=2**63 - 1, **options)


class JobsView(APIView):
    """GET lists one kind of job, the newest first; POST asks for one."""

    permission_classes = RESEARCHER
    model: type[Job]

    def rows(self) -> QuerySet[Any]:
        return rows_of(self.model)

    @extend_schema(responses=ANY_OBJECT)
    def get(self, request: Request) -> Response:
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


class GeneratorBody(Strict):
    name = serializers.CharField(max_length=60)
    source = serializers.CharField(max_length=1000)


@listed("generators_list")
class GeneratorsView(JobsView):
    model = Generator

    @extend_schema(request=GeneratorBody, responses={202: ANY_OBJECT})
    def post(self, request: Request) -> Response:
        body = read(GeneratorBody, request)
        job = jobs.add_generator(user=request.user, **body, body=request.data, key=key_of(request))
        return self.answer(job)


class EmbeddingBody(Strict):
    generator = NameOrId()
    method = serializers.ChoiceField(["inversion", "encoder"], default="inversion")
    filter = serializers.JSONField(required=False, allow_null=True)
    timestep = serializers.IntegerField(required=False)
    steps = serializers.IntegerField(required=False)
    refinements = serializers.IntegerField(required=False)


@listed("embeddings_list")
class EmbeddingsView(JobsView):
    model = Embedding

    @extend_schema(request=EmbeddingBody, responses={202: ANY_OBJECT})
    def post(self, request: Request) -> Response:
        body = read(EmbeddingBody, request)
        job = jobs.embed(
            user=request.user,
            generator=jobs.find(Generator, body.pop("generator")),
            face_filter=FaceFilter.parse(body.pop("filter", None)),
            **body,
            body=request.data,
            key=key_of(request),
        )
        return self.answer(job)


class DirectionBody(Strict):
    generator = NameOrId()
    kind = serializers.ChoiceField(["rotation"], default="rotation")
    filter = serializers.JSONField(required=False, allow_null=True)
    bins = serializers.ListField(child=Number(), required=False, max_length=41)
    release = row_id(required=False, allow_null=True)
    embedding = row_id(required=False, allow_null=True)


@listed("directions_list")
class DirectionsView(JobsView):
    model = Direction

    @extend_schema(request=DirectionBody, responses={202: ANY_OBJECT})
    def post(self, request: Request) -> Response:
        body = read(DirectionBody, request)
        embedding = body.get("embedding")
        job = jobs.fit_direction(
            user=request.user,
            generator=jobs.find(Generator, body["generator"]),
            face_filter=FaceFilter.parse(body.get("filter")).of_release(body.get("release")),
            bins=body.get("bins", jobs.DEFAULT_BINS),
            embedding=jobs.find(Embedding, embedding) if embedding else None,
            body=request.data,
            key=key_of(request),
        )
        return self.answer(job)


class EditBody(Strict):
    kind = serializers.ChoiceField(["rotation"], default="rotation")
    face = row_id()
    direction = row_id()
    degrees = serializers.ListField(child=Number(), min_length=1, max_length=jobs.MOST_FRAMES)


@listed("edits_list")
class EditsView(JobsView):
    model = Edit

    @extend_schema(request=EditBody, responses={202: ANY_OBJECT})
    def post(self, request: Request) -> Response:
        body = read(EditBody, request)
        job = jobs.turn(
            user=request.user,
            face=jobs.find(Face, body["face"]),
            direction=jobs.find(Direction, body["direction"]),
            degrees=body["degrees"],
            body=request.data,
            key=key_of(request),
        )
        return self.answer(job)


class EditFileView(APIView):
    permission_classes = RESEARCHER

    @extend_schema(responses={(200, "image/*"): OpenApiTypes.BINARY})
    def get(self, request: Request, job_id: int, name: str) -> Any:
        edit = get_object_or_404(Edit, id=job_id)
        result = edit.result
        # Only names that the worker wrote into the row: nothing typed ever becomes a path.
        frames = [frame["file"] for frame in result.get("frames", [])]
        if name not in [*frames, result.get("strip"), result.get("animation")]:
            raise NotFound(f"Edit {edit.id} has no file {name!r}.")
        file = places.edit_folder(edit.id) / result["folder"] / name
        if not file.is_file():
            raise NotFound(f"The file {name!r} of edit {edit.id} is gone; turn the face again.")
        answer = FileResponse(file.open("rb"), content_type=PICTURES[file.suffix])
        answer["Cache-Control"] = "private, max-age=31536000, immutable"
        answer["X-Content-Type-Options"] = "nosniff"
        return answer


def _of(model: type[Job], plural: str, view: type[JobsView]) -> list[Any]:
    """The addresses that every kind of job has."""
    name, place = model.__name__.lower(), f"api/{plural}/<int:job_id>"
    return [
        path(f"api/{plural}", view.as_view(), name=f"api-{plural}"),
        path(place, JobView.as_view(model=model), name=f"api-{name}"),
        path(f"{place}/cancel", CancelView.as_view(model=model), name=f"api-{name}-cancel"),
    ]


urlpatterns = [
    path("api/faces", FacesView.as_view(), name="api-faces"),
    path("api/faces/summary", SummaryView.as_view(), name="api-summary"),
    path("api/faces/<int:face_id>", FaceView.as_view(), name="api-face"),
    *_of(Generator, "generators", GeneratorsView),
    *_of(Embedding, "embeddings", EmbeddingsView),
    *_of(Direction, "directions", DirectionsView),
    *_of(Edit, "edits", EditsView),
    path("api/edits/<int:job_id>/files/<str:name>", EditFileView.as_view(), name="api-edit-file"),
]
