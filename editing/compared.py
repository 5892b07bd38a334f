"""Tables of whatever results hold: directions and turned faces against each other, frames."""

from collections.abc import Callable, Sequence
from typing import Any

from editing.filters import FaceFilter
from editing.models import Direction, Edit
from editing.recipes import FitRecipe

Show = Callable[[Any], str]
SIDES = ("left", "right")


def _degrees(value: float) -> str:
    return f"{value:.1f}°"


def _share(value: float) -> str:
    return f"{100 * value:.0f} %"


def _decimals(value: float) -> str:
    return f"{value:.2f}"


def _interval(values: Sequence[float]) -> str:
    """The middle of refits, and where nine in ten lie."""
    low, middle, high = values
    return f"{middle:.3g} ({low:.3g} to {high:.3g})"


# Where a figure stands in a result, its name, and how it is shown. What a result lacks has no row.
FIGURES: tuple[tuple[str, str, Show], ...] = (
    ("n_faces", "faces in the clusters", str),
    ("check.mae", "off the asked degrees, mean", _degrees),
    ("check.slope", "achieved per asked degree", _decimals),
    ("check.light_kept", "keep the side of the light", _share),
    ("check.identity_kept", "nearer to themselves than to a stranger", _share),
    ("lines.left.r2", "R² of the line, left", _decimals),
    ("lines.right.r2", "R² of the line, right", _decimals),
    ("lines.left.held_r2", "R² of each centroid from the others, left", _decimals),
    ("lines.right.held_r2", "R² of each centroid from the others, right", _decimals),
    ("lines.left.held_out.r2", "R² on other people's faces, left", _decimals),
    ("lines.right.held_out.r2", "R² on other people's faces, right", _decimals),
    ("lines.left.held_out.centroids_r2", "R² on other people's centroids, left", _decimals),
    ("lines.right.held_out.centroids_r2", "R² on other people's centroids, right", _decimals),
    ("lines.left.spread.cosine", "refits against it, cosine, left", _interval),
    ("lines.right.spread.cosine", "refits against it, cosine, right", _interval),
    ("beside.light.cosine_left", "light's own slope against it, cosine, left", _decimals),
    ("beside.light.cosine_right", "light's own slope against it, cosine, right", _decimals),
    ("lines.left.slope_norm", "length of the slope per degree, left", "{:.3g}".format),
    ("lines.right.slope_norm", "length of the slope per degree, right", "{:.3g}".format),
    ("lines.left.spread.slope_norm", "length of the slope in refits, left", _interval),
    ("lines.right.spread.slope_norm", "length of the slope in refits, right", _interval),
    ("probe.yaw_error", "the yaw probe itself is off", _degrees),
)

FINER = {name for path, name, _ in FIGURES if path.startswith(("lines.", "beside."))}

EDIT_FIGURES: tuple[tuple[str, str, Show], ...] = (
    ("yaw_mae", "off the asked degrees, mean", _degrees),
    ("light_kept", "frames that keep the side of the light", _share),
    ("identity", "frames nearer to the photo than the median stranger", _share),
    ("source_measured_yaw", "yaw of the photo, by the same probe", _degrees),
)
FRAME_FIGURES: tuple[tuple[str, str, Show], ...] = (
    ("identity.cosine", "Likeness to the photo", _decimals),
    ("identity.different", "of a stranger, median", _decimals),
    ("shell", "Size beside its source", _decimals),
    ("rounds", "Tries", str),
)


def table(directions: Sequence[Direction]) -> list[dict[str, Any]]:
    """A row for each figure that one of them has: name, and a text or None for each direction.

    Rows that tell of the lines rather than of turned heads are marked with "is_finer".
    """
    rows = [
        {"name": name, "values": [_setting(direction, name) for direction in directions]}
        for name in ("faces", "space", "bins", *_recipe_names(directions))
    ]
    told = _told([direction.result for direction in directions], FIGURES)
    return rows + [{**row, "is_finer": row["name"] in FINER} for row in told]


def edits_table(edits: Sequence[Edit]) -> list[dict[str, Any]]:
    """The same for faces turned: how each was asked for, and what all its frames tell together."""
    settings = {"closed_loop": "closed loop", "hold_light": "holds the light"}
    rows = [
        {"name": name, "values": ["yes" if edit.settings.get(key) else "no" for edit in edits]}
        for key, name in settings.items()
        if any(edit.settings.get(key) for edit in edits)
    ]
    paths = [edit.settings.get("path", "line") for edit in edits]
    if set(paths) != {"line"}:
        rows.append({"name": "path", "values": paths})
    return rows + _told([edit.result for edit in edits], EDIT_FIGURES)


def frames_table(result: dict[str, Any]) -> tuple[list[str], list[list[str]]]:
    """Names of columns, and a text in each for every frame of a turned face."""
    choices = result["choices"]
    names = [f"Light {choice}" for choice in choices]
    rows = [[_decimals(frame["light"][choice]) for choice in choices] for frame in result["frames"]]
    for found in _told(result["frames"], FRAME_FIGURES):
        names.append(found["name"])
        for row, text in zip(rows, found["values"], strict=True):
            row.append(text or "–")
    return names, rows


def _told(
    results: Sequence[dict[str, Any]], figures: Sequence[tuple[str, str, Show]]
) -> list[dict[str, Any]]:
    rows = []
    for path, name, show in figures:
        values = [at(result, path) for result in results]
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
