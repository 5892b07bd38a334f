"""Campaigns: made, changed, how far they are, who answers how, and how far people agree."""

from typing import Any

from django.urls import path
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from labeling import agreements, annotators, campaigns, reports
from labeling.bodies import ANY_OBJECT, Strict, read, read_query
from labeling.counted import counted
from labeling.errors import NotFound, Refused
from labeling.models import Campaign, Dataset, User
from labeling.roles import campaign_for, has_role, needs

# Counting hundreds of thousands of votes is shared by all who ask within so many seconds.
PEOPLE_SECONDS, AGREEMENT_SECONDS = 10, 60


def progress_for(user: User, campaign: Campaign) -> dict[str, Any]:
    runs_it = has_role(user, "manager", "researcher")
    return reports.progress(campaign, viewer=None if runs_it else user)


def show_campaign(campaign: Campaign, user: User) -> dict[str, Any]:
    return {
        "slug": campaign.slug,
        "title": campaign.title,
        "prompt": campaign.prompt,
        "choices": campaign.choices,
        "policy": {
            **{name: getattr(campaign, name) for name in campaigns.POLICY},
            "is_open": campaign.is_open,
        },
        "progress": progress_for(user, campaign),
    }


class ChangeBody(Strict):
    """Every field may be left out; campaigns.change checks what the values mean."""

    title = serializers.CharField(max_length=120, required=False)
    prompt = serializers.CharField(max_length=300, required=False)
    choices = serializers.ListField(child=serializers.DictField(), required=False)
    is_open = serializers.BooleanField(required=False)
    votes_min = serializers.IntegerField(required=False)
    votes_max = serializers.IntegerField(required=False)
    lease_seconds = serializers.IntegerField(required=False)
    stop_rule = serializers.CharField(required=False)
    shows_suggestions = serializers.BooleanField(required=False)
    blind_share = serializers.FloatField(required=False)
    audit_share = serializers.FloatField(required=False)
    audit_votes = serializers.IntegerField(required=False)
    mirror_share = serializers.FloatField(required=False)
    known_share = serializers.FloatField(required=False)
    catch_share = serializers.FloatField(required=False)
    quiz = serializers.CharField(required=False)
    quiz_pass_mark = serializers.IntegerField(required=False)


class NewBody(ChangeBody):
    slug = serializers.SlugField(max_length=60)
    title = serializers.CharField(max_length=120)
    dataset = serializers.CharField(max_length=60)


class CampaignsView(APIView):
    def get_permissions(self) -> list[Any]:
        if self.request.method == "POST":
            return [needs("manager")()]
        return [needs("annotator", "manager", "researcher")()]

    @extend_schema(operation_id="campaigns_list", responses=ANY_OBJECT)
    def get(self, request: Request) -> Response:
        read_query(request.query_params)
        rows = Campaign.objects.order_by("id")
        if not has_role(request.user, "manager", "researcher"):
            rows = rows.filter(is_open=True)
        return Response({"results": [show_campaign(c, request.user) for c in rows], "next": None})

    @extend_schema(request=NewBody, responses={201: ANY_OBJECT})
    def post(self, request: Request) -> Response:
        body = read(NewBody, request)
        name = body.pop("dataset")
        dataset = Dataset.objects.here().filter(name=name).first()
        if dataset is None:
            raise NotFound(f"There is no dataset {name!r}.")
        if "choices" in body and "prompt" not in body:
            raise Refused("invalid", "Choices came without a prompt; expected both or neither.")
        campaign = campaigns.create(dataset, body.pop("slug"), by=request.user, **body)
        return Response(show_campaign(campaign, request.user), status=201)


class CampaignView(APIView):
    def get_permissions(self) -> list[Any]:
        if self.request.method == "PATCH":
            return [needs("manager")()]
        return [needs("annotator", "manager", "researcher")()]

    @extend_schema(responses=ANY_OBJECT)
    def get(self, request: Request, slug: str) -> Response:
        read_query(request.query_params)
        return Response(show_campaign(campaign_for(request.user, slug), request.user))

    @extend_schema(request=ChangeBody, responses=ANY_OBJECT)
    def patch(self, request: Request, slug: str) -> Response:
        campaign = campaign_for(request.user, slug)
        changed = campaigns.change(campaign, by=request.user, **read(ChangeBody, request))
        return Response(show_campaign(changed, request.user))


class AuditsBody(Strict):
    faces = serializers.IntegerField(min_value=1, max_value=1_000_000)


class AuditsView(APIView):
    permission_classes = [needs("manager")]

    @extend_schema(request=AuditsBody, responses={201: ANY_OBJECT})
    def post(self, request: Request, slug: str) -> Response:
        campaign = campaign_for(request.user, slug)
        faces = read(AuditsBody, request)["faces"]
        drawn = campaigns.draw_audits(campaign, faces, by=request.user)
        return Response({"drawn": drawn}, status=201)


class ProgressView(APIView):
    permission_classes = [needs("annotator", "manager", "researcher")]

    @extend_schema(responses=ANY_OBJECT)
    def get(self, request: Request, slug: str) -> Response:
        read_query(request.query_params)
        return Response(progress_for(request.user, campaign_for(request.user, slug)))


class AnnotatorsView(APIView):
    permission_classes = [needs("manager")]

    @extend_schema(responses=ANY_OBJECT)
    def get(self, request: Request, slug: str) -> Response:
        order = read_query(request.query_params, "sort").get("sort", "name")
        if order not in annotators.ORDERS:
            raise Refused("invalid", f"sort is {order!r}; expected one of {annotators.ORDERS}.")
        campaign = campaign_for(request.user, slug)
        people = counted(campaign, "annotators", PEOPLE_SECONDS, annotators.annotators)
        return Response(
            {
                "results": annotators.in_order(people.value, order),
                "next": None,
                "bias": annotators.bias_overall(people.value),
                "as_of": people.as_of,
            }
        )


class AgreementView(APIView):
    permission_classes = [needs("manager")]

    @extend_schema(responses=ANY_OBJECT)
    def get(self, request: Request, slug: str) -> Response:
        read_query(request.query_params)
        campaign = campaign_for(request.user, slug)
        found = counted(campaign, "agreement", AGREEMENT_SECONDS, agreements.agreement)
        return Response({**found.value, "as_of": found.as_of})


urlpatterns = [
    path("api/campaigns", CampaignsView.as_view(), name="api-campaigns"),
    path("api/campaigns/<slug:slug>", CampaignView.as_view(), name="api-campaign"),
    path("api/campaigns/<slug:slug>/progress", ProgressView.as_view(), name="api-progress"),
    path("api/campaigns/<slug:slug>/annotators", AnnotatorsView.as_view(), name="api-annotators"),
    path("api/campaigns/<slug:slug>/agreement", AgreementView.as_view(), name="api-agreement"),
    path("api/campaigns/<slug:slug>/audits", AuditsView.as_view(), name="api-audits"),
]
