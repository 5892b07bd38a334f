"""What a replay leaves behind: curves as a table and as a picture."""

import csv
from pathlib import Path

from labeling.learning.replay import Curves


def write_csv(path: Path, curves: list[Curves]) -> None:
    """One row per strategy and number of votes: mean accuracy over seeds and its 95% interval."""
    with path.open("w", newline="", encoding="utf-8") as file:
        out = csv.writer(file, lineterminator="\n")
        out.writerow(["strategy", "votes", "accuracy", "low", "high", "seeds"])
        for curve in curves:
            for place, votes in enumerate(curve.budgets):
                mean, half = curve.mean[place], curve.half_width[place]
                each = (f"{value:.5f}" for value in (mean, mean - half, mean + half))
                out.writerow([curve.name, votes, *each, len(curve.accuracy)])


def draw(path: Path, curves: list[Curves], *, title: str) -> None:
    """Accuracy by votes, each strategy with its interval."""
    # Drawn on a canvas of its own: pyplot would look for a screen.
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8, 5), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    for curve in curves:
        votes, mean, half = curve.budgets, 100 * curve.mean, 100 * curve.half_width
        (line,) = axes.plot(votes, mean, marker="o", markersize=3, label=curve.name)
        axes.fill_between(votes, mean - half, mean + half, color=line.get_color(), alpha=0.15)
    axes.set_xlabel("votes")
    axes.set_ylabel("accuracy on other people's faces, %")
    axes.set_title(title)
    axes.grid(alpha=0.3)
    axes.legend()
    figure.savefig(path, dpi=120)
