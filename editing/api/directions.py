"""Directions: list, fit."""

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from editing import jobs
from editing.api.bodies import NameOrId, Number, row_id
from editing.api.rows import JobsView, key_of, listed
from editing.filters import FaceFilter
from editing.models import Direction, Embedding, Generator
from editing.recipes import FitRecipe
from labeling.bodies import ANY_OBJECT, Strict, read


class DirectionBody(Strict):
    generator = NameOrId()
    kind = serializers.ChoiceField(["rotation"], default="rotation")
    filter = serializers.JSONField(required=False, allow_null=True)
    bins = serializers.ListField(child=Number(), required=False, max_length=41)
    release = row_id(required=False, allow_null=True)
    embedding = row_id(required=False, allow_null=True)
    recipe = serializers.DictField(required=False, allow_null=True)


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
            recipe=FitRecipe.parse(body.get("recipe")),
            body=request.data,
            key=key_of(request),
        )
        return self.answer(job)
