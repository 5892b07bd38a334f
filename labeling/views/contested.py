"""Where managers have the last word on faces that people do not agree about."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from labeling.models import Adjudication
from labeling.roles import page_for
from labeling.views.campaigns import campaign_named
from labeling.views.keys import layout_for
from labeling.views.shown import show_choices


@page_for("manager")
def contested(request: HttpRequest, slug: str) -> HttpResponse:
    """One contested face at a time, by the keys of the label page."""
    found = campaign_named(slug)
    layout = layout_for(found, request.user)
    shown = zip(show_choices(found), layout.shown, strict=False)
    return render(
        request,
        "campaigns/contested.html",
        {
            "campaign": found,
            "tab": "contested",
            "choices": [{**choice, "key_shown": key} for choice, key in shown],
            "layout": layout,
            "unsure_shown": layout.shown[-1],
            "n_settled": Adjudication.objects.filter(campaign=found)
            .values("face")
            .distinct()
            .count(),
        },
    )
