"""Files of outside votes and labels: watched and stopped. They are sent on the campaign's page."""

from typing import Any

from django.urls import path, reverse
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from labeling import jobs, uploads
from labeling.bodies import ANY_OBJECT
from labeling.errors import NotFound
from labeling.models import Import
from labeling.roles import needs


def show_import(job: Import) -> dict[str, Any]:
    return {
        **jobs.describe(job, reverse("api-import", args=[job.id])),
        "campaign": job.campaign.slug,
        "kind": job.kind,
        "figures": job.figures,
    }


class ImportView(APIView):
    permission_classes = [needs("manager")]

    @extend_schema(responses=ANY_OBJECT)
    def get(self, request: Request, import_id: int) -> Response:
        return Response(show_import(import_for(import_id)))


class CancelImportView(APIView):
    permission_classes = [needs("manager")]

    @extend_schema(request=None, responses=ANY_OBJECT)
    def post(self, request: Request, import_id: int) -> Response:
        job = import_for(import_id)
        uploads.cancel(job, by=request.user)
        return Response(show_import(job))


def import_for(import_id: int) -> Import:
    job = Import.objects.select_related("campaign").filter(id=import_id).first()
    if job is None:
        raise NotFound(f"There is no import {import_id}.")
    return job


urlpatterns = [
    path("api/imports/<int:import_id>", ImportView.as_view(), name="api-import"),
    path(
        "api/imports/<int:import_id>/cancel", CancelImportView.as_view(), name="api-import-cancel"
    ),
]
