"""Regions of faces: propose, keep, change, carry to another face. Each person sees their own."""

from typing import Any

from django.urls import path
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from editing import jobs
from editing.api.bodies import row_id
from editing.api.rows import RESEARCHER, listed
from editing.jobs import regions
from editing.models import Decomposition, Region
from editing.queries import paged, query_of
from labeling.bodies import ANY_OBJECT, Strict, read, read_query
from labeling.errors import Refused
from labeling.models import Face


class FaceBody(Strict):
    face = row_id()


class ProposeBody(Strict):
    """A face: its parts by its landmarks; with a decomposition of it, what moved together there."""

    face = row_id()
    decomposition = row_id(required=False, allow_null=True)


class RegionBody(Strict):
    face = row_id()
    name = serializers.CharField(max_length=200)
    shapes = serializers.ListField(child=serializers.JSONField(), max_length=200)


class RegionChange(Strict):
    name = serializers.CharField(max_length=200, required=False)
    shapes = serializers.ListField(child=serializers.JSONField(), max_length=200, required=False)


def show(region: Region) -> dict[str, Any]:
    return {
        "id": region.id,
        "face": region.face_id,
        "name": region.name,
        "shapes": region.shapes,
        "created_at": region.created_at,
    }


class ProposeView(APIView):
    permission_classes = RESEARCHER

    @extend_schema(request=ProposeBody, responses=ANY_OBJECT)
    def post(self, request: Request) -> Response:
        body = read(ProposeBody, request)
        face = jobs.find(Face, body["face"])
        if not (searched := body.get("decomposition")):
            return Response({"face": face.id, "regions": regions.propose(face)})
        job = jobs.find(Decomposition, searched)
        if job.face_id != face.id:
            raise Refused("another_face", f"Decomposition {job.id} is of face {job.face_id}.")
        return Response({"face": face.id, "regions": regions.propose_from(job)})


@listed("regions_list")
class RegionsView(APIView):
    """GET lists one's own regions, the newest first, of one face with ?face=; POST keeps one."""

    permission_classes = RESEARCHER

    def get(self, request: Request) -> Response:
        asked = read_query(request.query_params, "face", "cursor", "limit")
        _, cursor, limit = query_of(request)
        rows = Region.objects.filter(owner=request.user).order_by("-id")
        if face := asked.get("face"):
            if not (face.isascii() and face.isdigit() and len(face) < 19):
                raise Refused("invalid_query", f"face is {face[:40]!r}; expected a face's id.")
            rows = rows.filter(face=int(face))
        found = list((rows.filter(id__lt=cursor) if cursor else rows)[: limit + 1])
        following = found[limit - 1].id if len(found) > limit else None
        return paged([show(row) for row in found[:limit]], following, request)

    @extend_schema(request=RegionBody, responses={201: ANY_OBJECT})
    def post(self, request: Request) -> Response:
        body = read(RegionBody, request)
        body["face"] = jobs.find(Face, body["face"])
        return Response(show(regions.keep_region(user=request.user, **body)), status=201)


class RegionView(APIView):
    permission_classes = RESEARCHER

    @extend_schema(responses=ANY_OBJECT)
    def get(self, request: Request, region_id: int) -> Response:
        return Response(show(regions.own_region(request.user, region_id)))

    @extend_schema(request=RegionChange, responses=ANY_OBJECT)
    def patch(self, request: Request, region_id: int) -> Response:
        region = regions.own_region(request.user, region_id)
        return Response(show(regions.change_region(region, **read(RegionChange, request))))

    @extend_schema(responses={204: None})
    def delete(self, request: Request, region_id: int) -> Response:
        regions.own_region(request.user, region_id).delete()
        return Response(status=204)


class CarriedView(APIView):
    """One's own region as it lies on another face; nothing is kept."""

    permission_classes = RESEARCHER

    @extend_schema(request=FaceBody, responses=ANY_OBJECT)
    def post(self, request: Request, region_id: int) -> Response:
        region = regions.own_region(request.user, region_id)
        face = jobs.find(Face, read(FaceBody, request)["face"])
        shapes = regions.carried(region, face)
        return Response({"face": face.id, "name": region.name, "shapes": shapes})


urlpatterns = [
    path("api/regions", RegionsView.as_view(), name="api-regions"),
    path("api/regions/propose", ProposeView.as_view(), name="api-regions-propose"),
    path("api/regions/<int:region_id>", RegionView.as_view(), name="api-region"),
    path("api/regions/<int:region_id>/carry", CarriedView.as_view(), name="api-region-carry"),
]
