"""The rows of editing: generators, latents on disk, directions, regions, components and edits."""

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q

from labeling.models import Dataset, Face, Job, Release, User


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


class Region(models.Model):
    """A named mask on a face, kept as the shapes it was drawn with."""

    name = models.CharField(max_length=60)
    owner = models.ForeignKey(User, models.PROTECT, related_name="regions")
    face = models.ForeignKey(Face, models.PROTECT, related_name="regions")
    shapes = models.JSONField(help_text="rectangles, polygons, brushes; 0..1 of the face's crop")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["owner", "face", "name"], name="a_person_names_a_region_of_a_face_once"
            ),
            models.CheckConstraint(condition=~Q(name=""), name="a_region_has_a_name"),
        ]


class Decomposition(Job):
    """The search for directions that act on the regions of one face and on nothing else."""

    generator = models.ForeignKey(Generator, models.PROTECT, related_name="decompositions")
    face = models.ForeignKey(Face, models.PROTECT, related_name="decompositions")
    regions = models.JSONField(help_text="each with name and shapes; the rest of the face is one")
    timestep = models.PositiveIntegerField(
        help_text="noise level at which the network is looked at"
    )
    steps = models.PositiveIntegerField(help_text="DDIM steps of the whole schedule")
    refinements = models.PositiveSmallIntegerField(help_text="fixed-point iterations per step")
    rank = models.PositiveSmallIntegerField(help_text="singular vectors per region")
    joint_rank = models.PositiveSmallIntegerField(null=True, help_text="null: by principal angles")
    individual_rank = models.PositiveSmallIntegerField(null=True, help_text="null: what is left")
    pool = models.JSONField(default=dict, help_text="faces to be local on, too: filter, faces, ids")
    sha256 = models.CharField(max_length=64, help_text="over all that it follows from")
    folder = models.CharField(max_length=1000, blank=True, help_text="of its files, once written")
    result = models.JSONField(default=dict, help_text="spectra, ranks and previews, as they come")

    class Meta(Job.Meta):
        constraints = [
            *Job.Meta.constraints,
            models.UniqueConstraint(
                fields=["sha256"],
                condition=Q(status__in=["queued", "running", "done"]),
                name="an_equal_decomposition_is_made_once",
            ),
        ]


class Component(models.Model):
    """One direction of a decomposition: what changes one region, or all of the face together."""

    class Method(models.TextChoices):
        JIVE = "jive"
        JOINT = "joint"
        LOCALITY = "locality"
        NULL_SPACE = "null_space"
        POOLED = "pooled"
        SETTLED = "settled"
        SVD = "svd"

    decomposition = models.ForeignKey(Decomposition, models.CASCADE, related_name="components")
    method = models.CharField(max_length=10, choices=Method)
    region = models.CharField(max_length=60, blank=True, help_text="empty: of all regions together")
    index = models.PositiveSmallIntegerField(help_text="0 = the strongest")
    singular_value = models.FloatField()
    locality = models.FloatField(help_text="change inside its region over that outside, linearised")
    name = models.CharField(max_length=60, blank=True, help_text="its name in the library, if kept")
    kept_by = models.ForeignKey(User, models.PROTECT, null=True, related_name="+")
    kept_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["decomposition", "method", "region", "index"],
                name="a_component_is_found_once",
            ),
            models.UniqueConstraint(
                fields=["name"], condition=~Q(name=""), name="the_library_uses_a_name_once"
            ),
            models.CheckConstraint(
                condition=Q(name="", kept_by=None) | (~Q(name="") & Q(kept_by__isnull=False)),
                name="what_the_library_keeps_has_a_name",
            ),
        ]


class Edit(Job):
    """One request to change one face, and its result."""

    class Kind(models.TextChoices):
        ROTATION = "rotation"
        LOCAL = "local"

    kind = models.CharField(max_length=10, choices=Kind)
    face = models.ForeignKey(Face, models.PROTECT, related_name="edits")
    direction = models.ForeignKey(Direction, models.PROTECT, null=True, related_name="edits")
    degrees = ArrayField(models.FloatField(), default=list)
    component = models.ForeignKey(Component, models.PROTECT, null=True, related_name="edits")
    strengths = ArrayField(models.FloatField(), default=list)
    reference = models.ForeignKey(
        Face, models.PROTECT, null=True, related_name="+", help_text="the face to come nearer to"
    )
    settings = models.JSONField(default=dict, help_text="how, beside what the direction says")
    result = models.JSONField(default=dict, help_text="frames, strip, animation, measurements")

    class Meta(Job.Meta):
        constraints = [
            *Job.Meta.constraints,
            models.CheckConstraint(
                condition=~Q(kind="rotation") | Q(direction__isnull=False),
                name="a_rotation_follows_a_direction",
            ),
            models.CheckConstraint(
                condition=~Q(kind="local") | Q(component__isnull=False),
                name="a_local_edit_follows_a_component",
            ),
        ]


class MeanFaces(Job):
    """The mean faces of a filter's faces, light by pose, and how far neighbouring means lie."""

    dataset = models.ForeignKey(Dataset, models.PROTECT, related_name="mean_faces")
    filter = models.CharField(max_length=1000, blank=True, help_text="as a query string")
    mirror = models.BooleanField(default=False, help_text="each face counts mirrored as well")
    result = models.JSONField(default=dict, help_text="counts, distances, pictures")


class FigureSet(Job):
    """Everything a page of the explorer shows, as files for a paper, with the recipe."""

    dataset = models.ForeignKey(Dataset, models.PROTECT, related_name="figure_sets")
    filter = models.CharField(max_length=1000, blank=True, help_text="as a query string")
    mean_faces = models.ForeignKey(MeanFaces, models.PROTECT, null=True, related_name="figure_sets")
    direction = models.ForeignKey(Direction, models.PROTECT, null=True, related_name="figure_sets")
    against = models.ForeignKey(
        Direction, models.PROTECT, null=True, related_name="+", help_text="compared with it"
    )
    edit = models.ForeignKey(Edit, models.PROTECT, null=True, related_name="figure_sets")
    edit_against = models.ForeignKey(Edit, models.PROTECT, null=True, related_name="+")
    result = models.JSONField(default=dict, help_text="the files, and the recipe")
