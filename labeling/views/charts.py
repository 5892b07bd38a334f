"""Charts as pages draw them: numbers in, places in percent out. No pictures, no script."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from labeling.views.shown import percent

MOST_HOURS = 72
LEAST_COLUMNS, MOST_COLUMNS = 12, 90


@dataclass(frozen=True)
class Column:
    """One column of stacked parts: name, its parts' numbers, and rectangles in percent."""

    name: str
    numbers: list[int]
    x: str
    width: str
    parts: list[dict[str, str]]

    @property
    def total(self) -> int:
        return sum(self.numbers)


@dataclass(frozen=True)
class Columns:
    """A chart of columns; `top` is the number that a column of full height would have."""

    columns: list[Column]
    top: int
    kinds: list[str]

    @property
    def first(self) -> str:
        return self.columns[0].name

    @property
    def last(self) -> str:
        return self.columns[-1].name


def columns(rows: Sequence[tuple[str, Sequence[int]]], kinds: Sequence[str]) -> Columns | None:
    """Stacked columns side by side; None where there is nothing to draw.

    rows   (name, a number for each kind)
    kinds  what the parts are, as CSS knows them, bottom first
    """
    top = max((sum(numbers) for _, numbers in rows), default=0)
    if not top:
        return None
    width = 100 / len(rows)
    drawn = []
    for place, (name, numbers) in enumerate(rows):
        below, parts = 0, []
        for kind, number in zip(kinds, numbers, strict=True):
            below += number
            if number:
                y, height = 100 - percent(below, top), percent(number, top)
                parts.append({"kind": kind, "y": f"{y:.2f}", "height": f"{height:.2f}"})
        x, inner = place * width + width * 0.08, width * 0.84
        drawn.append(Column(name, list(numbers), f"{x:.3f}", f"{inner:.3f}", parts))
    return Columns(drawn, top, list(kinds))


def over_time(hours: Sequence[tuple[datetime, dict[str, int]]]) -> Columns | None:
    """Votes by the hour while a campaign is young, by the day later, by more days in the end."""
    if not hours:
        return None
    began, ended = hours[0][0], hours[-1][0]
    n_hours = round((ended - began) / timedelta(hours=1)) + 1
    if n_hours <= MOST_HOURS:
        step, start, form = timedelta(hours=1), began, "%-d %b, %H:00"
    else:
        start = began.replace(hour=0)
        n_days = (ended - start).days + 1
        step, form = timedelta(days=-(-n_days // MOST_COLUMNS)), "%-d %b"
    places = max(int((ended - start) / step) + 1, LEAST_COLUMNS)
    counts = [0] * places
    for hour, by_choice in hours:
        counts[int((hour - start) / step)] += sum(by_choice.values())
    return columns(
        [((start + place * step).strftime(form), [n]) for place, n in enumerate(counts)], ["human"]
    )


def per_column(hours: Sequence[tuple[datetime, dict[str, int]]]) -> str:
    """What one column of over_time stands for."""
    if not hours:
        return ""
    span = hours[-1][0] - hours[0][0]
    if span < timedelta(hours=MOST_HOURS):
        return "per hour"
    days = -(-((hours[-1][0] - hours[0][0].replace(hour=0)).days + 1) // MOST_COLUMNS)
    return "per day" if days == 1 else f"per {days} days"


def whisker(estimate: dict[str, Any], *, least: float = 0.0) -> dict[str, Any] | None:
    """A dot and its interval on a scale from `least` to 1, in percent; None without a figure."""
    if estimate["value"] is None:
        return None

    def place(value: float | None) -> float:
        inside = min(max(estimate["value"] if value is None else value, least), 1.0)
        return 100 * (inside - least) / (1 - least)

    low, high = place(estimate["low"]), place(estimate["high"])
    return {
        "x": f"{place(estimate['value']):.2f}",
        "low": f"{low:.2f}",
        "width": f"{max(high - low, 0.5):.2f}",
    }
