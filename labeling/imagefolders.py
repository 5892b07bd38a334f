"""[worker] A release and its images as a folder that datasets.load_dataset("imagefolder") reads.

A folder for each split of the dataset, in each the images and a metadata.jsonl that names them.
The release itself holds no images: whose they are decides who may have copies.
"""

import os
import shutil
from collections.abc import Callable, Iterator
from itertools import groupby
from pathlib import Path
from typing import Any

from labeling.errors import NotFound, Refused
from labeling.formats import Row, image_line
from labeling.images import image_path
from labeling.models import Face, Release, ReleasedLabel

METADATA = "metadata.jsonl"
LINKS: dict[str, Callable[[Path, Path], Any]] = {
    "hard": os.link,
    "symbolic": lambda source, target: os.symlink(source, target),
    "copy": shutil.copyfile,
}
# As load_dataset knows them.
FOLDER_OF_SPLIT = {
    Face.Split.TRAIN: "train",
    Face.Split.VALIDATION: "validation",
    Face.Split.TEST: "test",
}


def export(
    release: Release, folder: Path, link: str, tell: Callable[[float], None]
) -> dict[str, int]:
    """Write the folder; returns how many faces each split got, and how many had no image.

    folder  new or empty
    link    one of LINKS
    raises  Refused for a folder with something in it, OSError where it cannot be written
    """
    if folder.exists() and any(folder.iterdir()):
        raise Refused("folder_in_use", f"{folder} is not empty; expected a new or empty folder.")
    # By split first, so that one metadata file is open at a time.
    labels = release.labels.select_related("face__dataset").order_by("face__split", "face_id")
    counts = {"without_image": 0}
    done = 0
    for split, part in groupby(labels.iterator(chunk_size=2000), lambda row: row.face.split):
        name = FOLDER_OF_SPLIT[Face.Split(split)]
        inside = folder / name
        inside.mkdir(parents=True)
        counts[name] = 0
        with (inside / METADATA).open("w", encoding="utf-8") as file:
            for line in _linked(part, release.campaign.values, inside, LINKS[link]):
                counts[name if line else "without_image"] += 1
                file.write(line)
                done += 1
                tell(done / release.n_labels)
    return counts


def _linked(
    labels: Iterator[ReleasedLabel],
    values: list[str],
    inside: Path,
    link: Callable[[Path, Path], Any],
) -> Iterator[str]:
    """The metadata's line for each label once its image is in place; empty where there is none."""
    for label in labels:
        try:
            source = image_path(label.face)
        except NotFound:
            yield ""
            continue
        target = inside / label.face.filename
        target.parent.mkdir(parents=True, exist_ok=True)
        link(source, target)
        yield image_line(_row(label), values)


def _row(label: ReleasedLabel) -> Row:
    told = (label.face.filename, label.choice, label.probability, label.probabilities)
    return Row(*told, label.source, label.n_votes)
