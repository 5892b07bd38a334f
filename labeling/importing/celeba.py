"""Bring a folder of faces in CelebA's layout into the database: all of it, or nothing."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from django.db import connection, transaction
from django.utils.text import slugify

from labeling.errors import Conflict, Refused
from labeling.importing.copy import copy_rows
from labeling.importing.images import (
    find_image_folder,
    list_images,
    size_by_decoding,
    size_by_header,
)
from labeling.importing.tables import KINDS, Table, damaged, read_tables
from labeling.importing.yaw import yaw_from_landmarks
from labeling.models import Dataset

TRUTH = "truth.csv"
VERIFY = {"none": None, "header": size_by_header, "full": size_by_decoding}
COLUMNS = (
    "filename",
    "width",
    "height",
    "identity",
    "split",
    "attributes",
    "landmarks",
    "yaw_degrees",
)

Progress = Callable[[float, str], None]


@dataclass(frozen=True)
class ImportReport:
    """What an import did: faces added and faces that were there before."""

    dataset: Dataset
    added: int
    kept: int
    missing_tables: list[str]
    seconds: float


@dataclass(frozen=True)
class _Folder:
    """A checked folder: everything is in the order of `files`; None where nothing is known."""

    images: Path
    files: list[str]
    sizes: np.ndarray | None  # (n, 2) width, height
    tables: dict[str, Table]
    rows: dict[str, np.ndarray]  # by table: the table's row (n,) of each file
    is_rendered: bool

    def column(self, name: str) -> np.ndarray | None:
        if name not in self.tables:
            return None
        return self.tables[name].values[self.rows[name]]

    @property
    def attribute_names(self) -> list[str]:
        return self.tables["attributes"].names if "attributes" in self.tables else []

    @property
    def missing_tables(self) -> list[str]:
        return [f"{kind.stem}.txt" for name, kind in KINDS.items() if name not in self.tables]


def import_faces(
    folder: Path, name: str = "", *, verify: str = "header", progress: Progress | None = None
) -> ImportReport:
    """Import a folder; a second time adds the faces that are new and changes nothing else.

    name      of the dataset, default the folder's
    verify    images: "none" (not opened), "header" (whole and of which size), "full" (decoded)
    progress  called with a fraction 0..1 and what is being done
    raises    Refused with one sentence (file, line, both values) for a damaged folder, Conflict
              where it contradicts what was imported before; nothing is stored then
    """
    began = time.monotonic()
    if verify not in VERIFY:
        raise Refused("unknown_check", f"verify is {verify!r}; expected one of {list(VERIFY)}")
    report = progress or (lambda fraction, step: None)
    slug = slugify(name or folder.resolve().name)[:60]
    if not slug:
        raise Refused("unnamed_dataset", f"The name {name!r} has no letter or digit; give another.")
    checked = _check(folder, verify, report)
    with transaction.atomic():
        dataset = _dataset(slug, checked)
        report(0.6, "storing faces")
        added = _store(dataset, checked, report)
        dataset.n_faces += added
        dataset.save()
    return ImportReport(
        dataset,
        added,
        len(checked.files) - added,
        checked.missing_tables,
        time.monotonic() - began,
    )


def _check(folder: Path, verify: str, report: Progress) -> _Folder:
    images = find_image_folder(folder)
    report(0.0, "reading tables")
    tables = read_tables(folder)
    files = list_images(images)
    index = {file: row for row, file in enumerate(files)}
    rows = {name: _matched(table, index, images) for name, table in tables.items()}
    measure = VERIFY[verify]
    sizes = None
    if measure is not None:
        sizes = np.zeros((len(files), 2), dtype=np.int32)
        for row, file in enumerate(files):
            sizes[row] = measure(images / file)
            if row % 500 == 0:
                report(0.1 + 0.5 * row / len(files), "checking images")
    checked = _Folder(images, files, sizes, tables, rows, (folder / TRUTH).is_file())
    if "landmarks" in tables:
        _refuse_far_landmarks(checked)
    return checked


def _matched(table: Table, index: dict[str, int], images: Path) -> np.ndarray:
    """Which of the table's rows belongs to each image; a table and the images name the same."""
    rows = np.full(len(index), -1, dtype=np.int64)
    for row, file in enumerate(table.files):
        if file not in index:
            raise damaged(f"{table.place(row)}: {file} is named, but {images} has no such image")
        rows[index[file]] = row
    missing = np.flatnonzero(rows < 0)
    if len(missing):
        file = next(name for name, place in index.items() if place == missing[0])
        raise damaged(
            f"{table.path.name} has no row for {file} ({len(missing)} of {len(index)} images "
            "are not named), expected one for each image"
        )
    return rows


