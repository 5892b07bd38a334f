"""Regions of faces: propose them, keep one's own, carry them to other faces."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from django.db import IntegrityError, transaction

from editing import places
from editing.engine import alignment, proposals
from editing.engine.regions import check_shapes
from editing.models import Decomposition, Region
from labeling.errors import Conflict, NotFound, Refused
from labeling.models import Face, User

LONGEST_NAME = 60
REST = "rest"
# So much a person can keep in mind, and a list can show.
MOST_REGIONS_KEPT = 500


@contextmanager
def told_as(code: str) -> Iterator[None]:
    """What the engine says of a region becomes an answer to its sender."""
    try:
        yield
    except ValueError as error:
        raise Refused(code, str(error)) from None


def propose(face: Face) -> list[dict[str, Any]]:
    """The parts of a face, guessed from its landmarks; each with name and shapes."""
    with told_as("no_proposal"):
        return proposals.proposed(_landmarks(face))


def propose_from(job: Decomposition) -> list[dict[str, Any]]:
    """Regions of pixels that moved together when a face's directions were searched."""
    file = Path(job.folder) / places.PROPOSED_FILE
    if job.status != "done" or not job.folder or not file.is_file():
        raise Refused("no_proposal", f"Decomposition {job.id} has left no regions to propose.")
    return json.loads(file.read_text())


def _landmarks(face: Face) -> list[int]:
    if face.landmarks is None:
        raise Refused(
            "no_landmarks",
            f"Face {face.id} ({face.filename}) has no landmarks; mark its regions by hand.",
        )
    return face.landmarks


def check_region_name(name: str) -> str:
    """The name without spaces around it; refused where it cannot be one."""
    name = name.strip()
    if not 1 <= len(name) <= LONGEST_NAME or not name.isprintable():
        raise Refused(
            "invalid_name",
            f"A region's name is {name[:70]!r}; expected 1 to {LONGEST_NAME} letters.",
        )
    if name == REST:
        raise Refused("invalid_name", f"{REST!r} is what all else of the face is called.")
    return name


def checked_shapes(shapes: Any) -> list[dict[str, Any]]:
    with told_as("invalid_region"):
        return check_shapes(shapes)


def keep_region(*, user: User, face: Face, name: str, shapes: Any) -> Region:
    """Keep a region under a name of one's own; the same name on that face is taken only once."""
    kept = Region.objects.filter(owner=user)
    if (n_kept := kept.count()) >= MOST_REGIONS_KEPT:
        raise Conflict("too_many_regions", f"You keep {n_kept} regions; delete some first.")
    fields = {"name": check_region_name(name), "shapes": checked_shapes(shapes)}
    return _once(fields["name"], face, lambda: kept.create(owner=user, face=face, **fields))


def change_region(region: Region, *, name: str | None = None, shapes: Any = None) -> Region:
    if name is not None:
        region.name = check_region_name(name)
    if shapes is not None:
        region.shapes = checked_shapes(shapes)

    def save() -> Region:
        region.save()
        return region

    return _once(region.name, region.face, save)


def _once(name: str, face: Face, write: Callable[[], Region]) -> Region:
    try:
        with transaction.atomic():
            return write()
    except IntegrityError:
        raise Conflict(
            "name_taken", f"You have a region {name!r} on {face.filename} already."
        ) from None


def own_region(user: User, region_id: int) -> Region:
    """One's own region; another's is not there."""
    region = Region.objects.filter(owner=user, id=region_id).select_related("face").first()
    if region is None:
        raise NotFound(f"You have no region {region_id}.")
    return region


def carried(region: Region, face: Face) -> list[dict[str, Any]]:
    """The region's shapes on another face, laid there by both faces' landmarks."""
    if face.id == region.face_id:
        return region.shapes
    with told_as("cannot_carry"):
        return alignment.carried(region.shapes, _landmarks(region.face), _landmarks(face))
