"""One standing vote per face and annotator, however often, late or oddly it arrives."""

import uuid

import pytest
from django.db import IntegrityError, connection, transaction

from labeling import leases, queue, votes
from labeling.errors import Conflict, NotFound, Refused
from labeling.models import Lease, Refresh, Turn, User, Vote


@pytest.fixture
def campaign(dataset_of):
    return queue.create_campaign(dataset_of(6), "light", title="Light", votes_min=1, votes_max=3)


def ballot(face_id, choice="left", **more):
    return {"id": str(uuid.uuid4()), "face": face_id, "choice": choice, "seconds": 1.5, **more}


def statuses(outcomes):
    return [outcome.code or outcome.status for outcome in outcomes]


def turn_of(campaign, face_id):
    return Turn.objects.get(campaign=campaign, face_id=face_id)


def test_a_vote_takes_the_place_that_its_lease_held(campaign, people):
    face = queue.next_faces(campaign, people.ada, 1)[0]
    assert (turn_of(campaign, face.face_id).held, turn_of(campaign, face.face_id).had) == (1, 0)
    assert statuses(votes.cast(campaign, people.ada, [ballot(face.face_id)])) == ["stored"]
    turn = turn_of(campaign, face.face_id)
    assert (turn.held, turn.had, turn.closing_rule) == (0, 1, "risk/1")
    assert not Lease.objects.exists()
    assert Refresh.objects.filter(campaign=campaign, status="queued").count() == 1


def test_the_same_vote_sent_again_is_a_duplicate_and_stored_once(campaign, people):
    face = queue.next_faces(campaign, people.ada, 1)[0]
    sent = ballot(face.face_id)
    outcomes = votes.cast(campaign, people.ada, [sent, sent])
    outcomes += votes.cast(campaign, people.ada, [sent])
    assert statuses(outcomes) == ["stored", "duplicate", "duplicate"]
    assert Vote.objects.count() == 1


def test_a_second_answer_for_the_same_face_is_rejected(campaign, people):
    face = queue.next_faces(campaign, people.ada, 1)[0]
    votes.cast(campaign, people.ada, [ballot(face.face_id)])
    again = votes.cast(campaign, people.ada, [ballot(face.face_id, "right")])
    assert statuses(again) == ["already_voted"]
    assert Vote.objects.get().choice == "left"


def test_an_id_names_one_vote_only(campaign, people):
    one, two = queue.next_faces(campaign, people.ada, 2)
    sent = ballot(one.face_id)
    votes.cast(campaign, people.ada, [sent])
    assert statuses(votes.cast(campaign, people.ada, [sent | {"choice": "right"}])) == ["id_reused"]
    assert statuses(votes.cast(campaign, people.ada, [sent | {"face": two.face_id}])) == [
        "id_reused"
    ]
    assert statuses(votes.cast(campaign, people.ben, [sent])) == ["id_reused"]


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"choice": "BANANA"}, "unknown_choice"),
        ({"choice": None}, "unknown_choice"),
        ({"choice": ["left"]}, "unknown_choice"),
        ({"id": "seven"}, "malformed"),
        ({"id": None}, "malformed"),
        ({"face": "1"}, "malformed"),
        ({"face": True}, "malformed"),
        ({"face": 10**30}, "malformed"),
        ({"face": 987654321}, "unknown_face"),
        ({"seconds": -1}, "malformed"),
        ({"seconds": float("nan")}, "malformed"),
        ({"seconds": "fast"}, "malformed"),
        ({"suggestion_shown": "yes"}, "malformed"),
    ],
)
def test_one_bad_vote_never_spoils_the_others(campaign, people, change, code):
    one, two = queue.next_faces(campaign, people.ada, 2)
    sent = [ballot(one.face_id) | change, ballot(two.face_id, "unsure")]
    assert statuses(votes.cast(campaign, people.ada, sent)) == [code, "stored"]


def test_a_vote_that_is_no_object_is_rejected_in_its_place(campaign, people):
    face = queue.next_faces(campaign, people.ada, 1)[0]
    outcomes = votes.cast(campaign, people.ada, ["left", None, ballot(face.face_id)])
    assert statuses(outcomes) == ["malformed", "malformed", "stored"]


