"""From votes to suggestions, consensus and the queue's order, on real rows."""

import threading
import time
from pathlib import Path

import numpy as np
import pytest
from django.core.management import call_command
from django.db import connection
from PIL import Image

from labeling import describing, queue, refreshes, tasks, votes, worker
from labeling.learning import features
from labeling.learning.classifier import LightClassifier
from labeling.models import Consensus, FaceFeatures, Refresh, Suggestion, Turn, Vote

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def campaign(dataset_of):
    """Forty faces, those with odd numbers lit from the viewer's right, even ones from the left."""
    return queue.create_campaign(dataset_of(40), "light", title="Light", votes_max=3)


def side_of(filename):
    """Which side of the face dataset_of draws brighter."""
    return "right" if int(Path(filename).stem) % 2 else "left"


def files(n, start=1):
    return [f"{index:06d}.jpg" for index in range(start, start + n)]


def vote(campaign, filenames, *, name="kim", choice=None):
    rows = [(file, name, choice or side_of(file)) for file in filenames]
    return votes.cast_outside(campaign, rows, source=Vote.Source.SIMULATED)


def refreshed(campaign):
    """The figures of one refresh, done here."""
    job = campaign.refreshes.filter(status="queued").first()
    job = job or Refresh.objects.create(campaign=campaign)
    worker.run(Refresh, job.id, refreshes.refresh)
    job.refresh_from_db()
    assert (job.status, job.error) == ("done", None)
    return job.figures


def believed(campaign):
    rows = Consensus.objects.filter(campaign=campaign)
    return {row.face.filename: row for row in rows.select_related("face")}


def turn_of(campaign, filename):
    return Turn.objects.get(campaign=campaign, face__filename=filename)


def test_the_drawn_faces_are_brighter_where_these_tests_say(campaign):
    described = describing.describe(campaign, lambda *args: None)
    names = campaign.dataset.faces.order_by("id").values_list("filename", flat=True)
    contrast = features.side_contrast(described.vectors)
    assert [("right" if c > 0 else "left") for c in contrast] == [side_of(n) for n in names]


def test_a_few_votes_become_suggestions_for_every_face(campaign):
    vote(campaign, files(16))
    figures = refreshed(campaign)
    assert (figures["faces"], figures["votes"], figures["classifier_version"]) == (40, 16, 1)
    said = Suggestion.objects.filter(campaign=campaign).select_related("face")
    assert len(said) == 40
    assert all(row.choice == side_of(row.face.filename) for row in said)
    assert all(sum(row.probabilities) == pytest.approx(1, abs=1e-4) for row in said)
    rows = believed(campaign)
    assert {row.source for name, row in rows.items() if name in files(16)} == {"human"}
    assert {row.source for name, row in rows.items() if name not in files(16)} == {"model"}
    assert all(row.choice == side_of(name) for name, row in rows.items())


def test_the_kept_classifier_says_what_the_suggestions_say(campaign):
    vote(campaign, files(16))
    refreshed(campaign)
    row = campaign.classifiers.get()
    classifier = LightClassifier.from_bytes(bytes(row.weights), feature_version=row.feature_version)
    assert (classifier.card["n_votes"], classifier.card["choices"]) == (16, campaign.values)
    described = describing.describe(campaign, lambda *args: None)
    stored = Suggestion.objects.order_by("face_id").values_list("probabilities", flat=True)
    np.testing.assert_allclose(classifier.predict(described.vectors), np.array(stored), atol=1e-6)


