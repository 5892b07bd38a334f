"""A campaign's mean faces, as the worker last drew them."""

from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render

from labeling import datasheets
from labeling.drawn import drawn
from labeling.files import send_file
from labeling.models import Refresh
from labeling.roles import page_for
from labeling.views.campaigns import campaign_named
from labeling.views.shown import LIGHT


@page_for("manager")
def mean_faces(request: HttpRequest, slug: str) -> HttpResponse:
    """The table light by pose, its distances, and how far the worker is with the next."""
    campaign = campaign_named(slug)
    found = drawn(campaign)
    working = campaign.refreshes.filter(status=Refresh.Status.RUNNING).order_by("-id").first()
    return render(
        request,
        "campaigns/mean_faces.html",
        {
            "campaign": campaign,
            "tab": "mean_faces",
            "is_light": set(campaign.values) == set(LIGHT),
            "found": found,
            "stamp": found and int(found.at.timestamp()),
            "section": found and datasheets.mean_faces(found.figures),
            "working": working,
        },
    )


@page_for("manager")
def picture(request: HttpRequest, slug: str) -> HttpResponseBase:
    """The picture; the page asks for it by the moment of its drawing, so it may be kept."""
    found = drawn(campaign_named(slug))
    if found is None:
        raise Http404(f"The mean faces of campaign {slug!r} are not drawn yet.")
    return send_file(request, found.picture, etag=f'"{found.at.timestamp()}"')
