"""The rows of labeling: people, datasets, campaigns, votes, and what is believed of faces."""

import uuid

from django.contrib.auth.models import AbstractUser
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q

UNSURE = "unsure"


class User(AbstractUser):
    """A person, or the stand-in for votes that no person cast here."""

    class Origin(models.TextChoices):
        PERSON = "person"
        SIMULATED = "simulated"
        IMPORTED = "imported"

    is_annotator = models.BooleanField(default=False, help_text="may vote")
    is_manager = models.BooleanField(default=False, help_text="runs campaigns and releases")
    is_researcher = models.BooleanField(default=False, help_text="filters and edits faces")
    origin = models.CharField(max_length=10, choices=Origin, default=Origin.PERSON)


class Dataset(models.Model):
    """A folder of faces in CelebA's layout, imported once."""

    name = models.SlugField(max_length=60, unique=True)
    image_folder = models.CharField(max_length=1000, help_text="absolute path")
    attribute_names = ArrayField(models.CharField(max_length=40), default=list)
    missing_tables = ArrayField(models.CharField(max_length=40), default=list)
    is_rendered = models.BooleanField(default=False, help_text="made by our light stage")
    n_faces = models.PositiveIntegerField(default=0)
    imported_at = models.DateTimeField(auto_now_add=True)


class Face(models.Model):
    """One image: file name, identity, split, 40 attributes, 5 landmarks, yaw."""

    class Split(models.IntegerChoices):
        TRAIN = 0
        VALIDATION = 1
        TEST = 2

    dataset = models.ForeignKey(Dataset, models.PROTECT, related_name="faces")
    filename = models.CharField(max_length=200, help_text="relative to the dataset's image folder")
    width = models.PositiveSmallIntegerField(null=True)
    height = models.PositiveSmallIntegerField(null=True)
    identity = models.IntegerField(null=True)
    split = models.PositiveSmallIntegerField(choices=Split, null=True)
    attributes = models.BigIntegerField(
        null=True, help_text="bit i = the dataset's attribute_names[i]"
    )
    landmarks = ArrayField(
        models.SmallIntegerField(),
        size=10,
        null=True,
        help_text="x, y of 5 points in CelebA's order",
    )
    yaw_degrees = models.FloatField(
        null=True, help_text="> 0: the nose points to the viewer's right"
    )

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["dataset", "filename"], name="a_dataset_names_each_face_once"
            ),
            models.CheckConstraint(
                condition=Q(yaw_degrees__isnull=True) | Q(yaw_degrees__range=(-180, 180)),
                name="yaw_lies_within_a_half_turn",
            ),
        ]
        indexes = [models.Index(fields=["dataset", "yaw_degrees"], name="face_by_yaw")]


class Campaign(models.Model):
    """A question put to annotators about a dataset."""

    slug = models.SlugField(max_length=60, unique=True)
    title = models.CharField(max_length=120)
    dataset = models.ForeignKey(Dataset, models.PROTECT, related_name="campaigns")
    prompt = models.CharField(max_length=300)
    choices = models.JSONField(help_text='[{"value", "label", "key", "mirror"}], in display order')
    votes_min = models.PositiveSmallIntegerField(default=1)
    votes_max = models.PositiveSmallIntegerField(default=3)
    lease_seconds = models.PositiveIntegerField(default=180)
    shows_suggestions = models.BooleanField(default=False)
    is_open = models.BooleanField(default=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(votes_min__gte=1, votes_max__gte=F("votes_min")),
                name="a_face_wants_at_least_one_vote",
            )
        ]

    @property
    def values(self) -> list[str]:
        """The choices' values in the campaign's own order."""
        return [choice["value"] for choice in self.choices]


