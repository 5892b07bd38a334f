"""What a release may promise, and where a finished one's files lie for those who send them."""

import hashlib
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings

from labeling.errors import NotFound, Refused
from labeling.models import Release

MANIFEST = "manifest.json"


@dataclass(frozen=True)
class ReleasedFile:
    """One file of a release, as its manifest lists it."""

    path: Path
    sha256: str


def folder_of(release: Release) -> Path:
    """The folder that holds a release's files and its manifest."""
    return settings.VAR_DIR / "releases" / f"{release.campaign.slug}-{release.number}"


def file_of(release: Release, name: str) -> ReleasedFile:
    """A file that the release's manifest names; raises NotFound for any other."""
    listed = {file["name"]: file for file in release.manifest.get("files", [])}
    if release.status == Release.Status.DONE and name == MANIFEST:
        path = folder_of(release) / MANIFEST
        return ReleasedFile(path, hashlib.sha256(path.read_bytes()).hexdigest())
    if release.status != Release.Status.DONE or name not in listed:
        raise NotFound(f"Release {release.id} has no file {name!r}; it has {sorted(listed)}.")
    return ReleasedFile(folder_of(release) / name, listed[name]["sha256"])


def check_promise(max_error: float | None, confidence: float | None) -> None:
    """Refuse numbers that promise nothing; None stands for one that was not given."""
    # Written so that nan, which compares with nothing, is refused as well.
    is_target = max_error is None or 0 < max_error < 1
    is_confidence = confidence is None or 0.5 <= confidence < 1
    if not (is_target and is_confidence):
        raise Refused(
            "invalid",
            f"max_error is {max_error} and confidence {confidence}; expected more than 0 and less "
            "than 1, and 0.5 or more and less than 1.",
        )
