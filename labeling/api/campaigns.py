"""Campaigns, how far they are, and who answers how."""

from typing import Any

from django.urls import path
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from labeling import reports
from labeling.bodies import ANY_OBJECT
from labeling.models import Campaign
from labeling.roles import campaign_for, has_role, needs


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


urlpatterns = [
    path("api/campaigns", CampaignsView.as_view(), name="api-campaigns"),
    path("api/campaigns/<slug:slug>", CampaignView.as_view(), name="api-campaign"),
    path("api/campaigns/<slug:slug>/progress", ProgressView.as_view(), name="api-progress"),
    path("api/campaigns/<slug:slug>/annotators", AnnotatorsView.as_view(), name="api-annotators"),
]
