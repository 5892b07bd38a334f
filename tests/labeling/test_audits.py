"""Audit faces: a fair lot, read by releases only, each look paid for, a promise that is kept."""

from importlib import import_module

import pytest
from django.db import connection
from django.utils import timezone

from labeling import audited, looks, queue, releases, votes, worker
from labeling.errors import Refused
from labeling.models import (
    Adjudication,
    AuditDraw,
    Consensus,
    Release,
    Turn,
    User,
    Vote,
)
from tests.labeling.auditing import (
    add_faces,
    answer,
    audit,
    audits_of,
    campaign_of_two_thousand,
    suggest,
    truth_of,
    written,
)

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def campaign(dataset, settings, tmp_path):
    settings.VAR_DIR = tmp_path
    return campaign_of_two_thousand(dataset)


def test_a_certified_release_publishes_the_model_s_labels_above_the_threshold_only(campaign):
    audit(campaign, 500)
    suggest(campaign)
    release = written(campaign, max_error=0.03, confidence=0.9)
    assert (release.status, release.error) == ("done", None)
    told = release.manifest["certificate"]
    assert (told["certified"], told["target"], told["look"]) == (True, 0.03, 1)
    assert told["delta"] == pytest.approx(0.05)
    assert told["n_audit"] == told["n_counting"] == 500
    assert 0.5 < told["coverage"] < 1
    assert told["bound"] <= 0.03
    published = release.labels.filter(source="model")
    assert published.count() == told["n_certified"] == round(told["coverage"] * 1500)
    assert min(row.probability for row in published) >= told["threshold"]
    audited_faces = set(audits_of(campaign).values_list("face_id", flat=True))
    assert not audited_faces & set(published.values_list("face_id", flat=True))
    wrong = sum(row.choice != truth_of(row.face_id) for row in published)
    assert wrong <= 0.03 * published.count()
    assert "at most 3% are wrong, with 95% confidence" in told["reason"]
    by_choice = told["by_choice"].values()
    assert sum(row["n_certified"] for row in by_choice) == told["n_certified"]
    assert sum(row["errors"] for row in told["by_yaw"]) == told["errors"]
    more = told["with_100_more"]
    assert 0 < more["coverage_now"] <= more["coverage_then"] + 0.02


def test_proportions_come_with_intervals_overall_and_by_yaw(campaign):
    audit(campaign, 400)
    suggest(campaign, wrong=0.2)
    told = written(campaign, max_error=0.05).manifest["proportions"]
    assert (told["n_audit"], told["n_faces"]) == (400, 2000)
    for one in told["shares"].values():
        assert one["low"] < 1 / 3 < one["high"]
        assert one["high"] - one["low"] < 0.11
    assert sum(row["n_audit"] for row in told["by_yaw"]) == 400
    assert all(set(row["shares"]) == set(campaign.values) for row in told["by_yaw"])


def test_proportions_are_told_among_the_faces_of_each_attribute(campaign):
    faces = campaign.dataset.faces.order_by("id")
    # Bit 1 is Smiling: here it smiles who is lit from the left, and nobody else.
    faces.update(attributes=0)
    for face in faces:
        if truth_of(face.id) == "left":
            faces.filter(id=face.id).update(attributes=2)
    unknown = faces.first()
    faces.filter(id=unknown.id).update(attributes=None)
    audit(campaign, 400)
    suggest(campaign, wrong=0.1)
    (smiling,) = written(campaign, max_error=0.05).manifest["proportions"]["by_attribute"]
    assert smiling["attribute"] == "Smiling"
    assert 100 < smiling["n_audit"] < 170
    assert smiling["shares"]["left"]["low"] > 0.9
    assert smiling["shares"]["right"]["high"] < 0.1


