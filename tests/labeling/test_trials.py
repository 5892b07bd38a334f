"""Audits, mirrored and known faces and catches stand among the others and stay apart from them."""

import uuid
from dataclasses import replace

import pytest

from labeling import leases, queue, trials, votes
from labeling.errors import Refused
from labeling.models import Adjudication, Consensus, Face, Lease, Turn, Vote


@pytest.fixture
def campaign(dataset_of):
    return queue.create_campaign(dataset_of(60), "light", title="Light")


def cast(campaign, annotator, faces, choice="left"):
    rows = [{"id": str(uuid.uuid4()), "face": f.face_id, "choice": choice} for f in faces]
    outcomes = votes.cast(campaign, annotator, rows)
    assert {one.status for one in outcomes} <= {"stored"}
    return rows


def kinds(faces):
    return list(
        Turn.objects.filter(id__in=[f.turn_id for f in faces]).values_list("kind", flat=True)
    )


def suggest(campaign, choice, certainty, **which):
    Turn.objects.filter(campaign=campaign, **which).update(suggested=choice, certainty=certainty)


def test_audits_are_drawn_from_faces_nobody_touched(campaign, people):
    touched = queue.next_faces(campaign, people.ada, 20)
    taken_back = cast(campaign, people.ada, touched[:10])[0]
    votes.withdraw(campaign, people.ada, uuid.UUID(taken_back["id"]))
    assert queue.draw_audits(campaign, 1000) == 40
    assert set(kinds(touched)) == {"ask"}
    assert set(Turn.objects.filter(kind="audit").values_list("wanted", flat=True)) == {3}
    with pytest.raises(Refused, match="0 audit faces"):
        queue.draw_audits(campaign, 0)


def test_audit_faces_come_in_their_share_and_then_to_the_end(campaign, people):
    queue.draw_audits(campaign, 20)
    campaign.audit_share = 0.5
    first = kinds(queue.next_faces(campaign, people.ada, 30))
    assert 0 < first.count("audit") < 30
    rest = first + kinds(queue.next_faces(campaign, people.ada, 30))
    assert sorted(rest) == ["ask"] * 40 + ["audit"] * 20


def test_a_suggestion_is_withheld_from_audits_and_by_lot_and_the_vote_says_so(campaign, people):
    campaign.shows_suggestions, campaign.blind_share = True, 0.4
    queue.draw_audits(campaign, 10)
    suggest(campaign, "left", 80)
    faces = queue.next_faces(campaign, people.ada, 60)
    cast(campaign, people.ada, faces)
    shown = {f.face_id for f in faces if f.suggested == "left"}
    audits = Vote.objects.filter(turn__kind="audit")
    assert set(audits.values_list("suggested", "is_blind")) == {("", False)}
    asked = Vote.objects.filter(turn__kind="ask", suggested="left")
    assert asked.count() == 50
    assert {v.turn.face_id for v in asked.filter(is_blind=False).select_related("turn")} == shown
    assert 0 < len(shown) < 50


def test_a_campaign_that_hides_suggestions_notes_none(campaign, people):
    suggest(campaign, "left", 80)
    faces = queue.next_faces(campaign, people.ada, 5)
    cast(campaign, people.ada, faces)
    assert {f.suggested for f in faces} == {None}
    assert set(Vote.objects.values_list("suggested", "is_blind")) == {("", False)}


def test_a_face_comes_back_mirrored_once_it_is_out_of_sight(campaign, people):
    campaign.mirror_share = 1.0
    first = queue.next_faces(campaign, people.ada, trials.MIRROR_AFTER_VOTES)
    cast(campaign, people.ada, first)
    assert "mirror" not in kinds(queue.next_faces(campaign, people.ada, 1))
    cast(campaign, people.ada, queue.next_faces(campaign, people.ada, 5))
    flipped = [f for f in queue.next_faces(campaign, people.ada, 10) if kinds([f]) == ["mirror"]]
    assert len(flipped) == 5
    twin = Face.objects.select_related("dataset").get(turns=flipped[0].turn_id)
    original = Face.objects.get(dataset=campaign.dataset, filename=twin.filename)
    assert twin.dataset.mirrors == campaign.dataset
    assert twin.yaw_degrees == -original.yaw_degrees
    assert original.id in {f.face_id for f in first}


def test_a_mirrored_face_comes_once_to_a_person_and_is_no_evidence_of_a_face(campaign, people):
    campaign.mirror_share = 1.0
    Turn.objects.update(wanted=2)
    for person in (people.ada, people.ben):
        cast(campaign, person, queue.next_faces(campaign, person, 25))
        cast(campaign, person, queue.next_faces(campaign, person, 50), "right")
        seen = Vote.objects.filter(annotator=person, turn__kind="mirror")
        assert seen.count() == 5 == seen.values("turn").distinct().count()
    assert votes.standing(campaign).filter(turn__kind="mirror").count() == 0
    assert votes.answers(campaign).filter(turn__kind="mirror").count() == 10
    assert Turn.objects.filter(campaign=campaign).asked().count() == 60


def test_an_undone_mirror_trial_comes_back_as_it_was(campaign, people):
    campaign.mirror_share = 1.0
    cast(campaign, people.ada, queue.next_faces(campaign, people.ada, 25))
    faces = queue.next_faces(campaign, people.ada, 5)
    sent = cast(campaign, people.ada, faces, "right")
    trial = Vote.objects.filter(turn__kind="mirror").first()
    assert str(trial.id) in {row["id"] for row in sent}
    votes.withdraw(campaign, people.ada, trial.id)
    (back,) = leases.held_faces(campaign, people.ada)
    as_it_was = next(face for face in faces if face.turn_id == trial.turn_id)
    assert replace(back, expires_at=as_it_was.expires_at) == as_it_was
    assert cast(campaign, people.ada, [back])
    assert Vote.objects.filter(turn_id=trial.turn_id).count() == 3


