"""Where annotators label."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render

from labeling import queue
from labeling.models import Campaign, User
from labeling.roles import page_for
from labeling.rubrics import LIGHT, is_about_light
from labeling.views.keys import layout_for, layouts_of
from labeling.views.start import next_step, show_answers, show_guide


@page_for("annotator")
def label(request: HttpRequest, slug: str) -> HttpResponse:
    """One face at a time; the first visit begins with the rubric."""
    campaign = open_campaign(slug)
    if instead := what_comes_first(request, campaign):
        return instead
    total = campaign.turns.asked().count()
    open_turns = queue.count_open_to(campaign, request.user)
    return render(
        request,
        "label/label.html",
        {
            **show_desk(campaign, request.user),
            "guide": show_guide(campaign, request.user),
            "layouts": layouts_of(campaign),
            "to_verify": any(queue.count_to_verify(campaign).values()),
            "total": total,
            "open": open_turns,
            "done": total - open_turns,
        },
    )


@page_for("annotator")
def grid(request: HttpRequest, slug: str) -> HttpResponse:
    """Many faces at once for which the model says one choice: which of them are something else?"""
    campaign = open_campaign(slug)
    if instead := what_comes_first(request, campaign):
        return instead
    context = show_desk(campaign, request.user)
    waiting = queue.count_to_verify(campaign)
    for choice in context["choices"]:
        choice["question"] = ask_all(choice, is_of_light=is_about_light(campaign))
        choice["open"] = waiting[choice["value"]]
    return render(request, "label/grid.html", context)


def open_campaign(slug: str) -> Campaign:
    campaigns = Campaign.objects.select_related("dataset")
    return get_object_or_404(campaigns, slug=slug, is_open=True)


def what_comes_first(request: HttpRequest, campaign: Campaign) -> HttpResponse | None:
    """Why there are no faces, the guide or the quiz; None where somebody may begin."""
    if campaign.dataset.is_elsewhere:
        return elsewhere(request, campaign)
    if step := next_step(campaign, request.user):
        return redirect(step, campaign.slug)
    return None


def elsewhere(request: HttpRequest, campaign: Campaign) -> HttpResponse:
    """Why there are no faces here: asking for some would only keep them from those who see them."""
    context = {"campaign": campaign, "has_faces": campaign.turns.exists()}
    return render(request, "label/elsewhere.html", context)


def show_desk(campaign: Campaign, person: User) -> dict[str, Any]:
    """What both pages of an annotator show: the campaign's answers, with this person's keys."""
    *choices, unsure = show_answers(campaign, person)
    return {
        "campaign": campaign,
        "choices": choices,
        "unsure_key": unsure["on_key"],
        "layout": layout_for(campaign, person),
        "is_sided": campaign.values == LIGHT,
    }


def ask_all(choice: dict[str, str], *, is_of_light: bool) -> str:
    """The one question about a whole page of faces."""
    if not is_of_light:
        return f"All of these: {choice['label']}?"
    sides = {"left": "from the left", "center": "from the center", "right": "from the right"}
    return f"All of these: light {sides[choice['value']]}?"
