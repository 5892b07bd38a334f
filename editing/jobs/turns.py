"""Ask for a face to be turned."""

from collections.abc import Sequence

from editing import tasks
from editing.jobs.checks import Ring, ready
from editing.models import Direction, Edit
from labeling import jobs
from labeling.errors import Refused
from labeling.models import Face, User

MOST_DEGREES = 45.0
MOST_FRAMES = 61


def turn(
    *,
    user: User | None,
    face: Face,
    direction: Direction,
    degrees: Sequence[float],
    closed_loop: bool = False,
    hold_light: bool = False,
    body: dict,
    key: str = "",
    ring: Ring = tasks.ring_render,
) -> Edit:
    """Ask for one face turned to each of these degrees; the frames come in growing order.

    closed_loop  whether each frame is read and its step corrected until it turned as asked
    hold_light   whether the loop also keeps the light where it was; needs the loop
    """
    ready(direction, "direction")
    wanted = sorted(float(degree) for degree in degrees)
    if not 1 <= len(wanted) <= MOST_FRAMES:
        raise Refused("invalid_degrees", f"{len(wanted)} frames; expected 1 to {MOST_FRAMES}.")
    for degree in wanted:
        if not abs(degree) <= MOST_DEGREES:
            raise Refused(
                "invalid_degrees",
                f"degrees has {degree:g}; heads turn from -{MOST_DEGREES:g} to {MOST_DEGREES:g}.",
            )
    if len(set(wanted)) < len(wanted):
        raise Refused("invalid_degrees", f"degrees {wanted} names a frame twice.")
    if hold_light and not closed_loop:
        raise Refused("invalid_settings", "hold_light needs closed_loop; only a loop can hold.")
    return jobs.submit(
        Edit,
        ring=ring,
        user=user,
        body=body,
        key=key,
        kind=Edit.Kind.ROTATION,
        face=face,
        direction=direction,
        degrees=wanted,
        settings={"closed_loop": closed_loop, "hold_light": hold_light},
    )
