"""[worker] Figures for papers: the numbers of the explorer's pages drawn as SVG, PDF and PNG."""

import io
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

FORMATS = ("svg", "pdf", "png")
INK, SOFT, LINE = "#1d1c1a", "#6a655b", "#dcd8ce"
SERIES = ("#a3430b", "#1f5f8b")
CHOICES = ("#b4530f", "#5d6673", "#1f5f8b", "#5b7a2e", "#7a3f86")
NOT_KNOWN = "#d5d0c4"
STYLE = {
    "font.family": "DejaVu Sans",
    "font.size": 8,
    "axes.edgecolor": SOFT,
    "axes.labelcolor": INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "xtick.color": SOFT,
    "ytick.color": SOFT,
    "legend.frameon": False,
    # Text stays text, so that a paper's own tools can find and change it.
    "svg.fonttype": "none",
    "pdf.fonttype": 42,
    # Equal numbers give equal bytes.
    "svg.hashsalt": "penumbra",
}
# What would put the moment of drawing into a file.
UNDATED = {"svg": {"Date": None}, "pdf": {"CreationDate": None}, "png": {}}


@matplotlib.rc_context(STYLE)
def files_of(figure: Figure, about: Mapping[str, Mapping[str, str]]) -> dict[str, bytes]:
    """A figure's file in each format; `about` is what each holds as its metadata."""
    made = {}
    for kind in FORMATS:
        out = io.BytesIO()
        metadata = {**UNDATED[kind], **about[kind]}
        figure.savefig(out, format=kind, dpi=300, bbox_inches="tight", metadata=metadata)
        made[kind] = out.getvalue()
    return made


@matplotlib.rc_context(STYLE)
def histogram(bins: Sequence[dict[str, Any]], choices: Sequence[str]) -> Figure:
    """Faces by yaw, stacked by light; bins as `faces.summary` gives them, open at both ends."""
    figure, axes = _axes(5.2, 2.4)
    closed = [one for one in bins if None not in (one["yaw_min"], one["yaw_max"])]
    left = [one["yaw_min"] for one in closed]
    width = [one["yaw_max"] - one["yaw_min"] for one in closed]
    below = np.zeros(len(closed))
    colours = [*(CHOICES[at % len(CHOICES)] for at in range(len(choices))), NOT_KNOWN]
    for choice, colour in zip([*choices, ""], colours, strict=True):
        counts = np.array([one["choices"].get(choice, 0) for one in closed], float)
        if counts.any():
            told = choice or "not known"
            axes.bar(left, counts, width, below, align="edge", color=colour, label=told, lw=0)
        below += counts
    axes.set(xlabel="yaw, degrees (above 0: nose to the viewer's right)", ylabel="faces")
    if below.any():
        # Above the bars: "best" would look at every one of them.
        axes.legend(loc="lower right", bbox_to_anchor=(1, 1), ncols=len(colours), fontsize=7)
    return figure


@matplotlib.rc_context(STYLE)
def mean_faces(told: dict[str, Any], tiles: Sequence[Sequence[NDArray[np.uint8] | None]]) -> Figure:
    """The means, light by pose, with the distances of neighbours between them.

    told   as `learning.mean_faces.told` gives it, and perhaps "published"
    tiles  (light, pose), each (h, w, 3) or None
    """
    lights, poses = told["rows"], told["columns"]
    published = told.get("published", {})
    figure = Figure(figsize=(4.8, 4.8))
    grid = figure.subplots(
        2 * len(lights) - 1,
        2 * len(poses) - 1,
        width_ratios=[3, 1] * 2 + [3],
        height_ratios=[3, 1] * 2 + [3],
    )
    for axes in grid.flat:
        axes.axis("off")
    for i, light in enumerate(lights):
        for j, pose in enumerate(poses):
            axes = grid[2 * i, 2 * j]
            if (tile := tiles[i][j]) is not None:
                axes.imshow(tile)
            axes.set_title(f"{light}, {pose}", fontsize=6, color=SOFT, pad=2)
    for i, light in enumerate(lights):
        for j, gap in enumerate(told["between_poses"][i]):
            peer = published.get("between_poses", {}).get(light, [None] * len(poses))[j]
            _between(grid[2 * i, 2 * j + 1], gap, peer)
    for i, gaps in enumerate(told["between_lights"]):
        for j, gap in enumerate(gaps):
            peer = published.get("between_lights", {}).get(poses[j], [None] * len(lights))[i]
            _between(grid[2 * i + 1, 2 * j], gap, peer)
    return figure


