"""A vote as the label page casts it, and a release as a row."""

from uuid import uuid4

from labeling import queue, votes
from labeling.models import Campaign, Release, User, Vote


def vote(campaign: Campaign, annotator: User, choice: str = "left") -> Vote:
    held = queue.next_faces(campaign, annotator, 1)[0]
    identifier = uuid4()
    row = {"id": str(identifier), "face": held.face_id, "choice": choice, "seconds": 1.5}
    assert votes.cast(campaign, annotator, [row])[0].status == "stored"
    return Vote.objects.get(id=identifier)


def release_of(campaign: Campaign, **changes: object) -> Release:
    return Release.objects.create(
        **{"campaign": campaign, "number": 1, "status": "queued", "requested_by": None, **changes}
    )
