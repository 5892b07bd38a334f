"""Ask for the directions of a face's regions; keep the good ones in the library."""

import hashlib
import json
from collections.abc import Sequence
from typing import Any

from django.db import IntegrityError, transaction
from django.utils import timezone

from editing import tasks
from editing.engine.regions import as_rows, masks_of
from editing.jobs.checks import Ring, ready
from editing.jobs.embeddings import DEFAULT_NOISE, DEFAULT_REFINEMENTS, DEFAULT_STEPS
from editing.jobs.pools import checked_pool
from editing.jobs.regions import REST, check_region_name, checked_shapes, told_as
from editing.models import Component, Decomposition, Generator
from labeling import jobs
from labeling.errors import Conflict, NotFound, Refused
from labeling.models import Face, User
from labeling.roles import has_role

DEFAULT_RANK = 10
MOST_RANK = 64
MOST_REGIONS = 8
LONGEST_NAME = 60
KEY_VERSION = 1


def decompose(
    *,
    user: User | None,
    generator: Generator,
    face: Face,
    regions: Sequence[dict[str, Any]],
    timestep: int | None = None,
    steps: int = DEFAULT_STEPS,
    refinements: int = DEFAULT_REFINEMENTS,
    rank: int = DEFAULT_RANK,
    joint_rank: int | None = None,
    individual_rank: int | None = None,
    pool: dict[str, Any] | None = None,
    body: dict,
    key: str = "",
    ring: Ring = tasks.ring_decompose,
) -> Decomposition:
    """Ask for the directions that act on regions of a face; an equal search is made only once.

    regions          each with "name" and "shapes"; the rest of the face is always one more
    timestep         noise level at which the network is looked at, default the middle
    rank             singular vectors per region
    joint_rank       directions of the whole face, default by principal angles
    individual_rank  directions per region, default what is left
    pool             other faces to find directions for as well: "filter", "faces", how many, and
                     "settle", whether whole edits of them are made until one direction suits all
    """
    ready(generator, "generator")
    last = generator.card["last_timestep"]
    if timestep is None:
        timestep = min(round(generator.card["train_timesteps"] * DEFAULT_NOISE), last)
    for name, value, low, high in (
        ("timestep", timestep, 1, last),
        ("steps", steps, 2, last),
        ("refinements", refinements, 0, 3),
        ("rank", rank, 1, MOST_RANK),
        ("joint_rank", joint_rank, 0, rank),
        ("individual_rank", individual_rank, 1, rank),
    ):
        if value is not None and not low <= value <= high:
            raise Refused("invalid", f"{name} is {value}; expected a whole number {low}..{high}.")
    checked = check_regions(regions, generator.image_size)
    fields = {
        "timestep": timestep,
        "steps": steps,
        "refinements": refinements,
        "rank": rank,
        "joint_rank": joint_rank,
        "individual_rank": individual_rank,
    }
    # A search without a pool keeps the key that it always had.
    if others := checked_pool(pool, face):
        fields["pool"] = others
    sha256 = key_of(generator, face, checked, fields)

    def ask() -> Decomposition:
        return jobs.submit(
            Decomposition,
            ring=ring,
            user=user,
            body=body,
            key=key,
            generator=generator,
            face=face,
            regions=checked,
            sha256=sha256,
            **fields,
        )

    if key and Decomposition.objects.filter(requested_by=user, idempotency_key=key).exists():
        return ask()  # the same row, or a Conflict for another body
    if equal := _equal(sha256):
        return equal
    try:
        with transaction.atomic():
            return ask()
    except IntegrityError:
        # Of two people who ask for the same at once, the second gets the first one's row.
        if equal := _equal(sha256):
            return equal
        raise


def _equal(sha256: str) -> Decomposition | None:
    live = Decomposition.objects.filter(sha256=sha256, status__in=["queued", "running", "done"])
    return live.exclude(cancel_requested=True, status__in=["queued", "running"]).first()


def may_cancel(job: Decomposition, user: User) -> bool:
    """Whether this person may end a search, for which others may wait as well."""
    return job.requested_by_id in (None, user.id) or has_role(user, "manager")


def cancel(job: Decomposition, *, user: User) -> None:
    """End a search.

    raises  Refused with status 403 for who neither asked for it nor manages
    """
    if not may_cancel(job, user):
        name = job.requested_by.username
        raise Refused(
            "asked_by_another",
            f"{name} asked for this search, and others may be waiting for it: only {name} or a "
            f"manager may cancel it, and you are {user.username}.",
            status=403,
        )
    jobs.cancel(job)


def check_regions(regions: Sequence[dict[str, Any]], size: int) -> list[dict[str, Any]]:
    """The regions with checked names and shapes; refused where a mask of that size cannot be."""
    if not 1 <= len(regions) <= MOST_REGIONS:
        raise Refused("invalid_regions", f"{len(regions)} regions; expected 1 to {MOST_REGIONS}.")
    checked = [
        {"name": check_region_name(one["name"]), "shapes": checked_shapes(one["shapes"])}
        for one in regions
    ]
    with told_as("invalid_region"):
        masks_of(checked, size, size, REST)
    return checked


def key_of(
    generator: Generator, face: Face, regions: list[dict[str, Any]], fields: dict[str, Any]
) -> str:
    """sha256 over all that the directions follow from, every mask among it pixel by pixel."""
    size = generator.image_size
    masks = {name: as_rows(mask) for name, mask in masks_of(regions, size, size, REST).items()}
    said = [KEY_VERSION, generator.sha256, face.id, list(masks.items()), fields]
    if "pool" in fields:
        # On the other faces masks follow from the landmarks of both.
        ids = [face.id, *fields["pool"]["ids"]]
        said.append(
            list(Face.objects.filter(id__in=ids).order_by("id").values_list("id", "landmarks"))
        )
    return hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()


def find_component(component_id: int) -> Component:
    rows = Component.objects.select_related("decomposition__generator", "kept_by")
    if (component := rows.filter(id=component_id).first()) is None:
        raise NotFound(f"There is no component {component_id}.")
    return component


def keep(component: Component, *, user: User, name: str) -> Component:
    """Put a direction into the library under a name, or give it another one there."""
    ready(component.decomposition, "decomposition")
    name = name.strip()
    if not 1 <= len(name) <= LONGEST_NAME or not name.isprintable():
        raise Refused(
            "invalid_name", f"name is {name[:70]!r}; expected 1 to {LONGEST_NAME} letters."
        )
    if component.kept_by_id not in (None, user.id):
        raise Conflict(
            "kept_by_another", f"{component.kept_by} keeps this direction as {component.name!r}."
        )
    try:
        with transaction.atomic():
            # Who keeps it first, keeps it: another's row no longer matches.
            free = Component.objects.filter(id=component.id, kept_by=component.kept_by_id)
            n_kept = free.update(name=name, kept_by=user, kept_at=timezone.now())
    except IntegrityError:
        raise Conflict("name_taken", f"The library has a {name!r} already.") from None
    if not n_kept:
        raise Conflict("kept_by_another", "Somebody has just kept this direction.")
    return find_component(component.id)


def forget(component: Component, *, user: User) -> Component:
    """Take one's own direction out of the library; edits made with it stay."""
    if component.kept_by_id != user.id:
        raise NotFound(f"You keep no direction {component.id} in the library.")
    Component.objects.filter(id=component.id, kept_by=user).update(
        name="", kept_by=None, kept_at=None
    )
    return find_component(component.id)
