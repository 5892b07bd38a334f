"""Tables of local edits: one line per face, region and method, kept as they come; medians after."""

import csv
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

FIELDS = (
    "face", "region", "method", "size", "strength", "roir", "ssim_outside", "yaw_shift",
    "light_shift", "identity", "transfer_roir",
    "transfer_per_pixel",
)  # fmt: skip
TEXTS = ("face", "region", "method")
DRAWS = 2000
BASE = "svd"
REACHED = 0.1  # an edit counts where its size came this near to the wish, on a log scale


class Records:
    """A CSV file of measured edits that a stopped run goes on from, face by face.

    Ways that came to be compared later are added to faces that were measured before.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.rows: list[dict[str, Any]] = []
        if path.exists():
            with path.open(newline="") as file:
                self.rows = [_typed(row) for row in csv.DictReader(file)]

    def methods_of(self, face: str) -> set[str]:
        return {row["method"] for row in self.rows if row["face"] == face}

    def add(self, rows: Sequence[dict[str, Any]]) -> None:
        """Keep lines of one face, those of whole methods, with a single write."""
        is_new = not self.path.exists()
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with self.path.open("a", newline="") as file:
            writer = csv.DictWriter(file, FIELDS, restval="")
            if is_new:
                writer.writeheader()
            writer.writerows(rows)
        self.rows += [_typed({name: row.get(name, "") for name in FIELDS}) for row in rows]


def _typed(row: dict[str, Any]) -> dict[str, Any]:
    def number(value: Any) -> float | None:
        return None if value in ("", None) else float(value)

    return {name: row[name] if name in TEXTS else number(row[name]) for name in FIELDS}


def summary(rows: Sequence[dict[str, Any]], size: float) -> dict[str, dict[str, Any]]:
    """Per method medians with 95 % bootstrap intervals over faces, and the ratio to plain SVD.

    Only edits that reached the wished size count; how many did not is told.
    """
    told = {}
    for method in dict.fromkeys(row["method"] for row in rows):
        mine = [row for row in rows if row["method"] == method]
        reached = [row for row in mine if abs(np.log(row["size"] / size)) <= REACHED]
        pairs = list(_pairs(rows, method, size))
        told[method] = {
            "faces": len({row["face"] for row in reached}),
            "regions": sorted({row["region"] for row in reached}),
            "edits": len(reached),
            "missed_size": len(mine) - len(reached),
            "roir_median": _interval(reached, "roir", _median),
            "ssim_outside": _interval(reached, "ssim_outside", _median),
            # Both medians on the same faces and regions, the method's over that of plain SVD.
            "roir_over_svd": _interval(pairs, "roir", _ratio) if pairs else None,
            "roir_by_region": {
                region: _rounded(_median([r for r in reached if r["region"] == region], "roir"))
                for region in sorted({row["region"] for row in reached})
            },
            "yaw_shift": _interval(reached, "yaw_shift", _median_size),
            "light_shift": _interval(reached, "light_shift", _median_size),
            "identity": _interval(reached, "identity", _median),
            # More energy changed inside the other face's region than in all the rest of it; and
            # more per pixel.
            "transfer_rate": _interval(mine, "transfer_roir", _below_one),
            "transfer_rate_per_pixel": _interval(mine, "transfer_per_pixel", _below_one),
            "transfer_by_region": _rates(mine),
        }
    return told


def _rates(rows: Sequence[dict[str, Any]]) -> dict[str, float]:
    """How often a carried direction changed its region more than all the rest, by region."""
    told = [row for row in rows if row["transfer_roir"] is not None]
    regions = sorted({row["region"] for row in told})
    return {
        name: _rounded(_below_one([r for r in told if r["region"] == name], "transfer_roir"))
        for name in regions
    }


def _pairs(rows: Sequence[dict[str, Any]], method: str, size: float) -> Iterator[dict[str, Any]]:
    base = {(r["face"], r["region"]): r for r in rows if r["method"] == BASE}
    for row in rows:
        other = base.get((row["face"], row["region"]))
        if row["method"] == method and other is not None:
            both = (row["size"], other["size"])
            if all(abs(np.log(one / size)) <= REACHED for one in both):
                yield {"face": row["face"], "roir": row["roir"], "base": other["roir"]}


def _values(rows: Sequence[dict[str, Any]], name: str) -> np.ndarray:
    return np.array([row[name] for row in rows if row[name] is not None], float)


def _median(rows: Sequence[dict[str, Any]], name: str) -> float:
    return float(np.median(_values(rows, name)))


def _median_size(rows: Sequence[dict[str, Any]], name: str) -> float:
    return float(np.median(np.abs(_values(rows, name))))


def _below_one(rows: Sequence[dict[str, Any]], name: str) -> float:
    return float((_values(rows, name) < 1).mean())


def _ratio(rows: Sequence[dict[str, Any]], name: str) -> float:
    return _median(rows, name) / _median(rows, "base")


def _interval(rows: Sequence[dict[str, Any]], name: str, figure: Any) -> list[float] | None:
    """The figure and its 2.5 and 97.5 percentile over draws of faces; a face's edits stay whole."""
    if not any(row[name] is not None for row in rows):
        return None
    by_face: dict[str, list[dict[str, Any]]] = {}
    for row in rows:
        if row[name] is not None:
            by_face.setdefault(row["face"], []).append(row)
    faces = list(by_face.values())
    draw = np.random.default_rng(0)
    drawn = []
    for _ in range(DRAWS):
        some = draw.integers(0, len(faces), len(faces))
        drawn.append(figure([row for at in some for row in faces[at]], name))
    low, high = np.percentile(drawn, [2.5, 97.5])
    return [_rounded(figure(rows, name)), _rounded(low), _rounded(high)]


