"""The tour, small: from rendered faces to a turned head, with everything it writes."""

import csv
import json

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from PIL import Image

from editing.engine.denoiser import new_unet, save_generator
from editing.engine.lessons import Budget
from editing.management import truth
from editing.models import Edit
from editing.runs import fitting, probing
from labeling.models import Release, Vote

pytestmark = pytest.mark.django_db(transaction=True)
ANGLES = 7


@pytest.fixture
def quick(settings, tmp_path, monkeypatch):
    """A var folder of one's own, and probes that need not be good."""
    settings.VAR_DIR = tmp_path / "var"
    settings.VAR_DIR.mkdir()
    few = Budget(lessons=60, epochs=60)
    monkeypatch.setattr(probing, "PROBE_BUDGET", few)
    monkeypatch.setattr(probing, "IDENTITY_BUDGET", few)
    monkeypatch.setattr(truth, "PROBE_BUDGET", few)
    monkeypatch.setattr(fitting, "MEASURED_FACES", 3)
    save_generator(tmp_path / "untrained", new_unet(16), {"data": "none"})
    return tmp_path


def test_the_tour_leads_from_rendered_faces_to_a_turned_head(quick, capsys):
    out = quick / "out"
    call_command(
        "tour", rendered=240, voted=120, generator=str(quick / "untrained"), steps=4,
        refinements=0, truths=2, out=out,
    )  # fmt: skip
    steps = json.loads((out / "table.json").read_text())
    assert [step["step"] for step in steps] == [
        "render", "import", "vote", "suggest", "release", "generator", "embed", "fit", "turn",
        "check",
    ]  # fmt: skip
    assert all(step["count"] and step["figure"] for step in steps)
    told = capsys.readouterr().out
    assert all(step["figure"] in told for step in steps)

    release = Release.objects.get()
    with (out / "release" / "labels.csv").open() as file:
        assert len(list(csv.DictReader(file))) == release.n_labels == 240
    means = json.loads((out / "mean_faces.json").read_text())
    assert sum(map(sum, means["counts"])) == 240
    assert Image.open(out / "mean_faces.png").width > 3 * 64
    assert Image.open(out / "strip.png").width > ANGLES * 16
    assert Image.open(out / "animation.webp").n_frames >= ANGLES
    assert Edit.objects.get().result["frames"][3]["degrees"] == 0
    checked = json.loads((out / "truth.json").read_text())
    # The untrained network turns nobody, but the unturned face's distance to the truth is real.
    assert checked["n_faces"] == 2
    assert 0 < checked["truth_mse_unturned"] < 0.25
    near, far = checked["truth_mse_unturned_by_angle"][3], checked["truth_mse_unturned_by_angle"][5]
    assert near < far

    evaluated = out / "evaluated"
    call_command(
        "evaluate_rotation", str(Edit.objects.get().direction_id), faces=2, degrees=[-20.0, 20.0],
        loops=["open"], out=evaluated,
    )  # fmt: skip
    overall = json.loads((evaluated / "summary.json").read_text())[0]
    assert overall["faces"] == 2
    # A perfect turn is judged as well, so that what the probes cannot tell is known.
    assert {"achieved_mean_true", "perfect_light_kept", "identity", "truth_mse"} <= set(overall)
    assert 0 < overall["truth_mse_unturned"] < 0.25
    assert json.loads((evaluated / "probes.json").read_text())["truth_probe"]["n_faces"] > 0

    # A second tour finds what is there: the same faces and votes, a release of its own.
    votes_before = Vote.objects.count()
    call_command(
        "tour", rendered=240, voted=120, generator=str(quick / "untrained"), steps=4,
        refinements=0, truths=0, out=out,
    )  # fmt: skip
    assert Vote.objects.count() == votes_before
    assert Release.objects.count() == 2


def test_faces_from_a_folder_need_votes_from_a_file(quick):
    with pytest.raises(CommandError, match="--faces needs --votes"):
        call_command("tour", faces=quick, out=quick / "out")


def test_a_folder_without_faces_is_told_apart(quick):
    with pytest.raises(CommandError, match="img_align_celeba"):
        call_command("tour", faces=quick, votes=quick / "votes.csv", out=quick / "out")
