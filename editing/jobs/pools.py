"""The other faces on which a search's directions have to be local, too."""

import zlib
from dataclasses import replace
from typing import Any

from editing.filters import FaceFilter
from editing.jobs.checks import LONGEST_FILTER
from labeling.errors import Refused
from labeling.models import Face

FEWEST, MOST = 2, 40
MOST_TO_SETTLE = 300  # looked at one after another; pooling keeps all of them at hand
DEFAULT_FACES, DEFAULT_TO_SETTLE = 12, 120


def checked_pool(given: dict[str, Any] | None, face: Face) -> dict[str, Any]:
    """The faces of a pool, one a person and by lot: {"filter", "faces", "ids"}; empty for None.

    given   {"filter": which faces, of the face's dataset if it names none; "faces": how many;
            "settle": whether directions are then settled over them at visible size}
    raises  Refused for too few such faces with landmarks, by which regions are carried
    """
    if given is None:
        return {}
    settle = {"settle": True} if given.get("settle") else {}
    wanted = given.get("faces", DEFAULT_TO_SETTLE if settle else DEFAULT_FACES)
    most = MOST_TO_SETTLE if settle else MOST
    if not FEWEST <= wanted <= most:
        raise Refused("invalid", f"faces of pool is {wanted}; expected {FEWEST} to {most}.")
    face_filter = FaceFilter.parse(given.get("filter"))
    if not (face_filter.dataset or face_filter.campaign or face_filter.release):
        face_filter = replace(face_filter, dataset=face.dataset.name)
    if len(query := face_filter.to_query()) > LONGEST_FILTER:
        raise Refused("invalid_filter", f"The filter has {len(query)} characters; expected fewer.")
    if not face.landmarks:
        raise Refused(
            "no_landmarks",
            f"{face.filename} has no landmarks, so its regions cannot be carried to other faces.",
        )
    faces = face_filter.faces().filter(landmarks__isnull=False).exclude(id=face.id)
    by_person: dict[int, int] = {}
    # Known people by their number, everybody else by the face's own.
    for face_id, who in sorted(faces.values_list("id", "identity"), key=_lot):
        if who is None or who != face.identity:
            by_person.setdefault(-face_id if who is None else who, face_id)
    if len(by_person) < wanted:
        raise Refused(
            "too_few_faces",
            f"{len(by_person)} other people with landmarks pass the filter {query!r}; expected "
            f"{wanted} or more.",
        )
    return {"filter": query, "faces": wanted, "ids": list(by_person.values())[:wanted], **settle}


def _lot(row: tuple[int, int | None]) -> int:
    return zlib.crc32(str(row[0]).encode())