def test_what_is_unsettled_or_cannot_be_told_counts_as_wrong(campaign):
    queue.draw_audits(campaign, 6)
    suggest(campaign, wrong=0)
    one, two, three, four, five, six = audits_of(campaign)
    answer(campaign, [one])
    answer(campaign, [two], "unsure")
    answer(campaign, [three], by=("kim",))
    answer(campaign, [four], by=("kim",))
    answer(campaign, [four], "unsure", by=("lee",))
    answer(campaign, [five], "unsure")
    mia = User.objects.create(username="mia2", is_manager=True)
    Adjudication.objects.create(campaign=campaign, face=five.face, choice="unsure", by=mia)
    Adjudication.objects.create(
        campaign=campaign, face=five.face, choice=truth_of(five.face_id), by=mia
    )
    found = audited.read(campaign, looks.usable_draws(campaign))
    right = {turn.face_id: truth_of(turn.face_id) for turn in (one, five)}
    said = {
        int(face): [*campaign.values, "unsure", "unsettled"][int(truth)]
        for face, truth in zip(found.audited.face_ids, found.truth, strict=True)
    }
    assert said == right | {
        two.face_id: "unsure",
        three.face_id: "unsettled",
        four.face_id: "unsettled",
        six.face_id: "unsettled",
    }
    wrong = found.audited.face_ids[found.is_wrong].tolist()
    assert wrong == [turn.face_id for turn in (two, three, four, six)]


def test_answers_from_a_file_settle_no_audit_face(campaign):
    queue.draw_audits(campaign, 1)
    suggest(campaign, wrong=0)
    turn = audits_of(campaign).get()
    rows = [(turn.face.filename, name, truth_of(turn.face_id)) for name in "abc"]
    votes.cast_outside(campaign, rows, source="imported")
    found = audited.read(campaign, looks.usable_draws(campaign))
    assert found.truth.tolist() == [audited.UNSETTLED]


def test_each_look_spends_half_of_what_is_left_and_fresh_audits_begin_anew(campaign):
    suggest(campaign)
    audit(campaign, 300)
    spent = [written(campaign, max_error=0.05).certificate for _ in range(3)]
    assert [look["look"] for look in spent] == [1, 2, 3]
    assert [look["delta"] for look in spent] == pytest.approx([0.025, 0.0125, 0.00625])
    none = written(campaign, max_error=0.05, audits="fresh").certificate
    assert none["certified"] is False
    assert "no fresh one" in none["reason"]
    audit(campaign, 400)
    fresh = written(campaign, max_error=0.05, audits="fresh").certificate
    assert (fresh["look"], fresh["n_audit"]) == (1, 400)
    both = written(campaign, max_error=0.05).certificate
    assert (both["look"], both["n_audit"]) == (5, 700)


def test_a_look_that_certifies_nothing_is_spent_as_well_and_a_retry_is_none(campaign):
    suggest(campaign)
    queue.draw_audits(campaign, 200)
    release = written(campaign, max_error=0.02, include=["model"])
    assert release.status == "failed"
    assert "200 of them are not settled yet and count as errors" in release.error
    assert (release.certificate["look"], release.certificate["threshold"]) == (1, None)
    answer(campaign, audits_of(campaign))
    Release.objects.filter(id=release.id).update(status="queued")
    worker.run(Release, release.id, releases.write)
    release.refresh_from_db()
    assert release.certificate["look"] == 1  # what was seen stays seen
    assert written(campaign, max_error=0.02).certificate["look"] == 2


def test_without_a_rate_or_without_the_model_nobody_looks(campaign):
    audit(campaign, 50)
    suggest(campaign)
    answer(campaign, Turn.objects.filter(kind="ask")[:3])
    Consensus.objects.filter(face__turns__votes__isnull=False).update(source="human")
    plain = written(campaign)
    people_only = written(campaign, max_error=0.02, include=["human"])
    for release in (plain, people_only):
        assert release.status == "done"
        assert release.manifest["certificate"]["certified"] is False
        assert looks.looks(campaign) == []
    assert "without an error rate" in plain.manifest["certificate"]["reason"]
    assert plain.n_labels == 2000
    assert "no label of the model" in people_only.manifest["certificate"]["reason"]


