"""Releases and their labels."""

from django.contrib.postgres.fields import ArrayField
from django.db import models

from labeling.models.campaigns import Campaign
from labeling.models.faces import Face
from labeling.models.jobs import Job
from labeling.models.learning import Consensus


class Release(Job):
    """An immutable, hashed export of a campaign's labels."""

    campaign = models.ForeignKey(Campaign, models.PROTECT, related_name="releases")
    number = models.PositiveIntegerField(help_text="1, 2, ... within the campaign")
    manifest = models.JSONField(default=dict)
    n_labels = models.PositiveIntegerField(default=0)
    certificate = models.JSONField(
        default=dict, help_text="what the look at the audits gave; empty: there was none"
    )

    class Meta(Job.Meta):
        constraints = [
            *Job.Meta.constraints,
            models.UniqueConstraint(
                fields=["campaign", "number"], name="a_release_number_is_used_once"
            ),
        ]


class ReleasedLabel(models.Model):
    """One row of a release, so that faces can be filtered by exactly what was published."""

    release = models.ForeignKey(Release, models.PROTECT, related_name="labels")
    face = models.ForeignKey(Face, models.PROTECT, related_name="released_labels")
    choice = models.CharField(max_length=40)
    probability = models.FloatField()
    probabilities = ArrayField(models.FloatField(), help_text="in the order of the choices")
    source = models.CharField(max_length=10, choices=Consensus.Source)
    n_votes = models.PositiveSmallIntegerField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["release", "face"], name="a_release_labels_a_face_once")
        ]
