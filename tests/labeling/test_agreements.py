"""Agreement from rows: which votes count, by yaw and by pair, as the API tells it."""

import uuid

import pytest

from labeling import agreements, queue, votes
from labeling.models import Vote


@pytest.fixture
def campaign(dataset):
    return queue.create_campaign(dataset, "light", title="Light", votes_min=3, votes_max=5)


def cast_all(campaign, answers, **given):
    """answers: (annotator, face, choice)"""
    turns = {turn.face_id: turn for turn in campaign.turns.all()}
    return [
        Vote.objects.create(
            turn=turns[face.id], annotator=who, choice=choice, source="page", **given
        )
        for who, face, choice in answers
    ]


def test_without_votes_everything_is_unknown(campaign, people, api):
    told = api(people.mia).get("/api/campaigns/light/agreement").data
    nothing = {"value": None, "low": None, "high": None}
    assert told["alpha"] == {"nominal": nothing, "ordinal": nothing}
    assert (told["units"], told["votes"], told["unsure_share"]) == (0, 0, None)
    assert (told["by_yaw"], told["pairs"]) == ([], [])


def test_alpha_of_two_people_is_the_published_one(campaign, faces, people):
    # Krippendorff 2011, section A: alpha .095.
    ben = [0, 1, 0, 0, 0, 0, 0, 0, 1, 0]
    gerry = [1, 1, 1, 0, 0, 1, 0, 0, 0, 0]
    sides = ["left", "right"]
    for who, answers in [(people.ben, ben), (people.ada, gerry)]:
        cast_all(campaign, [(who, face, sides[a]) for face, a in zip(faces, answers, strict=False)])
    told = agreements.agreement(campaign)
    assert told["alpha"]["nominal"]["value"] == pytest.approx(0.095, abs=0.0005)
    assert told["alpha"]["nominal"]["low"] < 0.095 < told["alpha"]["nominal"]["high"]
    assert told["units"] == 10
    (pair,) = told["pairs"]
    assert {pair["a"], pair["b"]} == {"ada", "ben"}
    assert (pair["n"], pair["equal"]) == (10, 0.6)
    assert pair["alpha"] == told["alpha"]["nominal"]["value"]


def test_cannot_tell_is_missing_to_alpha_and_told_as_a_share(campaign, faces, people):
    cast_all(campaign, [(people.ada, face, "left") for face in faces[:4]])
    cast_all(campaign, [(people.ben, faces[0], "left"), (people.ben, faces[1], "right")])
    before = agreements.agreement(campaign)
    cast_all(campaign, [(people.ben, face, "unsure") for face in faces[2:4]])
    after = agreements.agreement(campaign)
    assert after["alpha"]["nominal"]["value"] == before["alpha"]["nominal"]["value"]
    assert after["units"] == before["units"] == 2
    assert (before["unsure_share"], after["unsure_share"]) == (0, 0.25)
    assert after["pairs"] == before["pairs"]


def test_trials_accepted_suggestions_and_votes_taken_back_are_left_out(campaign, faces, people):
    cast_all(campaign, [(people.ada, face, "left") for face in faces[:3]])
    cast_all(campaign, [(people.ben, faces[0], "right")])
    before = agreements.agreement(campaign)
    cast_all(campaign, [(people.ben, faces[1], "left")], channel="accepted", suggested="left")
    cast_all(campaign, [(people.ben, faces[2], "left")], is_catch=True, suggested="left")
    row = {"id": str(uuid.uuid4()), "face": faces[3].id, "choice": "left"}
    votes.cast(campaign, people.ben, [row])
    votes.withdraw(campaign, people.ben, uuid.UUID(row["id"]))
    after = agreements.agreement(campaign)
    assert after["left_out"] == {"accepted": 1}
    assert {**after, "left_out": {"accepted": 0}} == before


def test_faces_are_grouped_by_yaw(campaign, faces, people):
    # The fixture's yaws: -50, -48, ... degrees; give three faces others, and one none.
    for face, yaw in zip(faces, [-25.0, 24.9, 25.0, None], strict=False):
        face.yaw_degrees = yaw
        face.save()
    for who in (people.ada, people.ben):
        cast_all(campaign, [(who, face, "left") for face in faces[:4]])
    bins = {
        (row["from"], row["to"]): row["units"] for row in agreements.agreement(campaign)["by_yaw"]
    }
    assert bins == {(-25, -15): 1, (15, 25): 1, (25, None): 1}


def test_only_choices_known_to_stand_on_a_line_are_called_ordered(dataset):
    light = queue.create_campaign(dataset, "light", title="Light")
    choices = [
        {"value": v, "label": v, "key": v[0], "mirror": v} for v in ("young", "middle", "old")
    ]
    age = queue.create_campaign(dataset, "age", title="Age", prompt="How old?", choices=choices)
    assert agreements.agreement(light)["order"]["is_natural"]
    assert not agreements.agreement(age)["order"]["is_natural"]