def test_before_there_are_votes_the_light_stage_suggests_and_nothing_is_believed(campaign):
    before = list(Turn.objects.order_by("id").values_list("priority", flat=True))
    figures = refreshed(campaign)
    assert (figures["votes"], figures["classifier_version"], figures["open"]) == (0, None, 40)
    after = list(Turn.objects.order_by("id").values_list("priority", flat=True))
    assert len(set(after)) == 40
    assert after != before
    said = Suggestion.objects.select_related("face")
    # These ramps are no faces: it may call some "center", but none lit from the other side.
    assert all(row.choice in ("center", side_of(row.face.filename)) for row in said)
    assert len({row.choice for row in said}) == 3
    assert not Consensus.objects.exists()
    card = campaign.classifiers.get().card
    assert (card["n_votes"], "no real face" in card["data"]) == (0, True)
    refreshed(campaign)
    assert campaign.classifiers.count() == 1
    vote(campaign, files(16))
    assert refreshed(campaign)["classifier_version"] == 2
    assert "no real face" in campaign.classifiers.get(version=2).card["prior"]


def test_votes_for_one_side_alone_are_believed_but_not_learned_from(campaign):
    vote(campaign, files(16), choice="center")
    assert refreshed(campaign)["classifier_version"] is None
    assert {row.choice for row in believed(campaign).values()} == {"center"}
    assert len(believed(campaign)) == 16


def test_a_face_whose_votes_disagree_is_asked_about_again(campaign):
    vote(campaign, files(16))
    vote(campaign, files(1), name="lee", choice="center")
    closed = turn_of(campaign, "000001.jpg")
    assert (closed.wanted, closed.had) == (2, 2)
    assert refreshed(campaign)["reopened"] >= 1
    asked = turn_of(campaign, "000001.jpg")
    assert (asked.wanted, asked.had, asked.closing_rule) == (3, 2, "")
    refreshed(campaign)
    assert turn_of(campaign, "000001.jpg").wanted == 3  # open already: one vote at a time


def test_no_face_is_asked_about_more_often_than_the_campaign_allows(campaign):
    vote(campaign, files(16))
    for name, choice in (("lee", "center"), ("noa", "left")):
        vote(campaign, files(1), name=name, choice=choice)
    refreshed(campaign)
    assert turn_of(campaign, "000001.jpg").wanted == 3


def test_cant_tell_is_asked_again_and_is_no_human_label(campaign):
    vote(campaign, files(1), choice="unsure")
    refreshed(campaign)
    assert believed(campaign) == {}
    assert turn_of(campaign, "000001.jpg").wanted == 2
    vote(campaign, files(16, start=2))
    refreshed(campaign)
    row = believed(campaign)["000001.jpg"]
    assert (row.source, row.n_votes) == ("model", 1)


def test_a_withdrawn_vote_is_forgotten(campaign, people):
    held = queue.next_faces(campaign, people.ada, 1)[0]
    ballot = {"id": "0b0f6a52-4a28-4e53-8f5e-111111111111", "face": held.face_id, "choice": "left"}
    votes.cast(campaign, people.ada, [ballot])
    refreshed(campaign)
    assert list(believed(campaign)) == [held.filename]
    votes.withdraw(campaign, people.ada, ballot["id"])
    assert refreshed(campaign)["votes"] == 0
    assert believed(campaign) == {}


def test_features_are_made_once_and_again_only_for_another_version(campaign):
    refreshed(campaign)
    FaceFeatures.objects.filter(face__filename="000002.jpg").update(
        vector=b"\0" * 4 * len(features.mirror_signs())
    )
    kept = np.frombuffer(FaceFeatures.objects.get(face__filename="000001.jpg").vector, "<f4")
    FaceFeatures.objects.filter(face__filename="000001.jpg").update(
        version="light-0", vector=b"\0\0\0\0"
    )
    refreshed(campaign)
    again = FaceFeatures.objects.get(face__filename="000001.jpg")
    assert again.version == features.VERSION
    np.testing.assert_allclose(np.frombuffer(again.vector, "<f4"), kept, atol=1e-5)
    assert not any(bytes(FaceFeatures.objects.get(face__filename="000002.jpg").vector))


