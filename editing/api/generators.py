"""Generators: list, add."""

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from editing import jobs
from editing.api.rows import JobsView, key_of, listed
from editing.models import Generator
from labeling.bodies import ANY_OBJECT, Strict, read


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
