"""[worker] Features of every face of a campaign: those kept, and new ones, made and kept now."""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import numpy as np
from django.conf import settings
from django.db import connection, transaction
from django.db.models import Exists, OuterRef, QuerySet
from django.db.models.functions import MD5
from PIL import Image, UnidentifiedImageError

from labeling.errors import NotFound
from labeling.images import image_path
from labeling.importing.copy import copy_rows
from labeling.learning import appearance, features, looking
from labeling.learning.appearance import Basis
from labeling.models import Campaign, Face, FaceFeatures, FeatureBasis, Turn
from labeling.worker import Progress

CHUNK = 500
# A dataset's principal directions are those of so many of its faces. They are looked for anew
# once there are twice as many to look at.
FACES_FOR_BASIS = 1500
Kind = FaceFeatures.Kind


@dataclass(frozen=True)
class Reading:
    """How a campaign's faces are read: a kind of numbers and the exact version of what makes them.

    basis  None for the numbers of light
    """

    kind: Kind
    version: str
    signs: np.ndarray
    basis: Basis | None = None


@dataclass(frozen=True)
class Described:
    """A campaign's faces in the order of their ids; unreadable ones are left out and named."""

    face_ids: np.ndarray  # (n,)
    identities: np.ndarray  # (n,), -1 = unknown
    yaw: np.ndarray  # (n,) degrees, nan = unknown
    vectors: np.ndarray  # (n, d) float32
    reading: Reading
    unreadable: list[str] = field(default_factory=list)

    @property
    def is_about_light(self) -> bool:
        return self.reading.kind == Kind.LIGHT

    @property
    def contrast(self) -> np.ndarray:
        """What a cold start is stratified by (n,): the side's contrast, else what differs most."""
        if self.is_about_light:
            return features.side_contrast(self.vectors)
        return np.asarray(self.vectors[:, np.argmax(self.reading.signs > 0)])

    def comparable(self, rows: np.ndarray) -> np.ndarray:
        """Vectors (m, d) of these rows in a scale in which distances mean something."""
        vectors = self.vectors[rows]
        # Of principal directions the sizes are what they are.
        return vectors / (vectors.std(axis=0) + 1e-6) if self.is_about_light else vectors


class Seen(NamedTuple):
    """A face's picture as features read it: the 64 x 64 crop and the whole, small."""

    crop: np.ndarray
    whole: np.ndarray


def describe(campaign: Campaign, progress: Progress) -> Described:
    """The features of a campaign's faces, in numbers that suit its question."""
    reading = _reading(campaign, progress)
    unreadable = _make_missing(campaign, reading, progress)
    faces = _asked_about(campaign).filter(
        features__kind=reading.kind, features__version=reading.version
    )
    rows = faces.order_by("id").values_list("id", "identity", "yaw_degrees", "features__vector")
    n = faces.count()
    face_ids, identities = np.zeros(n, dtype=np.int64), np.full(n, -1, dtype=np.int64)
    yaw, vectors = np.full(n, np.nan), np.zeros((n, len(reading.signs)), dtype=np.float32)
    found = 0
    for face_id, identity, degrees, vector in rows[:n].iterator(chunk_size=5000):
        face_ids[found] = face_id
        vectors[found] = np.frombuffer(vector, dtype="<f4")
        identities[found] = -1 if identity is None else identity
        yaw[found] = np.nan if degrees is None else degrees
        found += 1
    kept = slice(0, found)
    return Described(
        face_ids[kept], identities[kept], yaw[kept], vectors[kept], reading, unreadable
    )


def _reading(campaign: Campaign, progress: Progress) -> Reading:
    if campaign.is_about_light:
        return Reading(Kind.LIGHT, features.VERSION, features.mirror_signs())
    faces = _asked_about(campaign)
    wanted = min(FACES_FOR_BASIS, faces.count())
    known = FeatureBasis.objects.filter(dataset=campaign.dataset, version=appearance.VERSION)
    row = known.order_by("-id").first()
    if row is None or wanted > 2 * row.n_faces:
        progress(0.0, "looking at what faces differ in")
        # Scattered over the dataset, and the same faces each time.
        sample = list(faces.select_related("dataset").order_by(MD5("filename"), "id")[:wanted])
        row = _make_basis(campaign, sample) or row
    if row is None:
        return Reading(Kind.APPEARANCE, appearance.VERSION, np.zeros(0))
    basis = Basis.from_bytes(bytes(row.content))
    return Reading(Kind.APPEARANCE, f"{appearance.VERSION}/{row.id}", basis.mirror_signs(), basis)