def _rounded(value: float) -> float:
    return round(float(value), 4)


def as_text(told: dict[str, dict[str, Any]]) -> str:
    """The summary as a table for a terminal."""
    lines = [
        f"{'method':<15}{'edits':>6}  {'ROIR':<20}{'over SVD':<20}{'SSIM outside':<14}"
        f"{'identity':<10}{'yaw':<8}{'light':<8}{'transfer':<10}{'per pixel'}"
    ]
    for method, row in told.items():
        ratio = row["roir_over_svd"]
        lines.append(
            f"{method:<15}{row['edits']:>6}  {_spread(row['roir_median']):<20}"
            f"{_spread(ratio):<20}{_first(row['ssim_outside']):<14}{_first(row['identity']):<10}"
            f"{_first(row['yaw_shift']):<8}{_first(row['light_shift']):<8}"
            f"{_first(row['transfer_rate']):<10}{_first(row['transfer_rate_per_pixel'])}"
        )
    return "\n".join(lines)


def _first(values: Sequence[float] | None) -> str:
    return "–" if values is None else f"{values[0]:.3f}"


def _spread(values: Sequence[float] | None) -> str:
    return "–" if values is None else f"{values[0]:.2f} ({values[1]:.2f}..{values[2]:.2f})"


def write_plot(told: dict[str, dict[str, Any]], path: Path) -> None:
    """Median ROIR per region and method, with its interval over all regions beside."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot as plt

    regions = sorted({region for row in told.values() for region in row["roir_by_region"]})
    figure, axes = plt.subplots(figsize=(8, 4), layout="constrained")
    width = 0.8 / max(len(told), 1)
    for number, (method, row) in enumerate(told.items()):
        middle, low, high = row["roir_median"] or [np.nan] * 3
        heights = [row["roir_by_region"].get(region, np.nan) for region in regions] + [middle]
        places = np.arange(len(heights)) + number * width
        errors = np.array([[np.nan] * len(regions) + [middle - low],
                           [np.nan] * len(regions) + [high - middle]])  # fmt: skip
        axes.bar(places, heights, width, yerr=errors, label=method.replace("_", " "))
    middles = np.arange(len(regions) + 1) + width * (len(told) - 1) / 2
    axes.set_xticks(middles, [*regions, "all, 95 % interval"])
    axes.set_ylabel("median ROIR (lower is more local)")
    axes.legend(fontsize="small", loc="upper right", ncols=3)
    figure.savefig(path, dpi=150)
    plt.close(figure)
