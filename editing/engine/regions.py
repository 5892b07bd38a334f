"""Regions of a face as arrays: shapes in unit coordinates -> masks, checked, feathered, mirrored.

A shape lies in the face's crop: x to the right and y downward, both 0..1. Kinds:

    {"kind": "rectangle", "box": [x0, y0, x1, y1]}
    {"kind": "polygon", "points": [[x, y], ...]}               three points or more
    {"kind": "brush", "width": w, "points": [[x, y], ...]}     one point or more, round ends
    {"kind": "mask", "rows": ["0110", ...]}                    one letter per pixel, for programs
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from labeling.learning.pictures import CELEBA_SIZE, FACE_BOX

Shape = Mapping[str, Any]
Mask = NDArray[np.bool_]

KINDS = {
    "rectangle": ("box",),
    "polygon": ("points",),
    "brush": ("width", "points"),
    "mask": ("rows",),
}
MOST_SHAPES = 40
MOST_POINTS = 600
LARGEST_MASK = 1024
# A pixel is cut into 8x8: thin brushes and slanted edges keep the area that they cover.
FINER = 8
# A line may end just beyond the edge, as a finger does; further out it was meant for no face.
SLACK = 0.02


def to_unit(landmarks: Sequence[float]) -> NDArray[np.float64]:
    """CelebA's ten numbers (x, y of 5 points of the aligned picture) as (5, 2) of the crop."""
    if len(landmarks) != 10:
        raise ValueError(f"There are {len(landmarks)} landmark numbers; expected 10.")
    left, upper, right, lower = FACE_BOX
    points = np.asarray(landmarks, np.float64).reshape(5, 2)
    if not (np.all(points >= 0) and np.all(points <= CELEBA_SIZE)):
        raise ValueError(f"The landmarks {list(landmarks)} lie outside the picture.")
    return (points - (left, upper)) / (right - left, lower - upper)


def check_shapes(shapes: object) -> list[dict[str, Any]]:
    """The shapes in plain lists and numbers.

    raises  ValueError with a sentence for what is no shape, too many, or outside the picture
    """
    if not isinstance(shapes, list | tuple) or not shapes:
        raise ValueError("shapes is empty; expected a list of one or more.")
    if len(shapes) > MOST_SHAPES:
        raise ValueError(f"There are {len(shapes)} shapes; expected at most {MOST_SHAPES}.")
    return [_checked(shape) for shape in shapes]


def _checked(shape: object) -> dict[str, Any]:
    kind = shape.get("kind") if isinstance(shape, Mapping) else None
    if not isinstance(shape, Mapping) or not isinstance(kind, str) or kind not in KINDS:
        raise ValueError(f"A shape's kind is {kind!r}; expected one of {', '.join(KINDS)}.")
    if set(shape) != {"kind", *KINDS[kind]}:
        raise ValueError(
            f"A {kind} has {', '.join(sorted(map(str, shape)))}; expected kind and "
            f"{' and '.join(KINDS[kind])}."
        )
    if kind == "rectangle":
        return {"kind": kind, "box": _box(shape["box"])}
    if kind == "mask":
        return {"kind": kind, "rows": _rows(shape["rows"])}
    points = _points(shape["points"], kind, fewest=3 if kind == "polygon" else 1)
    if kind == "polygon":
        return {"kind": kind, "points": points}
    width = _number(shape["width"])
    if not 0 < width <= 1:
        raise ValueError(f"A brush is {width:g} wide; expected more than 0 and at most 1.")
    return {"kind": kind, "width": width, "points": points}


