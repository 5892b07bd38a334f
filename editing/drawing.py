"""Plots as numbers for SVG templates: where each axis, tick and point lies."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Plot:
    """A square or wide plot in SVG units; every list holds what a template draws as it is."""

    width: int
    height: int
    x_ticks: list[dict[str, Any]]
    y_ticks: list[dict[str, Any]]
    points: list[dict[str, Any]]
    ideal: dict[str, float] | None = None


MARGIN = 40


def requested_against_achieved(
    points: Sequence[dict[str, Any]], against: Sequence[dict[str, Any]] = (), size: int = 320
) -> Plot:
    """Measured degrees over asked degrees, with the line on which both agree.

    points   each with "requested", "achieved" and perhaps "spread", all in degrees
    against  the same of what they are compared with; drawn as series "second"
    """
    both = [*points, *against]
    values = [abs(float(point[key])) for point in both for key in ("requested", "achieved")]
    farthest = max(values, default=0.0)
    step = 10 if farthest <= 40 else 20
    # Up to a whole number of steps, so that a tick stands at 0.
    reach = max(10.0, step * -(-farthest // step))

    def at(degrees: float) -> float:
        return round(MARGIN + (degrees + reach) / (2 * reach) * (size - 2 * MARGIN), 2)

    marks = range(-int(reach), int(reach) + 1, step)
    drawn = []
    # Two points of one request stand side by side.
    aside = 3 if against else 0
    for index, point in enumerate(both):
        shift = -aside if index < len(points) else aside
        spread = point.get("spread") or 0.0
        drawn.append(
            {
                "series": "first" if index < len(points) else "second",
                "degrees": point["requested"],
                "x": at(point["requested"]) + shift,
                "y": size - at(point["achieved"]),
                "low": size - at(max(point["achieved"] - spread, -reach)),
                "high": size - at(min(point["achieved"] + spread, reach)),
                "told": f"asked {point['requested']:+g}°, measured {point['achieved']:+.1f}°",
            }
        )
    return Plot(
        size,
        size,
        [{"at": at(mark), "text": f"{mark:+d}" if mark else "0"} for mark in marks],
        [{"at": size - at(mark), "text": f"{mark:+d}" if mark else "0"} for mark in marks],
        drawn,
        {"x1": at(-reach), "y1": size - at(-reach), "x2": at(reach), "y2": size - at(reach)},
    )


def centroids(bins: Sequence[dict[str, Any]], width: int = 480, height: int = 200) -> Plot:
    """How many faces each yaw bin holds, as bars from its lower to its upper edge."""
    if not bins:
        return Plot(width, height, [], [], [])
    first, last = bins[0]["yaw_min"], bins[-1]["yaw_max"]
    most = max(max(one["count"] for one in bins), 1)

    def at(degrees: float) -> float:
        return round(8 + (degrees - first) / (last - first) * (width - 16), 2)

    floor = height - 28
    bars = []
    for one in bins:
        tall = round(one["count"] / most * (floor - 24), 2)
        bars.append(
            {
                "x": at(one["yaw_min"]) + 1,
                "y": floor - tall,
                "width": max(at(one["yaw_max"]) - at(one["yaw_min"]) - 2, 1),
                "height": tall,
                "middle": (at(one["yaw_min"]) + at(one["yaw_max"])) / 2,
                "above": floor - tall - 6,
                "used": one["used"],
                "text": str(one["count"]),
            }
        )
    edges = [one["yaw_min"] for one in bins] + [last]
    ticks = [{"at": at(edge), "text": f"{edge:g}"} for edge in edges]
    return Plot(width, height, ticks, [{"at": floor, "text": ""}], bars)


@dataclass(frozen=True)
class Plane:
    """Centroids and lines in a plane of two components, in SVG units of equal size."""

    width: int
    height: int
    points: list[dict[str, Any]]
    lines: list[dict[str, Any]]
    names: list[str]


def plane(pca: dict[str, Any], width: int = 480, most_height: int = 360) -> Plane | None:
    """Centroids and the fitted lines where the centroids spread most; None without centroids.

    pca  "centroids" with "yaw", "count" and "xy", ends of the lines "left" and "right" or None,
         and "explained", the share of each component
    """
    centroids = pca.get("centroids") or []
    ends = {side: pca[side] for side in ("left", "right") if pca.get(side)}
    places = [one["xy"][:2] for one in centroids]
    places += [end[:2] for line in ends.values() for end in line]
    if not places:
        return None
    at, height = _frame(places, width, most_height)
    drawn = []
    for side, line in ends.items():
        (x1, y1), (x2, y2) = at(line[0]), at(line[-1])
        drawn.append({"side": side, "x1": x1, "y1": y1, "x2": x2, "y2": y2})
    shares = [*(pca.get("explained") or []), None, None][:2]
    names = [
        f"component {n}" + ("" if share is None else f", {100 * share:.0f} % of the spread")
        for n, share in enumerate(shares, 1)
    ]
    return Plane(width, height, _dots(centroids, at), drawn, names)


def _frame(
    places: Sequence[Sequence[float]], width: int, most_height: int
) -> tuple[Callable[[Sequence[float]], tuple[float, float]], int]:
    """Where a place of the plane lies in SVG units, and how tall the drawing is."""
    low = [min(place[axis] for place in places) for axis in range(2)]
    reach = [max(place[axis] for place in places) - low[axis] for axis in range(2)]
    # Above and below also stand the names of the components.
    aside, above = 2 * MARGIN, 2 * (MARGIN + 12)
    # One scale for both, so that angles are what they are in the space.
    scale = min((width - aside) / (reach[0] or 1.0), (most_height - above) / (reach[1] or 1.0))
    height = round(max(reach[1] * scale, 60) + above)
    left = (width - reach[0] * scale) / 2
    below = (height - reach[1] * scale) / 2

    def at(place: Sequence[float]) -> tuple[float, float]:
        x = left + (place[0] - low[0]) * scale
        return round(x, 2), round(height - below - (place[1] - low[1]) * scale, 2)

    return at, height


def _dots(
    centroids: Sequence[dict[str, Any]], at: Callable[[Sequence[float]], tuple[float, float]]
) -> list[dict[str, Any]]:
    """A dot for each centroid, larger for more faces."""
    most = max((one.get("count", 1) for one in centroids), default=1) or 1
    dots = []
    for one in centroids:
        (x, y), told = at(one["xy"]), f"{one['yaw']:+.0f}°"
        size = round(3 + 6 * (one.get("count", 1) / most) ** 0.5, 2)
        faces = f"{told}: {one.get('count', '?')} faces"
        dots.append({"x": x, "y": y, "r": size, "text": told, "told": faces})
    return dots


def mean_face_grid(told: dict[str, Any], urls: dict[str, str]) -> list[dict[str, Any]]:
    """Mean faces with the distances between neighbours, row by row as a grid of cells.

    told  a MeanFaces result: 2n - 1 cells for n poses, in 2m - 1 rows for m lights
    """
    lights, poses = told["rows"], told["columns"]
    published = told.get("published", {})
    cells: list[dict[str, Any]] = []
    for i, light in enumerate(lights):
        peers = published.get("between_poses", {}).get(light)
        for j, pose in enumerate(poses):
            name = told["tiles"][i][j]
            cells.append(
                {
                    "kind": "tile",
                    "url": urls[name] if name else None,
                    "name": f"light {light}, {pose}",
                    "n_used": told["used"][i][j],
                    "n_faces": told["counts"][i][j],
                }
            )
            if j + 1 < len(poses):
                names = f"light {light}: {pose} to {poses[j + 1]}"
                cells.append(_gap(told["between_poses"][i][j], peers and peers[j], names))
        if i + 1 == len(lights):
            break
        for j, pose in enumerate(poses):
            peers = published.get("between_lights", {}).get(pose)
            names = f"{pose}: light {light} to {lights[i + 1]}"
            cells.append(_gap(told["between_lights"][i][j], peers and peers[i], names))
            if j + 1 < len(poses):
                cells.append({"kind": "blank"})
    return cells


def _gap(measured: float | None, published: float | None, between: str) -> dict[str, Any]:
    return {
        "kind": "gap",
        "between": between,
        "measured": None if measured is None else f"{measured:.4f}".removeprefix("0"),
        "published": None if published is None else f"{published:.4f}".removeprefix("0"),
    }
