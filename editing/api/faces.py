"""Faces: pages of them, their counts, one of them."""

from django.shortcuts import get_object_or_404
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from editing import faces
from editing.api.rows import RESEARCHER
from editing.filters import FaceFilter
from editing.queries import numbers, paged, query_of
from labeling.bodies import ANY_OBJECT
from labeling.errors import Refused
from labeling.models import Face


class FacesView(APIView):
    permission_classes = RESEARCHER

    @extend_schema(operation_id="faces_list", responses=ANY_OBJECT)
    def get(self, request: Request) -> Response:
        query, cursor, limit = query_of(request)
        face_filter = FaceFilter.parse(query)
        found, following = faces.page(face_filter, after=cursor, limit=limit)
        return paged(faces.show(found, face_filter), following, request)


class SummaryView(APIView):
    permission_classes = RESEARCHER

    @extend_schema(responses=ANY_OBJECT)
    def get(self, request: Request) -> Response:
        query = request.query_params.copy()
        bins = numbers(query.pop("bins")[-1], "bins") if query.get("bins") else faces.DEFAULT_BINS
        query.pop("bins", None)
        if sorted(set(bins)) != list(bins) or len(bins) > 181:
            raise Refused(
                "invalid_bins", f"bins are {list(bins)}; expected at most 181 growing edges."
            )
        return Response(faces.summary(FaceFilter.parse(query), bins))


class FaceView(APIView):
    permission_classes = RESEARCHER

    @extend_schema(responses=ANY_OBJECT)
    def get(self, request: Request, face_id: int) -> Response:
        face = get_object_or_404(Face.objects.select_related("dataset"), id=face_id)
        return Response(faces.show([face], FaceFilter(dataset=face.dataset.name))[0])
