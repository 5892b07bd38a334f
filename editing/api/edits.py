"""Edits: list, ask for one, fetch its pictures."""

from typing import Any

from django.shortcuts import get_object_or_404
from drf_spectacular.utils import OpenApiTypes, PolymorphicProxySerializer, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from editing import jobs, places
from editing.api import local
from editing.api.bodies import Number, row_id
from editing.api.pictures import send_picture
from editing.api.rows import RESEARCHER, JobsView, key_of, listed
from editing.models import Direction, Edit
from labeling.bodies import ANY_OBJECT, Strict, read
from labeling.models import Face


class EditBody(Strict):
    kind = serializers.ChoiceField(["rotation"], default="rotation")
    face = row_id()
    direction = row_id()
    degrees = serializers.ListField(child=Number(), min_length=1, max_length=jobs.MOST_FRAMES)
    closed_loop = serializers.BooleanField(default=False)
    hold_light = serializers.BooleanField(default=False)
    path = serializers.ChoiceField(
        jobs.PATHS,
        default="line",
        error_messages={
            "invalid_choice": f"path is {{input!r}}; expected {' or '.join(jobs.PATHS)}."
        },
    )


@listed("edits_list")
class EditsView(JobsView):
    model = Edit

    @extend_schema(
        request=PolymorphicProxySerializer(
            component_name="AnyEdit",
            serializers=[EditBody, local.LocalEditBody],
            resource_type_field_name=None,
        ),
        responses={202: ANY_OBJECT},
    )
    def post(self, request: Request) -> Response:
        if isinstance(request.data, dict) and request.data.get("kind") == Edit.Kind.LOCAL:
            return self.answer(local.edit_locally(request))
        body = read(EditBody, request)
        job = jobs.turn(
            user=request.user,
            face=jobs.find(Face, body["face"]),
            direction=jobs.find(Direction, body["direction"]),
            degrees=body["degrees"],
            closed_loop=body["closed_loop"],
            hold_light=body["hold_light"],
            path=body["path"],
            body=request.data,
            key=key_of(request),
        )
        return self.answer(job)


class EditFileView(APIView):
    permission_classes = RESEARCHER

    @extend_schema(responses={(200, "image/*"): OpenApiTypes.BINARY})
    def get(self, request: Request, job_id: int, name: str) -> Any:
        edit = get_object_or_404(Edit, id=job_id)
        folder = places.edit_folder(edit.id)
        return send_picture(request, edit, folder, name, instead="turn the face again")
