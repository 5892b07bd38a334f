"""Faces are leased to one annotator per free place, come back when leases end, and run out."""

import threading
import uuid
from collections import Counter
from datetime import timedelta

import pytest
from django.db import connection
from django.db.models import F
from django.utils import timezone

from labeling import claims, leases, queue, votes
from labeling.errors import Conflict, Refused
from labeling.models import Lease, Turn, User, Vote


@pytest.fixture
def campaign(dataset_of):
    return queue.create_campaign(dataset_of(6), "light", title="Light")


def ids(faces):
    return [face.face_id for face in faces]


def test_two_annotators_never_hold_the_same_last_place(campaign, people):
    hers, his = (queue.next_faces(campaign, one, 3) for one in (people.ada, people.ben))
    assert len(hers) == len(his) == 3
    assert not set(ids(hers)) & set(ids(his))


def test_a_turn_that_wants_two_votes_is_given_to_two_annotators_and_no_third(dataset_of, people):
    campaign = queue.create_campaign(dataset_of(2), "twice", title="Twice", votes_min=2)
    seen = [ids(queue.next_faces(campaign, one, 5)) for one in (people.ada, people.ben, people.mia)]
    assert [len(faces) for faces in seen] == [2, 2, 0]


def test_faces_come_from_the_head_of_the_queue_and_not_always_the_same(dataset_of, people):
    campaign = queue.create_campaign(dataset_of(60), "head", title="Head")
    by_priority = Turn.objects.filter(campaign=campaign).order_by("-priority")
    head = [turn.face_id for turn in by_priority[: 4 + claims.SPREAD]]
    drawn = set()
    for _ in range(6):
        faces = ids(queue.next_faces(campaign, people.ada, 4))
        assert set(faces) <= set(head)
        drawn.add(tuple(sorted(faces)))
        leases.release(campaign, people.ada, faces)
    assert len(drawn) > 1


def test_asking_again_gives_other_faces_until_only_ones_own_are_left(campaign, people):
    first = ids(queue.next_faces(campaign, people.ada, 4))
    second = ids(queue.next_faces(campaign, people.ada, 4))
    assert set(second[:2]).isdisjoint(first)
    assert set(second[2:]) <= set(first)
    for face in {*first, *second}:
        row = {"id": str(uuid.uuid4()), "face": face, "choice": "center"}
        votes.cast(campaign, people.ada, [row])
    assert queue.next_faces(campaign, people.ada, 4) == []


def test_an_ended_lease_gives_its_place_back(campaign, people):
    taken = ids(queue.next_faces(campaign, people.ada, 6))
    assert queue.next_faces(campaign, people.ben, 6) == []
    Lease.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    assert sorted(ids(queue.next_faces(campaign, people.ben, 6))) == sorted(taken)
    assert list(Turn.objects.values_list("held", flat=True)) == [1] * 6


def test_a_renewed_lease_lasts_longer_and_a_released_one_is_free_at_once(campaign, people):
    first, second = queue.next_faces(campaign, people.ada, 2)
    held = leases.renew(campaign, people.ada, [first.face_id, 10**9])
    assert {one.face_id: one.expires_at for one in held}[first.face_id] > first.expires_at
    assert ids(leases.release(campaign, people.ada, [first.face_id])) == [second.face_id]
    assert first.face_id in ids(queue.next_faces(campaign, people.ben, 6))


def test_nobody_releases_or_renews_the_lease_of_another(campaign, people):
    face = queue.next_faces(campaign, people.ada, 1)[0]
    assert leases.release(campaign, people.ben, [face.face_id]) == []
    assert leases.renew(campaign, people.ben, [face.face_id]) == []
    assert Lease.objects.get().annotator == people.ada


def test_a_closed_campaign_gives_no_faces(campaign, people):
    campaign.is_open = False
    assert queue.next_faces(campaign, people.ada, 3) == []


def test_faces_imported_later_get_turns_once(campaign):
    campaign.dataset.faces.create(filename="999999.jpg")
    assert queue.top_up(campaign) == 1
    assert queue.top_up(campaign) == 0


