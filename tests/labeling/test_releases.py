"""A release says what it holds, can be checked by its hashes, and never changes."""

import csv
import hashlib
import io
import json

import pandas as pd
import pyarrow.parquet as pq
import pytest

from labeling import jobs, queue, released, releases, votes, worker
from labeling.models import Consensus, Dataset, Release

pytestmark = pytest.mark.django_db(transaction=True)

BELIEVED = [
    ("000001.jpg", "left", 0.99, "human"),
    ("000002.jpg", "center", 0.70, "human"),
    ("000003.jpg", "right", 0.995, "model"),
    ("000004.jpg", "right", 0.60, "model"),
]


@pytest.fixture
def campaign(dataset_of, settings, tmp_path):
    settings.VAR_DIR = tmp_path
    campaign = queue.create_campaign(dataset_of(5), "light", title="Light")
    cast = [("000001.jpg", "ada", "left"), ("000002.jpg", "ben", "center")]
    votes.cast_outside(campaign, cast, source="simulated")
    believe(campaign, BELIEVED)
    return campaign


def believe(campaign, rows):
    for filename, choice, probability, source in rows:
        rest = (1 - probability) / 2
        Consensus.objects.create(
            campaign=campaign,
            face=campaign.dataset.faces.get(filename=filename),
            choice=choice,
            probability=probability,
            probabilities=[probability if v == choice else rest for v in campaign.values],
            source=source,
            n_votes=source == "human",
        )


def written(campaign, **body):
    release = jobs.ask_release(campaign, user=None, body=body, key="")
    worker.run(Release, release.id, releases.write)
    release.refresh_from_db()
    return release


def files_of(release):
    return {path.name: path.read_bytes() for path in released.folder_of(release).iterdir()}


def test_a_release_holds_what_its_manifest_says(campaign):
    release = written(campaign)
    assert (release.status, release.error, release.n_labels) == ("done", None, 4)
    found = files_of(release)
    manifest = json.loads(found.pop("manifest.json"))
    assert manifest == release.manifest
    assert {file["name"] for file in manifest["files"]} == set(found)
    for file in manifest["files"]:
        content = found[file["name"]]
        assert hashlib.sha256(content).hexdigest() == file["sha256"]
        assert len(content) == file["bytes"]
    assert manifest["counts"]["right"] == {"human": 0, "model": 2}
    assert manifest["votes_by_source"] == {"simulated": 2}
    assert manifest["certificate"]["certified"] is False


def test_its_tables_say_the_same_in_every_format(campaign):
    contents = files_of(written(campaign))
    table = pq.read_table(io.BytesIO(contents.pop("labels.parquet")))
    found = {name: content.decode() for name, content in contents.items()}
    rows = list(csv.DictReader(found["labels.csv"].splitlines()))
    assert [(r["file"], r["choice"], r["source"], r["votes"]) for r in rows] == [
        ("000001.jpg", "left", "human", "1"),
        ("000002.jpg", "center", "human", "1"),
        ("000003.jpg", "right", "model", "0"),
        ("000004.jpg", "right", "model", "0"),
    ]
    assert float(rows[2]["p_right"]) == 0.995
    lines = [json.loads(line) for line in found["labels.jsonl"].splitlines()]
    assert [(x["file"], x["choice"]) for x in lines] == [(r["file"], r["choice"]) for r in rows]
    assert table.column_names == list(rows[0])
    assert [(r["file"], r["choice"], r["votes"]) for r in table.to_pylist()] == [
        (r["file"], r["choice"], int(r["votes"])) for r in rows
    ]
    assert table["p_right"].to_pylist()[2] == pytest.approx(0.995)
    tasks = json.loads(found["label_studio.json"])
    assert [task["data"]["image"] for task in tasks] == [r["file"] for r in rows]
    chosen = [task["annotations"][0]["result"][0]["value"]["choices"] for task in tasks]
    assert chosen == [[r["choice"]] for r in rows]
    assert found["list_illumination_celeba.txt"] == (
        "4\r\nleft center right \r\n"
        "000001.jpg 1 -1 -1\r\n000002.jpg -1  1 -1\r\n"
        "000003.jpg -1 -1  1\r\n000004.jpg -1 -1  1\r\n"
    )


