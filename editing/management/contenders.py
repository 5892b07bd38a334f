"""The ways of turning that are compared, and the faces that suit all of them."""

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from editing.filters import FaceFilter
from editing.models import Direction, Embedding
from editing.runs.choosing import NEAR_FRONTAL
from editing.runs.keeping import stored_rows
from editing.runs.measuring import Meter, meter_of
from editing.runs.rendering import turner_of
from editing.runs.turning import Turner
from labeling.errors import Refused
from labeling.models import Face

RECORD_FORMAT = 1
Tell = Callable[[float, str], None]


@dataclass(frozen=True)
class Setting:
    """One way of turning: a direction, or one for each part of the faces, and how it is walked.

    directions  whose filters share no face; each face is turned by the one it belongs to
    light_of    whose slope of the light a loop holds it by; default the direction's own, which is
                worth nothing where its faces are all lit alike
    path        "line", or "walk": in strides among the faces the direction was fitted on
    """

    name: str
    directions: tuple[Direction, ...]
    closed_loop: bool = False
    hold_light: bool = False
    light_of: Direction | None = None
    path: str = "line"

    def key(self, degrees: Sequence[float]) -> str:
        """What a kept record must have been made with to count as this setting's."""
        told = [
            RECORD_FORMAT,
            [
                (one.id, one.space, str(one.finished_at))
                for one in (*self.directions, *([self.light_of] if self.light_of else []))
            ],
            [self.closed_loop, self.hold_light, *degrees],
            *([self.path] if self.path != "line" else []),
        ]
        return hashlib.sha256(json.dumps(told).encode()).hexdigest()[:12]


@dataclass
class Ready:
    """A direction with all that turning by it needs."""

    direction: Direction
    turner: Turner
    recipe: Embedding
    meter: Meter
    held_out: set[int]
    used_people: set[int]


def made_ready(settings: Sequence[Setting], tell: Tell) -> dict[int, Ready]:
    """Every direction of every setting by its id, loaded once."""
    loops = any(one.closed_loop or one.path == "walk" for one in settings)
    found: dict[int, Ready] = {}
    for direction in (one for setting in settings for one in setting.directions):
        if direction.id in found:
            continue
        turner, recipe = turner_of(direction)
        face_filter = FaceFilter.parse(direction.filter)
        meter = meter_of(
            direction.dataset,
            face_filter,
            turner.denoiser.image_size,
            tell,
            identity=True,
            steering=loops,
        )
        used = set(stored_rows(direction)[0].identity.tolist())
        ids = face_filter.faces().filter(
            dataset=direction.dataset, yaw_degrees__range=(-NEAR_FRONTAL, NEAR_FRONTAL)
        )
        mine = ids.exclude(identity__in=used).values_list("id", flat=True)
        # Faces that the degrees were measured on would flatter them.
        measured = set(direction.result.get("measured", []))
        found[direction.id] = Ready(direction, turner, recipe, meter, set(mine) - measured, used)
    return found


def used_people(ready: Mapping[int, Ready]) -> set[int]:
    """Whoever some direction was fitted on."""
    return set().union(*(one.used_people for one in ready.values()))


def faces_for(settings: Sequence[Setting], ready: Mapping[int, Ready]) -> list[Face]:
    """Near-frontal faces of people that no direction was fitted on, fit for every setting."""
    fit: set[int] | None = None
    for setting in settings:
        theirs = set().union(*(ready[one.id].held_out for one in setting.directions))
        fit = theirs if fit is None else fit & theirs
    used = used_people(ready)
    found = Face.objects.filter(id__in=fit or set()).select_related("dataset").order_by("id")
    free = [face for face in found if face.identity is None or face.identity not in used]
    if not free:
        raise Refused(
            "no_held_out",
            f"No near-frontal face of people set apart suits all {len(settings)} "
            "settings; compare directions of one dataset, of the same or no filter.",
        )
    return free
