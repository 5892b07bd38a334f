"""[worker] Features of every face of a campaign, and what a trained classifier says of it."""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from django.conf import settings
from django.db import connection, transaction
from django.db.models import Max, QuerySet
from PIL import Image, UnidentifiedImageError

from labeling.errors import NotFound
from labeling.images import image_path
from labeling.importing.copy import copy_rows
from labeling.learning import features, looking
from labeling.learning.classifier import LightClassifier
from labeling.models import Campaign, Classifier, Face, Suggestion, Turn
from labeling.worker import Progress

CHUNK = 500
N_FEATURES = len(features.mirror_signs())


@dataclass(frozen=True)
class Described:
    """A campaign's faces in the order of their ids; unreadable ones are left out and named."""

    face_ids: np.ndarray  # (n,)
    identities: np.ndarray  # (n,), -1 = unknown
    yaw: np.ndarray  # (n,) degrees, nan = unknown
    vectors: np.ndarray  # (n, d) float32
    unreadable: list[str] = field(default_factory=list)


def describe(campaign: Campaign, progress: Progress) -> Described:
    """The features of a campaign's faces: those kept, and those of new faces, made and kept now."""
    unreadable = _make_missing(campaign, progress)
    faces = _asked_about(campaign).filter(features__version=features.VERSION)
    rows = faces.order_by("id").values_list("id", "identity", "yaw_degrees", "features__vector")
    n = faces.count()
    face_ids, identities = np.zeros(n, dtype=np.int64), np.full(n, -1, dtype=np.int64)
    yaw, vectors = np.full(n, np.nan), np.zeros((n, N_FEATURES), dtype=np.float32)
    found = 0
    for face_id, identity, degrees, vector in rows[:n].iterator(chunk_size=5000):
        face_ids[found] = face_id
        vectors[found] = np.frombuffer(vector, dtype="<f4")
        identities[found] = -1 if identity is None else identity
        yaw[found] = np.nan if degrees is None else degrees
        found += 1
    return Described(face_ids[:found], identities[:found], yaw[:found], vectors[:found], unreadable)


def _make_missing(campaign: Campaign, progress: Progress) -> list[str]:
    """Extract what is not kept yet, chunk by chunk, so that a stopped worker's chunks stay."""
    missing = (
        _asked_about(campaign)
        .exclude(features__version=features.VERSION)
        .select_related("dataset")
        .order_by("id")
    )
    n_missing = missing.count()
    unreadable: list[str] = []
    for start, chunk in _chunks(missing.iterator(chunk_size=CHUNK)):
        progress(0.6 * start / n_missing, f"reading faces, {start} of {n_missing}")
        crops = list(_read_crops(chunk))
        whole = [i for i, crop in enumerate(crops) if crop is not None]
        unreadable += [chunk[i].filename for i, crop in enumerate(crops) if crop is None]
        if not whole:
            continue
        yaw = np.array([chunk[i].yaw_degrees for i in whole], dtype=np.float64)
        landmarks = np.stack([_aligned_landmarks(chunk[i]) for i in whole])
        vectors = features.extract(
            np.stack([crops[i] for i in whole]), yaw=yaw, landmarks=landmarks
        )
        _keep([chunk[i].id for i in whole], vectors)
    return unreadable


def _asked_about(campaign: Campaign) -> QuerySet[Face]:
    return Face.objects.filter(turns__in=Turn.objects.asked().filter(campaign=campaign))


def _chunks(faces: Iterator[Face]) -> Iterator[tuple[int, list[Face]]]:
    start, chunk = 0, []
    for face in faces:
        chunk.append(face)
        if len(chunk) == CHUNK:
            yield start, chunk
            start, chunk = start + CHUNK, []
    if chunk:
        yield start, chunk


def _read_crops(faces: Sequence[Face]) -> Iterator[np.ndarray | None]:
    """Each face's crop, None where the image is gone or damaged."""
    paths: list[Path | None] = []
    for face in faces:
        try:
            paths.append(image_path(face))
        except NotFound:
            paths.append(None)
    with ThreadPoolExecutor(settings.WORKER_THREADS) as pool:
        yield from pool.map(lambda path: path and read_crop(path), paths)