def _number(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise ValueError(f"A shape has {str(value)[:40]!r}; expected a finite number.")
    return float(value)


def _place(value: object) -> float:
    number = _number(value)
    if not -SLACK <= number <= 1 + SLACK:
        raise ValueError(f"A shape has a point at {number:g}, outside the picture; expected 0..1.")
    return round(min(max(number, 0.0), 1.0), 5)


def _box(value: object) -> list[float]:
    if not isinstance(value, list | tuple) or len(value) != 4:
        raise ValueError("A rectangle's box is four numbers: left, upper, right, lower.")
    box = [_place(number) for number in value]
    if box[0] >= box[2] or box[1] >= box[3]:
        raise ValueError(f"A rectangle's box is {box}; expected left < right and upper < lower.")
    return box


def _points(value: object, kind: str, fewest: int) -> list[list[float]]:
    n_points = len(value) if isinstance(value, list | tuple) else 0
    if not isinstance(value, list | tuple) or not fewest <= n_points <= MOST_POINTS:
        raise ValueError(f"A {kind} has {n_points} points; expected {fewest} to {MOST_POINTS}.")
    for point in value:
        if not isinstance(point, list | tuple) or len(point) != 2:
            raise ValueError(f"A {kind}'s point is {str(point)[:40]}; expected x and y.")
    return [[_place(x), _place(y)] for x, y in value]


def _rows(value: object) -> list[str]:
    rows = value if isinstance(value, list | tuple) else []
    if not 1 <= len(rows) <= LARGEST_MASK or not all(isinstance(row, str) for row in rows):
        raise ValueError(f"A mask has {len(rows)} rows; expected 1 to {LARGEST_MASK} texts.")
    widths = {len(row) for row in rows}
    if len(widths) > 1 or not 1 <= max(widths) <= LARGEST_MASK or set("".join(rows)) - set("01"):
        raise ValueError("A mask's rows are texts of 0 and 1, all of one length.")
    return list(rows)


def rasterise(shapes: Sequence[Shape], height: int, width: int) -> Mask:
    """The pixels (h, w) of which the shapes together cover half or more.

    raises  ValueError for shapes that cannot be, or a mask of another size
    """
    fine = Image.new("1", (width * FINER, height * FINER))
    drawn = ImageDraw.Draw(fine)
    covered = np.zeros((height, width), np.bool_)
    for shape in check_shapes(list(shapes)):
        if shape["kind"] == "mask":
            covered |= _given(shape["rows"], height, width)
        else:
            _draw(drawn, shape, width * FINER, height * FINER)
    # (h, finer, w, finer) -> the share of each pixel that is covered
    share = np.asarray(fine).reshape(height, FINER, width, FINER).mean(axis=(1, 3))
    return covered | (share >= 0.5)


def _given(rows: list[str], height: int, width: int) -> Mask:
    if (len(rows), len(rows[0])) != (height, width):
        raise ValueError(
            f"A mask is {len(rows[0])}x{len(rows)}; expected {width}x{height}, as the generator's "
            "pictures are."
        )
    return np.array([[letter == "1" for letter in row] for row in rows])


def _draw(drawn: ImageDraw.ImageDraw, shape: Shape, width: int, height: int) -> None:
    # PIL counts both ends of a line in: the last pixel of 0..1 is width - 1.
    scale = np.array([width, height])
    if shape["kind"] == "rectangle":
        x0, y0, x1, y1 = np.array(shape["box"]) * np.tile(scale, 2)
        drawn.rectangle((round(x0), round(y0), round(x1) - 1, round(y1) - 1), fill=1)
        return
    points = [(float(x), float(y)) for x, y in np.array(shape["points"]) * scale - 0.5]
    if shape["kind"] == "polygon":
        drawn.polygon(points, fill=1)
        return
    thick = shape["width"] * width
    drawn.line(points, fill=1, width=max(round(thick), 1))
    for x, y in points:
        reach = thick / 2
        drawn.ellipse((x - reach, y - reach, x + reach, y + reach), fill=1)


def check_mask(mask: Mask, name: str, *, height: int, width: int) -> None:
    """Raises ValueError for a mask of another size, of no pixel, or of the whole face."""
    if mask.shape != (height, width):
        told = "x".join(map(str, mask.shape[::-1]))
        raise ValueError(f"Region {name!r} is {told}; expected {width}x{height}.")
    if not mask.any():
        raise ValueError(f"Region {name!r} covers no pixel of {width}x{height}; draw it larger.")
    if mask.all():
        raise ValueError(
            f"Region {name!r} covers the whole face: no rest is left to be kept; draw it smaller."
        )


def masks_of(
    regions: Sequence[Mapping[str, Any]], height: int, width: int, rest: str = "rest"
) -> dict[str, Mask]:
    """Each region's mask (h, w) by name, and last the complement of them all.

    regions  each with "name" and "shapes"
    rest     the complement's name; it is left out where the regions cover everything together
    raises   ValueError for an empty or whole mask, a wrong size, a name used twice or reserved
    """
    masks: dict[str, Mask] = {}
    for region in regions:
        name = region["name"]
        if name in masks or name == rest:
            raise ValueError(f"Two regions are named {name!r}; each needs a name of its own.")
        masks[name] = rasterise(region["shapes"], height, width)
        check_mask(masks[name], name, height=height, width=width)
    outside = ~np.logical_or.reduce(list(masks.values()))
    return {**masks, rest: outside} if outside.any() else masks


def feather(mask: Mask, radius: float) -> NDArray[np.float32]:
    """The mask (h, w) with soft edges, 0..1: blurred by a Gaussian of `radius` pixels."""
    soft = mask.astype(np.float64)
    if radius <= 0:
        return soft.astype(np.float32)
    reach = max(1, math.ceil(3 * radius))
    weights = np.exp(-0.5 * (np.arange(-reach, reach + 1) / radius) ** 2)
    weights /= weights.sum()
    for axis in (0, 1):
        # The picture goes on beyond its edge as it ended: a region at the edge stays whole there.
        wide = np.pad(soft, [(reach, reach) if at == axis else (0, 0) for at in (0, 1)], "edge")
        soft = np.apply_along_axis(np.convolve, axis, wide, weights, "valid")
    return soft.clip(0, 1).astype(np.float32)


def mirror(shapes: Sequence[Shape]) -> list[dict[str, Any]]:
    """The shapes on the other half of the face."""
    told = []
    for shape in check_shapes(list(shapes)):
        if shape["kind"] == "rectangle":
            x0, y0, x1, y1 = shape["box"]
            told.append({**shape, "box": [round(1 - x1, 5), y0, round(1 - x0, 5), y1]})
        elif shape["kind"] == "mask":
            told.append({**shape, "rows": [row[::-1] for row in shape["rows"]]})
        else:
            told.append({**shape, "points": [[round(1 - x, 5), y] for x, y in shape["points"]]})
    return told


def as_rows(mask: Mask) -> list[str]:
    """A mask (h, w) as the texts of a shape of kind "mask"."""
    return ["".join("1" if pixel else "0" for pixel in row) for row in mask]
