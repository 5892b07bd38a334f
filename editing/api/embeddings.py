"""Latents: list, embed."""

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from editing import jobs
from editing.api.bodies import NameOrId
from editing.api.rows import JobsView, key_of, listed
from editing.filters import FaceFilter
from editing.models import Embedding, Generator
from labeling.bodies import ANY_OBJECT, Strict, read


class EmbeddingBody(Strict):
    generator = NameOrId()
    method = serializers.ChoiceField(["inversion", "encoder"], default="inversion")
    filter = serializers.JSONField(required=False, allow_null=True)
    kind = serializers.ChoiceField(["x_t", "h"], default="x_t")
    timestep = serializers.IntegerField(required=False)
    steps = serializers.IntegerField(required=False)
    refinements = serializers.IntegerField(required=False)
    gradient_steps = serializers.IntegerField(required=False)


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
