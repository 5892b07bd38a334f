"""Campaigns, the places in their queues, who holds one, and how an annotator got ready."""

from django.db import models
from django.db.models import F, Q

from labeling.models.faces import Dataset, Face
from labeling.models.people import User

UNSURE = "unsure"
LIGHT_MIRRORS = {"left": "right", "center": "center", "right": "left"}


class Campaign(models.Model):
    """A question put to annotators about a dataset."""

    class StopRule(models.TextChoices):
        """When a face has enough votes; the value is stamped on the turns it closes."""

        RISK = "risk/1", "Ask again while the estimated risk of a wrong label is high"
        AGREEMENT = "agreement/1", "Ask again until one choice leads by two, or all agree"

    class Quiz(models.TextChoices):
        OFF = "off"
        OFFERED = "offered"
        REQUIRED = "required"

    slug = models.SlugField(max_length=60, unique=True)
    title = models.CharField(max_length=120)
    dataset = models.ForeignKey(Dataset, models.PROTECT, related_name="campaigns")
    prompt = models.CharField(max_length=300)
    choices = models.JSONField(help_text='[{"value", "label", "key", "mirror"}], in display order')
    votes_min = models.PositiveSmallIntegerField(default=1)
    votes_max = models.PositiveSmallIntegerField(default=3)
    lease_seconds = models.PositiveIntegerField(default=180)
    stop_rule = models.CharField(max_length=20, choices=StopRule, default=StopRule.RISK)
    shows_suggestions = models.BooleanField(default=False)
    blind_share = models.FloatField(
        default=0.2, help_text="of the suggestions that would be shown, withheld by lot"
    )
    audit_share = models.FloatField(
        default=0.2, help_text="of the faces given out, as long as there are audit faces"
    )
    audit_votes = models.PositiveSmallIntegerField(default=3, help_text="for each audit face")
    mirror_share = models.FloatField(
        default=0, help_text="of the faces given out: seen before, now flipped"
    )
    known_share = models.FloatField(
        default=0, help_text="of the faces given out: adjudicated, to check the annotator"
    )
    catch_share = models.FloatField(
        default=0.04, help_text="of a grid's cells: wrong on purpose, to be caught"
    )
    rubric = models.JSONField(
        default=dict, help_text='{"notes": text, "choices": {value: {"text", "faces": [ids]}}}'
    )
    quiz = models.CharField(max_length=10, choices=Quiz, default=Quiz.OFFERED)
    quiz_pass_mark = models.PositiveSmallIntegerField(default=8, help_text="of ten")
    is_open = models.BooleanField(default=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(votes_min__gte=1, votes_max__gte=F("votes_min")),
                name="a_face_wants_at_least_one_vote",
            ),
            models.CheckConstraint(
                condition=Q(
                    blind_share__range=(0.2, 1),
                    audit_share__range=(0, 1),
                    mirror_share__range=(0, 0.2),
                    known_share__range=(0, 0.2),
                    catch_share__range=(0, 0.2),
                ),
                name="a_campaign_s_shares_are_fractions",
            ),
        ]

    @property
    def values(self) -> list[str]:
        """The choices' values in the campaign's own order."""
        return [choice["value"] for choice in self.choices]

    @property
    def is_about_light(self) -> bool:
        """The built-in question; left, center and right alone may be about a head's pose."""
        prompt = self.prompt.lower()
        mirrors = {choice["value"]: choice["mirror"] for choice in self.choices}
        return mirrors == LIGHT_MIRRORS and ("light" in prompt or "illuminat" in prompt)


class AuditDraw(models.Model):
    """One drawing of audit faces by lot. Rows are only ever added."""

    campaign = models.ForeignKey(Campaign, models.PROTECT, related_name="audit_draws")
    n_pool = models.PositiveIntegerField(default=0, help_text="faces that could be drawn")
    n_drawn = models.PositiveIntegerField(default=0)
    newest_turn = models.BigIntegerField(
        default=0, help_text="faces whose turns came later could not be drawn"
    )
    drawn_at = models.DateTimeField(auto_now_add=True)


class TurnSet(models.QuerySet):
    """Turns, and which of them are questions about faces rather than trials of annotators."""

    def asked(self) -> "TurnSet":
        return self.exclude(kind=Turn.Kind.MIRROR)


