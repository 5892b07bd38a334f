"""Faces whose answer is known: what a quiz may ask, and why the answer is what it is."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from labeling.models import UNSURE, Adjudication, Campaign
from labeling.rubrics import is_about_light, text_of

POOL = Path(__file__).with_name("quiz_faces.json")
STAGE, FACE = "stage:", "face:"
LEAST_FACES = 10
LEAST_CHOICES = 2
# More would only make each start slower; the newest ones are taken.
MOST_ADJUDICATED = 500
# From where on a head turned to the light has two bright cheeks, and from where on it looks turned.
TOWARDS_DEGREES, TURNED_DEGREES = 9, 15

SIDE_WHY = {
    "left": "The cheek at your left is brighter, and the nose throws its shadow to your right.",
    "center": "Both cheeks are about equally bright, and the nose throws no shadow to a side.",
    "right": "The cheek at your right is brighter, and the nose throws its shadow to your left.",
}
TOWARDS_WHY = {
    "left": "The head is turned to the light, so look at the nose: its shadow falls to your right.",
    "right": "The head is turned to the light, so look at the nose: its shadow falls to your left.",
}
UNSURE_WHY = {
    "dark": "It is too dark to see which cheek is brighter: then “can't tell” is the right answer.",
    "covered": "The cheeks and the nose are covered: then “can't tell” is the right answer.",
}


@dataclass(frozen=True)
class KnownFace:
    """A face to ask about.

    key      says nothing of the answer: a page may hold it before the answer
    picture  the name of one of our own rendered pictures, or None for a face of the campaign
    why      one or two sentences for somebody who answered otherwise
    """

    key: str
    truth: str
    why: str
    picture: str | None = None
    face_id: int | None = None


def why_not(campaign: Campaign) -> str | None:
    """Why no quiz can be given; None when one can."""
    if campaign.dataset.is_elsewhere:
        return "its pictures lie elsewhere and can't be shown here."
    if is_about_light(campaign):
        return None
    truths = _adjudicated(campaign)
    n_choices = len(set(truths.values()) - {UNSURE})
    if len(truths) >= LEAST_FACES and n_choices >= LEAST_CHOICES:
        return None
    return (
        f"it asks about adjudicated faces, and {len(truths)} of at least {LEAST_FACES} are there, "
        f"with {n_choices} of at least {LEAST_CHOICES} different answers."
    )


def known_faces(campaign: Campaign) -> Mapping[str, KnownFace]:
    """Every face this campaign's quiz may ask about, by its key."""
    if is_about_light(campaign):
        return stage_faces()
    own = _adjudicated(campaign).items()
    faces = [_own_face(campaign, face_id, truth) for face_id, truth in own]
    return {face.key: face for face in faces}


def find_known(campaign: Campaign, keys: Sequence[str]) -> dict[str, KnownFace]:
    """The faces of these keys; one that can't be asked any more is missing."""
    numbers = [key.removeprefix(FACE) for key in keys if key.startswith(FACE)]
    ids = [int(number) for number in numbers if number.isdecimal()]
    own = _adjudicated(campaign, ids) if ids else {}
    faces = {face.key: face for face in (_own_face(campaign, *item) for item in own.items())}
    faces |= {key: face for key, face in stage_faces().items() if key in keys}
    return faces


@lru_cache(maxsize=1)
def stage_faces() -> Mapping[str, KnownFace]:
    """The rendered faces that come with the program: `python -m lightstage teach` writes them."""
    faces = {}
    for row in json.loads(POOL.read_text()):
        key = STAGE + row["name"]
        faces[key] = KnownFace(key, row["truth"], _why(row), picture=row["name"])
    return faces


def _why(row: dict[str, str | float]) -> str:
    """What tells the answer in one of our pictures; on a head turned to the light cheeks do not."""
    truth = str(row["truth"])
    if truth == UNSURE:
        return UNSURE_WHY[str(row["kind"])]
    yaw, azimuth = float(row["yaw_degrees"]), float(row["azimuth_degrees"])
    if truth in TOWARDS_WHY and yaw * azimuth > 0 and abs(yaw) >= TOWARDS_DEGREES:
        return TOWARDS_WHY[truth]
    if abs(yaw) < TURNED_DEGREES:
        return SIDE_WHY[truth]
    towards = "right" if yaw > 0 else "left"
    return f"{SIDE_WHY[truth]} That the head is turned to your {towards} does not change it."


def _adjudicated(campaign: Campaign, face_ids: Sequence[int] | None = None) -> dict[int, str]:
    """The last word on each face that has one, by face: of these faces, or the newest ones."""
    rows = Adjudication.objects.filter(campaign=campaign)
    if face_ids is not None:
        rows = rows.filter(face__in=face_ids)
    newest = rows.order_by("face_id", "-id").distinct("face_id")
    words = sorted(newest.values_list("id", "face_id", "choice"), reverse=True)
    return {face_id: choice for _, face_id, choice in words[:MOST_ADJUDICATED]}


def _own_face(campaign: Campaign, face_id: int, truth: str) -> KnownFace:
    labels = {choice["value"]: choice["label"] for choice in campaign.choices}
    settled = labels.get(truth, "Can't tell")
    why = f"A manager has looked at this face and settled it: {settled}."
    if text := text_of(campaign, truth):
        why = f"{why} {text}"
    return KnownFace(f"{FACE}{face_id}", truth, why, face_id=face_id)
