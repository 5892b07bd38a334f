"""What managers change of a campaign: its policy, open or closed, audit faces drawn."""

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST

from labeling import campaigns, reports
from labeling.errors import Refused
from labeling.models import Campaign
from labeling.roles import page_for
from labeling.views.campaign_forms import ChoiceForms, SettingsForm, choice_rows, choices_of
from labeling.views.campaigns import campaign_named


@page_for("manager")
def settings_page(request: HttpRequest, slug: str) -> HttpResponse:
    """The form with everything that may still change."""
    found = campaign_named(slug)
    form = SettingsForm(found, request.POST or None)
    rows = ChoiceForms(
        request.POST if "choice-TOTAL_FORMS" in request.POST else None,
        initial=choice_rows(found),
        prefix="choice",
    )
    if form.is_valid() and _change(request, found, form, rows):
        messages.success(request, "Stored.")
        return redirect("campaign-settings", slug)
    return render(
        request,
        "campaigns/settings.html",
        {
            "campaign": found,
            "tab": "settings",
            "form": form,
            "groups": form.groups(),
            "choice_rows": rows,
            "has_votes": campaigns.has_votes(found),
            "audits": reports.progress(found)["audits"],
        },
        status=400 if form.is_bound else 200,
    )


def _change(request: HttpRequest, campaign: Campaign, form: SettingsForm, rows: Any) -> bool:
    changes = {"title": form.cleaned_data["title"], "prompt": form.cleaned_data["prompt"]}
    if rows.is_bound:
        if not rows.is_valid():
            form.add_error(None, "An answer can't be read; choose its key from the list.")
            return False
        changes["choices"] = choices_of(rows)
    try:
        campaigns.change(campaign, by=request.user, **changes, **form.policy())
    except Refused as refused:
        form.add_error(None, refused.detail)
        return False
    return True


@require_POST
@page_for("manager")
def open_or_close(request: HttpRequest, slug: str) -> HttpResponse:
    """Let annotators in, or keep them out; votes under way are still stored."""
    found = campaign_named(slug)
    is_open = request.POST.get("is_open") == "yes"
    campaigns.change(found, by=request.user, is_open=is_open)
    state = "open: annotators see it now" if is_open else "closed: nobody is asked any more"
    messages.success(request, f"“{found.title}” is {state}.")
    return redirect("campaign-settings", slug)


@require_POST
@page_for("manager")
def draw_audits(request: HttpRequest, slug: str) -> HttpResponse:
    """Draw audit faces by lot."""
    found = campaign_named(slug)
    text = request.POST.get("faces", "")
    if not text.isdecimal() or not 1 <= int(text[:9]) <= 1_000_000:
        messages.error(request, f"{text[:20]!r} faces were asked for; expected 1 to 1,000,000.")
        return redirect("campaign-settings", slug)
    drawn = campaigns.draw_audits(found, int(text), by=request.user)
    if drawn < int(text):
        note = f"{drawn} audit faces drawn: no other face was free of votes."
        messages.warning(request, note)
    else:
        messages.success(request, f"{drawn} audit faces drawn by lot.")
    return redirect("campaign-settings", slug)
