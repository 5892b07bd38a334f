"""Plots of an evaluation's rows: asked against achieved, and what was kept, setting by setting."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("Agg")
from matplotlib import pyplot

from editing.management.evaluated import Rows

# What is compared, by what it is called in the rows and on paper.
PANELS = {
    "yaw_mae_true": "error of yaw, degrees\n(probe taught by the truth)",
    "yaw_mae": "error of yaw, degrees\n(the dataset's probe)",
    "light_kept": "light class kept",
    "identity": "nearer to the person\nthan to the median stranger",
    "truth_mse": "error against the\ntrue picture (0..1)",
}


def write_plots(rows: Rows, folder: Path) -> list[str]:
    """achieved.png and kept.png, each also as SVG; returns the files' names."""
    settings = list(dict.fromkeys(row["setting"] for row in rows))
    found = []
    for name, draw in (("achieved", _achieved), ("kept", _kept)):
        figure = draw(rows, settings)
        for suffix in (".png", ".svg"):
            figure.savefig(folder / f"{name}{suffix}", dpi=144)
            found.append(f"{name}{suffix}")
        pyplot.close(figure)
    return found


def _achieved(rows: Rows, settings: Sequence[str]) -> Any:
    has_truth = any("achieved_mean_true" in row for row in rows)
    key = "achieved_mean_true" if has_truth else "achieved_mean"
    figure, axes = pyplot.subplots(figsize=(6.5, 6), layout="constrained")
    for at, setting in enumerate(settings):
        mine = [row for row in rows if row["setting"] == setting and row["degrees"] != "all"]
        mine.sort(key=lambda row: row["degrees"])
        # Side by side: intervals of many settings at one angle would hide one another.
        aside = (at - (len(settings) - 1) / 2) * 0.5
        axes.errorbar(
            [row["degrees"] + aside for row in mine],
            [row[key] for row in mine],
            _ends(mine, key),
            marker="o",
            markersize=4,
            label=setting,
        )
    reach = max(abs(row["degrees"]) for row in rows if row["degrees"] != "all")
    axes.plot([-reach, reach], [-reach, reach], color="#888888", linewidth=1, label="as asked")
    axes.set(xlabel="asked, degrees", ylabel="achieved, degrees (mean, 95% interval)")
    axes.set_title("read by a probe taught by the truth" if has_truth else "read by the yaw probe")
    axes.legend(fontsize=8)
    return figure


def _kept(rows: Rows, settings: Sequence[str]) -> Any:
    overall = [row for row in rows if row["degrees"] == "all"]
    panels = [name for name in PANELS if any(name in row for row in overall)]
    size = (3.2 * len(panels) + 1, 0.4 * len(settings) + 1.8)
    figure, grid = pyplot.subplots(
        1, len(panels), figsize=size, layout="constrained", sharey=True, squeeze=False
    )
    for axes, name in zip(grid[0], panels, strict=True):
        there = [row for row in overall if name in row]
        places = [settings.index(row["setting"]) for row in there]
        axes.errorbar([row[name] for row in there], places, xerr=_ends(there, name), fmt="o")
        axes.set_title(PANELS[name], fontsize=10)
        axes.grid(axis="x", color="#dddddd")
    grid[0][0].set_yticks(range(len(settings)), settings, fontsize=8)
    grid[0][0].invert_yaxis()
    return figure


def _ends(rows: Rows, name: str) -> list[list[float]]:
    """How far a figure's interval reaches below and above it."""
    below = [max(row[name] - row[f"{name}_low"], 0.0) for row in rows]
    above = [max(row[f"{name}_high"] - row[name], 0.0) for row in rows]
    return [below, above]