@pytest.mark.parametrize("body", [{"max_error": 0.0}, {"max_error": 0.1, "confidence": 1.0}])
def test_a_promise_of_nothing_or_of_certainty_is_refused(campaign, body):
    audit(campaign, 5)
    with pytest.raises(Refused, match="expected more than 0 and less than 1"):
        written(campaign, **body)
    assert looks.looks(campaign) == []


def test_faces_that_anybody_touched_are_no_longer_the_model_s(campaign, people):
    suggest(campaign)
    early, late, undone, settled = Turn.objects.filter(kind="ask").order_by("id")[:4]
    answer(campaign, [early], by=("kim",))
    queue.draw_audits(campaign, 100)
    if late.id in audits_of(campaign).values_list("id", flat=True):
        pytest.skip("the lot took it")
    others = [t for t in (late, undone, settled) if Turn.objects.get(id=t.id).kind == "ask"]
    answer(campaign, others[:2], "unsure", by=("kim",))
    for vote in Vote.objects.filter(turn=others[1]):
        Vote.objects.create(
            turn=vote.turn, annotator=vote.annotator, revision=1, withdraws=vote, source="page"
        )
    for turn in others[2:]:
        Adjudication.objects.create(campaign=campaign, face=turn.face, choice="left", by=people.mia)
    found = audited.read(campaign, looks.usable_draws(campaign))
    touched = {early.face_id, *(t.face_id for t in others)}
    assert not touched & set(found.pool.face_ids.tolist())
    assert set(found.taken.face_ids.tolist()) == touched - {early.face_id}
    assert len(found.pool.face_ids) == 2000 - 100 - len(touched)
    (draw,) = found.counts
    assert (draw.n_drawn, draw.n_faces, draw.n_taken) == (100, 1999, len(others))


def test_faces_added_after_the_draw_are_not_promised_anything(campaign):
    audit(campaign, 300)
    add_faces(campaign.dataset, 200)
    queue.top_up(campaign)
    suggest(campaign)
    told = written(campaign, max_error=0.05).certificate
    assert told["n_pool"] == 1700
    assert told["n_certified"] <= 1700
    audit(campaign, 250)
    newest = written(campaign, max_error=0.05).certificate
    assert (newest["n_audit"], newest["look"], newest["n_pool"]) == (250, 1, 1650)


def test_the_lot_is_recorded_and_an_empty_one_is_not(campaign):
    before = timezone.now()
    assert queue.draw_audits(campaign, 30) == 30
    draw = AuditDraw.objects.get()
    assert (draw.n_pool, draw.n_drawn) == (2000, 30)
    assert draw.newest_turn == Turn.objects.order_by("-id").first().id
    assert draw.drawn_at >= before
    assert Turn.objects.filter(audit_draw=draw, kind="audit").count() == 30
    answer(campaign, Turn.objects.filter(kind="ask"), by=("kim",))
    assert queue.draw_audits(campaign, 30) == 0
    assert AuditDraw.objects.count() == 1


def test_audit_faces_from_before_draws_had_rows_get_one(campaign):
    audit(campaign, 40)
    Turn.objects.update(audit_draw=None)
    AuditDraw.objects.all().delete()
    migration = import_module("labeling.migrations.0010_audit_faces_know_their_draw")
    with connection.cursor() as cursor:
        cursor.execute(migration.OLD_DRAWS)
    draw = AuditDraw.objects.get()
    assert (draw.n_pool, draw.n_drawn, draw.drawn_at) == (2000, 40, campaign.created_at)
    assert audits_of(campaign).filter(audit_draw=draw).count() == 40
    found = audited.read(campaign, looks.usable_draws(campaign))
    assert len(found.pool.face_ids) == 1960
