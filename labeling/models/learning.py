"""What the learning keeps: features, classifiers, suggestions, skills, consensus."""

from django.contrib.postgres.fields import ArrayField
from django.db import models

from labeling.models.campaigns import Campaign
from labeling.models.faces import Dataset, Face
from labeling.models.people import User


class FeatureBasis(models.Model):
    """What turns the pictures of a dataset into vectors of appearance: its principal directions."""

    dataset = models.ForeignKey(Dataset, models.CASCADE, related_name="feature_bases")
    version = models.CharField(max_length=40)
    content = models.BinaryField(help_text="safetensors")
    n_faces = models.PositiveIntegerField(help_text="looked at when it was made")
    created_at = models.DateTimeField(auto_now_add=True)


class FaceFeatures(models.Model):
    """A face's feature vector of one kind, with the version of the code that made it."""

    class Kind(models.TextChoices):
        LIGHT = "light", "where the light comes from"
        APPEARANCE = "appearance", "what the face looks like"

    face = models.ForeignKey(Face, models.CASCADE, related_name="features", db_index=False)
    kind = models.CharField(max_length=10, choices=Kind, default=Kind.LIGHT)
    version = models.CharField(max_length=40)
    vector = models.BinaryField(help_text="float32, little-endian")

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["face", "kind"], name="one_vector_per_face_and_kind_of_features"
            )
        ]


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


class AnnotatorSkill(models.Model):
    """How one annotator answers, as the last refresh saw it."""

    campaign = models.ForeignKey(Campaign, models.PROTECT, related_name="skills")
    annotator = models.ForeignKey(User, models.PROTECT, related_name="skills")
    confusion = models.JSONField(help_text="(k, k + 1) counts: what is believed by what was said")
    n_votes = models.PositiveIntegerField(help_text="on faces that others voted on too")
    accuracy = models.FloatField(null=True)
    accuracy_low = models.FloatField(null=True, help_text="95% interval")
    accuracy_high = models.FloatField(null=True)
    weight = models.FloatField(help_text="what a vote counts, 0..1")
    accepted_weight = models.FloatField(help_text="what an accepted suggestion counts, 0..1")
    suspicion = models.CharField(
        max_length=10, blank=True, help_text="swaps: the mirrored sides; guesses: whatever the face"
    )
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["campaign", "annotator"], name="one_skill_per_campaign_and_person"
            )
        ]
