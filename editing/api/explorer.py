"""What the explorer draws: mean faces of a selection, figures for a paper, and their files."""

from pathlib import Path
from typing import Any

from django.http import FileResponse
from django.shortcuts import get_object_or_404
from drf_spectacular.utils import OpenApiTypes, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from editing import jobs, places
from editing.api.bodies import row_id
from editing.api.rows import RESEARCHER, JobsView, key_of, listed
from editing.filters import FaceFilter
from editing.models import Direction, Edit, FigureSet, MeanFaces
from editing.shown import files_of
from labeling.bodies import ANY_OBJECT, Strict, read
from labeling.errors import NotFound

KINDS = {
    ".png": "image/png",
    ".svg": "image/svg+xml",
    ".pdf": "application/pdf",
    ".csv": "text/csv",
    ".json": "application/json",
    ".zip": "application/zip",
}


class MeanFacesBody(Strict):
    filter = serializers.JSONField(required=False, allow_null=True)
    mirror = serializers.BooleanField(required=False, default=False)


class FigureSetBody(Strict):
    filter = serializers.JSONField(required=False, allow_null=True)
    mean_faces = row_id(required=False, allow_null=True)
    direction = row_id(required=False, allow_null=True)
    against = row_id(required=False, allow_null=True)
    edit = row_id(required=False, allow_null=True)
    edit_against = row_id(required=False, allow_null=True)


@listed("mean_faces_list")
class MeanFacesView(JobsView):
    model = MeanFaces

    @extend_schema(request=MeanFacesBody, responses={202: ANY_OBJECT})
    def post(self, request: Request) -> Response:
        body = read(MeanFacesBody, request)
        job = jobs.draw_mean_faces(
            user=request.user,
            face_filter=FaceFilter.parse(body.get("filter")),
            mirror=body["mirror"],
            body=request.data,
            key=key_of(request),
        )
        return self.answer(job)


@listed("figures_list")
class FigureSetsView(JobsView):
    model = FigureSet

    @extend_schema(request=FigureSetBody, responses={202: ANY_OBJECT})
    def post(self, request: Request) -> Response:
        body = read(FigureSetBody, request)
        rows = {
            name: jobs.find(model, body[name]) if body.get(name) else None
            for name, model in (
                ("mean_faces", MeanFaces),
                ("direction", Direction),
                ("against", Direction),
                ("edit", Edit),
                ("edit_against", Edit),
            )
        }
        job = jobs.draw_figures(
            user=request.user,
            face_filter=FaceFilter.parse(body.get("filter")),
            **rows,
            body=request.data,
            key=key_of(request),
        )
        return self.answer(job)


class MeanFacesFileView(APIView):
    permission_classes = RESEARCHER

    @extend_schema(responses={(200, "image/png"): OpenApiTypes.BINARY})
    def get(self, request: Request, job_id: int, name: str) -> Any:
        job = get_object_or_404(MeanFaces, id=job_id)
        return _sent(job, places.mean_faces_folder(job.id), name)


class FigureFileView(APIView):
    permission_classes = RESEARCHER

    @extend_schema(responses={(200, "application/octet-stream"): OpenApiTypes.BINARY})
    def get(self, request: Request, job_id: int, name: str) -> Any:
        job = get_object_or_404(FigureSet, id=job_id)
        return _sent(job, places.figures_folder(job.id), name, as_attachment=True)


def _sent(job: Any, folder: Path, name: str, *, as_attachment: bool = False) -> FileResponse:
    # Only names that the worker wrote into the row: nothing typed ever becomes a path.
    if name not in files_of(job):
        raise NotFound(f"{type(job).__name__} {job.id} has no file {name!r}.")
    file = folder / job.result["folder"] / name
    if not file.is_file():
        raise NotFound(f"The file {name!r} is gone; have it drawn again.")
    answer = FileResponse(
        file.open("rb"),
        content_type=KINDS[file.suffix],
        as_attachment=as_attachment,
        filename=f"penumbra-{job.id}-{name}",
    )
    answer["Cache-Control"] = "private, max-age=31536000, immutable"
    answer["X-Content-Type-Options"] = "nosniff"
    return answer
