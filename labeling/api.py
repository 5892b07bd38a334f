"""The REST contract of labeling: parse, call, answer. Errors become HTTP in config.api_errors."""

import hashlib
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.contrib.auth import authenticate
from django.shortcuts import get_object_or_404
from django.urls import path, reverse
from drf_spectacular.utils import OpenApiTypes, extend_schema
from knox.models import AuthToken
from rest_framework import serializers
from rest_framework.permissions import AllowAny, IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.throttling import AnonRateThrottle
from rest_framework.views import APIView

from labeling import queue, release_api, reports, votes
from labeling.bodies import ANY_OBJECT, Strict, read
from labeling.errors import NotFound, Refused
from labeling.files import send_file
from labeling.images import SUFFIXES, image_path
from labeling.models import Campaign, Face, Vote
from labeling.queue import HeldFace
from labeling.roles import campaign_for, has_role, needs


class TokenBody(Strict):
    username = serializers.CharField(max_length=150)
    password = serializers.CharField(max_length=1000, trim_whitespace=False)


class TokenThrottle(AnonRateThrottle):
    scope = "token"


class TokenView(APIView):
    """POST a name and a password for a token; DELETE revokes the token that comes with it."""

    throttle_classes = [TokenThrottle]

    def get_permissions(self) -> list[Any]:
        return [AllowAny() if self.request.method == "POST" else IsAuthenticated()]

    def get_authenticators(self) -> list[Any]:
        # A stale session or token must not keep anybody from asking for a new one.
        if self.request is not None and self.request.method == "POST":
            return []
        return super().get_authenticators()

    @extend_schema(request=TokenBody, responses=ANY_OBJECT)
    def post(self, request: Request) -> Response:
        body = read(TokenBody, request)
        user = authenticate(request, **body)
        if user is None:
            raise Refused("wrong_credentials", "The name or the password is wrong.")
        row, token = AuthToken.objects.create(user, expiry=timedelta(days=settings.TOKEN_DAYS))
        return Response({"token": token, "expires": row.expiry})

    @extend_schema(responses={204: None})
    def delete(self, request: Request) -> Response:
        if isinstance(request.auth, AuthToken):
            request.auth.delete()
        return Response(status=204)


def show_campaign(campaign: Campaign) -> dict[str, Any]:
    return {
        "slug": campaign.slug,
        "title": campaign.title,
        "prompt": campaign.prompt,
        "choices": campaign.choices,
        "policy": {
            "votes_min": campaign.votes_min,
            "votes_max": campaign.votes_max,
            "lease_seconds": campaign.lease_seconds,
            "shows_suggestions": campaign.shows_suggestions,
            "is_open": campaign.is_open,
        },
        "progress": reports.progress(campaign),
    }


class CampaignsView(APIView):
    permission_classes = [needs("annotator", "manager", "researcher")]

    @extend_schema(operation_id="campaigns_list", responses=ANY_OBJECT)
    def get(self, request: Request) -> Response:
        campaigns = Campaign.objects.order_by("id")
        if not has_role(request.user, "manager", "researcher"):
            campaigns = campaigns.filter(is_open=True)
        return Response({"results": [show_campaign(c) for c in campaigns], "next": None})


class CampaignView(APIView):
    permission_classes = [needs("annotator", "manager", "researcher")]

    @extend_schema(responses=ANY_OBJECT)
    def get(self, request: Request, slug: str) -> Response:
        return Response(show_campaign(campaign_for(request.user, slug)))


class ProgressView(APIView):
    permission_classes = [needs("annotator", "manager", "researcher")]

    @extend_schema(responses=ANY_OBJECT)
    def get(self, request: Request, slug: str) -> Response:
        return Response(reports.progress(campaign_for(request.user, slug)))


class AnnotatorsView(APIView):
    permission_classes = [needs("manager")]

    @extend_schema(responses=ANY_OBJECT)
    def get(self, request: Request, slug: str) -> Response:
        return Response({"results": reports.annotators(campaign_for(request.user, slug))})


class MineView(APIView):
    permission_classes = [needs("annotator")]

    @extend_schema(responses=ANY_OBJECT)
    def get(self, request: Request, slug: str) -> Response:
        return Response(reports.mine(campaign_for(request.user, slug), request.user))


def show_held(request: Request, held: HeldFace, campaign: Campaign) -> dict[str, Any]:
    suggestion = None
    if campaign.shows_suggestions and held.suggested is not None:
        suggestion = {"choice": held.suggested, "probability": held.probability}
    return {
        "face": held.face_id,
        "filename": held.filename,
        "image": reverse("face-image", args=[held.face_id]),
        "width": held.width,
        "height": held.height,
        "lease_expires": held.expires_at,
        "suggestion": suggestion,
    }


class TurnsBody(Strict):
    count = serializers.IntegerField(min_value=1, max_value=50, default=10)


class TurnsView(APIView):
    permission_classes = [needs("annotator")]

    @extend_schema(request=TurnsBody, responses=ANY_OBJECT)
    def post(self, request: Request, slug: str) -> Response:
        campaign = campaign_for(request.user, slug)
        faces = queue.next_faces(campaign, request.user, read(TurnsBody, request)["count"])
        turns = [show_held(request, held, campaign) for held in faces]
        return Response({"turns": turns, "open": queue.count_open(campaign)})


