"""Votes, and the last word on contested faces. Rows of both are only ever added."""

import uuid

from django.db import models
from django.db.models import Q

from labeling.models.campaigns import Campaign, Turn
from labeling.models.faces import Face
from labeling.models.people import User


class Vote(models.Model):
    """One annotator's answer for one face, or the withdrawal of one. Rows are only ever added.

    Revisions of one annotator on one face count 0, 1, 2, ...: even ones vote, odd ones withdraw the
    one before, so a vote stands exactly when no row withdraws it.
    """

    class Source(models.TextChoices):
        PAGE = "page"
        API = "api"
        IMPORTED = "imported"
        SIMULATED = "simulated"

    class Channel(models.TextChoices):
        """An accepted suggestion is correlated with the model, so it is counted by itself."""

        ANSWER = "answer"
        ACCEPTED = "accepted", "the grid's suggestion, confirmed with the rest"
        CORRECTED = "corrected", "an exception taken out of the grid"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, help_text="the client's own")
    turn = models.ForeignKey(Turn, models.PROTECT, related_name="votes")
    annotator = models.ForeignKey(User, models.PROTECT, related_name="votes")
    revision = models.PositiveSmallIntegerField(default=0)
    choice = models.CharField(max_length=40, null=True)  # noqa: DJ001 null = a withdrawal
    withdraws = models.OneToOneField("self", models.PROTECT, null=True, related_name="withdrawal")
    seconds = models.FloatField(null=True, help_text="on screen before the answer")
    suggestion_shown = models.BooleanField(default=False)
    source = models.CharField(max_length=10, choices=Source)
    channel = models.CharField(max_length=10, choices=Channel, default=Channel.ANSWER)
    suggested = models.CharField(
        max_length=40, blank=True, help_text="what the model said, or the catch, when it was given"
    )
    is_blind = models.BooleanField(default=False, help_text="the suggestion was withheld by lot")
    is_catch = models.BooleanField(default=False, help_text="`suggested` was wrong on purpose")
    reason = models.CharField(
        max_length=10,
        blank=True,
        db_default="",
        help_text="why the face was asked about: see acquisition",
    )
    propensity = models.FloatField(null=True, help_text="the chance with which the lot drew it")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["turn", "annotator", "revision"],
                name="one_standing_vote_per_face_and_person",
            ),
            models.CheckConstraint(
                condition=Q(choice__isnull=True, withdraws__isnull=False)
                | Q(choice__isnull=False, withdraws__isnull=True),
                name="a_vote_answers_or_withdraws",
            ),
        ]
        indexes = [models.Index(fields=["annotator", "-created_at"], name="vote_by_annotator")]


class Adjudication(models.Model):
    """A manager's last word on a face; the newest row of a face stands."""

    campaign = models.ForeignKey(Campaign, models.PROTECT, related_name="adjudications")
    face = models.ForeignKey(Face, models.PROTECT, related_name="adjudications")
    choice = models.CharField(max_length=40)
    by = models.ForeignKey(User, models.PROTECT, related_name="adjudications")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        indexes = [models.Index(fields=["campaign", "face", "-id"], name="adjudication_by_face")]
