"""Evaluations on the tiny generator: which faces, what is kept, and that a killed run goes on."""

import json
from pathlib import Path

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError

from editing.management.commands import evaluate_rotation
from editing.management.contenders import Setting
from editing.management.evaluation import Evaluation
from editing.models import Direction
from editing.runs.keeping import stored_rows
from editing.runs.rendering import light_of
from labeling.models import Dataset


@pytest.fixture
def settings_of(direction: Direction) -> list[Setting]:
    # Of so few faces hardly one is left once those are out that measured the degrees.
    direction.result["measured"] = direction.result["measured"][1:]
    return [Setting("open", (direction,)), Setting("closed", (direction,), closed_loop=True)]


def evaluation(settings_of: list[Setting], folder: Path, **given: object) -> Evaluation:
    return Evaluation(settings_of, folder, degrees=[-10.0, 10.0], n_faces=2, **given)


def test_a_killed_evaluation_goes_on_from_what_is_kept(
    settings_of: list[Setting], tmp_path: Path
) -> None:
    class Killed(BaseException):
        """What a kill looks like from inside."""

    def until_killed(share: float, step: str) -> None:
        if step.startswith("open: face 1"):
            raise Killed

    with pytest.raises(Killed):
        evaluation(settings_of, tmp_path, tell=until_killed).run()
    (kept,) = tmp_path.glob("open-*/*.json")
    written = kept.stat().st_mtime_ns
    work = evaluation(settings_of, tmp_path)
    assert len(work.faces) == 2
    whole = work.run()
    assert kept.stat().st_mtime_ns == written
    assert [record["setting"] for record in whole] == ["open", "open", "closed", "closed"]
    assert whole[0] == json.loads(kept.read_text())
    assert len(list(tmp_path.glob("*/*.png"))) == 4
    frame = whole[2]["frames"][1]
    assert frame["degrees"] == 10
    assert {"achieved", "cosine", "shell", "step", "rounds"} <= set(frame)
    assert 1 <= frame["rounds"] <= 4


def test_no_face_of_the_fit_or_of_the_calibration_is_evaluated(
    settings_of: list[Setting], direction: Direction, tmp_path: Path
) -> None:
    work = Evaluation(settings_of[:1], tmp_path, n_faces=500)
    used = set(stored_rows(direction)[0].identity.tolist())
    assert work.faces
    assert not used & {face.identity for face in work.faces}
    assert not set(direction.result["measured"]) & {face.id for face in work.faces}
    assert all(abs(face.yaw_degrees) <= 10 for face in work.faces)


def test_another_fit_or_another_angle_is_another_setting(
    settings_of: list[Setting], direction: Direction
) -> None:
    first, second = settings_of
    keys = {first.key([10.0]), first.key([20.0]), second.key([10.0])}
    direction.finished_at = None
    assert len(keys | {first.key([10.0])}) == 4


def test_the_command_prints_a_table_and_says_what_it_cannot_find(
    direction: Direction, many: Dataset, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    call_command(
        "evaluate_rotation", str(direction.id), faces=2, degrees=[-10.0, 10.0], loops=["open"],
        out=tmp_path,
    )  # fmt: skip
    told = capsys.readouterr().out
    assert f"{direction.id}-open" in told
    assert "yaw_mae" in told
    assert (tmp_path / "achieved.png").stat().st_size > 1000
    assert json.loads((tmp_path / "probes.json").read_text())["n_held_out"] > 0
    with pytest.raises(CommandError, match="no direction 999"):
        call_command("evaluate_rotation", "999")
    with pytest.raises(CommandError, match="names no directions"):
        call_command("evaluate_rotation", "three")
    with pytest.raises(CommandError, match="one angle"):
        call_command("evaluate_rotation", str(direction.id), degrees=[0.0])


def test_the_light_is_held_as_a_users_edit_holds_it(direction: Direction) -> None:
    free, held = evaluate_rotation.Command().ways(str(direction.id), ["closed", "light"])
    assert free.light_of is None
    assert held.light_of == light_of(direction)
