"""Draw the mean faces of a selection, light by pose, beside what is published of CelebA's."""

from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from editing import places
from editing.filters import FaceFilter
from editing.models import MeanFaces
from editing.store import write_whole
from labeling.errors import Refused
from labeling.learning.mean_faces import FEWEST, Cell, sheet, told
from labeling.learning.pictures import png
from labeling.mean_faces import MOST_IN_CELL, cells_of
from labeling.models import Consensus, ReleasedLabel
from labeling.worker import Progress

TILE = 128
# Between neighbours, left to right and light left to right (arXiv 2308.06057). The right light's
# and right pose's were not told; their data are mirror-augmented, so they mirror the left one's.
PUBLISHED = {
    "between_poses": {"left": [0.0066, 0.0045], "center": [0.0054, 0.0054]},
    "between_lights": {"nose left": [0.0041, 0.0026], "ahead": [0.0050, 0.0050]},
}


def draw_mean_faces(job: MeanFaces, progress: Progress) -> None:
    """Write each mean and the sheet of all into a folder of this attempt, name them on the row."""
    progress(0, "Choosing faces")
    face_filter = FaceFilter.parse(job.filter)
    campaign = face_filter.labels_campaign()
    if campaign is None:
        raise Refused("no_campaign", f"The filter {job.filter!r} names no campaign about light.")
    labels: Any = Consensus.objects.filter(campaign=campaign)
    if face_filter.release:
        labels = ReleasedLabel.objects.filter(release=face_filter.release)
    cells = cells_of(
        campaign,
        labels.filter(face__in=face_filter.faces()),
        lambda share: progress(0.95 * share, "Adding up faces"),
        mirror=job.mirror,
    )
    if cells is None:
        raise Refused(
            "too_few_faces",
            f"No light and pose has {FEWEST} faces among those that pass {job.filter!r}; "
            "the mean of fewer is somebody's face. Widen the filter, or label more faces.",
        )
    folder = places.mean_faces_folder(job.id) / str(job.attempt)
    lights = campaign.values
    write_whole(folder / "mean_faces.png", png(sheet(cells, lights)))
    tiles = [
        [_tile(folder / f"mean_{light}_{pose}.png", cell) for pose, cell in enumerate(row)]
        for light, row in zip(lights, cells, strict=True)
    ]
    progress.ours.update(
        result={
            **told(cells, lights),
            "most": MOST_IN_CELL,
            "campaign": campaign.slug,
            "published": PUBLISHED,
            "folder": folder.name,
            "sheet": "mean_faces.png",
            "tiles": tiles,
        }
    )


def _tile(path: Path, cell: Cell) -> str | None:
    """One mean as a file of its own; None, and no file, for too few faces."""
    if not cell.is_told:
        return None
    mean = Image.fromarray(np.round(cell.mean * 255).astype(np.uint8))
    write_whole(path, png(mean.resize((TILE, TILE), Image.Resampling.LANCZOS)))
    return path.name