def _refuse_far_landmarks(checked: _Folder) -> None:
    """A point may lie off a cropped face, but not by more than half the image."""
    points = checked.column("landmarks").reshape(-1, 5, 2)
    sizes = checked.sizes
    if sizes is None:
        sizes = np.array([size_by_header(checked.images / checked.files[0])])
    limit = sizes[:, None, :]
    far = ((points < -limit / 2) | (points > limit * 1.5)).any(axis=(1, 2))
    if far.any():
        face = int(np.argmax(far))
        table = checked.tables["landmarks"]
        width, height = sizes[min(face, len(sizes) - 1)]
        raise damaged(
            f"{table.place(int(checked.rows['landmarks'][face]))}: the landmarks "
            f"{points[face].ravel().tolist()} lie far outside the image, "
            f"expected them near 0..{width} by 0..{height}"
        )


def _dataset(slug: str, checked: _Folder) -> Dataset:
    """The dataset's row, locked; a new one, or the one that this folder was imported as."""
    Dataset.objects.get_or_create(name=slug, defaults={"image_folder": str(checked.images)})
    # Two imports of one dataset at once: the second waits here until the first has ended.
    dataset = Dataset.objects.select_for_update().get(name=slug)
    old = Path(dataset.image_folder)
    if old != checked.images and old.exists():
        raise Conflict(
            "dataset_elsewhere",
            f"Dataset {slug!r} lies in {old}, not in {checked.images}; give this one another name.",
        )
    names = checked.attribute_names
    if names and dataset.attribute_names and names != dataset.attribute_names:
        raise Conflict(
            "attributes_differ",
            f"Dataset {slug!r} was imported with the attributes "
            f"{' '.join(dataset.attribute_names)}; now came {' '.join(names)}.",
        )
    dataset.image_folder = str(checked.images)
    dataset.attribute_names = names or dataset.attribute_names
    dataset.missing_tables = checked.missing_tables
    dataset.is_rendered = checked.is_rendered
    return dataset


