"""People, how they come in, and what managers did."""

from django.contrib.auth.models import AbstractUser
from django.db import models
from django.db.models import F, Q


class User(AbstractUser):
    """A person, or the stand-in for votes that no person cast here."""

    class Origin(models.TextChoices):
        PERSON = "person"
        SIMULATED = "simulated"
        IMPORTED = "imported"

    class KeyLayout(models.TextChoices):
        """Which keys answer on the label page; digits always do."""

        ARROWS = "arrows", "Arrow keys (the campaign's own)"
        LEFT_HAND = "left_hand", "A S D F, the left hand's home row"
        RIGHT_HAND = "right_hand", "J K L ;, the right hand's home row"
        DIGITS = "digits", "Digits only"

    is_annotator = models.BooleanField(default=False, help_text="may vote")
    is_manager = models.BooleanField(default=False, help_text="runs campaigns and releases")
    is_researcher = models.BooleanField(default=False, help_text="filters and edits faces")
    origin = models.CharField(max_length=10, choices=Origin, default=Origin.PERSON)
    key_layout = models.CharField(max_length=10, choices=KeyLayout, default=KeyLayout.ARROWS)
    invite = models.ForeignKey(
        "Invite", models.SET_NULL, null=True, blank=True, related_name="people", editable=False
    )


class Invite(models.Model):
    """A link that lets people in with roles, or one person choose a new password.

    The link carries a random token; only its SHA-256 is kept.
    """

    token_hash = models.CharField(max_length=64, unique=True)
    resets = models.ForeignKey(
        User, models.CASCADE, null=True, related_name="resets", help_text="null: for new people"
    )
    note = models.CharField(max_length=120, blank=True, help_text="for whom, in a manager's words")
    is_annotator = models.BooleanField(default=False)
    is_manager = models.BooleanField(default=False)
    is_researcher = models.BooleanField(default=False)
    most_uses = models.PositiveSmallIntegerField(default=1)
    uses = models.PositiveSmallIntegerField(default=0)
    created_by = models.ForeignKey(User, models.PROTECT, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField()
    revoked_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(uses__lte=F("most_uses")), name="an_invite_lets_in_no_more_than_it_says"
            )
        ]


class Act(models.Model):
    """What a manager did, when, to what. Rows are only ever added, as for votes."""

    at = models.DateTimeField(auto_now_add=True)
    by = models.ForeignKey(User, models.PROTECT, related_name="acts")
    what = models.CharField(max_length=40, help_text="a stable word, like person.suspend")
    about = models.CharField(max_length=200, help_text="the thing's name when it was done")
    campaign = models.ForeignKey("Campaign", models.PROTECT, null=True, related_name="acts")
    details = models.JSONField(default=dict)

    class Meta:
        indexes = [models.Index(fields=["campaign", "-id"], name="act_by_campaign")]
