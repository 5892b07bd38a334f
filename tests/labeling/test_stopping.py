"""When a face has enough votes, by each rule, and what is stamped on its turn."""

import uuid

import pytest

from labeling import queue, stopping, votes
from labeling.models import Turn, User


@pytest.mark.parametrize(
    ("counts", "wants"),
    [
        ({"left": 1}, False),
        ({"left": 2}, False),
        ({"left": 1, "right": 1}, True),
        ({"left": 2, "right": 1}, True),
        ({"left": 3, "right": 1}, False),
        ({"unsure": 2}, True),
        ({"left": 1, "unsure": 2}, False),
        ({"left": 2, "right": 2, "unsure": 1}, False),  # five are the most
    ],
)
def test_agreement_asks_again_until_one_choice_leads(counts, wants):
    assert stopping.wants_another("agreement/1", counts, votes_max=5) is wants


def test_by_risk_nothing_is_asked_again_at_once():
    assert not stopping.wants_another("risk/1", {"left": 1, "right": 1}, votes_max=5)


def say(campaign, name, choice):
    person, _ = User.objects.get_or_create(username=name, is_annotator=True)
    face = campaign.turns.get().face_id
    row = {"id": str(uuid.uuid4()), "face": face, "choice": choice}
    votes.cast(campaign, person, [row])
    turn = Turn.objects.get()
    return turn.had, turn.wanted, turn.closing_rule


def test_a_disputed_face_stays_open_up_to_its_most_votes_and_is_stamped_with_the_rule(dataset_of):
    campaign = queue.create_campaign(
        dataset_of(1), "one", title="One", votes_min=2, votes_max=4, stop_rule="agreement/1"
    )
    assert say(campaign, "a", "left") == (1, 2, "")
    assert say(campaign, "b", "right") == (2, 3, "")
    assert say(campaign, "c", "left") == (3, 4, "")
    assert say(campaign, "d", "right") == (4, 4, "agreement/1")
    assert say(campaign, "e", "right") == (4, 4, "agreement/1")


def test_an_audit_face_is_closed_by_the_audit_s_own_rule(dataset_of):
    campaign = queue.create_campaign(dataset_of(1), "one", title="One", audit_votes=2)
    queue.draw_audits(campaign, 1)
    assert say(campaign, "a", "left") == (1, 2, "")
    assert say(campaign, "b", "right") == (2, 2, "audit/1")
