"""The REST contract of releases: ask for one, watch it, fetch its files."""

from typing import Any

from django.urls import path, reverse
from drf_spectacular.utils import OpenApiTypes, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from labeling import jobs, released
from labeling.bodies import ANY_OBJECT, Strict, read, read_query
from labeling.errors import NotFound
from labeling.files import send_file
from labeling.models import Release
from labeling.roles import campaign_for, needs


class ReleaseBody(Strict):
    max_error = serializers.FloatField(min_value=0, max_value=1, required=False)
    confidence = serializers.FloatField(min_value=0.5, max_value=1, required=False)
    audits = serializers.ChoiceField(["all", "fresh"], required=False)
    include = serializers.ListField(
        child=serializers.ChoiceField(["human", "model"]), min_length=1, required=False
    )


def show_release(release: Release) -> dict[str, Any]:
    return {
        **jobs.describe(release, reverse("api-release", args=[release.id])),
        "campaign": release.campaign.slug,
        "number": release.number,
        "n_labels": release.n_labels,
        "manifest": release.manifest or None,
    }


class ReleasesView(APIView):
    permission_classes = [needs("manager")]

    @extend_schema(responses=ANY_OBJECT)
    def get(self, request: Request, slug: str) -> Response:
        read_query(request.query_params)
        campaign = campaign_for(request.user, slug)
        rows = campaign.releases.select_related("campaign").order_by("-number")
        return Response({"results": [show_release(row) for row in rows], "next": None})

    @extend_schema(request=ReleaseBody, responses={202: ANY_OBJECT})
    def post(self, request: Request, slug: str) -> Response:
        campaign = campaign_for(request.user, slug)
        key = request.headers.get("Idempotency-Key", "")
        release = jobs.ask_release(
            campaign, user=request.user, body=read(ReleaseBody, request), key=key
        )
        return Response(show_release(release), status=202)


class ReleaseView(APIView):
    permission_classes = [needs("manager", "researcher")]

    @extend_schema(responses=ANY_OBJECT)
    def get(self, request: Request, release_id: int) -> Response:
        return Response(show_release(release_for(release_id)))


class CancelReleaseView(APIView):
    permission_classes = [needs("manager")]

    @extend_schema(request=None, responses=ANY_OBJECT)
    def post(self, request: Request, release_id: int) -> Response:
        release = release_for(release_id)
        jobs.cancel_release(release, user=request.user)
        return Response(show_release(release))


def release_for(release_id: int) -> Release:
    release = Release.objects.select_related("campaign").filter(id=release_id).first()
    if release is None:
        raise NotFound(f"There is no release {release_id}.")
    return release


class ReleaseFileView(APIView):
    permission_classes = [needs("manager", "researcher")]

    @extend_schema(responses={(200, "application/octet-stream"): OpenApiTypes.BINARY})
    def get(self, request: Request, release_id: int, name: str) -> Any:
        release = release_for(release_id)
        file = released.file_of(release, name)
        return send_file(request, file.path, etag=f'"{file.sha256}"', attachment=True)


urlpatterns = [
    path("api/campaigns/<slug:slug>/releases", ReleasesView.as_view(), name="api-releases"),
    path("api/releases/<int:release_id>", ReleaseView.as_view(), name="api-release"),
    path(
        "api/releases/<int:release_id>/cancel",
        CancelReleaseView.as_view(),
        name="api-release-cancel",
    ),
    path(
        "api/releases/<int:release_id>/files/<str:name>",
        ReleaseFileView.as_view(),
        name="api-release-file",
    ),
]
