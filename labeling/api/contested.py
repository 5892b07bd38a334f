"""Contested faces, and the last word on them."""

from typing import Any
from urllib.parse import urlencode

from django.urls import path, reverse
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from labeling import contested
from labeling.bodies import ANY_OBJECT, Strict, read, read_query
from labeling.contested import Contested
from labeling.models import Campaign
from labeling.roles import campaign_for, needs

AT_ONCE = 50


def show_contested(row: Contested) -> dict[str, Any]:
    believed = None
    if row.choice is not None:
        believed = {"choice": row.choice, "probability": row.probability}
    return {
        "face": row.face_id,
        "filename": row.filename,
        "image": reverse("face-image", args=[row.face_id]),
        "width": row.width,
        "height": row.height,
        "votes": [{"annotator": name, "choice": choice} for name, choice in row.votes],
        "consensus": believed,
        "doubt": row.doubt / 1000,
        "has_all_votes": row.is_closed,
    }


class ContestedView(APIView):
    permission_classes = [needs("manager")]

    @extend_schema(responses=ANY_OBJECT)
    def get(self, request: Request, slug: str) -> Response:
        campaign = campaign_for(request.user, slug)
        after = read_query(request.query_params, "cursor").get("cursor", "")
        rows = contested.contested(campaign, after=after, most=AT_ONCE)
        following = None
        if len(rows) == AT_ONCE:
            address = reverse("api-contested", args=[campaign.slug])
            query = urlencode({"cursor": rows[-1].cursor})
            following = request.build_absolute_uri(f"{address}?{query}")
        return Response({"results": [show_contested(row) for row in rows], "next": following})


class AdjudicationBody(Strict):
    face = serializers.IntegerField(min_value=1, max_value=2**63 - 1)
    choice = serializers.CharField(max_length=40)


class AdjudicationsView(APIView):
    permission_classes = [needs("manager")]

    @extend_schema(request=AdjudicationBody, responses={201: ANY_OBJECT})
    def post(self, request: Request, slug: str) -> Response:
        campaign: Campaign = campaign_for(request.user, slug)
        body = read(AdjudicationBody, request)
        word = contested.adjudicate(campaign, body["face"], body["choice"], by=request.user)
        told = {"id": word.id, "face": word.face_id, "choice": word.choice}
        return Response({**told, "by": request.user.username, "at": word.created_at}, status=201)


urlpatterns = [
    path("api/campaigns/<slug:slug>/contested", ContestedView.as_view(), name="api-contested"),
    path(
        "api/campaigns/<slug:slug>/adjudications",
        AdjudicationsView.as_view(),
        name="api-adjudications",
    ),
]
