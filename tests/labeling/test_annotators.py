"""What the rows tell of each annotator: speed, trials, catches, bias, and the flags."""

import uuid

import pytest

from labeling import annotators, queue, votes
from labeling.models import Adjudication, AnnotatorSkill, Dataset, Face, QuizAttempt, Turn, Vote


@pytest.fixture
def campaign(dataset):
    return queue.create_campaign(dataset, "light", title="Light", votes_max=5)


def cast(campaign, annotator, face, choice, seconds=1.0, **given):
    """A vote as its rows are after the page sent it; `given`: how the face was given."""
    turn, _ = Turn.objects.get_or_create(
        campaign=campaign, face=face, defaults={"wanted": 5, "kind": "mirror"}
    )
    return Vote.objects.create(
        turn=turn, annotator=annotator, choice=choice, seconds=seconds, source="page", **given
    )


def told(campaign, name):
    return next(row for row in annotators.annotators(campaign) if row["annotator"] == name)


@pytest.fixture
def flipped(dataset, faces):
    """The same faces, flipped: what mirror trials show."""
    hidden = Dataset.objects.create(
        name="hidden", image_folder=dataset.image_folder, mirrors=dataset
    )
    return [Face.objects.create(dataset=hidden, filename=face.filename) for face in faces]


def test_people_are_shown_with_what_stands_of_their_votes(campaign, faces, people):
    for face, choice, seconds in [(faces[0], "left", 1), (faces[1], "unsure", 2)]:
        cast(campaign, people.ada, face, choice, seconds)
    cast(campaign, people.ada, faces[3], "left", 9)
    row = {"id": str(uuid.uuid4()), "face": faces[2].id, "choice": "right", "seconds": 1}
    votes.cast(campaign, people.ada, [row])
    votes.withdraw(campaign, people.ada, uuid.UUID(row["id"]))
    votes.cast_outside(campaign, [("000004.jpg", "e", "center")], source="imported")
    ada, e = annotators.annotators(campaign)
    assert (ada["annotator"], ada["votes"]) == ("ada", 3)
    assert ada["by_choice"] == {"left": 2, "unsure": 1}
    assert (ada["seconds_per_vote"], ada["median_seconds"]) == (4, 2)
    assert (e["annotator"], e["origin"], e["votes"]) == ("imported:light:e", "imported", 1)
    assert (e["skill"], e["mirror"], e["catches"], e["bias"], e["quiz"]) == (None,) * 5


def test_answers_that_turn_with_the_face_are_consistent(campaign, faces, flipped, people):
    pairs = [("left", "right"), ("right", "left"), ("center", "center"), ("left", "center")]
    for index, (first, again) in enumerate(pairs):
        cast(campaign, people.ada, faces[index], first)
        cast(campaign, people.ada, flipped[index], again)
    cast(campaign, people.ben, flipped[0], "left")  # never saw the face itself
    mirror = told(campaign, "ada")["mirror"]
    assert (mirror["right"], mirror["n"], mirror["turned"], mirror["stuck"]) == (3, 4, 2, 0)
    assert mirror["low"] < mirror["value"] == 0.75 < mirror["high"]
    assert not mirror["sticks_to_a_side"]
    assert "ben" not in [row["annotator"] for row in annotators.annotators(campaign)]


def test_whoever_gives_the_same_side_to_a_flipped_face_is_flagged(campaign, faces, flipped, people):
    for face, twin in list(zip(faces, flipped, strict=True))[:8]:
        cast(campaign, people.ada, face, "left")
        cast(campaign, people.ada, twin, "left")
    assert told(campaign, "ada")["mirror"]["sticks_to_a_side"]


def test_a_trial_that_was_taken_back_does_not_count(campaign, faces, flipped, people):
    cast(campaign, people.ada, faces[0], "left")
    trial = cast(campaign, people.ada, flipped[0], "left")
    Vote.objects.create(
        turn=trial.turn, annotator=people.ada, revision=1, withdraws=trial, source="page"
    )
    assert told(campaign, "ada")["mirror"] is None


@pytest.mark.parametrize(("right", "swapped", "is_flagged"), [(3, 15, True), (15, 3, False)])
def test_whoever_names_the_other_side_is_flagged(campaign, people, right, swapped, is_flagged):
    AnnotatorSkill.objects.create(
        campaign=campaign,
        annotator=people.ada,
        confusion=[[right, 0, swapped, 0], [0, 9, 0, 0], [swapped, 0, right, 1]],
        n_votes=40,
        accuracy=0.5,
        accuracy_low=0.4,
        accuracy_high=0.6,
        weight=0.3,
        accepted_weight=0.1,
    )
    ada = told(campaign, "ada")
    assert ada["swaps_sides"] is is_flagged
    assert ada["skill"]["low"] == 0.4
    assert ada["confusion"][1] == [0, 9, 0, 0]


