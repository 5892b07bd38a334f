"""What a refresh makes of audits, last words, accepted suggestions and catches."""

import uuid
from pathlib import Path

import numpy as np
import pytest

from labeling import consensus, ordering, queue, refreshes, skills, votes, worker
from labeling.learning import acquisition
from labeling.models import Adjudication, AnnotatorSkill, Consensus, Refresh, Turn, User, Vote

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def campaign(dataset_of):
    """Forty faces, those with odd numbers lit from the viewer's right, even ones from the left."""
    return queue.create_campaign(dataset_of(40), "light", title="Light", votes_max=3)


def side_of(filename):
    return "right" if int(Path(filename).stem) % 2 else "left"


def say(campaign, annotator, turns, choice=None):
    """Cast votes on these turns, the true side where no choice is given."""
    rows = [
        {"id": str(uuid.uuid4()), "face": t.face_id, "choice": choice or side_of(t.face.filename)}
        for t in turns
    ]
    assert {one.status for one in votes.cast(campaign, annotator, rows)} <= {"stored"}


def turns_of(campaign, **which):
    found = Turn.objects.filter(campaign=campaign, **which).select_related("face")
    return list(found.order_by("face__filename"))


def refreshed(campaign):
    job = campaign.refreshes.filter(status="queued").first()
    job = job or Refresh.objects.create(campaign=campaign)
    worker.run(Refresh, job.id, refreshes.refresh)
    job.refresh_from_db()
    assert (job.status, job.error) == ("done", None)
    return job


def settle(campaign, turn, choice, by):
    Adjudication.objects.create(campaign=campaign, face=turn.face, choice=choice, by=by)


def test_votes_on_audit_faces_are_believed_and_teach_nothing(campaign, people):
    queue.draw_audits(campaign, 20)
    audits = turns_of(campaign, kind="audit")
    say(campaign, people.ada, audits)
    say(campaign, people.ben, audits)
    job = refreshed(campaign)
    assert job.figures["classifier_version"] is None
    opinion = consensus.read_opinion(campaign)
    assert opinion.weight.tolist() == [0.0] * 20
    assert opinion.counts.sum() == 0
    believed = Consensus.objects.filter(face__in=[t.face_id for t in audits])
    assert {row.choice == side_of(row.face.filename) for row in believed} == {True}
    assert believed.count() == 20


def test_an_audit_face_changes_nothing_for_the_others(campaign, people):
    queue.draw_audits(campaign, 10)
    asked = turns_of(campaign, kind="ask")
    say(campaign, people.ada, asked)
    before = refreshed(campaign)
    said = campaign.classifiers.get(version=before.figures["classifier_version"]).weights
    skill = AnnotatorSkill.objects.get(annotator=people.ada).confusion
    # Ada answers every audit face wrongly: nobody must learn it, neither of faces nor of her.
    for turn in turns_of(campaign, kind="audit"):
        wrong = {"left": "right", "right": "left"}[side_of(turn.face.filename)]
        say(campaign, people.ada, [turn], wrong)
        say(campaign, people.ben, [turn])
    after = refreshed(campaign)
    again = campaign.classifiers.get(version=after.figures["classifier_version"]).weights
    assert bytes(again) == bytes(said)
    assert AnnotatorSkill.objects.get(annotator=people.ada).confusion == skill


def test_the_last_word_stands_against_all_votes_until_the_next_one(campaign, people):
    turn = turns_of(campaign)[0]
    Turn.objects.filter(id=turn.id).update(wanted=2)
    say(campaign, people.ada, [turn], "left")
    say(campaign, people.ben, [turn], "left")
    settle(campaign, turn, "center", people.mia)
    refreshed(campaign)
    row = Consensus.objects.get(face=turn.face)
    assert (row.choice, row.source, row.n_votes) == ("center", "human", 2)
    assert row.probability > 0.99
    settle(campaign, turn, "left", people.mia)
    refreshed(campaign)
    assert Consensus.objects.get(face=turn.face).choice == "left"