def test_a_late_vote_counts_while_its_place_is_free_and_not_when_it_is_taken(campaign, people):
    one, two = queue.next_faces(campaign, people.ada, 2)
    Lease.objects.update(expires_at="2020-01-01T00:00Z")
    leases.free_expired(campaign)
    for face in queue.next_faces(campaign, people.ben, 50):
        if face.face_id != two.face_id:
            leases.release(campaign, people.ben, [face.face_id])
    late = votes.cast(campaign, people.ada, [ballot(one.face_id), ballot(two.face_id)])
    assert statuses(late) == ["stored", "lease_expired"]
    votes.cast(campaign, people.ben, [ballot(two.face_id)])
    assert statuses(votes.cast(campaign, people.ada, [ballot(two.face_id)])) == ["turn_closed"]


def test_a_withdrawn_vote_stays_and_its_face_comes_back(campaign, people):
    face = queue.next_faces(campaign, people.ada, 1)[0]
    sent = ballot(face.face_id)
    votes.cast(campaign, people.ada, [sent])
    for _ in range(2):  # twice is once
        votes.withdraw(campaign, people.ada, uuid.UUID(sent["id"]))
    turn = turn_of(campaign, face.face_id)
    assert (turn.had, turn.held, turn.closing_rule) == (0, 1, "")
    assert list(votes.standing(campaign)) == []
    assert statuses(votes.cast(campaign, people.ada, [sent])) == ["duplicate"]
    second = ballot(face.face_id, "right")
    assert statuses(votes.cast(campaign, people.ada, [second])) == ["stored"]
    assert [vote.choice for vote in votes.standing(campaign)] == ["right"]
    assert Vote.objects.count() == 3


def test_nobody_withdraws_the_vote_of_another(campaign, people):
    face = queue.next_faces(campaign, people.ada, 1)[0]
    sent = ballot(face.face_id)
    votes.cast(campaign, people.ada, [sent])
    with pytest.raises(NotFound, match="You have no vote"):
        votes.withdraw(campaign, people.ben, uuid.UUID(sent["id"]))


def test_outside_votes_are_stored_once_and_raise_what_a_turn_wants(campaign, people):
    rows = [("000001.jpg", name, "left") for name in "abcd"] + [("000002.jpg", "a", "unsure")]
    assert votes.cast_outside(campaign, rows, source="imported") == {"stored": 5, "duplicate": 0}
    assert votes.cast_outside(campaign, rows, source="imported") == {"stored": 0, "duplicate": 5}
    turn = Turn.objects.get(face__filename="000001.jpg")
    assert (turn.had, turn.wanted, turn.closing_rule) == (4, 4, "outside/1")
    assert {u.origin for u in User.objects.filter(votes__isnull=False)} == {"imported"}
    assert not User.objects.filter(origin="imported", is_active=True).exists()


@pytest.mark.parametrize(
    ("row", "words"),
    [
        (("nobody.jpg", "a", "left"), "Row 2: 'nobody.jpg' is not in 'light'"),
        (("000002.jpg", "a", "up"), "Row 2: the choice is 'up'"),
        (("000001.jpg", "a", "right"), "Row 2: 'a' says 'right' of '000001.jpg'"),
        (("000001.jpg", "", "right"), "Row 2: the annotator is ''"),
    ],
)
def test_of_a_file_with_one_wrong_row_nothing_is_stored(campaign, row, words):
    with pytest.raises(Refused, match=words):
        votes.cast_outside(campaign, [("000001.jpg", "a", "left"), row], source="imported")
    assert not Vote.objects.exists()


def test_an_outside_vote_that_changed_its_mind_is_refused(campaign):
    votes.cast_outside(campaign, [("000001.jpg", "a", "left")], source="imported")
    with pytest.raises(Conflict, match=r"said 'left' of '000001.jpg' before, now 'right'"):
        votes.cast_outside(campaign, [("000001.jpg", "a", "right")], source="imported")


def test_the_database_itself_keeps_votes_as_they_were_cast(campaign, people):
    face = queue.next_faces(campaign, people.ada, 1)[0]
    votes.cast(campaign, people.ada, [ballot(face.face_id)])
    for act in ("UPDATE labeling_vote SET choice = 'right'", "DELETE FROM labeling_vote"):
        with (
            pytest.raises(Exception, match="votes are only ever added"),
            transaction.atomic(),
            connection.cursor() as cursor,
        ):
            cursor.execute(act)
    assert Vote.objects.get().choice == "left"


def test_the_database_refuses_a_turn_with_more_votes_than_it_wants(campaign):
    with (
        pytest.raises(IntegrityError, match="a_turn_never_exceeds_its_votes"),
        transaction.atomic(),
    ):
        Turn.objects.filter(campaign=campaign).update(had=2)
