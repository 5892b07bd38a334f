import csv
from typing import Any

import numpy as np
import pytest

from editing.management.evaluated import as_text, summary, write_tables
from editing.management.plotted import write_plots

DEGREES = [-20.0, 20.0]


def record(setting: str, face: int, achieved: list[float], **frame: Any) -> dict[str, Any]:
    return {
        "setting": setting,
        "face": face,
        "file": f"{face:06d}.jpg",
        "reconstruction_mse": 0.001,
        "frames": [
            {"degrees": wish, "achieved": got, "cosine": 0.9, **frame}
            for wish, got in zip(DEGREES, achieved, strict=True)
        ],
    }


@pytest.fixture
def records() -> list[dict[str, Any]]:
    """Two settings of 40 faces: one right on average, one that turns half as far."""
    draw = np.random.default_rng(0)
    found = []
    for face in range(40):
        off = draw.normal(scale=3)
        kept = face % 4 != 0
        found.append(record("true", face, [-20 + off, 20 + off], light_kept=kept))
        found.append(record("half", face, [-10.0, 10.0], light_kept=None))
    return found


def test_figures_are_means_over_faces_with_an_interval_around_them(records) -> None:
    rows = {(row["setting"], row["degrees"]): row for row in summary(records)}
    assert set(rows) == {(s, d) for s in ("true", "half") for d in ("all", -20.0, 20.0)}
    half = rows["half", "all"]
    assert half["slope"] == pytest.approx(0.5)
    assert half["yaw_mae"] == half["yaw_mae_low"] == half["yaw_mae_high"] == 10
    true = rows["true", "all"]
    assert true["faces"] == 40
    assert true["light_kept"] == 0.75
    assert 0.55 < true["light_kept_low"] < 0.75 < true["light_kept_high"] < 0.95
    assert rows["true", 20.0]["achieved_mean_low"] < 20.5 < rows["true", 20.0]["achieved_mean"] + 1
    width = true["yaw_mae_high"] - true["yaw_mae_low"]
    assert 0.3 < width < 4 * 3 / np.sqrt(40)


def test_what_was_not_measured_is_left_out(records) -> None:
    half = next(row for row in summary(records) if row["setting"] == "half")
    assert "light_kept" not in half
    assert "truth_mse" not in half
    assert "yaw_mae_true" not in half


def test_a_figure_that_some_faces_lack_is_the_mean_of_the_others(records) -> None:
    for one in records[:20]:
        for frame in one["frames"]:
            frame["identity_kept"] = True
    true = next(row for row in summary(records) if row["setting"] == "true")
    assert true["identity"] == 1


def test_tables_and_plots_are_written(records, tmp_path) -> None:
    rows = summary(records)
    write_tables(rows, records, tmp_path)
    with (tmp_path / "summary.csv").open() as file:
        assert [row["degrees"] for row in csv.DictReader(file)][:3] == ["all", "-20.0", "20.0"]
    with (tmp_path / "frames.csv").open() as file:
        assert len(list(csv.DictReader(file))) == 2 * 40 * 2
    names = write_plots(rows, tmp_path)
    assert sorted(names) == ["achieved.png", "achieved.svg", "kept.png", "kept.svg"]
    assert all((tmp_path / name).stat().st_size > 1000 for name in names)
    text = as_text(rows)
    assert text.splitlines()[0].split()[:3] == ["setting", "faces", "yaw_mae"]
    assert "10.0 (10.0..10.0)" in text
