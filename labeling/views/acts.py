"""What managers did, newest first."""

from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from labeling import acts
from labeling.bodies import read_query
from labeling.errors import Refused
from labeling.models import Act, Campaign, User
from labeling.roles import page_for


@page_for("manager")
def acts_page(request: HttpRequest) -> HttpResponse:
    """Who did what, when, to what: filtered by campaign, person and deed."""
    problem, asked, found, following = "", acts.ActFilter(), [], None
    try:
        asked = acts.ActFilter(**read_query(request.GET, "campaign", "by", "what", "before"))
        found, following = acts.find(asked)
    except Refused as refused:
        problem = refused.detail
    kept = {name: getattr(asked, name) for name in ("campaign", "by", "what")}
    kept = {name: value for name, value in kept.items() if value}
    # Which deeds and people there are: a scan of this small table costs less than a table of both.
    deeds = sorted(set(Act.objects.values_list("what", flat=True).distinct()) | {asked.what} - {""})
    return render(
        request,
        "people/acts.html",
        {
            "asked": asked,
            "problem": problem,
            "rows": [
                {
                    "act": act,
                    "did": acts.in_words(act.what),
                    "details": acts.details_in_words(act.details),
                }
                for act in found
            ],
            "next": urlencode({**kept, "before": following}) if following else "",
            "newest": urlencode(kept) if asked.before else None,
            "is_filtered": bool(kept),
            "campaigns": Campaign.objects.order_by("title").values_list("slug", "title"),
            "people": User.objects.filter(acts__isnull=False)
            .distinct()
            .order_by("username")
            .values_list("username", flat=True),
            "deeds": [(what, acts.in_words(what)) for what in deeds],
        },
        status=400 if problem else 200,
    )
