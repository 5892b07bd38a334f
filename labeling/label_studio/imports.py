"""Import tasks: turns for exactly the faces that they show."""

import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from django.db import transaction
from django.db.models import ProtectedError

from labeling import acts
from labeling.label_studio import whereabouts
from labeling.label_studio.configs import config_of
from labeling.label_studio.errors import Invalid
from labeling.label_studio.texts import is_storable, quoted
from labeling.models import Campaign, Dataset, Face, LabelStudioTask, Turn, User

ADDRESS_LETTERS = Face._meta.get_field("filename").max_length
BATCH = 2000


@dataclass(frozen=True)
class SentTask:
    """One task as it came, checked for form."""

    image: str
    data: dict[str, Any]
    meta: dict[str, Any]


@dataclass(frozen=True)
class Imported:
    """What became of an import; tasks that were here before are not counted as new."""

    task_ids: list[int]
    n_new: int
    columns: list[str]


def import_tasks(campaign: Campaign, by: User, body: object, host: str) -> Imported:
    """Store tasks, all of them or none; the same import sent again adds nothing.

    The first import decides whether the project is about a dataset of ours or about images
    elsewhere. host: ours, as the client calls it.
    raises  Invalid with what is wrong
    """
    tasks = read_tasks(body, config_of(campaign)[0].image_key)
    with transaction.atomic():
        # Two first imports at once: the second sees what the first has decided.
        campaign = Campaign.objects.select_for_update(no_key=True).get(id=campaign.id)
        faces = _faces_for(campaign, by_image(tasks), host)
        by_face = _one_per_face(tasks, faces)
        turns = _turns_for(campaign, list(by_face))
        n_new = _describe(turns, by_face)
        acts.record(
            by, "campaign.import", campaign.slug, campaign=campaign, tasks=n_new, of=len(tasks)
        )
    return Imported(
        task_ids=[turns[faces[task.image]].id for task in tasks],
        n_new=n_new,
        columns=sorted({column for task in tasks for column in task.data}),
    )


def read_tasks(body: object, image_key: str) -> list[SentTask]:
    """The tasks of a request: objects with "data", or the bare data itself, as Label Studio."""
    rows = [body] if isinstance(body, dict) else body
    if not isinstance(rows, list) or not rows:
        raise Invalid("non_field_errors", "Expected a list with at least one task, as JSON.")
    return [_read_task(number, row, image_key) for number, row in enumerate(rows, start=1)]


def _read_task(number: int, row: object, image_key: str) -> SentTask:
    if not isinstance(row, dict):
        raise Invalid("non_field_errors", f"Task {number} is {quoted(row)}; expected an object.")
    if "data" not in row:
        row = {"data": row}
    for answers in ("annotations", "completions", "predictions"):
        if row.get(answers):
            detail = f"Task {number} brings {answers}; import tasks bare, and votes from a file."
            raise Invalid(answers, detail)
    data, meta = row["data"], row.get("meta") or {}
    if not isinstance(data, dict) or not isinstance(meta, dict):
        detail = f"Task {number} has data {quoted(data)} and meta {quoted(meta)}; expected objects."
        raise Invalid("data", detail)
    image = data.get(image_key)
    if not isinstance(image, str) or not image.strip():
        detail = f"Task {number} has no {image_key!r} for the label config: {quoted(data)}."
        raise Invalid("data", detail)
    if len(image) > ADDRESS_LETTERS:
        detail = (
            f"Task {number}'s image is {image[:60]!r}... with {len(image):,} letters; expected at "
            f"most {ADDRESS_LETTERS}."
        )
        raise Invalid("data", detail)
    if not is_storable(data) or not is_storable(meta):
        detail = f"Task {number} has a NUL or half a surrogate pair in it; expected plain text."
        raise Invalid("data", detail)
    return SentTask(image, data, meta)


def by_image(tasks: Iterable[SentTask]) -> list[str]:
    """Each image once, in order."""
    return list(dict.fromkeys(task.image for task in tasks))


def _faces_for(campaign: Campaign, images: Sequence[str], host: str) -> dict[str, int]:
    """The face that each image is; the campaign gets its dataset if it had none."""
    own = campaign.dataset if campaign.dataset.is_elsewhere else None
    if own is None:
        return whereabouts.find(images, host, campaign.dataset).faces
    if not own.faces.exists():
        found = whereabouts.find(images, host, None)
        if found.dataset:
            _move(campaign, found.dataset)
            return found.faces
    whereabouts.refuse_ours(images, host)
    return _faces_elsewhere(own, images)


def _move(campaign: Campaign, dataset: Dataset) -> None:
    """The campaign's own empty dataset goes, unless somebody else has begun to use it."""
    empty, campaign.dataset = campaign.dataset, dataset
    campaign.save(update_fields=["dataset"])
    try:
        with transaction.atomic():
            empty.delete()
    except ProtectedError:
        pass


def _faces_elsewhere(dataset: Dataset, images: Sequence[str]) -> dict[str, int]:
    rows = [Face(dataset=dataset, filename=image) for image in images]
    Face.objects.bulk_create(rows, batch_size=BATCH, ignore_conflicts=True)
    faces: dict[str, int] = {}
    for start in range(0, len(images), BATCH):
        part = images[start : start + BATCH]
        there = Face.objects.filter(dataset=dataset, filename__in=part)
        faces |= dict(there.values_list("filename", "id"))
    dataset.n_faces = dataset.faces.count()
    dataset.save(update_fields=["n_faces"])
    return faces


def _one_per_face(tasks: Sequence[SentTask], faces: dict[str, int]) -> dict[int, SentTask]:
    by_face: dict[int, SentTask] = {}
    for task in tasks:
        other = by_face.setdefault(faces[task.image], task)
        if (other.data, other.meta) != (task.data, task.meta):
            both = f"{quoted(other.data)} and {quoted(task.data)}"
            raise Invalid("data", f"{both} show one face; expected one task for each.")
    return by_face


def _turns_for(campaign: Campaign, face_ids: Sequence[int]) -> dict[int, Turn]:
    """The turns of these faces, made where there are none yet, in random order."""
    rows = [
        Turn(
            campaign=campaign, face_id=face_id, priority=random.random(), wanted=campaign.votes_min
        )
        for face_id in face_ids
    ]
    Turn.objects.bulk_create(rows, batch_size=BATCH, ignore_conflicts=True)
    turns: dict[int, Turn] = {}
    for start in range(0, len(face_ids), BATCH):
        part = Turn.objects.filter(campaign=campaign, face_id__in=face_ids[start : start + BATCH])
        turns |= {turn.face_id: turn for turn in part.select_related("label_studio")}
    return turns


def _describe(turns: dict[int, Turn], tasks: dict[int, SentTask]) -> int:
    """Keep the tasks' own data; returns how many are new. What is there is never changed."""
    new: list[LabelStudioTask] = []
    for face_id, task in tasks.items():
        turn = turns[face_id]
        before = getattr(turn, "label_studio", None)
        if before is None:
            new.append(LabelStudioTask(turn=turn, data=task.data, meta=task.meta))
        elif (before.data, before.meta) != (task.data, task.meta):
            detail = (
                f"Task {turn.id} shows this face already, with the data {quoted(before.data)}; now "
                f"{quoted(task.data)} came."
            )
            raise Invalid("data", detail)
    LabelStudioTask.objects.bulk_create(new, batch_size=BATCH)
    return len(new)