class Turn(models.Model):
    """A face's place in a campaign's queue: priority, votes wanted, votes had and places held."""

    class Kind(models.TextChoices):
        ASK = "ask"
        AUDIT = "audit", "drawn by lot, voted blind, never trained on"
        MIRROR = "mirror", "a face shown flipped to somebody who has voted on it"

    campaign = models.ForeignKey(Campaign, models.PROTECT, related_name="turns")
    face = models.ForeignKey(Face, models.PROTECT, related_name="turns")
    kind = models.CharField(max_length=6, choices=Kind, default=Kind.ASK)
    audit_draw = models.ForeignKey(AuditDraw, models.PROTECT, null=True, related_name="turns")
    priority = models.FloatField(default=0, help_text="higher comes first; the head is above 1")
    suggested = models.CharField(max_length=40, blank=True, help_text="what the model says")
    certainty = models.PositiveSmallIntegerField(default=0, help_text="the model's, in percent")
    reason = models.CharField(
        max_length=10, blank=True, db_default="", help_text="why it stands where it stands"
    )
    propensity = models.FloatField(null=True, help_text="the chance with which the lot drew it")
    wanted = models.PositiveSmallIntegerField()
    had = models.PositiveSmallIntegerField(default=0, help_text="standing votes")
    held = models.PositiveSmallIntegerField(default=0, help_text="leases given and not yet ended")
    closing_rule = models.CharField(
        max_length=40, blank=True, help_text="the rule by which the last wanted vote closed it"
    )

    objects = TurnSet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["campaign", "face"], name="a_campaign_asks_once_per_face"
            ),
            # Also what keeps two annotators from the same last place: see queue.next_faces.
            models.CheckConstraint(
                condition=Q(wanted__gte=F("had") + F("held")), name="a_turn_never_exceeds_its_votes"
            ),
        ]
        indexes = [
            models.Index(
                F("campaign"),
                F("kind"),
                F("priority").desc(),
                F("id"),
                condition=Q(wanted__gt=F("had") + F("held")),
                name="turns_with_a_free_place",
            ),
            models.Index(
                F("campaign"),
                F("suggested"),
                F("certainty").desc(),
                F("id"),
                condition=Q(wanted__gt=F("had") + F("held"), kind="ask") & ~Q(suggested=""),
                name="turns_to_verify",
            ),
        ]


class Lease(models.Model):
    """This annotator has this face on screen until then."""

    turn = models.ForeignKey(Turn, models.PROTECT, related_name="leases")
    annotator = models.ForeignKey(User, models.PROTECT, related_name="leases")
    expires_at = models.DateTimeField()
    is_grid = models.BooleanField(default=False)
    suggested = models.CharField(
        max_length=40, blank=True, help_text="what the model said, or the catch, when it was given"
    )
    is_blind = models.BooleanField(default=False, help_text="the suggestion was withheld by lot")
    is_catch = models.BooleanField(default=False, help_text="`suggested` is wrong on purpose")
    request = models.UUIDField(
        null=True, help_text="the client's name for what it asked, to give back what never came"
    )

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["turn", "annotator"], name="an_annotator_holds_a_face_once"
            )
        ]
        indexes = [models.Index(fields=["expires_at"], name="lease_by_expiry")]


class Disguise(models.Model):
    """This annotator knows this trial by the id and the file name of that face: see disguises."""

    turn = models.ForeignKey(
        Turn, models.PROTECT, related_name="disguises", help_text="the trial's"
    )
    annotator = models.ForeignKey(User, models.PROTECT, related_name="disguises")
    face = models.ForeignKey(
        Face, models.PROTECT, related_name="lent_to", help_text="whose names the trial borrows"
    )
    lent_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["annotator", "turn"], name="a_person_knows_a_trial_by_one_name"
            ),
            models.UniqueConstraint(
                fields=["annotator", "face"], name="a_name_is_lent_once_to_a_person"
            ),
        ]


class QuizAttempt(models.Model):
    """One try at a campaign's quiz."""

    campaign = models.ForeignKey(Campaign, models.PROTECT, related_name="quiz_attempts")
    annotator = models.ForeignKey(User, models.PROTECT, related_name="quiz_attempts")
    answers = models.JSONField(default=list, help_text='[{"question", "choice", "is_right"}]')
    n_questions = models.PositiveSmallIntegerField()
    n_right = models.PositiveSmallIntegerField(default=0)
    has_passed = models.BooleanField(default=False)
    started_at = models.DateTimeField(auto_now_add=True)
    finished_at = models.DateTimeField(null=True)
    is_void = models.BooleanField(default=False, help_text="a manager allowed another try")

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["campaign", "annotator"],
                condition=Q(finished_at__isnull=True, is_void=False),
                name="a_person_takes_one_quiz_at_a_time",
            )
        ]


class RubricReading(models.Model):
    """Which version of a campaign's guide a person has confirmed to have read."""

    campaign = models.ForeignKey(Campaign, models.PROTECT, related_name="rubric_readings")
    annotator = models.ForeignKey(User, models.PROTECT, related_name="rubric_readings")
    version = models.PositiveIntegerField()
    read_at = models.DateTimeField(auto_now=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["campaign", "annotator"], name="a_person_has_read_one_newest_guide"
            )
        ]
