"""Ask for what the explorer draws: mean faces of a selection, and figures for a paper."""

from typing import Any

from editing import tasks
from editing.filters import FaceFilter
from editing.jobs.checks import Ring, ready, some_faces
from editing.models import Direction, Edit, FigureSet, MeanFaces
from labeling import jobs
from labeling.errors import Conflict, Refused
from labeling.models import Dataset, User

LIGHTS = {"left", "center", "right"}


def draw_mean_faces(
    *,
    user: User | None,
    face_filter: FaceFilter,
    mirror: bool = False,
    body: dict,
    key: str = "",
    ring: Ring = tasks.ring_mean_faces,
) -> MeanFaces:
    """Ask for the mean faces of a filter, light by pose; each face mirrored as well, if wished."""
    dataset = face_filter.one_dataset()
    some_faces(face_filter, dataset)
    if dataset.is_elsewhere:
        raise Refused("no_pictures", f"The pictures of {dataset.name!r} are elsewhere, not here.")
    campaign = face_filter.labels_campaign()
    if campaign is None:
        raise Refused(
            "no_campaign",
            f"Mean faces need to know the light: name one campaign of {dataset.name!r}.",
        )
    if set(campaign.values) != LIGHTS:
        raise Refused(
            "not_about_light",
            f"Campaign {campaign.slug!r} has the choices {', '.join(campaign.values)}; mean faces "
            "need left, center, right.",
        )
    return jobs.submit(
        MeanFaces,
        ring=ring,
        user=user,
        body=body,
        key=key,
        dataset=dataset,
        filter=face_filter.to_query(),
        mirror=mirror,
    )


def draw_figures(
    *,
    user: User | None,
    face_filter: FaceFilter,
    mean_faces: MeanFaces | None = None,
    direction: Direction | None = None,
    against: Direction | None = None,
    edit: Edit | None = None,
    edit_against: Edit | None = None,
    body: dict,
    key: str = "",
    ring: Ring = tasks.ring_figures,
) -> FigureSet:
    """Ask for everything that a page of the explorer shows, as files with the recipe.

    against       a second direction, beside the first
    edit          a face turned along the direction
    edit_against  a face turned along the second one
    """
    dataset = face_filter.one_dataset()
    some_faces(face_filter, dataset)
    for kind, job in (("mean faces", mean_faces), ("direction", direction), ("direction", against)):
        if job is not None:
            ready(job, kind)
            _same_dataset(kind, job, dataset)
    if against is not None and direction is None:
        raise Refused("invalid", f"against is {against.id} without a direction to compare it with.")
    for name, turned, along in (
        ("edit", edit, direction),
        ("edit_against", edit_against, against),
    ):
        if turned is not None:
            ready(turned, "edit")
            _along(name, turned, along)
    return jobs.submit(
        FigureSet,
        ring=ring,
        user=user,
        body=body,
        key=key,
        dataset=dataset,
        filter=face_filter.to_query(),
        mean_faces=mean_faces,
        direction=direction,
        against=against,
        edit=edit,
        edit_against=edit_against,
    )


def _same_dataset(kind: str, job: Any, dataset: Dataset) -> None:
    if job.dataset_id != dataset.id:
        raise Conflict(
            "another_dataset",
            f"{kind.capitalize()} {job.id} is of dataset {job.dataset.name!r}, the filter of "
            f"{dataset.name!r}.",
        )


def _along(name: str, edit: Edit, direction: Direction | None) -> None:
    asked = None if direction is None else direction.id
    if edit.direction_id is None or edit.direction_id != asked:
        raise Refused(
            "another_direction",
            f"{name} {edit.id} follows direction {edit.direction_id}, not {asked}.",
        )