def test_a_face_settled_without_a_vote_is_believed_and_one_nobody_can_tell_is_not(campaign, people):
    one, two = turns_of(campaign)[:2]
    settle(campaign, one, "left", people.mia)
    settle(campaign, two, "unsure", people.mia)
    say(campaign, people.ada, [two], "left")
    refreshed(campaign)
    rows = {row.face_id: row for row in Consensus.objects.all()}
    assert (rows[one.face_id].choice, rows[one.face_id].n_votes) == ("left", 0)
    assert two.face_id not in rows or rows[two.face_id].probability < 0.5
    assert Turn.objects.get(id=two.id).wanted == 1  # asked about no more


def test_what_is_settled_judges_even_a_lone_annotator(campaign, people):
    turns = turns_of(campaign)[:8]
    say(campaign, people.ada, turns)
    for turn in turns:
        settle(campaign, turn, side_of(turn.face.filename), people.mia)
    refreshed(campaign)
    skill = AnnotatorSkill.objects.get(annotator=people.ada)
    assert (skill.n_votes, skill.accuracy) == (8, 1.0)
    assert 0.6 < skill.accuracy_low < 0.8
    assert skill.accuracy_high == 1.0


def test_skills_are_counted_against_the_others_and_forgotten_with_the_votes(campaign, people):
    Turn.objects.update(wanted=3)
    good = [people.ada, people.ben]
    for person in good:
        say(campaign, person, turns_of(campaign))
    say(campaign, people.mia, turns_of(campaign)[:20], "left")
    refreshed(campaign)
    skill = {s.annotator.username: s for s in AnnotatorSkill.objects.all()}
    assert skill["ada"].accuracy == skill["ben"].accuracy == 1.0
    assert skill["mia"].accuracy == 0.5
    assert skill["mia"].weight < 0.7 < 0.8 < skill["ada"].weight
    for vote in Vote.objects.filter(annotator=people.mia, choice__isnull=False):
        votes.withdraw(campaign, people.mia, vote.id)
    refreshed(campaign)
    assert not AnnotatorSkill.objects.filter(annotator=people.mia).exists()


def accept(campaign, annotator, n, choice):
    """Accept a grid's suggestion for n faces."""
    _, faces = queue.next_grid(campaign, annotator, n, choice)
    rows = [{"id": str(uuid.uuid4()), "face": f.face_id, "choice": choice} for f in faces]
    votes.cast(campaign, annotator, rows)
    return [f.face_id for f in faces]


def test_an_accepted_suggestion_counts_less_than_an_answer(campaign, people):
    Turn.objects.filter(campaign=campaign).update(suggested="left", certainty=90)
    grid = accept(campaign, people.ada, 5, "left")
    single = [t for t in turns_of(campaign) if t.face_id not in grid][:5]
    say(campaign, people.ada, single, "left")
    refreshed(campaign)
    belief = {row.face_id: row.probabilities[0] for row in Consensus.objects.all()}
    assert max(belief[f] for f in grid) < min(belief[t.face_id] for t in single)


def test_who_misses_catches_is_believed_less_when_accepting(campaign, people):
    watchful, careless = (
        User.objects.create(username=name, is_annotator=True) for name in ("kim", "lee")
    )
    turn = turns_of(campaign)[0]
    for person, choice, n in ((watchful, "right", 6), (careless, "left", 6)):
        for place in range(n):
            Turn.objects.create(
                campaign=campaign,
                face=campaign.dataset.faces.create(filename=f"{person.username}{place}.jpg"),
                wanted=1,
                had=1,
            ).votes.create(
                annotator=person,
                choice=choice,
                suggested="left",
                is_catch=True,
                channel="accepted" if choice == "left" else "corrected",
                source="page",
            )
    trust = skills.read_watchfulness(campaign)
    assert trust[watchful.id] > 0.85 > skills.UNTRIED > 0.4 > trust[careless.id]
    for person in (watchful, careless):
        turn = next(t for t in turns_of(campaign) if t.had == 0)
        turn.votes.create(
            annotator=person, choice="left", suggested="left", channel="accepted", source="page"
        )
        Turn.objects.filter(id=turn.id).update(had=1)
    opinion = consensus.read_opinion(campaign)
    sure, doubtful = opinion.posterior[:, 0]
    assert sure > doubtful + 0.1