@pytest.mark.parametrize(("suspicion", "flag"), [("swaps", "swaps_sides"), ("guesses", "guesses")])
def test_what_a_refresh_suspects_is_told(campaign, people, suspicion, flag):
    AnnotatorSkill.objects.create(
        campaign=campaign,
        annotator=people.ada,
        confusion=[[1, 1, 1, 0]] * 3,
        n_votes=9,
        weight=0,
        accepted_weight=0,
        suspicion=suspicion,
    )
    ada = told(campaign, "ada")
    assert [name for name in ("swaps_sides", "guesses") if ada[name]] == [flag]


def test_catches_count_as_caught_unless_the_wrong_choice_was_accepted(campaign, faces, people):
    for face, choice in zip(faces, ["left", "right", "unsure"], strict=False):
        given = {"is_catch": True, "suggested": "left", "channel": "corrected"}
        cast(campaign, people.ada, face, choice, **given)
    ada = told(campaign, "ada")
    assert (ada["catches"]["right"], ada["catches"]["n"]) == (2, 3)
    assert ada["votes"] == 0, "a catch is no evidence about the face"


def test_bias_compares_the_arm_that_saw_the_suggestion_with_the_blind_one(campaign, faces, people):
    for face, choice in zip(faces, ["left"] * 4 + ["right"], strict=False):
        cast(campaign, people.ada, face, choice, suggestion_shown=True, suggested="left")
    for face, choice in zip(faces[5:], ["left", "right"], strict=False):
        cast(campaign, people.ada, face, choice, is_blind=True, suggested="left")
    cast(campaign, people.ada, faces[8], "left", suggested="left", channel="accepted")
    bias = told(campaign, "ada")["bias"]
    assert (bias["shown"]["right"], bias["shown"]["n"]) == (4, 5)
    assert (bias["blind"]["right"], bias["blind"]["n"]) == (1, 2)
    assert bias["more"]["value"] == pytest.approx(0.3)
    assert bias["more"]["low"] < 0 < bias["more"]["high"]
    assert annotators.bias_overall(annotators.annotators(campaign)) == bias


def test_answers_after_the_last_word_are_compared_with_the_newest(campaign, faces, people):
    cast(campaign, people.ada, faces[0], "left")  # before: it may be why the face was settled
    for face, choice in [(faces[0], "left"), (faces[1], "left"), (faces[1], "right")]:
        Adjudication.objects.create(campaign=campaign, face=face, choice=choice, by=people.mia)
    cast(campaign, people.ada, faces[1], "right")
    known = told(campaign, "ada")["known"]
    assert (known["right"], known["n"]) == (1, 1)


def test_a_quiz_shows_its_newest_result_and_whether_any_was_passed(campaign, people):
    for n_right, has_passed in [(9, True), (6, False)]:
        QuizAttempt.objects.create(
            campaign=campaign,
            annotator=people.ada,
            n_questions=10,
            n_right=n_right,
            has_passed=has_passed,
            finished_at=campaign.created_at,
        )
    quiz = told(campaign, "ada")["quiz"]
    assert (quiz["right"], quiz["of"], quiz["passed"], quiz["tries"]) == (6, 10, True, 2)


def test_people_without_a_figure_come_last_in_both_orders(campaign, faces, people):
    cast(campaign, people.ada, faces[0], "left", seconds=None)
    cast(campaign, people.ben, faces[0], "left", seconds=3)
    cast(campaign, people.ben, faces[1], "left", seconds=3)
    rows = annotators.annotators(campaign)
    for order, names in [
        ("seconds", ["ben", "ada"]),
        ("-seconds", ["ben", "ada"]),
        ("votes", ["ada", "ben"]),
        ("-votes", ["ben", "ada"]),
    ]:
        assert [row["annotator"] for row in annotators.in_order(rows, order)] == names


def test_only_listed_orders_are_taken(campaign, people, api):
    client = api(people.mia)
    assert client.get("/api/campaigns/light/annotators?sort=-votes").status_code == 200
    answer = client.get("/api/campaigns/light/annotators?sort=password")
    assert (answer.status_code, answer.data["code"]) == (400, "invalid")
