"""manage.py replay: curves on disk, nothing changed in the database."""

import csv

import pytest
from django.core.management import CommandError, call_command
from PIL import Image

from labeling import queue
from labeling.models import Vote

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def truth(dataset_of, tmp_path):
    campaign = queue.create_campaign(dataset_of(120), "light", title="Light")
    file = tmp_path / "truth.csv"
    names = campaign.dataset.faces.values_list("filename", flat=True)
    rows = [f"{name},{'right' if int(name[:6]) % 2 else 'left'}" for name in names]
    file.write_text("file,choice\n" + "\n".join(rows) + "\n")
    return file


def test_a_replay_writes_its_curves_and_casts_no_vote(truth, tmp_path, capsys):
    call_command(
        "replay",
        "light",
        truth=truth,
        seeds=10,
        votes=20,
        into=tmp_path / "out",
        strategies=["ours", "random"],
        annotators=["careful"],
    )
    rows = list(csv.DictReader((tmp_path / "out" / "curves.csv").open()))
    assert {row["strategy"] for row in rows} == {"ours", "random"}
    assert [int(row["votes"]) for row in rows if row["strategy"] == "ours"] == [5, 10, 15, 20]
    assert all(float(r["low"]) <= float(r["accuracy"]) <= float(r["high"]) for r in rows)
    with Image.open(tmp_path / "out" / "curves.png") as picture:
        assert picture.width > 600
    assert "ours" in capsys.readouterr().out
    assert not Vote.objects.exists()


def test_what_a_replay_cannot_work_with_is_named(truth, tmp_path):
    with pytest.raises(CommandError, match="3 seeds came; expected at least 10"):
        call_command("replay", "light", truth=truth, seeds=3)
    with pytest.raises(CommandError, match="There is no"):
        call_command("replay", "light", truth=tmp_path / "none.csv")
    with pytest.raises(CommandError, match=r"\['luck'\] are unknown"):
        call_command("replay", "light", truth=truth, strategies=["luck"])
    truth.write_text("file,choice\n000001.jpg,up\n")
    with pytest.raises(CommandError, match="2: 'up'; expected one of"):
        call_command("replay", "light", truth=truth)
    truth.write_text("file,choice\n000001.jpg,left\n")
    with pytest.raises(CommandError, match="knows 1 of the campaign's faces"):
        call_command("replay", "light", truth=truth)
