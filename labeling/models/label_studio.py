"""What Label Studio's dialect remembers of a campaign and a turn that they themselves don't."""

from django.db import models

from labeling.models.campaigns import Campaign, Turn
from labeling.models.people import User


class LabelStudioProject(models.Model):
    """A campaign that was made through the dialect: how its client described it."""

    campaign = models.OneToOneField(
        Campaign, models.CASCADE, primary_key=True, related_name="label_studio"
    )
    label_config = models.TextField(help_text="as it came; shown while it fits the choices")
    description = models.TextField(blank=True)
    created_by = models.ForeignKey(User, models.PROTECT, related_name="+")


class LabelStudioTask(models.Model):
    """A turn that was imported through the dialect: the task's own data, given back unchanged."""

    turn = models.OneToOneField(Turn, models.CASCADE, primary_key=True, related_name="label_studio")
    data = models.JSONField()
    meta = models.JSONField(default=dict)
    imported_at = models.DateTimeField(auto_now_add=True)
