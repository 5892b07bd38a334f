"""Where annotators label, and what they read before."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render

from labeling import queue
from labeling.models import Campaign, Vote
from labeling.roles import page_for
from labeling.views.shown import LIGHT, show_choices, standing_of


@page_for("annotator")
def label(request: HttpRequest, slug: str) -> HttpResponse:
    """One face at a time; the first visit begins with the rubric."""
    campaign = get_object_or_404(Campaign, slug=slug, is_open=True)
    if not has_read_rubric(request, campaign):
        return redirect("rubric", slug)
    total = campaign.turns.count()
    open_turns = queue.count_open(campaign)
    return render(
        request,
        "label/label.html",
        {
            "campaign": campaign,
            "choices": show_choices(campaign),
            "is_about_light": campaign.values == LIGHT,
            "own_votes": standing_of(request.user).filter(turn__campaign=campaign).count(),
            "total": total,
            "open": open_turns,
            "done": total - open_turns,
        },
    )


@page_for("annotator")
def rubric(request: HttpRequest, slug: str) -> HttpResponse:
    """What the answers mean; confirmed once before the first vote."""
    campaign = get_object_or_404(Campaign, slug=slug, is_open=True)
    if request.method == "POST":
        read = request.session.get("rubrics", [])
        request.session["rubrics"] = sorted({*read, campaign.slug})
        return redirect("label", slug)
    return render(
        request,
        "label/rubric.html",
        {
            "campaign": campaign,
            "choices": show_choices(campaign),
            "is_about_light": campaign.values == LIGHT,
            "is_confirmed": has_read_rubric(request, campaign),
        },
    )


def has_read_rubric(request: HttpRequest, campaign: Campaign) -> bool:
    """Confirmed in this session, or some day before: whoever voted here has read it."""
    if campaign.slug in request.session.get("rubrics", []):
        return True
    return Vote.objects.filter(annotator=request.user, turn__campaign=campaign).exists()
