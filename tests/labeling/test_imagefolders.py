"""A release beside its images, read by Hugging Face's datasets as its users would read it."""

import json

import pytest
from django.core.management import CommandError, call_command

from labeling import jobs, queue, releases, worker
from labeling.models import Consensus, Face, Release
from labeling.released import folder_of

pytestmark = pytest.mark.django_db(transaction=True)

SPLITS = [Face.Split.TRAIN, Face.Split.TRAIN, Face.Split.VALIDATION, Face.Split.TEST]


@pytest.fixture
def release(dataset_of, settings, tmp_path):
    settings.VAR_DIR = tmp_path / "var"
    dataset = dataset_of(4)
    campaign = queue.create_campaign(dataset, "light", title="Light")
    for index, face in enumerate(dataset.faces.order_by("filename")):
        face.split = SPLITS[index]
        face.save()
        Consensus.objects.create(
            campaign=campaign,
            face=face,
            choice="left",
            probability=0.8,
            probabilities=[0.8, 0.1, 0.1],
            source="human",
            n_votes=1,
        )
    made = jobs.ask_release(campaign, user=None, body={}, key="")
    worker.run(Release, made.id, releases.write)
    made.refresh_from_db()
    return made


@pytest.mark.parametrize("link", ["hard", "symbolic", "copy"])
def test_the_folder_is_what_load_dataset_reads(release, tmp_path, link):
    datasets = pytest.importorskip("datasets")
    folder = tmp_path / "folder"
    call_command("export_imagefolder", "light", into=folder, link=link)
    read = datasets.load_dataset(
        "imagefolder", data_dir=str(folder), cache_dir=str(tmp_path / "cache")
    )
    assert {name: len(rows) for name, rows in read.items()} == {
        "train": 2,
        "validation": 1,
        "test": 1,
    }
    row = read["train"][0]
    assert row["image"].size == (178, 218)
    assert (row["choice"], row["source"], row["votes"]) == ("left", "human", 1)
    assert (row["p_left"], row["p_right"]) == (0.8, 0.1)


def test_the_release_s_own_metadata_fits_a_folder_of_all_images(release, tmp_path):
    lines = (folder_of(release) / "metadata.jsonl").read_text().splitlines()
    told = [json.loads(line) for line in lines]
    assert [row["file_name"] for row in told] == [f"00000{n}.jpg" for n in range(1, 5)]
    assert told[0]["p_left"] == 0.8
    call_command("export_imagefolder", "light", into=tmp_path / "folder")
    split = (tmp_path / "folder/train/metadata.jsonl").read_text().splitlines()
    assert split == lines[:2]


def test_links_are_links_and_copies_are_copies(release, tmp_path):
    original = tmp_path / "small" / "000001.jpg"
    for link in ("hard", "symbolic", "copy"):
        call_command("export_imagefolder", "light", into=tmp_path / link, link=link)
    assert (tmp_path / "hard/train/000001.jpg").samefile(original)
    assert (tmp_path / "symbolic/train/000001.jpg").is_symlink()
    copy = tmp_path / "copy/train/000001.jpg"
    assert copy.read_bytes() == original.read_bytes()
    assert not copy.samefile(original)


def test_a_face_whose_image_is_gone_is_left_out_and_counted(release, tmp_path, capsys):
    (tmp_path / "small" / "000002.jpg").unlink()
    call_command("export_imagefolder", "light", into=tmp_path / "folder")
    lines = (tmp_path / "folder/train/metadata.jsonl").read_text().splitlines()
    assert [json.loads(line)["file_name"] for line in lines] == ["000001.jpg"]
    assert "without image: 1" in capsys.readouterr().out


def test_a_folder_in_use_and_a_release_that_is_not_there_are_refused(release, tmp_path):
    with pytest.raises(CommandError, match="not empty"):
        call_command("export_imagefolder", "light", into=tmp_path)
    with pytest.raises(CommandError, match="has not release 7; there is 1"):
        call_command("export_imagefolder", "light", into=tmp_path / "folder", release=7)