def _store(dataset: Dataset, checked: _Folder, report: Progress) -> int:
    """Copy the folder's rows beside the stored ones, compare, and add the new ones."""
    with connection.cursor() as cursor:
        cursor.execute(
            "CREATE TEMPORARY TABLE arrived (filename varchar(200), width int, height int, "
            "identity int, split smallint, attributes bigint, landmarks smallint[], "
            "yaw_degrees double precision) ON COMMIT DROP"
        )
        copy_rows(cursor, "arrived", COLUMNS, _lines(checked, report))
        # Without these the planner compares every arrived row with every stored one.
        cursor.execute("ALTER TABLE arrived ADD PRIMARY KEY (filename)")
        cursor.execute("ANALYZE arrived")
        _refuse_changes(cursor, dataset, checked)
        report(0.9, "adding new faces")
        # What was unknown may become known: a table that came later, sizes of a later check.
        cursor.execute(
            """
            UPDATE labeling_face face SET
                width = coalesce(face.width, arrived.width),
                height = coalesce(face.height, arrived.height),
                identity = coalesce(face.identity, arrived.identity),
                split = coalesce(face.split, arrived.split),
                attributes = coalesce(face.attributes, arrived.attributes),
                landmarks = coalesce(face.landmarks, arrived.landmarks),
                yaw_degrees = coalesce(face.yaw_degrees, arrived.yaw_degrees)
            FROM arrived WHERE face.dataset_id = %s AND face.filename = arrived.filename
              AND (face.width IS NULL AND arrived.width IS NOT NULL
                OR face.identity IS NULL AND arrived.identity IS NOT NULL
                OR face.split IS NULL AND arrived.split IS NOT NULL
                OR face.attributes IS NULL AND arrived.attributes IS NOT NULL
                OR face.landmarks IS NULL AND arrived.landmarks IS NOT NULL)
            """,
            [dataset.id],
        )
        cursor.execute(
            """
            INSERT INTO labeling_face (dataset_id, filename, width, height, identity, split,
                                       attributes, landmarks, yaw_degrees)
            SELECT %s, arrived.* FROM arrived ORDER BY filename
            ON CONFLICT (dataset_id, filename) DO NOTHING
            """,
            [dataset.id],
        )
        added = cursor.rowcount
        cursor.execute("DROP TABLE arrived")
        if added:
            cursor.execute("ANALYZE labeling_face")
        return added


def _refuse_changes(cursor: Any, dataset: Dataset, checked: _Folder) -> None:
    compared = COLUMNS[1:-1]  # yaw follows from the landmarks
    differs = " OR ".join(f"face.{column} <> arrived.{column}" for column in compared)
    both = ", ".join(f"face.{column}, arrived.{column}" for column in compared)
    cursor.execute(
        f"""
        SELECT arrived.filename, {both} FROM labeling_face face
        JOIN arrived ON arrived.filename = face.filename
        WHERE face.dataset_id = %s AND ({differs})
        ORDER BY arrived.filename LIMIT 1
        """,  # noqa: S608 the columns are the constants above
        [dataset.id],
    )
    if found := cursor.fetchone():
        file, *pairs = found
        column, before, now = next(
            (column, *pair)
            for column, pair in zip(compared, zip(*[iter(pairs)] * 2, strict=True), strict=True)
            if None not in pair and pair[0] != pair[1]
        )
        raise Conflict(
            "face_differs",
            f"{file} has {column} {before} in dataset {dataset.name!r}, now {now} came; "
            "an imported face is never changed, so import the folder under another name.",
        )
    cursor.execute(
        """
        SELECT filename FROM labeling_face WHERE dataset_id = %s
        EXCEPT SELECT filename FROM arrived ORDER BY 1 LIMIT 1
        """,
        [dataset.id],
    )
    if found := cursor.fetchone():
        raise Conflict(
            "face_missing",
            f"{found[0]} belongs to dataset {dataset.name!r}, but {checked.images} has no such "
            "image; an imported face is never removed.",
        )


def _lines(checked: _Folder, report: Progress) -> Iterator[list[object]]:
    """One row of COLUMNS after the other, None where nothing is known."""
    landmarks = checked.column("landmarks")
    yaw = None if landmarks is None else yaw_from_landmarks(landmarks.reshape(-1, 5, 2))
    identity, split = checked.column("identity"), checked.column("partition")
    attributes = checked.column("attributes")
    for row, file in enumerate(checked.files):
        if row % 5000 == 0:
            report(0.6 + 0.3 * row / len(checked.files), "storing faces")
        width, height = (None, None) if checked.sizes is None else checked.sizes[row]
        yield [
            file,
            width,
            height,
            None if identity is None else identity[row],
            None if split is None else split[row],
            None if attributes is None else attributes[row],
            None if landmarks is None else "{" + ",".join(map(str, landmarks[row])) + "}",
            None if yaw is None or np.isnan(yaw[row]) else f"{yaw[row]:.4f}",
        ]
