"""What researchers see of faces: pages of them, and their spread over yaw and choice."""

from collections.abc import Sequence
from typing import Any

from django.contrib.postgres.fields import ArrayField
from django.db.models import Count, F, FilteredRelation, FloatField, Func, IntegerField, Q, Value
from django.db.models.functions import Coalesce
from django.urls import reverse

from editing.filters import FaceFilter
from labeling.models import Consensus, Face, ReleasedLabel

DEFAULT_BINS = (-45.0, -30.0, -20.0, -10.0, 10.0, 20.0, 30.0, 45.0)


def page(face_filter: FaceFilter, *, after: int, limit: int) -> tuple[list[Face], int | None]:
    """The next faces by id after that one, and the cursor of the page behind them or None."""
    faces = face_filter.faces().filter(id__gt=after).select_related("dataset").order_by("id")
    found = list(faces[: limit + 1])
    return found[:limit], found[limit - 1].id if len(found) > limit else None


def show(faces: Sequence[Face], face_filter: FaceFilter) -> list[dict[str, Any]]:
    """Rows of faces as the REST contract shows them, each with what is believed of its light."""
    believed = _believed(faces, face_filter)
    return [
        {
            "id": face.id,
            "filename": face.filename,
            "dataset": face.dataset.name,
            "width": face.width,
            "height": face.height,
            "identity": face.identity,
            "split": None if face.split is None else Face.Split(face.split).label.lower(),
            "yaw_degrees": face.yaw_degrees,
            "attributes": _attributes(face),
            "landmarks": face.landmarks,
            "consensus": believed.get(face.id),
            "image": reverse("face-image", args=[face.id]),
        }
        for face in faces
    ]


def _attributes(face: Face) -> list[str] | None:
    if face.attributes is None:
        return None
    names = face.dataset.attribute_names
    return [name for bit, name in enumerate(names) if face.attributes >> bit & 1]


def _believed(faces: Sequence[Face], face_filter: FaceFilter) -> dict[int, dict[str, Any]]:
    campaign = face_filter.labels_campaign()
    if campaign is None:
        return {}
    # Within a release, what it published counts, whatever has been learned since.
    labels: Any = Consensus.objects.filter(campaign=campaign)
    if face_filter.release:
        labels = ReleasedLabel.objects.filter(release=face_filter.release)
    rows = labels.filter(face__in=[face.id for face in faces])
    return {
        row.face_id: {
            "campaign": campaign.slug,
            "choice": row.choice,
            "probability": row.probability,
            "source": row.source,
        }
        for row in rows
    }


def summary(face_filter: FaceFilter, bins: Sequence[float] = DEFAULT_BINS) -> dict[str, Any]:
    """How many faces pass, by yaw bin and by choice.

    bins     edges in degrees, growing; a bin holds its lower edge and not its upper one
    returns  total, without_yaw, choices (of all that pass; "" = none known) and bins, of which the
             first and last are open: below the first edge, from the last edge on
    """
    faces = face_filter.faces()
    campaign = face_filter.labels_campaign()
    choice: Any = Value("")
    if campaign is not None:
        relation, condition = "consensus", Q(consensus__campaign=campaign)
        if face_filter.release:
            relation, condition = "released_labels", Q(released_labels__release=face_filter.release)
        faces = faces.annotate(believed=FilteredRelation(relation, condition=condition))
        choice = Coalesce(F("believed__choice"), Value(""))
    edges = Value(list(bins), output_field=ArrayField(FloatField()))
    bucket = Func("yaw_degrees", edges, function="width_bucket", output_field=IntegerField())
    counted = faces.annotate(bucket=bucket, told=choice).values_list("bucket", "told")
    # order_by() with nothing: a default order would add columns to the GROUP BY.
    rows = list(counted.annotate(n=Count("id")).order_by())
    values = campaign.values if campaign else []
    return {
        "total": sum(n for _, _, n in rows),
        "without_yaw": sum(n for index, _, n in rows if index is None),
        "campaign": campaign.slug if campaign else None,
        "choices": _by_choice(rows, values),
        "bins": [
            {"yaw_min": low, "yaw_max": high, **_bin([row for row in rows if row[0] == at], values)}
            for at, (low, high) in enumerate(zip([None, *bins], [*bins, None], strict=True))
        ],
    }


def _bin(rows: list[tuple[int, str, int]], values: list[str]) -> dict[str, Any]:
    return {"total": sum(n for _, _, n in rows), "choices": _by_choice(rows, values)}


def _by_choice(rows: list[tuple[int, str, int]], values: list[str]) -> dict[str, int]:
    told = dict.fromkeys([*values, ""], 0)
    for _, choice, n in rows:
        told[choice] = told.get(choice, 0) + n
    return told
