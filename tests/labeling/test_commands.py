"""The commands of labeling, as an operator types them."""

import csv
from pathlib import Path

import numpy as np
import pytest
from django.core.management import call_command
from django.core.management.base import CommandError

from labeling import queue, votes
from labeling.management.commands.simulate_votes import MISJUDGED_DEGREES, simulated
from labeling.models import Consensus, User, Vote
from lightstage.celeba import write_dataset
from lightstage.truth import read_truth


@pytest.fixture
def campaign(dataset_of):
    return queue.create_campaign(dataset_of(4), "light", title="Light")


def votes_file(folder, *rows, header="file,annotator,choice,rating"):
    path = folder / "votes.csv"
    path.write_text("\n".join([header, *rows]) + "\n")
    return path


def test_outside_votes_are_imported_once(campaign, tmp_path, capsys):
    path = votes_file(
        tmp_path, "000001.jpg,a,left,", "000001.jpg,b,center,0", "000002.jpg,a,unsure,"
    )
    call_command("import_votes", "light", path)
    call_command("import_votes", "light", path)
    assert "3 votes stored, 0 were there" in capsys.readouterr().out.splitlines()[0]
    assert votes.standing(campaign).count() == 3


@pytest.mark.parametrize(
    ("rows", "header", "words"),
    [
        (["000001.jpg,a,up,"], None, "Row 1: the choice is 'up'"),
        (["000009.jpg,a,left,"], None, "Row 1: '000009.jpg' is not in 'light'"),
        (["000001.jpg,left"], "file,choice", r"expected also \['annotator'\]"),
    ],
)
def test_a_wrong_votes_file_stores_nothing_and_says_why(campaign, tmp_path, rows, header, words):
    path = votes_file(tmp_path, *rows, **({"header": header} if header else {}))
    with pytest.raises(CommandError, match=words):
        call_command("import_votes", "light", path)
    assert not Vote.objects.exists()


def test_a_campaign_that_is_not_there_is_named_beside_those_that_are(campaign):
    for command in (["import_votes", "dark", "x.csv"], ["release", "dark"]):
        with pytest.raises(CommandError, match="no campaign 'dark'; there is light"):
            call_command(*command)


@pytest.fixture(scope="module")
def rendered(tmp_path_factory):
    folder: Path = tmp_path_factory.mktemp("rendered") / "faces"
    write_dataset(folder, 24, seed=3, processes=1)
    return folder


def test_simulated_votes_are_mostly_true_and_marked(rendered, dataset_of, tmp_path):
    dataset = dataset_of(24)
    dataset.image_folder = str(rendered / "img_align_celeba")
    dataset.save()
    campaign = queue.create_campaign(dataset, "stage", title="Stage")
    for _ in range(2):  # the second run finds them there
        call_command("simulate_votes", "stage", faces=20, annotators=3, votes=2)
    cast = Vote.objects.filter(turn__campaign=campaign)
    assert cast.count() == 40
    assert set(cast.values_list("source", flat=True)) == {"simulated"}
    assert User.objects.filter(origin="simulated", is_active=False).count() == 3
    truth = {row.file: row.side for row in read_truth(rendered)}
    right = [vote.choice == truth[vote.turn.face.filename] for vote in cast]
    assert sum(right) / len(right) > 0.7


def test_audit_faces_get_all_the_votes_they_want_and_the_others_none(rendered, dataset_of):
    dataset = dataset_of(24)
    dataset.image_folder = str(rendered / "img_align_celeba")
    dataset.save()
    campaign = queue.create_campaign(dataset, "stage", title="Stage")
    queue.draw_audits(campaign, 6)
    call_command("simulate_votes", "stage", audits=True)
    assert set(campaign.turns.filter(kind="audit").values_list("had", "wanted")) == {(3, 3)}
    call_command("simulate_votes", "stage", faces=24)
    assert Vote.objects.filter(turn__kind="audit").count() == 18
    assert Vote.objects.filter(turn__kind="ask").count() == 18


def test_the_careless_err_more_often_than_the_careful(rendered):

    truth = read_truth(rendered)
    side = {row.file: row.side for row in truth}
    rows = list(simulated(truth * 40, 2, 2, np.random.default_rng(0)))
    wrong = {
        name: np.mean([side[f] != c for f, who, c in rows if who == name])
        for name in ("kim", "lee")
    }
    assert MISJUDGED_DEGREES[0] < MISJUDGED_DEGREES[1]
    assert wrong["kim"] < wrong["lee"] < 0.5


def test_votes_are_not_simulated_on_faces_whose_light_nobody_knows(campaign):
    with pytest.raises(CommandError, match=r"truth\.csv, which the light stage writes"):
        call_command("simulate_votes", "light")


@pytest.mark.django_db(transaction=True)
def test_a_release_is_written_by_command(campaign, settings, tmp_path, capsys):
    settings.VAR_DIR = tmp_path / "var"
    Consensus.objects.create(
        campaign=campaign,
        face=campaign.dataset.faces.first(),
        choice="left",
        probability=0.9,
        probabilities=[0.9, 0.05, 0.05],
        source="human",
        n_votes=1,
    )
    call_command("release", "light", out=tmp_path / "copy")
    with (tmp_path / "copy" / "labels.csv").open() as file:
        assert [row["choice"] for row in csv.DictReader(file)] == ["left"]
    assert "Release 1: 1 labels" in capsys.readouterr().out
