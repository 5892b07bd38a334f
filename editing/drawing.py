"""Plots as numbers for SVG templates: where each axis, tick and point lies."""

from collections.abc import Sequence
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


def requested_against_achieved(points: Sequence[dict[str, Any]], size: int = 320) -> Plot:
    """Measured degrees over asked degrees, with the line on which both agree.

    points  each with "requested", "achieved" and perhaps "spread", all in degrees
    """
    values = [abs(float(point[key])) for point in points for key in ("requested", "achieved")]
    farthest = max(values, default=0.0)
    step = 10 if farthest <= 40 else 20
    # Up to a whole number of steps, so that a tick stands at 0.
    reach = max(10.0, step * -(-farthest // step))

    def at(degrees: float) -> float:
        return round(MARGIN + (degrees + reach) / (2 * reach) * (size - 2 * MARGIN), 2)

    marks = range(-int(reach), int(reach) + 1, step)
    drawn = []
    for point in points:
        spread = point.get("spread") or 0.0
        drawn.append(
            {
                "x": at(point["requested"]),
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