def test_a_damaged_image_is_named_and_stops_nothing(campaign):
    folder = Path(campaign.dataset.image_folder)
    (folder / "000003.jpg").write_bytes(b"no image")
    (folder / "000004.jpg").unlink()
    vote(campaign, files(16))
    figures = refreshed(campaign)
    assert (figures["unreadable"], figures["n_unreadable"]) == (["000003.jpg", "000004.jpg"], 2)
    assert Suggestion.objects.count() == 38
    assert believed(campaign)["000003.jpg"].source == "human"


def test_an_image_of_another_size_is_read_at_the_same_places(tmp_path):
    noise = Image.effect_noise((178, 218), 80).convert("RGB")
    noise.save(tmp_path / "small.png")
    noise.resize((356, 436), Image.Resampling.NEAREST).save(tmp_path / "large.png")
    small = describing.see(tmp_path / "small.png").crop.astype(int)
    large = describing.see(tmp_path / "large.png").crop.astype(int)
    assert np.abs(small - large).max() <= 1
    exact = np.asarray(noise)[45:173, 25:153].reshape(64, 2, 64, 2, 3).mean(axis=(1, 3))
    assert np.abs(small - exact).max() <= 1


def test_turns_that_others_hold_locked_are_passed_by(campaign):
    vote(campaign, files(16))
    locked, done = threading.Event(), threading.Event()
    there, unlocked = turn_of(campaign, "000030.jpg"), turn_of(campaign, "000031.jpg")

    def hold():
        from django.db import transaction

        with transaction.atomic():
            Turn.objects.select_for_update().get(id=there.id)
            locked.set()
            done.wait(30)
        connection.close()

    holder = threading.Thread(target=hold)
    holder.start()
    assert locked.wait(10)
    began = time.monotonic()
    refreshed(campaign)
    assert time.monotonic() - began < 25
    done.set()
    holder.join()
    assert turn_of(campaign, "000030.jpg").priority == there.priority
    assert turn_of(campaign, "000031.jpg").priority != unlocked.priority


def test_two_refreshes_of_one_campaign_wait_for_each_other(campaign):
    vote(campaign, files(16))
    inside, most = [], []

    def one():
        with refreshes.alone(campaign):
            inside.append(1)
            most.append(len(inside))
            time.sleep(0.2)
            inside.pop()
        connection.close()

    threads = [threading.Thread(target=one) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == [1, 1, 1]


def test_many_votes_ring_for_one_refresh(campaign):
    for _ in range(3):
        tasks.ring_refresh(campaign.id)
    assert campaign.refreshes.filter(status="queued").count() == 1


def test_a_campaign_with_two_choices_of_its_own_learns_too(dataset_of):
    choices = [
        {"value": "lit", "label": "Lit", "key": "a", "mirror": "unlit"},
        {"value": "unlit", "label": "Unlit", "key": "b", "mirror": "lit"},
    ]
    campaign = queue.create_campaign(dataset_of(40), "own", title="Own", choices=choices)
    rows = [(f, "kim", "lit" if side_of(f) == "left" else "unlit") for f in files(16)]
    votes.cast_outside(campaign, rows, source=Vote.Source.SIMULATED)
    refreshed(campaign)
    said = {s.face.filename: s.choice for s in Suggestion.objects.select_related("face")}
    assert said == {f: "lit" if side_of(f) == "left" else "unlit" for f in files(40)}
    card = campaign.classifiers.get().card
    assert (card["features"], card["prior"]) == ("what the face looks like", None)


def test_a_refresh_is_done_by_command(campaign, capsys):
    vote(campaign, files(16))
    call_command("refresh", "light")
    assert "classifier_version: 1" in capsys.readouterr().out
    assert Suggestion.objects.count() == 40


def test_a_real_worker_refreshes_after_votes(campaign, worker):
    vote(campaign, files(16))
    job = campaign.refreshes.get()
    worker.finish(job, 60)
    assert job.status == "done", job.error
    assert Suggestion.objects.count() == 40
