import csv
import json
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from editing.models import Generator
from labeling.models import Dataset


def test_faces_are_edited_by_every_method_and_a_second_call_goes_on(
    generator: Generator, many: Dataset, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    wanted = {
        "filter": "dataset=many", "faces": 1, "refined": 1, "tuning": 2, "pooled": 3, "rank": 3,
        "settled": 3, "settling_steps": 4, "steps": 6, "size": 0.0005, "out": tmp_path,
    }  # fmt: skip
    call_command("evaluate_local", generator.name, **wanted)
    table = capsys.readouterr().out
    methods = {"svd", "jive", "null_space", "locality", "refined", "held"}
    methods |= {"pooled", "settled", "settled_fitted", "adapted", "carried_held"}  # from others
    assert methods <= set(table.split())
    lines = (tmp_path / "edits.csv").read_text().splitlines()
    assert len(lines) == 1 + 4 * len(methods)
    told = json.loads((tmp_path / "summary.json").read_text())
    ratios = {
        method: [float(row["roir"]) for row in csv.DictReader(lines) if row["method"] == method]
        for method in ("held", "locality")
    }
    assert sum(ratios["held"]) < sum(ratios["locality"]) / 2
    assert told["held"]["transfer_rate"] is None
    for method in methods - {"held", "refined"}:
        assert 0 <= told[method]["transfer_rate"][0] <= 1
    assert "yaw_error" in (tmp_path / "probes.json").read_text()
    for name in ("roir.png", "terms.json", "pooled.safetensors"):
        assert (tmp_path / name).stat().st_size > 100
    assert list((tmp_path / "sheets").iterdir())
    call_command("evaluate_local", generator.name, **wanted)
    assert (tmp_path / "edits.csv").read_text().splitlines() == lines
    assert capsys.readouterr().out == table
    # A way that came later is measured on faces that a run has had; what is there stays.
    before = [line for line in lines if ",settled," not in line]
    (tmp_path / "edits.csv").write_text("\n".join(before) + "\n")
    call_command("evaluate_local", generator.name, **wanted)
    again = (tmp_path / "edits.csv").read_text().splitlines()
    assert again[: len(before)] == before
    assert {line.split(",")[2] for line in again[len(before) :]} == {"settled"}
    assert len(again) == len(lines)
    (tmp_path / "edits.csv").write_text("\n".join(before) + "\n")
    with pytest.raises(CommandError, match="in 4 steps, not over 3 such in 5"):
        call_command("evaluate_local", generator.name, **{**wanted, "settling_steps": 5})


def test_too_few_people_are_refused_with_what_was_expected(
    generator: Generator, many: Dataset, tmp_path: Path
):
    with pytest.raises(CommandError, match="expected more than the 32"):
        call_command(
            "evaluate_local", generator.name, filter="dataset=many&identity=1", out=tmp_path
        )
    with pytest.raises(CommandError, match="a size between 0 and 1"):
        call_command("evaluate_local", generator.name, filter="dataset=many", size=2.0)
