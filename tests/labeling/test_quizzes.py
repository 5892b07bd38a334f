"""The quiz: what is drawn, how it is scored, who may go on, and that the answer comes last."""

import random
from collections import Counter

import pytest
from django.db import IntegrityError, transaction

from labeling import queue, quizzes
from labeling.errors import Conflict, NotFound, Refused
from labeling.models import UNSURE, Act, Adjudication, Campaign, QuizAttempt
from labeling.quiz_faces import KnownFace, find_known, known_faces, stage_faces

pytestmark = pytest.mark.django_db
SMILES = [
    {"value": "yes", "label": "Smiles", "key": "s", "mirror": "yes"},
    {"value": "no", "label": "Does not", "key": "d", "mirror": "no"},
]


@pytest.fixture
def campaign(dataset) -> Campaign:
    return queue.create_campaign(dataset, "light", title="Light", quiz="required")


@pytest.fixture
def smiles(dataset) -> Campaign:
    return queue.create_campaign(
        dataset, "smile", title="Smiles", prompt="Does it smile?", choices=SMILES, quiz="required"
    )


def adjudicate(campaign: Campaign, by, choices: list[str]) -> None:
    for face, choice in zip(campaign.dataset.faces.order_by("id"), choices, strict=False):
        Adjudication.objects.create(campaign=campaign, face=face, choice=choice, by=by)


def take(campaign: Campaign, person, *, wrong: int = 0) -> QuizAttempt:
    """Take the quiz to its end with so many wrong answers."""
    attempt = quizzes.start(campaign, person)
    faces = quizzes.faces_of(campaign, attempt)
    for place, row in enumerate(attempt.answers):
        truth = faces[row["question"]].truth
        others = [value for value in campaign.values if value != truth]
        choice = others[0] if place < wrong else truth
        quizzes.answer(campaign, person, attempt.id, row["question"], choice)
    attempt.refresh_from_db()
    return attempt


def test_the_stage_s_faces_are_eleven_of_each_side_and_three_nobody_can_tell():
    counts = Counter(face.truth for face in stage_faces().values())
    assert counts == {"left": 11, "center": 11, "right": 11, UNSURE: 3}


def test_each_stage_face_has_its_picture_and_nothing_in_its_name(settings):
    folder = settings.BASE_DIR / "static" / "label" / "quiz"
    files = {path.stem: path.stat().st_size for path in folder.glob("*.webp")}
    assert {face.picture for face in stage_faces().values()} == set(files)
    assert sum(files.values()) < 300_000
    assert all(set(name) <= set("0123456789abcdef") for name in files)


def test_ten_faces_are_drawn_with_two_of_each_side_and_at_most_one_nobody_can_tell():
    faces = stage_faces()
    for seed in range(200):
        keys = quizzes.draw(faces, seen={}, rng=random.Random(seed))
        counts = Counter(faces[key].truth for key in keys)
        assert len(set(keys)) == 10
        assert min(counts[value] for value in ("left", "center", "right")) >= 2
        assert counts[UNSURE] <= 1


def test_the_second_try_shows_no_face_of_the_first():
    faces = stage_faces()
    for seed in range(50):
        rng = random.Random(seed)
        first = quizzes.draw(faces, seen={}, rng=rng)
        second = quizzes.draw(faces, seen=Counter(first), rng=rng)
        assert not set(first) & set(second)


def test_a_small_pool_is_asked_again_rather_than_not_at_all():
    truths = ["a", "b"] * 5
    faces = {f"face:{i}": KnownFace(f"face:{i}", truth, "") for i, truth in enumerate(truths)}
    first = quizzes.draw(faces, seen={})
    assert sorted(quizzes.draw(faces, seen=Counter(first))) == sorted(faces)


def test_the_order_of_a_quiz_does_not_tell_its_answers():
    faces = stage_faces()
    first = Counter(
        faces[quizzes.draw(faces, seen={}, rng=random.Random(seed))[0]].truth for seed in range(300)
    )
    assert min(first["left"], first["center"], first["right"]) > 50


def test_whoever_passes_may_label(campaign, people):
    assert not quizzes.may_label(campaign, people.ada)
    attempt = take(campaign, people.ada, wrong=2)
    assert (attempt.n_right, attempt.has_passed) == (8, True)
    assert attempt.finished_at is not None
    assert quizzes.may_label(campaign, people.ada)
    assert not quizzes.may_label(campaign, people.ben)


def test_one_below_the_mark_fails(campaign, people):
    attempt = take(campaign, people.ada, wrong=3)
    assert (attempt.n_right, attempt.has_passed) == (7, False)
    assert not quizzes.may_label(campaign, people.ada)
    standing = quizzes.standing(campaign, people.ada)
    assert (standing.state, standing.right, standing.of) == ("failed", 7, 10)
    assert (standing.tries, standing.tries_left) == (1, 1)


@pytest.mark.parametrize("quiz", ["off", "offered"])
def test_a_quiz_that_is_not_required_keeps_nobody_out(quiz, campaign, people):
    campaign.quiz = quiz
    campaign.save()
    assert quizzes.may_label(campaign, people.ada)


def test_a_campaign_without_a_quiz_refuses_to_start_one(campaign, people):
    campaign.quiz = "off"
    campaign.save()
    with pytest.raises(Conflict, match="has no quiz"):
        quizzes.start(campaign, people.ada)
    assert "no quiz" in quizzes.state(campaign)


def test_starting_twice_is_one_try(campaign, people):
    assert quizzes.start(campaign, people.ada) == quizzes.start(campaign, people.ada)
    assert quizzes.standing(campaign, people.ada).state == "open"


