"""[worker] The mean faces of a release or of a campaign as it stands, light by pose.

A cell is the mean of some hundred of its faces, drawn by a lot that always falls alike: the same
labels make the same picture, and a campaign that grows keeps most of its sample.
"""

import json
import os
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
from django.db import connection
from django.db.models import QuerySet
from django.utils import timezone

from labeling.drawn import drawn, files_of
from labeling.errors import NotFound
from labeling.images import image_path
from labeling.learning.mean_faces import POSE_EDGES, POSES, SIZE, Cell, sheet, told
from labeling.learning.pictures import load_faces, png
from labeling.models import Campaign, Consensus, Face, Release, ReleasedLabel

Labels = QuerySet[Consensus] | QuerySet[ReleasedLabel]
LIGHTS = {"left", "center", "right"}
MOST_IN_CELL = 300
EVERY = timedelta(minutes=10)


def of_release(
    release: Release, target: Path, tell: Callable[[float], None]
) -> dict[str, Any] | None:
    """Draw a release's mean faces; None, and no file, where there are none to be drawn."""
    return _draw(release.campaign, release.labels.all(), target, tell)


def renew(campaign: Campaign, tell: Callable[[float], None]) -> None:
    """Draw a campaign's mean faces from what is believed now, at most every ten minutes."""
    last = drawn(campaign)
    if last is not None and timezone.now() - last.at < EVERY:
        return
    picture, figures = files_of(campaign)
    picture.parent.mkdir(parents=True, exist_ok=True)
    unfinished = picture.with_suffix(f".{os.getpid()}")
    labels = Consensus.objects.filter(campaign=campaign)
    if (found := _draw(campaign, labels, unfinished, tell)) is not None:
        # Of two workers the later wins; a picture and figures of different moments differ little.
        unfinished.replace(picture)
        text = json.dumps({**found, "at": timezone.now().isoformat()})
        unfinished.write_text(text, encoding="utf-8")
        unfinished.replace(figures)


def _draw(
    campaign: Campaign,
    labels: Labels,
    target: Path,
    tell: Callable[[float], None],
) -> dict[str, Any] | None:
    if (cells := cells_of(campaign, labels, tell)) is None:
        return None
    target.write_bytes(png(sheet(cells, campaign.values)))
    return {**told(cells, campaign.values), "most": MOST_IN_CELL}


def cells_of(
    campaign: Campaign,
    labels: Labels,
    tell: Callable[[float], None],
    *,
    mirror: bool = False,
) -> list[list[Cell]] | None:
    """Sums of these labels' faces, a row for each light, a column for each pose.

    tell     called with the share of the faces that have been read
    mirror   whether each face counts mirrored as well: light's sides swapped, the pose reversed
    returns  None where the campaign is not about light, or no cell has faces enough for a mean
    """
    if set(campaign.values) != LIGHTS or campaign.dataset.is_elsewhere:
        return None
    rows = _sample(labels)
    cells = [[Cell() for _ in POSES] for _ in campaign.values]
    mirrored = [campaign.values.index(choice["mirror"]) for choice in campaign.choices]
    faces = Face.objects.select_related("dataset__mirrors").in_bulk([row[0] for row in rows])
    for done, (face_id, choice, pose, n_faces) in enumerate(rows):
        light = campaign.values.index(choice)
        cell = cells[light][pose]
        cell.n_faces = n_faces
        if (crop := _crop(faces[face_id])) is not None:
            cell.add(crop)
            if mirror:
                cells[mirrored[light]][len(POSES) - 1 - pose].add(crop[:, ::-1])
        if done % 50 == 0:
            tell(done / len(rows))
    if mirror:
        counts = [[cell.n_faces for cell in row] for row in cells]
        for light, row in enumerate(cells):
            for pose, cell in enumerate(row):
                cell.n_faces += counts[mirrored[light]][len(POSES) - 1 - pose]
    return cells if any(cell.is_told for row in cells for cell in row) else None


def _sample(labels: Labels) -> list[tuple[int, str, int, int]]:
    """Faces drawn by lot in each cell: (face, choice, pose, how many there are)."""
    known = labels.filter(face__yaw_degrees__isnull=False).order_by()
    inner, parameters = known.values(
        "face_id", "choice", "face__yaw_degrees", "face__filename"
    ).query.sql_with_params()
    with connection.cursor() as cursor:
        cursor.execute(
            f"""
            SELECT face_id, choice, pose, n FROM (
                SELECT *, count(*) OVER cell AS n,
                       row_number() OVER (cell ORDER BY md5(filename), filename) AS place
                FROM (SELECT face_id, choice, filename, width_bucket(yaw, %s::float8[]) AS pose
                      FROM ({inner}) label (face_id, choice, yaw, filename)) posed
                WINDOW cell AS (PARTITION BY choice, pose)
            ) drawn WHERE place <= %s ORDER BY choice, pose, place
            """,  # noqa: S608 the query set's own text
            [list(POSE_EDGES), *parameters, MOST_IN_CELL],
        )
        return cursor.fetchall()


def _crop(face: Face) -> np.ndarray | None:
    """The face's crop; None for a picture that is gone or has not CelebA's size."""
    try:
        return load_faces([image_path(face)], SIZE)[0]
    except (NotFound, ValueError):
        return None