def test_adjudicated_faces_come_to_others_as_known_ones(campaign, people):
    faces = queue.next_faces(campaign, people.ada, 6)
    cast(campaign, people.ada, faces)
    for face in faces:
        Adjudication.objects.create(
            campaign=campaign, face_id=face.face_id, choice="left", by=people.mia
        )
    Adjudication.objects.create(
        campaign=campaign, face_id=faces[0].face_id, choice="unsure", by=people.mia
    )
    campaign.known_share = 1.0
    known = queue.next_faces(campaign, people.ben, 5)
    assert {f.face_id for f in known} == {f.face_id for f in faces[1:]}
    cast(campaign, people.ben, known)
    turn = Turn.objects.get(campaign=campaign, face=faces[1].face_id)
    assert (turn.wanted, turn.had, turn.held) == (2, 2, 0)
    assert not {f.face_id for f in faces} & {
        f.face_id for f in queue.next_faces(campaign, people.ada, 30)
    }


def test_the_grid_gives_faces_of_one_suggestion_the_most_certain_first(campaign, people):
    turns = list(Turn.objects.filter(campaign=campaign).order_by("id"))
    for place, turn in enumerate(turns):
        turn.suggested = "left" if place < 30 else "right" if place < 40 else ""
        turn.certainty = 50 + place
    Turn.objects.bulk_update(turns, ["suggested", "certainty"])
    choice, faces = queue.next_grid(campaign, people.ada, 12)
    assert choice == "left"
    assert [round(100 * f.probability) for f in faces] == list(range(79, 67, -1))
    assert {f.suggested for f in faces} == {"left"}
    assert len(queue.next_grid(campaign, people.ben, 12, "right")[1]) == 10
    # Below the certainty that a grid needs nothing is proposed.
    assert len(queue.next_grid(campaign, people.ben, 60, "left")[1]) == 8
    with pytest.raises(Refused, match="'up' came"):
        queue.next_grid(campaign, people.ada, 12, "up")


def test_the_grid_is_empty_where_nothing_is_suggested_or_only_audits_are(campaign, people):
    assert queue.next_grid(campaign, people.ada, 12) == (None, [])
    queue.draw_audits(campaign, 60)
    assert queue.next_grid(campaign, people.ada, 12, "left") == (None, [])


def test_the_grid_s_answers_are_channels_of_their_own(campaign, people):
    suggest(campaign, "left", 90)
    _, faces = queue.next_grid(campaign, people.ada, 4)
    cast(campaign, people.ada, faces[:3], "left")
    cast(campaign, people.ada, faces[3:], "center")
    single = queue.next_faces(campaign, people.ada, 1)
    cast(campaign, people.ada, single)
    stored = Vote.objects.values_list("channel", "choice", "suggested")
    assert sorted(stored) == [
        ("accepted", "left", "left"),
        ("accepted", "left", "left"),
        ("accepted", "left", "left"),
        ("answer", "left", ""),
        ("corrected", "center", "left"),
    ]


def test_a_grid_s_late_answers_stay_in_their_channels(campaign, people):
    suggest(campaign, "left", 90)
    _, (one, two) = queue.next_grid(campaign, people.ada, 2)
    Lease.objects.update(expires_at="2020-01-01T00:00Z")
    leases.free_expired(campaign)
    late = [
        {"id": str(uuid.uuid4()), "face": face.face_id, "choice": choice, "suggestion_shown": True}
        for face, choice in ((one, "left"), (two, "right"))
    ]
    votes.cast(campaign, people.ada, late)
    kept = Vote.objects.values_list("turn__face_id", "channel", "suggested")
    assert sorted(kept) == sorted(
        [(one.face_id, "accepted", "left"), (two.face_id, "corrected", "left")]
    )


def test_an_undone_cell_comes_back_to_the_grid_and_not_to_the_single_page(campaign, people):
    suggest(campaign, "left", 90)
    _, faces = queue.next_grid(campaign, people.ada, 4)
    sent = cast(campaign, people.ada, faces)
    votes.withdraw(campaign, people.ada, uuid.UUID(sent[0]["id"]))
    _, again = queue.next_grid(campaign, people.ada, 60)
    assert faces[0].face_id in {f.face_id for f in again}
    assert queue.next_faces(campaign, people.ada, 50) == []


def test_a_catch_is_proposed_wrongly_looks_like_the_rest_and_counts_for_no_face(campaign, people):
    sure = queue.next_faces(campaign, people.ben, 5)
    cast(campaign, people.ben, sure, "right")
    for face in sure:
        Consensus.objects.create(
            campaign=campaign,
            face_id=face.face_id,
            choice="right",
            probability=0.99,
            probabilities=[0, 0, 1],
            source="human",
            n_votes=2,
        )
    campaign.catch_share = 1.0
    suggest(campaign, "left", 90, had=0)
    _, faces = queue.next_grid(campaign, people.ada, 10)
    caught = [f for f in faces if f.face_id in {s.face_id for s in sure}]
    assert len(caught) == 5
    assert {(f.suggested, f.probability >= 0.6) for f in faces} == {("left", True)}
    cast(campaign, people.ada, faces, "left")
    missed = Vote.objects.filter(annotator=people.ada, is_catch=True)
    assert {v.turn.face_id for v in missed.select_related("turn")} == {f.face_id for f in caught}
    assert set(missed.values_list("suggested", "channel")) == {("left", "accepted")}
    assert votes.standing(campaign).filter(annotator=people.ada).count() == len(faces) - 5
    # Ben has voted on them: for him they would be no catch.
    assert trials.catches(campaign, people.ben, "left", 5) == []
