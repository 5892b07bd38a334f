"""The rows of editing: generators, latents on disk, directions and edits."""

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q

from labeling.models import Dataset, Face, Job, Release


class Generator(Job):
    """A diffusion U-Net with its noise schedule; done = it was loaded and fits."""

    name = models.SlugField(max_length=60, unique=True)
    source = models.CharField(max_length=1000, help_text="folder or hub id, as given")
    folder = models.CharField(max_length=1000, blank=True, help_text="absolute path, once found")
    sha256 = models.CharField(max_length=64, blank=True, help_text="over configuration and weights")
    image_size = models.PositiveIntegerField(null=True)
    card = models.JSONField(default=dict, help_text="shape, schedule, parameters, training record")


class Embedding(Job):
    """The latents of a filter's faces in one generator's space."""

    class Method(models.TextChoices):
        INVERSION = "inversion"
        ENCODER = "encoder"

    generator = models.ForeignKey(Generator, models.PROTECT, related_name="embeddings")
    dataset = models.ForeignKey(Dataset, models.PROTECT, related_name="embeddings")
    class Kind(models.TextChoices):
        NOISY = "x_t", "the noisy face at the timestep"
        BOTTLENECK = "h", "the network's bottleneck at the timestep"

    method = models.CharField(max_length=10, choices=Method, default=Method.INVERSION)
    kind = models.CharField(max_length=3, choices=Kind, default=Kind.NOISY)
    filter = models.CharField(max_length=1000, blank=True, help_text="as a query string")
    timestep = models.PositiveIntegerField(help_text="noise level of the latents: x_t at this t")
    steps = models.PositiveIntegerField(help_text="DDIM steps of the whole schedule")
    refinements = models.PositiveSmallIntegerField(help_text="fixed-point iterations per step")
    gradient_steps = models.PositiveSmallIntegerField(
        default=0, help_text="descents on the generated picture's own error, after the method"
    )
    space = models.CharField(max_length=120, help_text="the store's key; equal key = same space")
    n_faces = models.PositiveIntegerField(default=0)
    n_embedded = models.PositiveIntegerField(default=0)
    figures = models.JSONField(default=dict, help_text="round-trip error, faces per second")


class Direction(Job):
    """A line to the left and one to the right through the centroids of yaw bins."""

    generator = models.ForeignKey(Generator, models.PROTECT, related_name="directions")
    dataset = models.ForeignKey(Dataset, models.PROTECT, related_name="directions")
    release = models.ForeignKey(Release, models.PROTECT, null=True, related_name="directions")
    kind = models.CharField(max_length=20, default="rotation")
    filter = models.CharField(max_length=1000, blank=True, help_text="as a query string")
    bins = ArrayField(models.FloatField(), help_text="edges of the yaw bins in degrees")
    space = models.CharField(max_length=120)
    recipe = models.JSONField(default=dict, help_text="how it is fitted, see recipes.FitRecipe")
    result = models.JSONField(default=dict, help_text="counts, slopes, fit quality, probes")


class Edit(Job):
    """One request to change one face, and its result."""

    class Kind(models.TextChoices):
        ROTATION = "rotation"
        LOCAL = "local"

    kind = models.CharField(max_length=10, choices=Kind)
    face = models.ForeignKey(Face, models.PROTECT, related_name="edits")
    direction = models.ForeignKey(Direction, models.PROTECT, null=True, related_name="edits")
    degrees = ArrayField(models.FloatField(), default=list)
    settings = models.JSONField(default=dict, help_text="how, beside what the direction says")
    result = models.JSONField(default=dict, help_text="frames, strip, animation, measurements")

    class Meta(Job.Meta):
        constraints = [
            *Job.Meta.constraints,
            models.CheckConstraint(
                condition=~Q(kind="rotation") | Q(direction__isnull=False),
                name="a_rotation_follows_a_direction",
            ),
        ]