@pytest.mark.parametrize(
    ("choices", "words"),
    [
        ([("a", "1", "a")], "two or more"),
        ([("a", "1", "a"), ("a", "2", "a")], "different ones"),
        ([("a", "1", "a"), ("unsure", "2", "unsure")], "unsure"),
        ([("a", "1", "a"), ("b", "1", "b")], "different one for each"),
        ([("a", "1", "b"), ("b", "2", "b")], "mirror of 'a' is 'b'"),
    ],
)
def test_choices_that_contradict_each_other_are_refused(dataset_of, choices, words):
    rows = [{"value": v, "label": v, "key": k, "mirror": m} for v, k, m in choices]
    with pytest.raises(Refused, match=words):
        queue.create_campaign(dataset_of(1), "odd", title="Odd", choices=rows)


def test_a_choice_that_tables_read_as_missing_is_refused(dataset_of):
    choices = [
        {"value": value, "label": value, "key": key, "mirror": value}
        for value, key in (("null", "a"), ("one", "b"))
    ]
    with pytest.raises(Refused, match=r"expected none of \['null'\]"):
        queue.create_campaign(dataset_of(2), "rings", title="How many rings?", choices=choices)


def test_a_slug_is_used_once(campaign):
    with pytest.raises(Conflict, match="already there"):
        queue.create_campaign(campaign.dataset, "light", title="Light")


N_THREADS, N_FACES, N_WANTED = 32, 120, 3


@pytest.mark.django_db(transaction=True)
def test_32_threads_never_break_an_invariant(dataset_of):
    """Threads of 16 annotators (two tabs each) claim, vote, resend, withdraw and leave."""
    campaign = queue.create_campaign(
        dataset_of(N_FACES), "storm", title="Storm", votes_min=N_WANTED
    )
    annotators = [User.objects.create(username=f"a{n}", is_annotator=True) for n in range(16)]
    stored: list[str] = []
    errors: list[BaseException] = []

    def label(thread: int) -> None:
        annotator, lucky = annotators[thread % 16], Counter()
        try:
            for step in range(400):
                faces = queue.next_faces(campaign, annotator, 5)
                if not faces:
                    break
                if (thread + step) % 7 == 0:  # leaves without a word; the lease must end by itself
                    Lease.objects.filter(annotator=annotator).update(expires_at="2020-01-01T00:00Z")
                    continue
                rows = [
                    {"id": str(uuid.uuid4()), "face": face.face_id, "choice": "left"}
                    for face in faces
                ]
                for _ in range(1 + step % 2):  # every second batch is sent twice
                    for outcome in votes.cast(campaign, annotator, rows):
                        lucky[outcome.status] += 1
                        if outcome.status == "stored":
                            stored.append(outcome.id)
                if step % 9 == 0 and stored:
                    own = [row["id"] for row in rows if row["id"] in stored]
                    for vote_id in own[:1]:
                        votes.withdraw(campaign, annotator, uuid.UUID(vote_id))
        except BaseException as error:
            errors.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=label, args=(n,)) for n in range(N_THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=240)
    assert errors == []
    standing = Counter(votes.standing(campaign).values_list("turn_id", "annotator_id"))
    assert set(standing.values()) == {1}
    per_turn = Counter(turn_id for turn_id, _ in standing)
    assert max(per_turn.values()) <= N_WANTED
    # Nothing that was acknowledged is lost, and the counters say what the rows say.
    assert len(stored) > N_FACES
    assert len(set(stored)) == len(stored) == Vote.objects.exclude(choice=None).count()
    for turn in Turn.objects.filter(campaign=campaign):
        assert turn.had == per_turn[turn.id]
        assert turn.held == turn.leases.count()
    # Nothing is stranded: whoever comes next can finish what is left.
    Lease.objects.update(expires_at="2020-01-01T00:00Z")
    left = Turn.objects.filter(campaign=campaign, wanted__gt=F("had")).count()
    last = User.objects.create(username="last", is_annotator=True)
    assert len(queue.next_faces(campaign, last, N_FACES)) == min(left, queue.MOST_HELD)
