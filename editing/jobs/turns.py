"""Ask for a face to be turned."""

from collections.abc import Sequence

from editing import tasks
from editing.jobs.checks import Ring, ready
from editing.models import Direction, Edit, Embedding
from labeling import jobs
from labeling.errors import Refused
from labeling.models import Face, User

MOST_DEGREES = 45.0
MOST_FRAMES = 61
PATHS = ("line", "walk")


def turn(
    *,
    user: User | None,
    face: Face,
    direction: Direction,
    degrees: Sequence[float],
    closed_loop: bool = False,
    hold_light: bool = False,
    path: str = "line",
    body: dict,
    key: str = "",
    ring: Ring = tasks.ring_render,
) -> Edit:
    """Ask for one face turned to each of these degrees; the frames come in growing order.

    closed_loop  whether each frame is read and its step corrected until it turned as asked
    hold_light   whether the loop also keeps the light where it was; needs the loop
    path         "line": along the direction's lines; "walk": in strides, each along slopes fitted
                 anew to the faces like it there, which reads and corrects itself
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
    settings: dict[str, bool | str] = {"closed_loop": closed_loop, "hold_light": hold_light}
    if path not in PATHS:
        raise Refused("invalid_settings", f"path is {path!r}; expected {' or '.join(PATHS)}.")
    if path == "walk":
        _check_walk(direction, settings)
        settings["path"] = path
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
        settings=settings,
    )


def _check_walk(direction: Direction, settings: dict[str, bool | str]) -> None:
    asked = [name for name, is_asked in settings.items() if is_asked]
    if asked:
        raise Refused(
            "invalid_settings",
            f"path is 'walk' and {asked[0]} is true; a walk reads each stride and holds the light "
            "by itself, so leave these out.",
        )
    if not can_walk(direction):
        raise Refused(
            "invalid_settings",
            f"path is 'walk', but direction {direction.id} lies in {direction.space}, a space of "
            f"kind {_kind_of(direction)!r}; a walk needs noisy faces ('{Embedding.Kind.NOISY}').",
        )


def can_walk(direction: Direction) -> bool:
    """Whether faces may be walked round by a direction's latents: noisy faces, no bottlenecks."""
    return _kind_of(direction) in (None, Embedding.Kind.NOISY)


def _kind_of(direction: Direction) -> str | None:
    made = Embedding.objects.filter(generator=direction.generator_id, space=direction.space)
    return made.values_list("kind", flat=True).first()