class FacesBody(Strict):
    faces = serializers.ListField(
        child=serializers.IntegerField(min_value=1, max_value=2**63 - 1), max_length=200
    )


class RenewView(APIView):
    permission_classes = [needs("annotator")]

    @extend_schema(request=FacesBody, responses=ANY_OBJECT)
    def post(self, request: Request, slug: str) -> Response:
        return self.answer(queue.renew, request, slug)

    def answer(self, act: Any, request: Request, slug: str) -> Response:
        campaign = campaign_for(request.user, slug)
        held = act(campaign, request.user, read(FacesBody, request)["faces"])
        leases = [{"face": one.face_id, "lease_expires": one.expires_at} for one in held]
        return Response({"held": leases})


class ReleaseLeasesView(RenewView):
    @extend_schema(request=FacesBody, responses=ANY_OBJECT)
    def post(self, request: Request, slug: str) -> Response:
        return self.answer(queue.release, request, slug)


MOST_VOTES = 200


class VotesView(APIView):
    permission_classes = [needs("annotator")]

    @extend_schema(request=ANY_OBJECT, responses=ANY_OBJECT)
    def post(self, request: Request, slug: str) -> Response:
        campaign = campaign_for(request.user, slug)
        rows = request.data.get("votes") if isinstance(request.data, dict) else None
        if not isinstance(rows, list) or not rows:
            raise Refused("invalid", 'Expected {"votes": [...]} with 1 to 200 votes.')
        if len(rows) > MOST_VOTES:
            detail = f"{len(rows)} votes came at once; expected 1 to {MOST_VOTES}."
            raise Refused("too_many_votes", detail, status=413)
        # A browser comes with its session, a script with a token.
        source = Vote.Source.API if request.auth else Vote.Source.PAGE
        outcomes = votes.cast(campaign, request.user, rows, source=source)
        results = [
            {"id": one.id, "status": one.status, "code": one.code, "detail": one.detail}
            for one in outcomes
        ]
        return Response({"results": results}, status=201)


class WithdrawBody(Strict):
    id = serializers.UUIDField()


class WithdrawView(APIView):
    permission_classes = [needs("annotator")]

    @extend_schema(request=WithdrawBody, responses=ANY_OBJECT)
    def post(self, request: Request, slug: str) -> Response:
        campaign = campaign_for(request.user, slug)
        vote = votes.withdraw(campaign, request.user, read(WithdrawBody, request)["id"])
        held = queue.held_faces(campaign, request.user)
        back = [
            show_held(request, one, campaign) for one in held if one.face_id == vote.turn.face_id
        ]
        # A withdrawal that is sent again may find the face given on or voted on anew.
        return Response({"id": str(vote.id), "turn": back[0] if back else None})


class FaceImageView(APIView):
    permission_classes = [needs("annotator", "manager", "researcher")]

    @extend_schema(responses={(200, "image/jpeg"): OpenApiTypes.BINARY})
    def get(self, request: Request, face_id: int) -> Any:
        face = get_object_or_404(Face.objects.select_related("dataset"), id=face_id)
        # Annotators see the faces that an open campaign asks about, and no others.
        seen_by_all = has_role(request.user, "manager", "researcher")
        if not seen_by_all and not face.turns.filter(campaign__is_open=True).exists():
            raise NotFound(f"There is no face {face_id} for you.")
        file = image_path(face)
        seen = file.stat()
        mark = hashlib.sha256(f"{face.id} {seen.st_size} {seen.st_mtime_ns}".encode()).hexdigest()
        answer = send_file(request, file, etag=f'"{mark[:32]}"')
        answer["Content-Type"] = SUFFIXES[file.suffix.lower()]
        return answer


urlpatterns = [
    path("api/token", TokenView.as_view(), name="api-token"),
    path("api/campaigns", CampaignsView.as_view(), name="api-campaigns"),
    path("api/campaigns/<slug:slug>", CampaignView.as_view(), name="api-campaign"),
    path("api/campaigns/<slug:slug>/turns", TurnsView.as_view(), name="api-turns"),
    path("api/campaigns/<slug:slug>/leases/renew", RenewView.as_view(), name="api-renew"),
    path(
        "api/campaigns/<slug:slug>/leases/release",
        ReleaseLeasesView.as_view(),
        name="api-release-leases",
    ),
    path("api/campaigns/<slug:slug>/votes", VotesView.as_view(), name="api-votes"),
    path("api/campaigns/<slug:slug>/votes/withdraw", WithdrawView.as_view(), name="api-withdraw"),
    path("api/campaigns/<slug:slug>/mine", MineView.as_view(), name="api-mine"),
    path("api/campaigns/<slug:slug>/progress", ProgressView.as_view(), name="api-progress"),
    path("api/campaigns/<slug:slug>/annotators", AnnotatorsView.as_view(), name="api-annotators"),
    *release_api.urlpatterns,
    path("api/faces/<int:face_id>/image", FaceImageView.as_view(), name="face-image"),
]
