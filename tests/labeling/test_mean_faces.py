"""Mean faces of every light and pose: the same bytes for the same labels, none of few faces."""

import hashlib
import shutil
from datetime import timedelta

import numpy as np
import pytest
from PIL import Image

from labeling import drawn, jobs, mean_faces, queue, refreshes, releases, worker
from labeling.learning.mean_faces import FEWEST, SIZE, Cell, distance
from labeling.models import Consensus, Refresh, Release
from labeling.released import folder_of

N_FACES = 204  # four times the fixture's yaws: 12 at each of 51 angles


def cell_of(rng, level, n):
    cell = Cell()
    for _ in range(n):
        noise = rng.integers(-40, 41, (SIZE, SIZE, 3))
        cell.add((level + noise).astype(np.uint8))
    return cell


def test_the_distance_of_two_means_leaves_out_what_chance_adds():
    rng = np.random.default_rng(1)
    few = distance(cell_of(rng, 100, 25), cell_of(rng, 151, 25))
    many = distance(cell_of(rng, 100, 400), cell_of(rng, 151, 400))
    assert few == pytest.approx(0.04, abs=2e-4)
    assert many == pytest.approx(0.04, abs=2e-4)
    # Of the same faces, noise alone would tell 2 * (40 / 255)^2 / 3 / 25 = .0007.
    assert distance(cell_of(rng, 100, 25), cell_of(rng, 100, 25)) < 1e-4


def test_of_few_faces_there_is_no_distance():
    rng = np.random.default_rng(1)
    enough = cell_of(rng, 100, FEWEST)
    assert distance(enough, cell_of(rng, 100, FEWEST - 1)) is None
    assert distance(enough, cell_of(rng, 100, FEWEST)) is not None


@pytest.fixture
def campaign(dataset_of, settings, tmp_path):
    """Faces lit by turns from both sides; nobody is lit from ahead."""
    settings.VAR_DIR = tmp_path
    campaign = queue.create_campaign(dataset_of(N_FACES), "light", title="Light")
    Consensus.objects.bulk_create(
        Consensus(
            campaign=campaign,
            face=face,
            choice=("left", "right")[index % 2],
            probability=1,
            probabilities=[1, 0, 0],
            source="model",
        )
        for index, face in enumerate(campaign.dataset.faces.order_by("filename"))
    )
    return campaign


def written(campaign):
    release = jobs.ask_release(campaign, user=None, body={}, key="")
    worker.run(Release, release.id, releases.write)
    release.refresh_from_db()
    assert release.error is None
    return release


def renewed(campaign):
    mean_faces.renew(campaign, lambda done: None)
    return drawn.drawn(campaign)


@pytest.mark.django_db(transaction=True)
def test_a_release_holds_its_mean_faces_and_a_second_attempt_the_same_bytes(campaign):
    release = written(campaign)
    told = release.manifest["mean_faces"]
    assert sum(map(sum, told["counts"])) == N_FACES
    assert told["counts"][1] == [0, 0, 0]
    # The fixture's faces have no pose, only light: the sides differ, the poses hardly do.
    assert told["between_lights"] == [[None] * 3] * 2
    assert max(told["between_poses"][0]) < 0.001
    picture = (folder_of(release) / "mean_faces.png").read_bytes()
    listed = {file["name"]: file["sha256"] for file in release.manifest["files"]}
    assert listed["mean_faces.png"] == hashlib.sha256(picture).hexdigest()
    sheet = (folder_of(release) / "datasheet.md").read_text()
    assert "mirror-augmented" in sheet
    assert "(mean_faces.png)" in sheet
    Release.objects.filter(id=release.id).update(status="queued", manifest={})
    worker.run(Release, release.id, releases.write)
    assert (folder_of(release) / "mean_faces.png").read_bytes() == picture


@pytest.mark.django_db
def test_a_cell_is_the_mean_of_a_bounded_lot_that_always_falls_alike(campaign, monkeypatch):
    monkeypatch.setattr(mean_faces, "MOST_IN_CELL", 25)
    found = renewed(campaign)
    assert max(max(row) for row in found.figures["used"]) == 25
    assert sum(map(sum, found.figures["counts"])) == N_FACES
    first = found.picture.read_bytes()
    monkeypatch.setattr(mean_faces, "EVERY", timedelta(0))
    again = renewed(campaign)
    assert again.at > found.at
    assert again.picture.read_bytes() == first


@pytest.mark.django_db
def test_a_campaign_s_are_not_drawn_again_at_once(campaign):
    first = renewed(campaign)
    Consensus.objects.all().delete()
    assert renewed(campaign) == first


@pytest.mark.django_db
def test_pictures_that_are_gone_or_of_another_size_are_passed_over(campaign):
    folder = campaign.dataset.image_folder
    faces = list(campaign.dataset.faces.order_by("filename"))
    (faces[0].__class__.objects.filter(id=faces[0].id)).update(filename="gone.jpg")
    Image.new("RGB", (50, 50)).save(f"{folder}/{faces[1].filename}")
    used = renewed(campaign).figures["used"]
    assert sum(map(sum, used)) == N_FACES - 2


@pytest.mark.django_db
def test_a_campaign_about_something_else_has_none(campaign, people, client):
    campaign.choices = [{**choice, "value": f"x{choice['value']}"} for choice in campaign.choices]
    campaign.save()
    assert renewed(campaign) is None
    client.force_login(people.mia)
    assert b"campaigns about light" in client.get("/campaigns/light/mean-faces").content


@pytest.mark.django_db
def test_the_page_shows_the_newest_and_says_when_there_is_none(campaign, people, client):
    client.force_login(people.mia)
    assert b"None are drawn yet" in client.get("/campaigns/light/mean-faces").content
    assert client.get("/campaigns/light/mean-faces/picture").status_code == 404
    found = renewed(campaign)
    page = client.get("/campaigns/light/mean-faces").content.decode()
    assert f"/mean-faces/picture?of={int(found.at.timestamp())}" in page
    assert "0 faces: too few" not in page
    assert "too few faces" in page
    sent = client.get("/campaigns/light/mean-faces/picture")
    assert b"".join(sent.streaming_content) == found.picture.read_bytes()
    assert sent["Content-Type"] == "image/png"


@pytest.mark.django_db(transaction=True)
def test_what_was_learned_stands_where_mean_faces_cannot_be_drawn(campaign):
    picture, _ = drawn.files_of(campaign)
    picture.parent.parent.mkdir(parents=True, exist_ok=True)
    shutil.rmtree(picture.parent, ignore_errors=True)
    picture.parent.write_text("a file where a folder should be")
    try:
        job = Refresh.objects.create(campaign=campaign)
        worker.run(Refresh, job.id, refreshes.refresh_and_draw)
    finally:
        picture.parent.unlink()
    job.refresh_from_db()
    assert (job.status, job.error) == ("done", None)
    assert drawn.drawn(campaign) is None