@matplotlib.rc_context(STYLE)
def response(series: Sequence[tuple[str, Sequence[dict[str, Any]]]]) -> Figure:
    """Measured degrees over asked ones, with the line on which both agree.

    series  (name, points), each point with "requested", "achieved" and perhaps "spread"
    """
    figure, axes = _axes(3.2, 3.2)
    farthest = 10.0
    for at, (name, points) in enumerate(series):
        asked = [point["requested"] for point in points]
        came = [point["achieved"] for point in points]
        spread = [point.get("spread") or 0.0 for point in points]
        farthest = max([farthest, *map(abs, asked), *map(abs, came)])
        axes.errorbar(asked, came, spread, color=SERIES[at % 2], label=name, fmt="o-", ms=4, lw=1)
    reach = 1.08 * farthest
    axes.plot([-reach, reach], [-reach, reach], color=SOFT, ls="--", lw=0.8, zorder=0)
    axes.set(xlim=(-reach, reach), ylim=(-reach, reach), aspect="equal")
    axes.set(xlabel="asked, degrees", ylabel="measured, degrees")
    if len(series) > 1:
        axes.legend(loc="lower right")
    return figure


@matplotlib.rc_context(STYLE)
def clusters(bins: Sequence[dict[str, Any]]) -> Figure:
    """How many faces each yaw bin of a direction holds; pale bins took no part."""
    figure, axes = _axes(5.2, 2.0)
    for one in bins:
        wide = one["yaw_max"] - one["yaw_min"]
        colour = SERIES[0] if one.get("used", True) else NOT_KNOWN
        axes.bar(one["yaw_min"], one["count"], wide, align="edge", color=colour, ec="white")
    axes.set(xlabel="yaw, degrees", ylabel="faces")
    return figure


@matplotlib.rc_context(STYLE)
def lines(pca: dict[str, Any]) -> Figure:
    """Centroids and the fitted lines in the plane of the centroids' first two components."""
    figure, axes = _axes(4.2, 3.2)
    for at, side in enumerate(("left", "right")):
        if ends := pca.get(side):
            axes.plot(*zip(*ends, strict=True), color=SERIES[at], lw=1.2, label=f"line {side}")
    centroids = pca.get("centroids", [])
    if centroids:
        x, y = zip(*(one["xy"][:2] for one in centroids), strict=True)
        areas = 20 + 60 * np.sqrt(_shares([one.get("count", 1) for one in centroids]))
        axes.scatter(x, y, areas, color=INK, zorder=3)
        for one in centroids:
            axes.annotate(f"{one['yaw']:+.0f}°", one["xy"][:2], (4, 4), textcoords="offset points")
    names = [f"component {n + 1}" for n in range(2)]
    for n, share in enumerate(pca.get("explained", [])[:2]):
        names[n] += f" ({100 * share:.0f}%)"
    axes.set(xlabel=names[0], ylabel=names[1])
    axes.legend()
    return figure


@matplotlib.rc_context(STYLE)
def strip(pictures: Sequence[NDArray[np.uint8]], labels: Sequence[str]) -> Figure:
    """Frames side by side, each with what was asked and measured below it."""
    figure = Figure(figsize=(0.9 * len(pictures), 1.15))
    places = np.atleast_1d(figure.subplots(1, len(pictures), gridspec_kw={"wspace": 0.04}))
    for axes, picture, label in zip(places, pictures, labels, strict=True):
        axes.imshow(picture, interpolation="none")
        axes.set_xlabel(label, fontsize=6, color=INK, labelpad=2)
        axes.set(xticks=[], yticks=[])
        for spine in axes.spines.values():
            spine.set_visible(False)
    return figure


def _axes(wide: float, tall: float) -> tuple[Figure, Axes]:
    figure = Figure(figsize=(wide, tall))
    axes = figure.subplots()
    axes.grid(color=LINE, lw=0.5)
    axes.set_axisbelow(True)
    return figure, axes


def _between(axes: Axes, gap: float | None, published: float | None) -> None:
    told = "too few" if gap is None else f"{gap:.4f}"
    told += "" if published is None else f"\n({published:.4f})"
    axes.text(0.5, 0.5, told, ha="center", va="center", fontsize=7, color=INK)


def _shares(counts: Iterable[float]) -> NDArray[np.float64]:
    values = np.asarray(list(counts), float)
    return values / max(values.max(), 1.0)