def test_a_refresh_orders_only_the_head_of_the_queue(campaign, people, monkeypatch):
    monkeypatch.setattr(refreshes, "HEAD", 5)
    refreshed(campaign)
    head = set(Turn.objects.filter(priority__gt=1).values_list("id", flat=True))
    assert len(head) == 5
    refreshed(campaign)
    again = set(Turn.objects.filter(priority__gt=1).values_list("id", flat=True))
    assert len(again) == 5
    assert again != head  # another lot; what stood at the head is back among the others


def test_open_turns_say_what_the_model_says_and_are_written_only_when_it_moved(campaign, people):
    say(campaign, people.ada, turns_of(campaign)[:16])
    refreshed(campaign)
    turns = turns_of(campaign)
    closed = [t for t in turns if t.had]
    assert {t.suggested for t in closed} == {""}
    assert {t.suggested == side_of(t.face.filename) for t in turns if not t.had} == {True}
    assert all(34 <= t.certainty <= 100 for t in turns if not t.had)
    described_faces = [t.face_id for t in turns if not t.had]
    before = {t.id: t.certainty for t in turns}
    shares = np.array([[0.0, 0.0, 1.0]] * len(described_faces))
    shares[:, 2] = [min(before[t.id] + 2, 100) / 100 for t in turns if not t.had]
    same = np.array([t.suggested == "right" for t in turns if not t.had])
    ordering.propose(campaign, np.array(described_faces)[same], shares[same])
    assert {t.id: t.certainty for t in turns_of(campaign)} == before


def test_a_campaign_rests_after_a_refresh_as_long_as_it_took(campaign):
    first = refreshed(campaign)
    waiting = Refresh.objects.create(campaign=campaign)
    Refresh.objects.filter(id=first.id).update(figures={"seconds": 30})
    assert 55 < refreshes.rest_seconds(waiting.id) <= 60
    # Reading new faces is no learning.
    Refresh.objects.filter(id=first.id).update(figures={"seconds": 90, "features_seconds": 70})
    assert 35 < refreshes.rest_seconds(waiting.id) <= 40
    Refresh.objects.filter(id=first.id).update(figures={"seconds": 3000})
    assert 115 < refreshes.rest_seconds(waiting.id) <= refreshes.MOST_REST_SECONDS
    Refresh.objects.filter(id=first.id).update(finished_at="2020-01-01T00:00Z")
    assert refreshes.rest_seconds(waiting.id) < 0


def test_successive_models_are_compared_once_there_are_two(campaign, people):
    say(campaign, people.ada, turns_of(campaign)[:20])
    assert refreshed(campaign).figures["kappa_with_last"] is None
    say(campaign, people.ada, turns_of(campaign)[20:24])
    assert refreshed(campaign).figures["kappa_with_last"] > 0.9


def test_a_vote_keeps_the_reason_and_the_chance_of_its_face(campaign, people):
    say(campaign, people.ada, turns_of(campaign)[:16])
    refreshed(campaign)
    faces = queue.next_faces(campaign, people.ben, 24)
    rows = [{"id": str(uuid.uuid4()), "face": f.face_id, "choice": "left"} for f in faces]
    votes.cast(campaign, people.ben, rows)
    kept = Vote.objects.filter(annotator=people.ben).values_list("reason", "propensity")
    assert {reason for reason, _ in kept} == {"doubt", "lot"}
    assert {round(chance, 4) for reason, chance in kept if reason == "lot"} == {round(5 / 24, 4)}
    assert {chance for reason, chance in kept if reason == "doubt"} == {None}
    assert set(Vote.objects.filter(annotator=people.ada).values_list("reason", flat=True)) == {""}


def test_a_disputed_face_is_asked_about_again_for_that_reason(campaign, people, monkeypatch):
    # Else the lot may draw it as well, and then stands first.
    monkeypatch.setattr(acquisition, "BY_LOT", 0.0)
    turns = turns_of(campaign)
    Turn.objects.filter(id=turns[0].id).update(wanted=2)
    say(campaign, people.ada, turns[:20])
    wrong = {"left": "right", "right": "left"}[side_of(turns[0].face.filename)]
    say(campaign, people.ben, turns[:1], wrong)
    refreshed(campaign)
    again = Turn.objects.get(id=turns[0].id)
    assert (again.wanted, again.reason) == (3, "again")
