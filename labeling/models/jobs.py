"""Long work: its rows."""

from django.db import models
from django.db.models import Q

from labeling.models.campaigns import Campaign
from labeling.models.people import User


class Job(models.Model):
    """Long work: the row is the truth, the message to the worker only a bell."""

    class Status(models.TextChoices):
        QUEUED = "queued"
        RUNNING = "running"
        DONE = "done"
        FAILED = "failed"
        CANCELLED = "cancelled"

    status = models.CharField(max_length=10, choices=Status, default=Status.QUEUED)
    progress = models.FloatField(default=0)
    step = models.CharField(max_length=200, blank=True, help_text="what it is doing, for people")
    error = models.TextField(null=True)  # noqa: DJ001 null = none, as api.md says
    cancel_requested = models.BooleanField(default=False)
    attempt = models.PositiveSmallIntegerField(default=0)
    heartbeat_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField(auto_now_add=True)
    finished_at = models.DateTimeField(null=True)
    requested_by = models.ForeignKey(User, models.PROTECT, null=True, related_name="+")
    request = models.JSONField(default=dict, help_text="the body that asked for it")
    idempotency_key = models.CharField(max_length=200, blank=True)

    class Meta:
        abstract = True
        constraints = [
            models.UniqueConstraint(
                fields=["requested_by", "idempotency_key"],
                condition=~Q(idempotency_key=""),
                name="%(class)s_asked_twice_is_one_row",
            ),
            models.CheckConstraint(
                condition=Q(progress__range=(0, 1)), name="%(class)s_progress_is_a_fraction"
            ),
        ]


class Refresh(Job):
    """One pass of the worker over a campaign: votes -> consensus -> suggestions -> priorities."""

    campaign = models.ForeignKey(Campaign, models.PROTECT, related_name="refreshes")
    figures = models.JSONField(default=dict)

    class Meta(Job.Meta):
        constraints = [
            *Job.Meta.constraints,
            # Many votes ring for a refresh; one waiting row answers them all.
            models.UniqueConstraint(
                fields=["campaign"],
                condition=Q(status="queued"),
                name="one_refresh_waits_per_campaign",
            ),
        ]


class Import(Job):
    """Votes or labels from a file that a manager sent: checked, then stored."""

    class Kind(models.TextChoices):
        VOTES = "votes", "file, annotator, choice"
        LABELS = "labels", "file, choice"

    campaign = models.ForeignKey(Campaign, models.PROTECT, related_name="imports")
    kind = models.CharField(max_length=6, choices=Kind)
    file = models.CharField(max_length=1000, help_text="where the upload lies")
    figures = models.JSONField(default=dict)
