"""The quiz before the first vote: its faces, and each answer's verdict once it is stored."""

from typing import Any

from django.templatetags.static import static
from django.urls import path, reverse
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from labeling import quizzes
from labeling.bodies import ANY_OBJECT, Strict, read
from labeling.models import Campaign, QuizAttempt, User
from labeling.quiz_faces import KnownFace
from labeling.roles import campaign_for, needs


def show_quiz(campaign: Campaign, annotator: User) -> dict[str, Any]:
    """How this person stands; of the open try the pictures, and what was answered so far."""
    standing = quizzes.standing(campaign, annotator)
    attempt = quizzes.open_try(campaign, annotator)
    return {
        "state": standing.state,
        "right": standing.right,
        "of": standing.of,
        "pass_mark": campaign.quiz_pass_mark,
        "tries": standing.tries,
        "tries_left": standing.tries_left,
        "attempt": show_attempt(campaign, attempt) if attempt else None,
    }


def show_attempt(campaign: Campaign, attempt: QuizAttempt) -> dict[str, Any]:
    faces = quizzes.faces_of(campaign, attempt)
    return {
        "id": attempt.id,
        "questions": [
            {
                "question": row["question"],
                "image": picture_of(faces[row["question"]]),
                "answer": None if row["choice"] is None else show_answer(row),
            }
            for row in attempt.answers
        ],
    }


def show_answer(row: dict[str, Any]) -> dict[str, Any]:
    return {name: row[name] for name in ("choice", "is_right", "truth")}


def picture_of(face: KnownFace) -> str:
    if face.picture is not None:
        return static(f"label/quiz/{face.picture}.webp")
    return reverse("face-image", args=[face.face_id])


class QuizView(APIView):
    permission_classes = [needs("annotator")]

    @extend_schema(responses=ANY_OBJECT)
    def get(self, request: Request, slug: str) -> Response:
        return Response(show_quiz(campaign_for(request.user, slug), request.user))

    @extend_schema(request=None, responses=ANY_OBJECT)
    def post(self, request: Request, slug: str) -> Response:
        campaign = campaign_for(request.user, slug)
        quizzes.start(campaign, request.user)
        return Response(show_quiz(campaign, request.user), status=201)


class AnswerBody(Strict):
    attempt = serializers.IntegerField(min_value=1, max_value=2**63 - 1)
    question = serializers.CharField(max_length=60)
    choice = serializers.CharField(max_length=40)


class QuizAnswersView(APIView):
    permission_classes = [needs("annotator")]

    @extend_schema(request=AnswerBody, responses=ANY_OBJECT)
    def post(self, request: Request, slug: str) -> Response:
        campaign = campaign_for(request.user, slug)
        body = read(AnswerBody, request)
        verdict = quizzes.answer(
            campaign, request.user, body["attempt"], body["question"], body["choice"]
        )
        return Response(
            {
                "question": verdict.face.key,
                "choice": verdict.choice,
                "is_right": verdict.is_right,
                "truth": verdict.truth,
                "why": verdict.face.why,
                "is_last": verdict.is_last,
            },
            status=201,
        )


urlpatterns = [
    path("api/campaigns/<slug:slug>/quiz", QuizView.as_view(), name="api-quiz"),
    path(
        "api/campaigns/<slug:slug>/quiz/answers", QuizAnswersView.as_view(), name="api-quiz-answers"
    ),
]
