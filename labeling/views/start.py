"""What annotators do before the first vote: read the guide, and take the quiz."""

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.templatetags.static import static
from django.urls import reverse

from labeling import quizzes, rubrics
from labeling.errors import Conflict
from labeling.models import UNSURE, Campaign, QuizAttempt, User
from labeling.roles import page_for
from labeling.rubrics import Rubric
from labeling.views.keys import layout_for

# The drawn faces of the built-in guide: static/label/examples, from `python -m lightstage teach`.
SIDE_EXAMPLES = {
    "clear": "clear",
    "soft": "soft, still {side}",
    "away": "head turned away, still {side}",
    "towards": "head turned to the light",
}
CENTER_EXAMPLES = {
    "clear": "clear",
    "above": "from above: center",
    "slight": "a touch to one side: center",
    "turned": "head turned, light in front",
}
UNSURE_EXAMPLES = {
    "dark": "too dark",
    "covered": "covered",
    "both": "both sides alike",
    "pale": "too pale",
}


# "Right" is a side here, so a verdict says more than the choice's label.
LIGHT_PHRASES = {
    "left": "the light comes from your left",
    "center": "the light comes from the front",
    "right": "the light comes from your right",
    UNSURE: "nobody can tell here",
}


def next_step(campaign: Campaign, annotator: User) -> str | None:
    """The page this person has to see before labeling, by its name; None when nothing is left."""
    read = rubrics.version_read(campaign, annotator)
    if read is None or read < rubrics.read_rubric(campaign).version:
        return "rubric"
    return None if quizzes.may_label(campaign, annotator) else "quiz"


@page_for("annotator")
def rubric(request: HttpRequest, slug: str) -> HttpResponse:
    """What the answers mean; confirmed before the first vote, and again when it has changed."""
    campaign = get_object_or_404(Campaign, slug=slug, is_open=True)
    if request.method == "POST":
        rubrics.confirm(campaign, request.user)
        return begin_quiz(request, campaign) if "quiz" in request.POST else redirect("label", slug)
    read = rubrics.version_read(campaign, request.user)
    standing = quizzes.standing(campaign, request.user)
    has_quiz = quizzes.is_given(campaign) and standing.state != "passed"
    return render(
        request,
        "label/rubric.html",
        {
            "campaign": campaign,
            "guide": show_guide(campaign, request.user),
            "is_confirmed": read is not None,
            "has_changed": read is not None and read < rubrics.read_rubric(campaign).version,
            "offers_quiz": has_quiz and (standing.tries_left > 0 or standing.state == "open"),
            "may_label": quizzes.may_label(campaign, request.user),
            "standing": standing,
        },
    )


@page_for("annotator")
def quiz(request: HttpRequest, slug: str) -> HttpResponse:
    """The quiz: an invitation, the face in question, or what came of it."""
    campaign = get_object_or_404(Campaign, slug=slug, is_open=True)
    if request.method == "POST":
        return begin_quiz(request, campaign)
    standing = quizzes.standing(campaign, request.user)
    if not quizzes.is_given(campaign) and standing.state not in ("passed", "failed"):
        return redirect("rubric", slug)
    attempt = quizzes.open_try(campaign, request.user)
    last = None if attempt else quizzes.last_finished(campaign, request.user)
    is_about_light = rubrics.is_about_light(campaign)
    phrases = LIGHT_PHRASES if is_about_light else {}
    return render(
        request,
        "label/quiz.html",
        {
            "campaign": campaign,
            "is_about_light": is_about_light,
            "choices": [
                {**row, "phrase": phrases.get(row["value"], f"it is “{row['label']}”")}
                for row in show_answers(campaign, request.user)
            ],
            "layout": layout_for(campaign, request.user),
            "standing": standing,
            "attempt": attempt,
            "last": last,
            "missed": show_missed(campaign, last) if last else [],
            "may_label": quizzes.may_label(campaign, request.user),
            "n_questions": quizzes.N_QUESTIONS,
        },
    )


def begin_quiz(request: HttpRequest, campaign: Campaign) -> HttpResponse:
    try:
        quizzes.start(campaign, request.user)
    except Conflict as refused:
        messages.warning(request, refused.detail)
    return redirect("quiz", campaign.slug)


def show_answers(campaign: Campaign, person: User) -> list[dict[str, str]]:
    """Every answer there is, with the key that this person presses for it."""
    keys = layout_for(campaign, person).shown
    rows = [(choice["value"], choice["label"]) for choice in campaign.choices]
    # A campaign may have more choices than a layout has keys; the last key is "can't tell".
    on_key = [*keys[:-1], *[""] * (len(rows) + 1 - len(keys)), keys[-1]]
    return [
        {"value": value, "label": label, "on_key": key}
        for (value, label), key in zip([*rows, (UNSURE, "Can't tell")], on_key, strict=True)
    ]


def show_guide(campaign: Campaign, person: User, draft: Rubric | None = None) -> dict[str, Any]:
    """The guide as annotators see it, for templates/parts/rubric.html; a draft is not stored."""
    rubric = draft or rubrics.read_rubric(campaign)
    names = rubrics.faces_shown(campaign, rubric)
    sections = []
    for row in show_answers(campaign, person):
        value = row["value"]
        own = [
            show_example(face, names[face]) for face in rubric.faces.get(value, []) if face in names
        ]
        sections.append(
            {
                **row,
                "text": rubric.texts.get(value) or rubrics.built_in_text(campaign, value),
                "examples": own or built_in_examples(campaign, value),
            }
        )
    return {
        "is_about_light": rubrics.is_about_light(campaign),
        "prompt": campaign.prompt,
        "notes": rubric.notes,
        "sections": sections,
    }


def show_example(face_id: int, filename: str) -> dict[str, str]:
    return {"src": reverse("face-image", args=[face_id]), "alt": f"Example face {filename}"}


def built_in_examples(campaign: Campaign, value: str) -> list[dict[str, str]]:
    """Our own drawn faces for a choice; none where the campaign is not about light."""
    if not rubrics.is_about_light(campaign):
        return []
    captions = {UNSURE: UNSURE_EXAMPLES, "center": CENTER_EXAMPLES}.get(value, SIDE_EXAMPLES)
    return [
        {
            "src": static(f"label/examples/{value}-{kind}.webp"),
            "alt": "A drawn face.",
            "caption": caption.format(side=value),
        }
        for kind, caption in captions.items()
    ]


def show_missed(campaign: Campaign, attempt: QuizAttempt) -> list[dict[str, Any]]:
    """The faces of a finished try that were answered otherwise, and why."""
    labels = {row["value"]: row["label"] for row in campaign.choices} | {UNSURE: "Can't tell"}
    faces = quizzes.faces_of(campaign, attempt)
    return [
        {
            "face": faces[row["question"]],
            "truth": row["truth"],
            "truth_label": labels[row["truth"]],
            "answer_label": labels[row["choice"]],
        }
        for row in attempt.answers
        if not row["is_right"] and row["question"] in faces
    ]
