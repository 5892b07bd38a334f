"""Local edits: what a request for one says, and the same edit for many faces at once."""

from typing import Any

from django.urls import path
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from editing import jobs
from editing.api.bodies import Number, row_id
from editing.api.rows import RESEARCHER, key_of
from editing.filters import FaceFilter
from editing.jobs import local
from editing.jobs.components import find_component
from editing.models import Edit
from editing.shown import rows_of, show
from labeling.bodies import ANY_OBJECT, Strict, read
from labeling.models import Face


class StepBody(Strict):
    component = row_id(required=False)
    strength = Number(required=False)
    direction = row_id(required=False)
    degrees = Number(required=False)


class SettingsBody(Strict):
    form = serializers.ChoiceField(local.FORMS, required=False)
    interval = serializers.ListField(
        child=serializers.IntegerField(), min_length=2, max_length=2, required=False
    )
    hold_outside = serializers.BooleanField(required=False)
    adapt = serializers.BooleanField(required=False)
    compose = StepBody(many=True, required=False)


def strengths_field() -> serializers.ListField:
    return serializers.ListField(
        child=Number(), min_length=1, max_length=local.MOST_STRENGTHS, required=False
    )


class LocalEditBody(Strict):
    kind = serializers.RegexField("^local$")
    face = row_id()
    component = row_id()
    strengths = strengths_field()
    reference = row_id(required=False, allow_null=True)
    settings = SettingsBody(required=False)


class TransferBody(Strict):
    component = row_id()
    filter = serializers.JSONField(required=False, allow_null=True)
    count = serializers.IntegerField(default=12)
    strengths = strengths_field()
    settings = SettingsBody(required=False)


def edit_locally(request: Request) -> Edit:
    """The row of a request whose kind is "local"."""
    body: dict[str, Any] = read(LocalEditBody, request)
    del body["kind"]
    reference = body.pop("reference", None)
    return local.edit_locally(
        user=request.user,
        face=jobs.find(Face, body.pop("face")),
        component=find_component(body.pop("component")),
        reference=jobs.find(Face, reference) if reference else None,
        **body,
        body=request.data,
        key=key_of(request),
    )


class TransferView(APIView):
    """One direction for many faces: an edit for each of the first `count` that pass the filter."""

    permission_classes = RESEARCHER

    @extend_schema(request=TransferBody, responses={202: ANY_OBJECT})
    def post(self, request: Request) -> Response:
        body = read(TransferBody, request)
        edits = local.transfer(
            user=request.user,
            face_filter=FaceFilter.parse(body.pop("filter", None)),
            component=find_component(body.pop("component")),
            **body,
            body=request.data,
            key=key_of(request),
        )
        rows = rows_of(Edit).filter(id__in=[edit.id for edit in edits]).order_by("id")
        return Response({"results": [show(row) for row in rows]}, status=202)


urlpatterns = [path("api/edits/transfer", TransferView.as_view(), name="api-edits-transfer")]
