"""Records of an evaluation as a table with intervals, on a terminal and as CSV."""

import csv
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

RESAMPLES = 1000
# Figures of a frame that are means as they are; the key says where the frame keeps it.
MEANS = {
    "light_kept": "light_kept",
    "light_kept_true": "light_kept_true",
    "identity": "identity_kept",
    "identity_cosine": "cosine",
    "identity_same_person": "same",
    "identity_different": "stranger",
    "truth_mse": "truth_mse",
    "truth_mse_unturned": "truth_mse_unturned",
    "perfect_light_kept": "perfect_light_kept",
    "perfect_identity": "perfect_identity_kept",
    "shell": "shell",
    "rounds": "rounds",
    "is_clamped": "is_clamped",
}
Rows = list[dict[str, Any]]


def summary(records: Sequence[dict[str, Any]], seed: int = 0) -> Rows:
    """One row for each setting and angle, and one for each setting over all angles ("all").

    Each figure has its 95% interval beside it, `figure_low` and `figure_high`, by drawing the
    faces again; a figure that was not measured is left out.
    """
    rows: Rows = []
    for setting in dict.fromkeys(record["setting"] for record in records):
        mine = [record for record in records if record["setting"] == setting]
        degrees = [frame["degrees"] for frame in mine[0]["frames"]]
        for at in [None, *range(len(degrees))]:
            head = {"setting": setting, "degrees": "all" if at is None else degrees[at]}
            columns = slice(None) if at is None else slice(at, at + 1)
            figures = _figures(mine, np.array(degrees), columns, np.random.default_rng(seed))
            rows.append({**head, "faces": len(mine), **figures})
    return rows


def _figures(
    records: Sequence[dict[str, Any]],
    degrees: NDArray[np.float64],
    columns: slice,
    draw: np.random.Generator,
) -> dict[str, float]:
    wishes = degrees[columns]
    again = draw.integers(0, len(records), (RESAMPLES, len(records)))
    told: dict[str, float] = {}

    def tell(name: str, per_face: NDArray[np.float64]) -> None:
        """per_face (n,): the figure is the mean of what is not missing."""
        known = ~np.isnan(per_face)
        if not known.any():
            return
        told[name] = float(per_face[known].mean())
        with np.errstate(invalid="ignore"):
            counts = known[again].sum(axis=1)
            means = np.nansum(per_face[again], axis=1) / np.maximum(counts, 1)
        low, high = np.quantile(means[counts > 0], [0.025, 0.975])
        told[f"{name}_low"], told[f"{name}_high"] = float(low), float(high)

    for suffix, key in (("", "achieved"), ("_true", "achieved_true")):
        achieved = _values(records, key)[:, columns]
        if np.isnan(achieved).all():
            continue
        tell(f"achieved_mean{suffix}", achieved.mean(axis=1))
        tell(f"yaw_mae{suffix}", np.abs(achieved - wishes).mean(axis=1))
        if len(wishes) > 1:
            tell(f"slope{suffix}", achieved @ wishes / (wishes @ wishes))
    for name, key in MEANS.items():
        values = _values(records, key)[:, columns]
        with np.errstate(invalid="ignore"):
            n_known = (~np.isnan(values)).sum(axis=1)
            mean = np.nansum(values, axis=1) / np.where(n_known, n_known, np.nan)
        tell(name, mean)
    if all("reconstruction_mse" in record for record in records):
        tell("reconstruction_mse", np.array([record["reconstruction_mse"] for record in records]))
    return told


def _values(records: Sequence[dict[str, Any]], key: str) -> NDArray[np.float64]:
    """(faces, angles); nan where a frame does not have it."""
    found = [[frame.get(key) for frame in record["frames"]] for record in records]
    return np.array(
        [[np.nan if value is None else float(value) for value in row] for row in found], np.float64
    )


def write_tables(rows: Rows, records: Sequence[dict[str, Any]], folder: Path) -> None:
    """summary.csv, and every frame of every face in frames.csv."""
    frames = [
        {
            **{key: record[key] for key in ("setting", "face", "file", "reconstruction_mse")},
            **frame,
        }
        for record in records
        for frame in record["frames"]
    ]
    for name, table in (("summary.csv", rows), ("frames.csv", frames)):
        columns = list(dict.fromkeys(key for row in table for key in row))
        with (folder / name).open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, columns)
            writer.writeheader()
            writer.writerows(
                {k: round(v, 5) if isinstance(v, float) else v for k, v in row.items()}
                for row in table
            )


def as_text(rows: Rows) -> str:
    """The rows over all angles as a table for a terminal."""
    shown: dict[str, Callable[[float], str]] = {
        "yaw_mae": "{:.1f}".format,
        "yaw_mae_true": "{:.1f}".format,
        "slope": "{:.2f}".format,
        "slope_true": "{:.2f}".format,
        "light_kept": "{:.3f}".format,
        "identity": "{:.3f}".format,
        "truth_mse": "{:.4f}".format,
        "truth_mse_unturned": "{:.4f}".format,
    }
    overall = [row for row in rows if row["degrees"] == "all"]
    names = [name for name in shown if any(name in row for row in overall)]
    lines = [["setting", "faces", *names]]
    for row in overall:
        cells = [row["setting"], str(row["faces"])]
        for name in names:
            tell = shown[name]
            cells.append(
                f"{tell(row[name])} ({tell(row[name + '_low'])}..{tell(row[name + '_high'])})"
                if name in row
                else "-"
            )
        lines.append(cells)
    widths = [max(len(line[at]) for line in lines) for at in range(len(lines[0]))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in lines
    )