def test_the_database_itself_keeps_a_person_in_one_quiz(campaign, people):
    quizzes.start(campaign, people.ada)
    with pytest.raises(IntegrityError, match="one_quiz_at_a_time"), transaction.atomic():
        QuizAttempt.objects.create(campaign=campaign, annotator=people.ada, n_questions=10)


def test_an_answer_sent_again_counts_once_and_another_one_is_refused(campaign, people):
    attempt = quizzes.start(campaign, people.ada)
    key = attempt.answers[0]["question"]
    first = quizzes.answer(campaign, people.ada, attempt.id, key, "left")
    assert quizzes.answer(campaign, people.ada, attempt.id, key, "left") == first
    with pytest.raises(Conflict, match="'left'"):
        quizzes.answer(campaign, people.ada, attempt.id, key, "right")
    attempt.refresh_from_db()
    assert [row["choice"] for row in attempt.answers] == ["left", *[None] * 9]


def test_nobody_answers_for_another_or_what_was_not_asked(campaign, people):
    attempt = quizzes.start(campaign, people.ada)
    asked = [row["question"] for row in attempt.answers]
    other = next(key for key in stage_faces() if key not in asked)
    with pytest.raises(NotFound):
        quizzes.answer(campaign, people.ben, attempt.id, asked[0], "left")
    with pytest.raises(NotFound):
        quizzes.answer(campaign, people.ada, attempt.id, other, "left")
    with pytest.raises(Refused, match="'up'"):
        quizzes.answer(campaign, people.ada, attempt.id, asked[0], "up")


def test_after_two_failed_tries_only_a_manager_opens_a_third(campaign, people):
    for _ in range(2):
        take(campaign, people.ada, wrong=10)
    with pytest.raises(Conflict, match="2 tries"):
        quizzes.start(campaign, people.ada)
    quizzes.excuse(campaign, people.ada, by=people.mia)
    act = Act.objects.get()
    assert (act.what, act.about, act.by, act.details) == (
        "quiz.excuse", "ada", people.mia, {"right": 0},
    )  # fmt: skip
    assert quizzes.standing(campaign, people.ada).tries_left == 1
    assert not quizzes.may_label(campaign, people.ada)
    with pytest.raises(Conflict, match="1 of 2 tries left"):
        quizzes.excuse(campaign, people.ada, by=people.mia)
    take(campaign, people.ada)
    assert quizzes.may_label(campaign, people.ada)


def test_whoever_passed_takes_no_quiz_again(campaign, people):
    take(campaign, people.ada)
    with pytest.raises(Conflict, match="passed"):
        quizzes.start(campaign, people.ada)


def test_managers_see_who_stands_how(campaign, people):
    take(campaign, people.ada, wrong=10)
    take(campaign, people.ada, wrong=9)
    take(campaign, people.ben, wrong=1)
    rows = {row["annotator"]: row for row in quizzes.results(campaign)}
    assert (rows["ada"]["scores"], rows["ada"]["needs_excuse"]) == ([0, 1], True)
    assert (rows["ben"]["scores"], rows["ben"]["needs_excuse"]) == ([9], False)
    assert "1 person has passed" in quizzes.state(campaign)


def test_another_question_is_quizzed_by_its_settled_faces_once_there_are_ten(smiles, people):
    assert quizzes.may_label(smiles, people.ada)
    adjudicate(smiles, people.mia, ["yes"] * 5 + ["no"] * 4)
    assert quizzes.may_label(smiles, people.ada)
    assert "9 of at least 10" in quizzes.state(smiles)
    adjudicate(smiles, people.mia, ["yes"] * 5 + ["no"] * 5)
    assert not quizzes.may_label(smiles, people.ada)
    attempt = quizzes.start(smiles, people.ada)
    ids = {f"face:{face.id}" for face in smiles.dataset.faces.order_by("id")[:10]}
    assert {row["question"] for row in attempt.answers} == ids


def test_ten_settled_faces_of_one_kind_make_no_quiz(smiles, people):
    adjudicate(smiles, people.mia, ["yes"] * 11)
    assert "1 of at least 2" in quizzes.state(smiles)
    assert quizzes.may_label(smiles, people.ada)


def test_the_newest_word_on_a_settled_face_is_what_scores(smiles, people):
    adjudicate(smiles, people.mia, ["yes"] * 5 + ["no"] * 5)
    attempt = quizzes.start(smiles, people.ada)
    face = smiles.dataset.faces.order_by("id").first()
    Adjudication.objects.create(campaign=smiles, face=face, choice="no", by=people.mia)
    verdict = quizzes.answer(smiles, people.ada, attempt.id, f"face:{face.id}", "no")
    assert verdict.is_right
    assert "Does not" in verdict.face.why


def test_a_try_whose_faces_are_gone_is_nobody_s_failure(campaign, people):
    attempt = quizzes.start(campaign, people.ada)
    attempt.answers[0]["question"] = "stage:000000000000"
    attempt.save()
    fresh = quizzes.start(campaign, people.ada)
    assert fresh.id != attempt.id
    assert quizzes.standing(campaign, people.ada).tries == 1


def test_sides_that_are_not_about_light_get_no_faces_about_light(dataset):
    pose = queue.create_campaign(dataset, "pose", title="Pose", prompt="Where does it look?")
    assert known_faces(pose) == {}


def test_a_face_of_another_campaign_is_not_known_here(smiles, campaign, people, dataset):
    adjudicate(smiles, people.mia, ["yes"] * 10)
    key = f"face:{dataset.faces.order_by('id').first().id}"
    assert set(find_known(smiles, [key, "face:", "nothing"])) == {key}
    assert find_known(campaign, [key]) == {}


# The API and the pages