def read_crop(path: Path) -> np.ndarray | None:
    """The 64 x 64 crop (uint8) that features read; None for an image that cannot be decoded."""
    try:
        with Image.open(path) as image:
            across = image.width / looking.ALIGNED_SIZE[0]
            down = image.height / looking.ALIGNED_SIZE[1]
            left, top, right, bottom = looking.CROP_BOX
            box = (left * across, top * down, right * across, bottom * down)
            small = image.convert("RGB").resize((looking.SIZE,) * 2, Image.Resampling.BOX, box)
    except (UnidentifiedImageError, OSError, SyntaxError, Image.DecompressionBombError):
        return None
    return np.asarray(small)


def _aligned_landmarks(face: Face) -> np.ndarray:
    """A face's landmarks (5, 2) in pixels of CelebA's aligned size; nan where they're unknown."""
    if face.landmarks is None:
        return np.full((5, 2), np.nan)
    across, down = looking.ALIGNED_SIZE
    size = (face.width or across, face.height or down)
    return np.reshape(face.landmarks, (5, 2)) / size * looking.ALIGNED_SIZE


def _keep(face_ids: list[int], vectors: np.ndarray) -> None:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("CREATE TEMPORARY TABLE seen (face_id bigint, vector bytea) ON COMMIT DROP")
        rows = zip(face_ids, (row.astype("<f4").tobytes() for row in vectors), strict=True)
        copy_rows(cursor, "seen", ("face_id", "vector"), rows)
        cursor.execute(
            """
            INSERT INTO labeling_facefeatures (face_id, version, vector)
            SELECT face_id, %s, vector FROM seen ORDER BY face_id
            ON CONFLICT (face_id) DO UPDATE
            SET version = excluded.version, vector = excluded.vector
            """,
            [features.VERSION],
        )
        # Inside a test's transaction ON COMMIT comes too late for the next chunk.
        cursor.execute("DROP TABLE seen")


def keep_classifier(campaign: Campaign, trained: LightClassifier) -> Classifier:
    """Store a classifier as the campaign's next version."""
    newest = campaign.classifiers.aggregate(newest=Max("version"))["newest"] or 0
    return Classifier.objects.create(
        campaign=campaign,
        version=newest + 1,
        feature_version=features.VERSION,
        weights=trained.to_bytes(),
        card=trained.card,
    )


def agreement_with_last(
    campaign: Campaign, face_ids: np.ndarray, probabilities: np.ndarray
) -> float | None:
    """Cohen's kappa between what the last classifier said and what this one says (n, k) of faces.

    None before there are two, or where either says the same of every face.
    """
    index = {value: place for place, value in enumerate(campaign.values)}
    said = Suggestion.objects.filter(campaign=campaign).values_list("face_id", "choice")
    rows = said.order_by("face_id").iterator(chunk_size=20_000)
    known = np.array([(face, index[choice]) for face, choice in rows], dtype=np.int64).reshape(
        -1, 2
    )
    both, here, there = np.intersect1d(
        face_ids, known[:, 0], assume_unique=True, return_indices=True
    )
    if not len(both):
        return None
    last, now = known[there, 1], probabilities[here].argmax(axis=1)
    counts = np.zeros((len(index), len(index)))
    np.add.at(counts, (last, now), 1 / len(both))
    by_chance = float((counts.sum(axis=0) * counts.sum(axis=1)).sum())
    return None if by_chance > 1 - 1e-9 else float((counts.trace() - by_chance) / (1 - by_chance))


def store(classifier: Classifier, face_ids: np.ndarray, probabilities: np.ndarray) -> None:
    """Replace the campaign's suggestions by what this classifier says: probabilities (n, k)."""
    values = classifier.campaign.values
    top = probabilities.argmax(axis=1)
    rows = (
        (face, values[best], "{" + ",".join(f"{p:.6f}" for p in row) + "}")
        for face, best, row in zip(face_ids, top, probabilities.tolist(), strict=True)
    )
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            "CREATE TEMPORARY TABLE said (face_id bigint, choice varchar(40), "
            "probabilities double precision[]) ON COMMIT DROP"
        )
        copy_rows(cursor, "said", ("face_id", "choice", "probabilities"), rows)
        cursor.execute(
            """
            INSERT INTO labeling_suggestion
                (campaign_id, face_id, classifier_id, choice, probabilities)
            SELECT %s, face_id, %s, choice, probabilities FROM said ORDER BY face_id
            ON CONFLICT (campaign_id, face_id) DO UPDATE SET
                classifier_id = excluded.classifier_id,
                choice = excluded.choice,
                probabilities = excluded.probabilities
            """,
            [classifier.campaign_id, classifier.id],
        )
        cursor.execute("DROP TABLE said")
