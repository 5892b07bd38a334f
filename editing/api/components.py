"""Directions of regions: look for them, fetch their previews, keep the good ones."""

from typing import Any

from django.shortcuts import get_object_or_404
from django.urls import path
from drf_spectacular.utils import OpenApiTypes, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from editing import jobs, places
from editing.api.bodies import NameOrId, row_id
from editing.api.pictures import send_picture
from editing.api.rows import RESEARCHER, CancelView, JobsView, addresses, key_of, listed
from editing.jobs import components, regions
from editing.models import Component, Decomposition, Generator
from editing.queries import paged, query_of
from editing.shown import rows_of, show, show_component
from labeling.bodies import ANY_OBJECT, Strict, read, read_query
from labeling.models import Face, User
from labeling.roles import needs


class RegionOfBody(Strict):
    """A mask: a name and shapes, or the id of a region of one's own, from this face or another."""

    name = serializers.CharField(max_length=200, required=False)
    shapes = serializers.ListField(child=serializers.JSONField(), max_length=200, required=False)
    region = row_id(required=False)

    def validate(self, said: dict[str, Any]) -> dict[str, Any]:
        if set(said) != {"region"} and set(said) != {"name", "shapes"}:
            raise serializers.ValidationError(
                f"A region has {sorted(said)}; expected name and shapes, or region alone."
            )
        return said


class PoolBody(Strict):
    """Other faces on which directions have to be local, too."""

    filter = serializers.JSONField(required=False, allow_null=True)
    faces = serializers.IntegerField(required=False)
    settle = serializers.BooleanField(required=False)


class DecompositionBody(Strict):
    generator = NameOrId()
    face = row_id()
    regions = RegionOfBody(many=True)
    timestep = serializers.IntegerField(required=False, allow_null=True)
    steps = serializers.IntegerField(required=False)
    refinements = serializers.IntegerField(required=False)
    rank = serializers.IntegerField(required=False)
    joint_rank = serializers.IntegerField(required=False, allow_null=True)
    individual_rank = serializers.IntegerField(required=False, allow_null=True)
    pool = PoolBody(required=False, allow_null=True)


@listed("components_list")
class ComponentsView(JobsView):
    model = Decomposition

    @extend_schema(request=DecompositionBody, responses={202: ANY_OBJECT})
    def post(self, request: Request) -> Response:
        body = read(DecompositionBody, request)
        face = jobs.find(Face, body.pop("face"))
        job = components.decompose(
            user=request.user,
            generator=jobs.find(Generator, body.pop("generator")),
            face=face,
            regions=[shapes_of(request.user, one, face) for one in body.pop("regions")],
            **body,
            body=request.data,
            key=key_of(request),
        )
        return self.answer(job)


def shapes_of(user: User, said: dict[str, Any], face: Face) -> dict[str, Any]:
    if "region" not in said:
        return said
    region = regions.own_region(user, said["region"])
    return {"name": region.name, "shapes": regions.carried(region, face)}


class CancelSearchView(CancelView):
    """Several people may wait for one search: who asked for it or a manager may end it."""

    permission_classes = [needs("researcher", "manager")]

    @extend_schema(request=None, responses=ANY_OBJECT)
    def post(self, request: Request, job_id: int) -> Response:
        job = get_object_or_404(rows_of(self.model).select_related("requested_by"), id=job_id)
        components.cancel(job, user=request.user)
        return Response(show(job))


class RowsView(APIView):
    """The directions of one decomposition, region by region, the strongest first."""

    permission_classes = RESEARCHER

    @extend_schema(operation_id="components_rows", responses=ANY_OBJECT)
    def get(self, request: Request, job_id: int) -> Response:
        asked = read_query(request.query_params, "region", "method", "cursor", "limit")
        _, cursor, limit = query_of(request)
        job = get_object_or_404(Decomposition, id=job_id)
        rows = job.components.select_related("kept_by").order_by("id")
        rows = rows.filter(**{name: asked[name] for name in ("region", "method") if name in asked})
        found = list(rows.filter(id__gt=cursor)[: limit + 1])
        following = found[limit - 1].id if len(found) > limit else None
        return paged([show_component(row) for row in found[:limit]], following, request)


class DecompositionFileView(APIView):
    permission_classes = RESEARCHER

    @extend_schema(responses={(200, "image/*"): OpenApiTypes.BINARY})
    def get(self, request: Request, job_id: int, name: str) -> Any:
        job = get_object_or_404(Decomposition, id=job_id)
        folder = places.decomposition_folder(job.id)
        return send_picture(request, job, folder, name, instead="ask for the search again")


class NameBody(Strict):
    name = serializers.CharField(max_length=200)


@listed("library_list")
class LibraryView(APIView):
    """The directions that people have named and kept, the newest first."""

    permission_classes = RESEARCHER

    def get(self, request: Request) -> Response:
        read_query(request.query_params, "cursor", "limit")
        _, cursor, limit = query_of(request)
        rows = Component.objects.exclude(name="").select_related("kept_by").order_by("-id")
        found = list((rows.filter(id__lt=cursor) if cursor else rows)[: limit + 1])
        following = found[limit - 1].id if len(found) > limit else None
        return paged([show_component(row) for row in found[:limit]], following, request)


class KeepView(APIView):
    """PUT names a direction and keeps it in the library; DELETE takes one's own out again."""

    permission_classes = RESEARCHER

    @extend_schema(request=NameBody, responses=ANY_OBJECT)
    def put(self, request: Request, component_id: int) -> Response:
        component = components.find_component(component_id)
        name = read(NameBody, request)["name"]
        return Response(show_component(components.keep(component, user=request.user, name=name)))

    @extend_schema(responses=ANY_OBJECT)
    def delete(self, request: Request, component_id: int) -> Response:
        component = components.find_component(component_id)
        return Response(show_component(components.forget(component, user=request.user)))


urlpatterns = [
    *addresses(Decomposition, "components", ComponentsView, CancelSearchView),
    path("api/components/<int:job_id>/rows", RowsView.as_view(), name="api-decomposition-rows"),
    path(
        "api/components/<int:job_id>/files/<str:name>",
        DecompositionFileView.as_view(),
        name="api-decomposition-file",
    ),
    path("api/library", LibraryView.as_view(), name="api-library"),
    path("api/library/<int:component_id>", KeepView.as_view(), name="api-library-keep"),
]
