"""Turns as tasks: what a client sees of them, and the next one for an annotator."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from django.db.models import QuerySet
from django.urls import reverse
from django.utils import timezone
from rest_framework.request import Request

from labeling import leases, queue
from labeling.errors import NotFound
from labeling.label_studio import annotations
from labeling.label_studio.annotations import Annotation, stamp
from labeling.label_studio.configs import LabelConfig, config_of
from labeling.models import UNSURE, Campaign, Lease, Suggestion, Turn, User
from labeling.roles import campaign_for, has_role


@dataclass(frozen=True)
class Viewer:
    """Who looks, and from where. Managers see everybody's answers and what the model says;
    annotators see their own and nothing of the model, so that they answer for themselves."""

    user: User
    request: Request

    @property
    def is_manager(self) -> bool:
        return has_role(self.user, "manager")

    def address_of(self, face_id: int) -> str:
        before, after = self._around_a_face
        return f"{before}{face_id}{after}"

    @cached_property
    def _around_a_face(self) -> tuple[str, str]:
        """What stands before and after a face's number: asked once, not for each of an export."""
        address = self.request.build_absolute_uri(reverse("face-image", args=[0]))
        before, _, after = address.rpartition("0")
        return before, after


def turns_of(campaign: Campaign) -> QuerySet[Turn]:
    """A project's tasks; trials with flipped faces are no tasks of their own."""
    asked = Turn.objects.asked().filter(campaign=campaign)
    return asked.select_related("face", "label_studio").order_by("id")


def turn_for(user: User, task_id: int) -> Turn:
    """The task if this person may see its project."""
    asked = Turn.objects.asked().filter(id=task_id)
    found = asked.select_related("face", "label_studio", "campaign").first()
    try:
        if found is None:
            raise NotFound("")
        found.campaign = project_for(user, found.campaign_id)
    except NotFound:
        raise NotFound(f"There is no task {task_id} for you.") from None
    return found


def project_for(user: User, project_id: int) -> Campaign:
    """The campaign if this person may see it."""
    slug = Campaign.objects.filter(id=project_id).values_list("slug", flat=True).first()
    try:
        campaign = campaign_for(user, slug or "")
    except NotFound:
        raise NotFound(f"There is no project {project_id} for you.") from None
    return campaign


def show_tasks(turns: Sequence[Turn], campaign: Campaign, viewer: Viewer) -> list[dict[str, Any]]:
    """Tasks as Label Studio shows them, with the annotations that the viewer may see."""
    config, _ = config_of(campaign)
    whose = None if viewer.is_manager else viewer.user
    answers = annotations.of_tasks(turns, by=whose, without_trials=whose is None)
    said = _suggestions(turns, campaign) if viewer.is_manager else {}
    tasks = []
    for turn in turns:
        own = answers.get(turn.id, [])
        predictions = [_prediction(said[turn.id], turn, config)] if turn.id in said else []
        tasks.append(_show(turn, campaign, config, viewer, own, predictions))
    return tasks


def _show(
    turn: Turn,
    campaign: Campaign,
    config: LabelConfig,
    viewer: Viewer,
    answers: list[Annotation],
    predictions: list[dict[str, Any]],
) -> dict[str, Any]:
    came = getattr(turn, "label_studio", None)
    created = came.imported_at if came else campaign.created_at
    updated = max([created, *(one.vote.created_at for one in answers)])
    n_skipped = sum(one.vote.choice == UNSURE for one in answers)
    return {
        "id": turn.id,
        "inner_id": turn.id,
        "project": campaign.id,
        "data": came.data if came else _data(turn, config, viewer),
        "meta": came.meta if came else {},
        "created_at": stamp(created),
        "updated_at": stamp(updated),
        "is_labeled": turn.had >= turn.wanted,
        # What one task wants tells audits and trials from questions: not for those who answer.
        "overlap": turn.wanted if viewer.is_manager else campaign.votes_max,
        "annotations": [annotations.show(one, campaign, config) for one in answers],
        "predictions": predictions,
        "drafts": [],
        "total_annotations": len(answers) - n_skipped,
        "cancelled_annotations": n_skipped,
        "total_predictions": len(predictions),
        "annotators": [one.vote.annotator_id for one in answers],
        "file_upload": None,
        "comment_count": 0,
        "unresolved_comment_count": 0,
        "comment_authors": [],
        "last_comment_updated_at": None,
    }


def data_columns(config: LabelConfig) -> tuple[str, str]:
    """What describes a face that was not imported through the dialect: its file, its image."""
    return "filename", config.image_key


def _data(turn: Turn, config: LabelConfig, viewer: Viewer) -> dict[str, str]:
    said = (turn.face.filename, viewer.address_of(turn.face_id))
    return dict(zip(data_columns(config), said, strict=True))


def _suggestions(turns: Sequence[Turn], campaign: Campaign) -> dict[int, Suggestion]:
    turn_of = {turn.face_id: turn.id for turn in turns}
    said = Suggestion.objects.filter(campaign=campaign, face__in=turn_of)
    return {turn_of[one.face_id]: one for one in said.select_related("classifier")}


def _prediction(said: Suggestion, turn: Turn, config: LabelConfig) -> dict[str, Any]:
    made_at = stamp(said.classifier.created_at)
    return {
        "id": said.id,
        "task": turn.id,
        "project": turn.campaign_id,
        "model_version": f"penumbra-{said.classifier.version}",
        "score": round(max(said.probabilities), 6),
        "result": [annotations.region(config, said.choice, f"suggested-{said.id}")],
        "created_at": made_at,
        "updated_at": made_at,
    }


def next_turn(campaign: Campaign, annotator: User) -> Turn | None:
    """The task this annotator holds, else the next of the queue, leased; None: nothing is left.

    A client that asks again before it has answered gets the same task, as from Label Studio.
    """
    held = Lease.objects.filter(
        turn__campaign=campaign,
        annotator=annotator,
        expires_at__gte=timezone.now(),
        is_grid=False,
    )
    mine = held.exclude(turn__kind=Turn.Kind.MIRROR).order_by("id").select_related("turn").first()
    if mine is not None and campaign.is_open:
        leases.renew(campaign, annotator, [mine.turn.face_id])
        return turns_of(campaign).get(id=mine.turn_id)
    # A client shows the picture that its own data name, which nobody can flip for it, and no
    # suggestion, so none is to be noted as seen or withheld. Neither change is stored.
    campaign.mirror_share, campaign.shows_suggestions = 0, False
    faces = queue.next_faces(campaign, annotator, 1)
    return turns_of(campaign).filter(face__in=[one.face_id for one in faces]).first()
