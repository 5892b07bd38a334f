"""Datasets and their faces."""

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q

# Where no file can be: the folder of a dataset whose images only other programs have.
ELSEWHERE = "/nonexistent"


class DatasetSet(models.QuerySet):
    """Datasets, and which of them people choose from."""

    def here(self) -> "DatasetSet":
        """Those whose images we have, without the flipped ones of mirror trials."""
        return self.filter(mirrors=None).exclude(image_folder=ELSEWHERE)


class Dataset(models.Model):
    """A folder of faces in CelebA's layout, imported once."""

    name = models.SlugField(max_length=60, unique=True)
    image_folder = models.CharField(max_length=1000, help_text="absolute path")
    attribute_names = ArrayField(models.CharField(max_length=40), default=list)
    missing_tables = ArrayField(models.CharField(max_length=40), default=list)
    is_rendered = models.BooleanField(default=False, help_text="made by our light stage")
    n_faces = models.PositiveIntegerField(default=0)
    mirrors = models.OneToOneField(
        "self",
        models.PROTECT,
        null=True,
        editable=False,
        related_name="mirrored",
        help_text="set: the same faces flipped, for mirror trials; never listed",
    )
    imported_at = models.DateTimeField(auto_now_add=True)

    objects = DatasetSet.as_manager()

    @property
    def is_elsewhere(self) -> bool:
        """Whether the file names are addresses for other programs, which we never fetch."""
        return self.image_folder == ELSEWHERE


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
