"""Directions held against each other: one table of whatever their results hold."""

from collections.abc import Callable, Sequence
from typing import Any

from editing.filters import FaceFilter
from editing.models import Direction
from editing.recipes import FitRecipe

Show = Callable[[Any], str]
SIDES = ("left", "right")


def _degrees(value: float) -> str:
    return f"{value:.1f}°"


def _share(value: float) -> str:
    return f"{100 * value:.0f} %"


def _decimals(value: float) -> str:
    return f"{value:.2f}"


# Where a figure stands in a result, its name, and how it is shown. What a result lacks has no row.
FIGURES: tuple[tuple[str, str, Show], ...] = (
    ("n_faces", "faces in the clusters", str),
    ("check.mae", "off the asked degrees, mean", _degrees),
    ("check.slope", "achieved per asked degree", _decimals),
    ("check.light_kept", "keep the side of the light", _share),
    ("check.identity_kept", "nearer to themselves than to a stranger", _share),
    ("lines.left.r2", "R² of the line, left", _decimals),
    ("lines.right.r2", "R² of the line, right", _decimals),
    ("lines.left.held_r2", "R² on people not used, left", _decimals),
    ("lines.right.held_r2", "R² on people not used, right", _decimals),
    ("lines.left.slope_norm", "length of the slope per degree, left", "{:.3g}".format),
    ("lines.right.slope_norm", "length of the slope per degree, right", "{:.3g}".format),
    ("probe.yaw_error", "the yaw probe itself is off", _degrees),
)


def table(directions: Sequence[Direction]) -> list[dict[str, Any]]:
    """A row for each figure that one of them has: name, and a text or None for each direction."""
    rows = [
        {"name": name, "values": [_setting(direction, name) for direction in directions]}
        for name in ("faces", "space", "bins", *_recipe_names(directions))
    ]
    for path, name, show in FIGURES:
        values = [at(direction.result, path) for direction in directions]
        if any(value is not None for value in values):
            shown = [None if value is None else show(value) for value in values]
            rows.append({"name": name, "values": shown})
    return rows


def at(result: Any, path: str) -> Any:
    """The value at "lines.left.r2"; None where one of the steps is missing."""
    for step in path.split("."):
        if not isinstance(result, dict) or step not in result:
            return None
        result = result[step]
    return result


def recipe_shown(direction: Direction) -> dict[str, str]:
    """The recipe in words, by the option's name."""
    told = {}
    for name, value in FitRecipe.parse(direction.recipe).to_json().items():
        if isinstance(value, bool):
            value = "yes" if value else "no"
        elif isinstance(value, list):
            value = ", ".join(value) or "nothing"
        told[name.replace("_", " ")] = f"{value:g}" if isinstance(value, float) else str(value)
    return told


def _recipe_names(directions: Sequence[Direction]) -> list[str]:
    """The options in which a direction leaves the usual way, so that equal ones stay out."""
    usual = recipe_shown(Direction())
    found = [recipe_shown(direction) for direction in directions]
    return [name for name in usual if any(one[name] != usual[name] for one in found)]


def _setting(direction: Direction, name: str) -> str:
    if name == "faces":
        pairs = FaceFilter.parse(direction.filter).as_pairs()
        told = [f"{key} {value}" for key, value in pairs if key != "dataset"]
        return " · ".join(told) or "every face"
    if name == "space":
        return direction.space
    if name == "bins":
        return ", ".join(f"{edge:g}" for edge in direction.bins)
    return recipe_shown(direction)[name]