def test_its_tables_are_read_whole_by_the_programs_that_researchers_use(campaign):
    """pandas by its defaults, and torchvision's reader of CelebA's lists, line for line."""
    release = written(campaign)
    folder = released.folder_of(release)
    tables = [
        pd.read_csv(folder / "labels.csv"),
        pd.read_parquet(folder / "labels.parquet"),
        pd.read_json(folder / "labels.jsonl", lines=True),
    ]
    for table in tables:
        assert not table.isna().any(axis=None)
        assert list(table["file"]) == [row[0] for row in BELIEVED]
        assert list(table["choice"]) == [row[1] for row in BELIEVED]
        assert list(table["probability"]) == pytest.approx([row[2] for row in BELIEVED])
        assert list(table["votes"]) == [1, 1, 0, 0]
    assert (
        not pd.read_csv(folder / "votes.csv")[["file", "choice", "annotator"]].isna().any(axis=None)
    )

    with (folder / "list_illumination_celeba.txt").open() as file:  # torchvision.datasets.CelebA
        data = list(csv.reader(file, delimiter=" ", skipinitialspace=True))
    headers, data = data[1], data[2:]
    numbers = [list(map(int, row[1:])) for row in data]
    assert headers == ["left", "center", "right", ""]
    assert [row[0] for row in data] == [row[0] for row in BELIEVED]
    assert [headers[row.index(1)] for row in numbers] == [row[1] for row in BELIEVED]


def test_votes_are_released_without_names(campaign):
    text = files_of(written(campaign))["votes.csv"].decode()
    rows = list(csv.DictReader(text.splitlines()))
    assert [(r["file"], r["choice"], r["source"]) for r in rows] == [
        ("000001.jpg", "left", "simulated"),
        ("000002.jpg", "center", "simulated"),
    ]
    assert {row["annotator"] for row in rows} == {"a001", "a002"}
    assert "ada" not in text


def test_trials_of_annotators_are_no_part_of_a_release(campaign, people):
    face = campaign.dataset.faces.get(filename="000005.jpg")
    turn = campaign.turns.get(face=face)
    turn.votes.create(annotator=people.ada, choice="left", source="page", is_catch=True)
    campaign.turns.filter(id=turn.id).update(had=1)
    other = Dataset.objects.create(name="flipped", mirrors=campaign.dataset)
    twin = other.faces.create(filename="000001.jpg")
    trial = campaign.turns.create(face=twin, kind="mirror", wanted=1, had=1)
    trial.votes.create(annotator=people.ada, choice="right", source="page")
    release = written(campaign)
    assert release.manifest["n_votes"] == 2
    assert len(files_of(release)["votes.csv"].splitlines()) == 3


@pytest.mark.parametrize(
    ("body", "files"),
    [
        ({"include": ["human"]}, ["000001.jpg", "000002.jpg"]),
        ({"include": ["model"]}, ["000003.jpg", "000004.jpg"]),
        ({"max_error": 0.02}, ["000001.jpg", "000002.jpg", "000003.jpg"]),
    ],
)
def test_a_release_includes_what_was_asked_for(campaign, body, files):
    release = written(campaign, **body)
    labels = release.labels.order_by("face__filename")
    assert list(labels.values_list("face__filename", flat=True)) == files
    assert release.manifest["request"] == body


def test_a_worker_that_goes_on_writes_the_same_bytes_though_beliefs_have_moved(campaign):
    release = written(campaign)
    first = files_of(release)
    Consensus.objects.filter(campaign=campaign).update(choice="left", probability=1)
    votes.cast_outside(campaign, [("000003.jpg", "cy", "left")], source="simulated")
    # As after a worker that died between writing and saying so.
    Release.objects.filter(id=release.id).update(status="queued", manifest={})
    worker.run(Release, release.id, releases.write)
    release.refresh_from_db()
    assert release.status == "done"
    assert files_of(release) == first


def test_a_release_of_nothing_is_refused(campaign):
    Consensus.objects.all().delete()
    release = written(campaign)
    assert release.status == "failed"
    assert "'light' has no human or model label" in release.error


def test_its_files_are_sent_to_managers_and_only_those_it_lists(campaign, people, api):
    release = written(campaign)
    client = api(people.mia)
    told = client.get(f"/api/releases/{release.id}").data
    assert told["manifest"]["n_labels"] == 4
    for name, content in files_of(release).items():
        answer = client.get(f"/api/releases/{release.id}/files/{name}")
        assert b"".join(answer.streaming_content) == content
        assert answer["ETag"] == f'"{hashlib.sha256(content).hexdigest()}"'
    tail = client.get(f"/api/releases/{release.id}/files/labels.csv", headers={"Range": "bytes=-5"})
    assert (tail.status_code, b"".join(tail.streaming_content)) == (
        206,
        files_of(release)["labels.csv"][-5:],
    )
    for name in ("secrets.csv", "..%2F..%2Fsecret_key"):
        assert client.get(f"/api/releases/{release.id}/files/{name}").status_code == 404


@pytest.mark.parametrize(
    "promise",
    [{"max_error": 0}, {"max_error": 1}, {"max_error": 0.02, "confidence": 1}],
)
def test_numbers_that_promise_nothing_are_refused_when_they_are_asked_for(
    campaign, people, api, promise
):
    answer = api(people.mia).post("/api/campaigns/light/releases", promise, format="json")
    assert (answer.status_code, answer.data["code"]) == (400, "invalid")
    assert "expected more than 0 and less than 1" in answer.data["detail"]
    assert not Release.objects.exists()