def _make_basis(campaign: Campaign, sample: list[Face]) -> FeatureBasis | None:
    """Learn and keep what the sample's pictures differ in; None where none can be read."""
    odd, even = [], []
    for start in range(0, len(sample), CHUNK):
        faces, seen = _readable(sample[start : start + CHUNK])
        if faces:
            one, other = _appearance(faces, seen)
            odd.append(one)
            even.append(other)
    if not odd:
        return None
    raw = np.hstack([np.concatenate(odd), np.concatenate(even)])
    return FeatureBasis.objects.create(
        dataset=campaign.dataset,
        version=appearance.VERSION,
        content=appearance.fit_basis(raw, odd[0].shape[1]).to_bytes(),
        n_faces=len(sample),
    )


def _make_missing(campaign: Campaign, reading: Reading, progress: Progress) -> list[str]:
    """Extract what is not kept yet, chunk by chunk, so that a stopped worker's chunks stay."""
    kept = FaceFeatures.objects.filter(
        face=OuterRef("pk"), kind=reading.kind, version=reading.version
    )
    missing = _asked_about(campaign).exclude(Exists(kept)).select_related("dataset").order_by("id")
    n_missing = missing.count()
    unreadable: list[str] = []
    for start, chunk in _chunks(missing.iterator(chunk_size=CHUNK)):
        progress(0.6 * start / n_missing, f"reading faces, {start} of {n_missing}")
        faces, seen = _readable(chunk)
        there = {face.id for face in faces}
        unreadable += [face.filename for face in chunk if face.id not in there]
        if faces:
            _keep(reading, [face.id for face in faces], _vectors(reading, faces, seen))
    return unreadable


def _vectors(reading: Reading, faces: list[Face], seen: list[Seen]) -> np.ndarray:
    if reading.basis is not None:
        return reading.basis.project(np.hstack(_appearance(faces, seen)))
    yaw, landmarks = _pose(faces)
    return features.extract(np.stack([one.crop for one in seen]), yaw=yaw, landmarks=landmarks)


def _appearance(faces: list[Face], seen: list[Seen]) -> tuple[np.ndarray, np.ndarray]:
    yaw, landmarks = _pose(faces)
    return appearance.extract(
        np.stack([one.whole for one in seen]),
        np.stack([one.crop for one in seen]),
        yaw=yaw,
        landmarks=landmarks,
    )


def _pose(faces: list[Face]) -> tuple[np.ndarray, np.ndarray]:
    yaw = np.array([face.yaw_degrees for face in faces], dtype=np.float64)
    return yaw, np.stack([_aligned_landmarks(face) for face in faces])


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


def _readable(faces: Sequence[Face]) -> tuple[list[Face], list[Seen]]:
    """The faces whose images are there and whole, and what is seen of them."""
    paths: list[Path | None] = []
    for face in faces:
        try:
            paths.append(image_path(face))
        except NotFound:
            paths.append(None)
    with ThreadPoolExecutor(settings.WORKER_THREADS) as pool:
        seen = list(pool.map(lambda path: path and see(path), paths))
    pairs = [(face, one) for face, one in zip(faces, seen, strict=True) if one is not None]
    return [face for face, _ in pairs], [one for _, one in pairs]


def see(path: Path) -> Seen | None:
    """An image as features read it (uint8); None if it cannot be decoded."""
    try:
        with Image.open(path) as image:
            across = image.width / looking.ALIGNED_SIZE[0]
            down = image.height / looking.ALIGNED_SIZE[1]
            left, top, right, bottom = looking.CROP_BOX
            box = (left * across, top * down, right * across, bottom * down)
            whole = image.convert("RGB")
            crop = whole.resize((looking.SIZE,) * 2, Image.Resampling.BOX, box)
            small = whole.resize((appearance.WIDTH, appearance.HEIGHT), Image.Resampling.BOX)
    except (UnidentifiedImageError, OSError, SyntaxError, Image.DecompressionBombError):
        return None
    return Seen(np.asarray(crop), np.asarray(small))


def _aligned_landmarks(face: Face) -> np.ndarray:
    """A face's landmarks (5, 2) in pixels of CelebA's aligned size; nan where they're unknown."""
    if face.landmarks is None:
        return np.full((5, 2), np.nan)
    across, down = looking.ALIGNED_SIZE
    size = (face.width or across, face.height or down)
    return np.reshape(face.landmarks, (5, 2)) / size * looking.ALIGNED_SIZE


def _keep(reading: Reading, face_ids: list[int], vectors: np.ndarray) -> None:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("CREATE TEMPORARY TABLE seen (face_id bigint, vector bytea) ON COMMIT DROP")
        rows = zip(face_ids, (row.astype("<f4").tobytes() for row in vectors), strict=True)
        copy_rows(cursor, "seen", ("face_id", "vector"), rows)
        cursor.execute(
            """
            INSERT INTO labeling_facefeatures (face_id, kind, version, vector)
            SELECT face_id, %s, %s, vector FROM seen ORDER BY face_id
            ON CONFLICT (face_id, kind) DO UPDATE
            SET version = excluded.version, vector = excluded.vector
            """,
            [reading.kind, reading.version],
        )
        # Inside a test's transaction ON COMMIT comes too late for the next chunk.
        cursor.execute("DROP TABLE seen")
