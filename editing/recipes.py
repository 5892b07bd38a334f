"""How a direction is fitted: a request's body <-> dataclass <-> row."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

from labeling.errors import Refused

BIN_RULES = ("width", "count")
POINTS = ("centroids", "faces")
LINES = ("two", "one")
WEIGHTS = ("equal", "similar")
MOTIONS = ("moments", "straight", "norm", "slerp")
CHOICES = {
    "bin_rule": BIN_RULES,
    "points": POINTS,
    "lines": LINES,
    "weights": WEIGHTS,
    "motion": MOTIONS,
}
MOST_BOOTSTRAPS = 1000


@dataclass(frozen=True)
class FitRecipe:
    """What a direction's row keeps of how it was fitted, next to its filter, bins and space.

    bin_rule    "width": the bins as asked; "count": as many bins, cut so that each holds as many
    points      the line runs through the centroids of the bins, or through all faces
    lines       one to the left and one to the right, or a single one
    ridge       added to the yaw's own spread before division, in square degrees
    subtract    what is regressed beside yaw so that its own slope is no part of yaw's:
                "light" and names of attributes
    mirror      each face counts a second time, mirrored: light's sides swapped, yaw negated
    weights     "similar": a face counts by how like the source its light and attributes are
    motion      how a latent moves: "moments" keeps each channel's mean and spread, "straight" as
                published, "norm" keeps the whole latent's norm, "slerp" turns it on its shell
    bootstraps  refits on people drawn with replacement, for the slope's interval
    fewest      faces a bin should hold; below that its filter is relaxed, see `runs.choosing`
    """

    bin_rule: str = "width"
    points: str = "centroids"
    lines: str = "two"
    ridge: float = 0.0
    subtract: tuple[str, ...] = ()
    mirror: bool = False
    weights: str = "equal"
    motion: str = "moments"
    bootstraps: int = 0
    fewest: int = 5

    @classmethod
    def parse(cls, given: Mapping[str, Any] | None) -> "FitRecipe":
        """A recipe from a request or a row; raises Refused quoting what came and what may come."""
        given = dict(given or {})
        known = [field.name for field in fields(cls)]
        if unknown := sorted(set(given) - set(known)):
            raise _refuse(f"The recipe has {unknown[0]!r}; it knows {', '.join(known)}.")
        for name, allowed in CHOICES.items():
            if name in given and given[name] not in allowed:
                raise _refuse(f"{name} is {given[name]!r}; expected one of {', '.join(allowed)}.")
        if not isinstance(given.get("mirror", False), bool):
            raise _refuse(f"mirror is {given['mirror']!r}; expected true or false.")
        _number(given, "ridge", 0, 1e6)
        _number(given, "bootstraps", 0, MOST_BOOTSTRAPS, whole=True)
        _number({"fewest": cls.fewest, **given}, "fewest", 1, 1000, whole=True)
        names = given.get("subtract", ())
        if not isinstance(names, list | tuple) or not all(isinstance(name, str) for name in names):
            raise _refuse(f"subtract is {names!r}; expected a list of names.")
        return cls(**{**given, "subtract": tuple(dict.fromkeys(names))})

    def to_json(self) -> dict[str, Any]:
        return {**asdict(self), "subtract": list(self.subtract)}


def _number(
    given: Mapping[str, Any], name: str, low: float, high: float, *, whole: bool = False
) -> None:
    value = given.get(name, low)
    kinds: Any = int if whole else int | float
    if isinstance(value, bool) or not isinstance(value, kinds) or not low <= value <= high:
        kind = "a whole number" if whole else "a number"
        raise _refuse(f"{name} is {value!r}; expected {kind} from {low:g} to {high:g}.")


def _refuse(detail: str) -> Refused:
    return Refused("invalid_recipe", detail)
