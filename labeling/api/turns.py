"""The next faces, their leases, and the votes: what an annotator does."""

from typing import Any

from django.urls import path, reverse
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from labeling import leases, queue, quizzes, reports, votes
from labeling.bodies import ANY_OBJECT, Strict, checked, read, read_query
from labeling.disguises import mark_of
from labeling.errors import Refused
from labeling.leases import HeldFace
from labeling.models import Campaign, User, Vote
from labeling.roles import campaign_for, needs


def campaign_to_label(request: Request, slug: str) -> Campaign:
    """The campaign, for somebody who may label it; raises Refused for who must be quizzed."""
    campaign = campaign_for(request.user, slug)
    if not quizzes.may_label(campaign, request.user):
        mark = campaign.quiz_pass_mark
        detail = f"{campaign.slug!r} asks you to pass its quiz first, {mark} faces of ten."
        raise Refused("quiz_needed", detail, status=403)
    return campaign


def show_held(held: HeldFace, viewer: User) -> dict[str, Any]:
    """A held face as its holder may know it: nothing here tells a trial from an ordinary face."""
    address = reverse("face-image", args=[held.face_id])
    suggestion = None
    if held.suggested is not None:
        suggestion = {"choice": held.suggested, "probability": held.probability}
    return {
        "face": held.face_id,
        "filename": held.filename,
        "image": f"{address}?turn={mark_of(viewer.id, held.turn_id)}",
        "width": held.width,
        "height": held.height,
        "lease_expires": held.expires_at,
        "suggestion": suggestion,
    }


class TurnsBody(Strict):
    count = serializers.IntegerField(min_value=1, max_value=50, default=10)
    request = serializers.UUIDField(required=False, help_text="to give back what never came")


class TurnsView(APIView):
    permission_classes = [needs("annotator")]

    @extend_schema(request=TurnsBody, responses=ANY_OBJECT)
    def post(self, request: Request, slug: str) -> Response:
        campaign = campaign_to_label(request, slug)
        faces = queue.next_faces(campaign, request.user, **read(TurnsBody, request))
        turns = [show_held(held, request.user) for held in faces]
        return Response({"turns": turns, "open": queue.count_open_to(campaign, request.user)})


class GridBody(Strict):
    count = serializers.IntegerField(min_value=1, max_value=60, default=24)
    choice = serializers.CharField(max_length=40, required=False, allow_null=True)
    request = serializers.UUIDField(required=False, help_text="to give back what never came")


class GridView(APIView):
    """Faces that the model gives one choice, to be verified together."""

    permission_classes = [needs("annotator")]

    @extend_schema(request=GridBody, responses=ANY_OBJECT)
    def post(self, request: Request, slug: str) -> Response:
        campaign = campaign_to_label(request, slug)
        body = read(GridBody, request)
        open_turns = queue.count_to_verify(campaign)
        body["choice"] = body.get("choice") or None
        choice, faces = queue.next_grid(campaign, request.user, **body)
        turns = [show_held(held, request.user) for held in faces]
        if choice is not None:
            # A catch more than there are faces would give itself away.
            open_turns[choice] = max(open_turns[choice], len(turns))
        return Response({"choice": choice, "turns": turns, "open": open_turns})


class FacesBody(Strict):
    faces = serializers.ListField(
        child=serializers.IntegerField(min_value=1, max_value=2**63 - 1), max_length=200
    )


class RenewView(APIView):
    permission_classes = [needs("annotator")]

    @extend_schema(request=FacesBody, responses=ANY_OBJECT)
    def post(self, request: Request, slug: str) -> Response:
        campaign = campaign_for(request.user, slug)
        faces = read(FacesBody, request)["faces"]
        return Response(show_leases(leases.renew(campaign, request.user, faces)))


class LeavingBody(FacesBody):
    requests = serializers.ListField(
        child=serializers.UUIDField(),
        max_length=20,
        default=list,
        help_text="of /turns or /grid whose answer never came: what they leased ends, too",
    )


class ReleaseLeasesView(APIView):
    permission_classes = [needs("annotator")]

    @extend_schema(request=LeavingBody, responses=ANY_OBJECT)
    def post(self, request: Request, slug: str) -> Response:
        campaign = campaign_for(request.user, slug)
        body = read(LeavingBody, request)
        held = leases.release(campaign, request.user, body["faces"], body["requests"])
        return Response(show_leases(held))


def show_leases(held: list[HeldFace]) -> dict[str, Any]:
    return {"held": [{"face": one.face_id, "lease_expires": one.expires_at} for one in held]}


MOST_VOTES = 200


class VotesView(APIView):
    permission_classes = [needs("annotator")]

    @extend_schema(request=ANY_OBJECT, responses=ANY_OBJECT)
    def post(self, request: Request, slug: str) -> Response:
        campaign = campaign_for(request.user, slug)
        # Each vote is checked by itself, so that a bad one spoils no other.
        rows = request.data.get("votes") if isinstance(request.data, dict) else None
        if isinstance(rows, list) and (unknown := sorted(set(request.data) - {"votes"})):
            raise Refused("invalid", f"The fields {unknown} are unknown; expected ['votes'].")
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
        held = leases.held_faces(campaign, request.user)
        back = [show_held(one, request.user) for one in held if one.turn_id == vote.turn_id]
        # A withdrawal that is sent again may find the face given on or voted on anew.
        return Response({"id": str(vote.id), "turn": back[0] if back else None})


class MineQuery(serializers.Serializer):
    since = serializers.DateTimeField(required=False)


class MineView(APIView):
    permission_classes = [needs("annotator")]

    @extend_schema(parameters=[MineQuery], responses=ANY_OBJECT)
    def get(self, request: Request, slug: str) -> Response:
        query = checked(MineQuery, read_query(request.query_params, "since"))
        campaign = campaign_for(request.user, slug)
        return Response(reports.mine(campaign, request.user, **query))


urlpatterns = [
    path("api/campaigns/<slug:slug>/turns", TurnsView.as_view(), name="api-turns"),
    path("api/campaigns/<slug:slug>/grid", GridView.as_view(), name="api-grid"),
    path("api/campaigns/<slug:slug>/leases/renew", RenewView.as_view(), name="api-renew"),
    path(
        "api/campaigns/<slug:slug>/leases/release",
        ReleaseLeasesView.as_view(),
        name="api-release-leases",
    ),
    path("api/campaigns/<slug:slug>/votes", VotesView.as_view(), name="api-votes"),
    path("api/campaigns/<slug:slug>/votes/withdraw", WithdrawView.as_view(), name="api-withdraw"),
    path("api/campaigns/<slug:slug>/mine", MineView.as_view(), name="api-mine"),
]
