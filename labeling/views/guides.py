"""Where managers write a campaign's guide, and see who passed its quiz."""

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_POST

from labeling import quizzes, rubrics
from labeling.errors import Conflict, Refused
from labeling.models import UNSURE, Campaign, User
from labeling.roles import page_for
from labeling.rubrics import Rubric
from labeling.views.start import show_guide


@page_for("manager")
def edit_rubric(request: HttpRequest, slug: str) -> HttpResponse:
    """The guide's words and example faces: looked at first, then stored."""
    campaign = get_object_or_404(Campaign.objects.select_related("dataset"), slug=slug)
    draft, problem = rubrics.read_rubric(campaign), ""
    begun_from = draft.version
    act = request.POST.get("act", "save") if request.method == "POST" else ""
    if act:
        try:
            draft = (
                rubrics.built_in(version(request))
                if act == "reset"
                else read_form(request, campaign)
            )
            if act != "preview":
                return store(request, campaign, draft)
            begun_from = version(request)
        except Refused as refused:
            # After a conflict the form is as good as new: who has been told may store theirs.
            problem = refused.detail
            begun_from = begun_from if refused.code == "guide_changed" else version(request)
    return render(
        request,
        "campaigns/rubric_edit.html",
        {
            "campaign": campaign,
            "version": begun_from,
            "answers": show_form(request, campaign, draft, has_problem=bool(problem)),
            "notes": request.POST.get("notes", draft.notes),
            "problem": problem,
            "guide": show_guide(campaign, request.user, draft),
            "is_preview": act == "preview" and not problem,
            "most_text": rubrics.MOST_TEXT,
            "most_notes": rubrics.MOST_NOTES,
            "most_faces": rubrics.MOST_FACES,
        },
        status=400 if problem else 200,
    )


def version(request: HttpRequest) -> int:
    """The guide's version that this form was made from."""
    sent = request.POST.get("version", "")
    return int(sent) if sent.isdecimal() and len(sent) < 9 else -1


def read_form(request: HttpRequest, campaign: Campaign) -> Rubric:
    sent = {
        value: (
            request.POST.get(f"text-{value}", ""),
            [
                *request.POST.getlist(f"faces-{value}"),
                *request.POST.get(f"more-{value}", "").splitlines(),
            ],
        )
        for value in [*campaign.values, UNSURE]
    }
    return rubrics.draft(campaign, request.POST.get("notes", ""), sent, version=version(request))


def store(request: HttpRequest, campaign: Campaign, draft: Rubric) -> HttpResponse:
    if rubrics.change(campaign, draft, by=request.user):
        messages.success(request, "The guide is stored. Whoever has read the old one is told.")
    else:
        messages.info(request, "Nothing was changed.")
    return redirect("campaign-rubric", campaign.slug)


def show_form(
    request: HttpRequest, campaign: Campaign, draft: Rubric, *, has_problem: bool
) -> list[dict[str, Any]]:
    """For each answer its words, its faces, and faces one might take; what was refused stays."""
    labels = [(choice["value"], choice["label"]) for choice in campaign.choices]
    suggested = {
        value: rubrics.suggested_faces(campaign, value) for value in [*campaign.values, UNSURE]
    }
    names = rubrics.faces_shown(campaign, draft)
    rows = []
    for value, label in [*labels, (UNSURE, "Can't tell")]:
        own = {face: names[face] for face in draft.faces.get(value, []) if face in names}
        if has_problem:
            own = rubrics.named_faces(campaign, request.POST.getlist(f"faces-{value}"))
        others = {face: name for face, name in suggested[value].items() if face not in own}
        rows.append(
            {
                "value": value,
                "label": label,
                "text": request.POST.get(f"text-{value}")
                or draft.texts.get(value)
                or rubrics.built_in_text(campaign, value),
                "faces": own,
                "suggested": others,
                "more": request.POST.get(f"more-{value}", "") if has_problem else "",
            }
        )
    return rows


@page_for("manager")
def quiz_results(request: HttpRequest, slug: str) -> HttpResponse:
    """Who has taken the quiz, and who needs another try."""
    campaign = get_object_or_404(Campaign.objects.select_related("dataset"), slug=slug)
    return render(
        request,
        "campaigns/quiz_results.html",
        {
            "campaign": campaign,
            "state": quizzes.state(campaign),
            "results": quizzes.results(campaign),
            "most_tries": quizzes.MOST_TRIES,
        },
    )


@require_POST
@page_for("manager")
def excuse(request: HttpRequest, slug: str) -> HttpResponse:
    """Another try for somebody who has used theirs up."""
    campaign = get_object_or_404(Campaign, slug=slug)
    annotator = get_object_or_404(User, username=request.POST.get("annotator", ""))
    try:
        quizzes.excuse(campaign, annotator, by=request.user)
    except Conflict as refused:
        messages.warning(request, refused.detail)
    else:
        messages.success(request, f"{annotator.username} has another try at the quiz.")
    back = request.POST.get("next", "")
    if not url_has_allowed_host_and_scheme(back, allowed_hosts={request.get_host()}):
        back = reverse("campaign-quiz", args=[slug])
    return redirect(back)