class Turn(models.Model):
    """A face's place in a campaign's queue: priority, votes wanted, votes had and places held."""

    campaign = models.ForeignKey(Campaign, models.PROTECT, related_name="turns")
    face = models.ForeignKey(Face, models.PROTECT, related_name="turns")
    priority = models.FloatField(default=0, help_text="higher comes first")
    wanted = models.PositiveSmallIntegerField()
    had = models.PositiveSmallIntegerField(default=0, help_text="standing votes")
    held = models.PositiveSmallIntegerField(default=0, help_text="leases given and not yet ended")
    closing_rule = models.CharField(
        max_length=40, blank=True, help_text="the rule by which the last wanted vote closed it"
    )

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
                F("priority").desc(),
                F("id"),
                condition=Q(wanted__gt=F("had") + F("held")),
                name="turns_with_a_free_place",
            )
        ]


class Lease(models.Model):
    """This annotator has this face on screen until then."""

    turn = models.ForeignKey(Turn, models.PROTECT, related_name="leases")
    annotator = models.ForeignKey(User, models.PROTECT, related_name="leases")
    expires_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["turn", "annotator"], name="an_annotator_holds_a_face_once"
            )
        ]
        indexes = [models.Index(fields=["expires_at"], name="lease_by_expiry")]


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

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, help_text="the client's own")
    turn = models.ForeignKey(Turn, models.PROTECT, related_name="votes")
    annotator = models.ForeignKey(User, models.PROTECT, related_name="votes")
    revision = models.PositiveSmallIntegerField(default=0)
    choice = models.CharField(max_length=40, null=True)  # noqa: DJ001 null = a withdrawal
    withdraws = models.OneToOneField("self", models.PROTECT, null=True, related_name="withdrawal")
    seconds = models.FloatField(null=True, help_text="on screen before the answer")
    suggestion_shown = models.BooleanField(default=False)
    source = models.CharField(max_length=10, choices=Source)
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


class FaceFeatures(models.Model):
    """A face's feature vector, kept with the version of the code that made it."""

    face = models.OneToOneField(Face, models.CASCADE, primary_key=True, related_name="features")
    version = models.CharField(max_length=40)
    vector = models.BinaryField(help_text="float32, little-endian")


class Classifier(models.Model):
    """A trained model of one campaign: what suggestions come from."""

    campaign = models.ForeignKey(Campaign, models.PROTECT, related_name="classifiers")
    version = models.PositiveIntegerField()
    feature_version = models.CharField(max_length=40)
    weights = models.BinaryField(help_text="safetensors")
    card = models.JSONField(help_text="votes it learned from, held-out figures, settings")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["campaign", "version"], name="a_classifier_version_is_used_once"
            )
        ]


class Suggestion(models.Model):
    """What a trained classifier says of a face."""

    campaign = models.ForeignKey(Campaign, models.PROTECT, related_name="suggestions")
    face = models.ForeignKey(Face, models.PROTECT, related_name="suggestions")
    classifier = models.ForeignKey(Classifier, models.PROTECT, related_name="suggestions")
    choice = models.CharField(max_length=40)
    probabilities = ArrayField(models.FloatField(), help_text="in the order of the choices")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["campaign", "face"], name="one_suggestion_per_face")
        ]


class Consensus(models.Model):
    """What we now believe of a face, from all its votes and the classifier."""

    class Source(models.TextChoices):
        HUMAN = "human"
        MODEL = "model"

    campaign = models.ForeignKey(Campaign, models.PROTECT, related_name="consensus")
    face = models.ForeignKey(Face, models.PROTECT, related_name="consensus")
    choice = models.CharField(max_length=40)
    probability = models.FloatField(help_text="of that choice")
    probabilities = ArrayField(models.FloatField(), help_text="in the order of the choices")
    source = models.CharField(max_length=10, choices=Source, help_text="human: it has votes")
    n_votes = models.PositiveSmallIntegerField(default=0)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["campaign", "face"], name="one_consensus_per_face")
        ]
        indexes = [
            models.Index(fields=["campaign", "choice", "probability"], name="consensus_by_choice")
        ]


class Release(Job):
    """An immutable, hashed export of a campaign's labels."""

    campaign = models.ForeignKey(Campaign, models.PROTECT, related_name="releases")
    number = models.PositiveIntegerField(help_text="1, 2, ... within the campaign")
    manifest = models.JSONField(default=dict)
    n_labels = models.PositiveIntegerField(default=0)

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
