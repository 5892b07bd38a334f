"""Carry regions from one face to another, by where their landmarks lie."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from editing.engine.regions import Shape, as_rows, check_shapes, to_unit

Points = NDArray[np.float64]
# Landmarks thinner than this, the short axis over the long one, say too little of a shear.
THIN = 0.15
# Both eyes and both corners of the mouth; the nose's tip stands out and tells of the turn.
IN_PLANE = [0, 1, 3, 4]


def affine(source: Points, target: Points) -> Points:
    """The 2x3 map that takes points (n, 2) nearest to others, by least squares.

    raises  ValueError for points on a line
    """
    spread = np.linalg.svd(source - source.mean(axis=0), compute_uv=False)
    if spread[1] < 1e-6:
        raise ValueError(f"The points {source.round(3).tolist()} lie on one line.")
    ones = np.concatenate([source, np.ones((len(source), 1))], axis=1)
    return np.linalg.lstsq(ones, target, rcond=None)[0].T


def similarity(source: Points, target: Points) -> Points:
    """The 2x3 map that turns, scales and shifts points (n, 2) nearest to others [1].

    [1] Umeyama 1991, "Least-squares estimation of transformation parameters", eq. 40-42
    """
    a, b = source - source.mean(axis=0), target - target.mean(axis=0)
    if not (spread := float((a**2).sum())) > 1e-12:
        raise ValueError(f"The points {source.round(3).tolist()} are one point.")
    u, s, vt = np.linalg.svd(b.T @ a)
    signs = np.array([1.0, np.sign(np.linalg.det(u @ vt))])  # never mirrored
    linear = (u * signs) @ vt * float(s @ signs) / spread
    return np.concatenate([linear, (target.mean(0) - linear @ source.mean(0))[:, None]], axis=1)


def between(source: Points, target: Points) -> Points:
    """The 2x3 map between two faces' landmarks (5, 2), in the crop's unit coordinates."""
    flat = np.array([points[IN_PLANE] for points in (source, target)])
    spread = [np.linalg.svd(points - points.mean(0), compute_uv=False) for points in flat]
    # A head that turns becomes narrower, which only a shear tells; of a profile it tells nothing.
    is_thin = min(short / long if long > 0 else 0.0 for long, short in spread) < THIN
    return similarity(*flat) if is_thin else affine(*flat)


def carried(
    shapes: Sequence[Shape], source: Sequence[float], target: Sequence[float]
) -> list[dict[str, Any]]:
    """Shapes of one face, on the same parts of another.

    source, target  CelebA's ten landmark numbers in pixels of the aligned picture
    raises          ValueError where nothing of them lies in the other picture
    """
    here, there = to_unit(source), to_unit(target)
    transform = between(here, there)
    misses = there - (here @ transform[:, :2].T + transform[:, 2])
    told = []
    for shape in check_shapes(list(shapes)):
        nearest = np.argmin(np.linalg.norm(here - _middle(shape), axis=1))
        # What stands out of the plane, as a nose does, moves further than the map says.
        shifted = transform + np.pad(misses[nearest][:, None], ((0, 0), (2, 0)))
        told.append(moved(shape, shifted))
    if not (kept := [shape for shape in told if shape is not None]):
        raise ValueError("The region lies outside the other face's picture.")
    return kept


def _middle(shape: dict[str, Any]) -> Points:
    if shape["kind"] == "mask":
        lit = np.argwhere([[letter == "1" for letter in row] for row in shape["rows"]])
        size = [len(shape["rows"][0]), len(shape["rows"])]
        return lit.mean(axis=0)[::-1] / size if len(lit) else np.array([0.5, 0.5])
    return np.mean(shape["points"] if "points" in shape else _corners(shape["box"]), axis=0)


def moved(shape: dict[str, Any], transform: Points) -> dict[str, Any] | None:
    """A checked shape after a 2x3 map, cut off at the crop's edge; None where nothing is left."""
    if shape["kind"] == "mask":
        rows = _warped(shape["rows"], transform)
        return {"kind": "mask", "rows": rows} if any("1" in row for row in rows) else None
    points = np.array(shape["points"] if "points" in shape else _corners(shape["box"]))
    there = points @ transform[:, :2].T + transform[:, 2]
    inside = there.clip(0, 1)
    if shape["kind"] == "brush":
        # The square root of the area's growth: a brush is round and stays round.
        width = min(shape["width"] * abs(np.linalg.det(transform[:, :2])) ** 0.5, 1.0)
        seen = inside[np.all(np.abs(there - inside) <= width / 2, axis=1)]
        told = {"kind": "brush", "width": round(width, 5), "points": seen.round(5).tolist()}
        return told if len(seen) else None
    if np.any(np.ptp(inside, axis=0) < 1e-3):
        return None
    return {"kind": "polygon", "points": inside.round(5).tolist()}


def _corners(box: list[float]) -> list[list[float]]:
    x0, y0, x1, y1 = box
    return [[x0, y0], [x1, y0], [x1, y1], [x0, y1]]


def _warped(rows: list[str], transform: Points) -> list[str]:
    height, width = len(rows), len(rows[0])
    scale = np.diag([width, height])
    linear = scale @ transform[:, :2] @ np.linalg.inv(scale)
    # PIL asks where each pixel of the new picture comes from.
    back = np.linalg.inv(linear)
    shift = -back @ (scale @ transform[:, 2])
    coefficients = [back[0, 0], back[0, 1], shift[0], back[1, 0], back[1, 1], shift[1]]
    levels = np.array([[letter == "1" for letter in row] for row in rows], np.uint8) * 255
    there = Image.fromarray(levels).transform(
        (width, height),
        Image.Transform.AFFINE,
        [float(number) for number in coefficients],
        Image.Resampling.BILINEAR,
    )
    return as_rows(np.asarray(there) >= 128)
