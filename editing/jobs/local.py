"""Ask for one region of a face to be changed, or of many faces at once."""

import math
from collections.abc import Sequence
from typing import Any

from django.db import transaction

from editing import tasks
from editing.filters import FaceFilter
from editing.jobs.checks import Ring, find, ready, some_faces
from editing.jobs.components import find_component
from editing.jobs.turns import MOST_DEGREES
from editing.models import Component, Direction, Edit
from labeling import jobs
from labeling.errors import Conflict, Refused
from labeling.models import Face, User

MOST_STRENGTHS = 21
MOST_STRENGTH = 4.0
MOST_COMPOSED = 8
MOST_TRANSFERS = 50
DEFAULT_STRENGTHS = (-0.3, -0.2, -0.1, 0.0, 0.1, 0.2, 0.3)
FORMS = ("symmetric", "asymmetric")


def edit_locally(
    *,
    user: User | None,
    face: Face,
    component: Component,
    strengths: Sequence[float] = DEFAULT_STRENGTHS,
    reference: Face | None = None,
    settings: dict[str, Any] | None = None,
    body: dict,
    key: str = "",
    ring: Ring = tasks.ring_render,
) -> Edit:
    """Ask for one face with one region changed by each strength; frames come in growing order.

    strengths  relative to the bottleneck's own size; 0 is the face itself
    reference  a face to come nearer to in the component's region, instead of along the component
    settings   form, interval [low, high] in timesteps, hold_outside, adapt, compose: see
               check_settings
    """
    return jobs.submit(
        Edit,
        ring=ring,
        user=user,
        body=body,
        key=key,
        face=face,
        **_checked(component, strengths, reference, settings or {}),
    )


def transfer(
    *,
    user: User | None,
    face_filter: FaceFilter,
    count: int,
    component: Component,
    strengths: Sequence[float] = DEFAULT_STRENGTHS,
    settings: dict[str, Any] | None = None,
    body: dict,
    key: str = "",
    ring: Ring = tasks.ring_render,
) -> list[Edit]:
    """Ask for the first `count` faces of a filter, each changed by the same direction."""
    if not 1 <= count <= MOST_TRANSFERS:
        raise Refused("invalid", f"count is {count}; expected 1 to {MOST_TRANSFERS}.")
    if len(key) > 150:
        raise Refused("invalid", "Idempotency-Key is too long for many edits; expected 150.")
    fields = _checked(component, strengths, None, settings or {})
    some_faces(face_filter, face_filter.one_dataset())
    with transaction.atomic():  # all of them or none
        return [
            jobs.submit(
                Edit,
                ring=ring,
                user=user,
                body=body,
                key=f"{key}:{number}" if key else "",
                face=face,
                **fields,
            )
            for number, face in enumerate(face_filter.faces().order_by("id")[:count])
        ]


def _checked(
    component: Component, strengths: Sequence[float], reference: Face | None, settings: dict
) -> dict[str, Any]:
    ready(component.decomposition, "decomposition")
    if reference is not None and not component.region:
        raise Refused(
            "invalid",
            "A reference is for a direction of one region; this one moves the whole face.",
        )
    return {
        "kind": Edit.Kind.LOCAL,
        "component": component,
        "strengths": check_strengths(strengths),
        "reference": reference,
        "settings": check_settings(settings, component),
    }


def check_strengths(strengths: Sequence[float]) -> list[float]:
    wanted = sorted(float(strength) for strength in strengths)
    if not 1 <= len(wanted) <= MOST_STRENGTHS:
        raise Refused(
            "invalid_strengths", f"{len(wanted)} strengths; expected 1 to {MOST_STRENGTHS}."
        )
    for strength in wanted:
        if not (math.isfinite(strength) and abs(strength) <= MOST_STRENGTH):
            raise Refused(
                "invalid_strengths",
                f"strengths has {strength:g}; expected -{MOST_STRENGTH:g} to {MOST_STRENGTH:g}.",
            )
    if len(set(wanted)) < len(wanted):
        raise Refused("invalid_strengths", f"strengths {wanted} names a frame twice.")
    return wanted


def check_settings(settings: dict[str, Any], component: Component) -> dict[str, Any]:
    """How an edit is made: only what was said, so that the worker's own defaults stay its own.

    form          "symmetric" or "asymmetric"
    interval      [low, high]: the timesteps between which the bottleneck is moved
    hold_outside  whether all but the region is held to the photo's own path
    adapt         whether directions are fitted to the face first, so that less changes outside
    compose       further steps: {"component", "strength"} or {"direction", "degrees"}
    """
    last = component.decomposition.generator.card["last_timestep"]
    told = dict(settings)
    if "form" in told and told["form"] not in FORMS:
        raise Refused("invalid", f"form is {told['form']!r}; expected {' or '.join(FORMS)}.")
    if "interval" in told:
        low, high = told["interval"]
        if not 0 <= low < high <= last:
            raise Refused(
                "invalid", f"interval is {[low, high]}; expected low < high within 0..{last}."
            )
    for name in ("hold_outside", "adapt"):
        if told.get(name) and not component.region:
            raise Refused("invalid", f"{name} needs a direction of one region; this has none.")
    if len(told.get("compose", [])) > MOST_COMPOSED:
        raise Refused(
            "invalid",
            f"compose has {len(told['compose'])} steps; expected at most {MOST_COMPOSED}.",
        )
    for step in told.get("compose", []):
        _check_step(step, component)
    return told


def _check_step(step: dict[str, Any], component: Component) -> None:
    generator = component.decomposition.generator_id
    if set(step) == {"component", "strength"}:
        other = find_component(step["component"])
        ready(other.decomposition, "decomposition")
        theirs = other.decomposition.generator_id
        check_strengths([step["strength"]])
    elif set(step) == {"direction", "degrees"}:
        direction = find(Direction, step["direction"])
        ready(direction, "direction")
        theirs = direction.generator_id
        if not abs(step["degrees"]) <= MOST_DEGREES:
            raise Refused(
                "invalid_degrees",
                f"degrees is {step['degrees']:g}; heads turn from -{MOST_DEGREES:g} to "
                f"{MOST_DEGREES:g}.",
            )
    else:
        raise Refused(
            "invalid",
            f"A step of compose has {sorted(step)}; expected component and strength, or direction "
            "and degrees.",
        )
    if theirs != generator:
        raise Conflict("another_generator", f"{step} belongs to another generator.")
