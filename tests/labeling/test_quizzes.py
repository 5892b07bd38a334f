"""The quiz: what is drawn, how it is scored, who may go on, and that the answer comes last."""

import json
import random
import threading
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import IntegrityError, connection, transaction
from django.test import Client

from labeling import queue, quizzes
from labeling.errors import Conflict, NotFound, Refused
from labeling.models import UNSURE, Act, Adjudication, Campaign, QuizAttempt, User
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


@pytest.fixture
def ada(people, api):
    return api(people.ada)


def ask(client) -> dict:
    answer = client.post("/api/campaigns/light/quiz")
    assert answer.status_code == 201
    return answer.data


def test_no_answer_of_the_api_holds_a_truth_before_it_was_asked_for(campaign, people, ada):
    asked = ask(ada)
    assert [set(row) for row in asked["attempt"]["questions"]] == [
        {"question", "image", "answer"}
    ] * 10
    assert all(row["answer"] is None for row in asked["attempt"]["questions"])
    truths = {face.truth for face in stage_faces().values()}
    for path in ("/api/campaigns/light/quiz", "/api/campaigns/light/mine"):
        said = json.dumps(ada.get(path).json())
        assert not any(f': "{truth}"' in said for truth in truths)
        assert "truth" not in said
        assert "shadow" not in said
    page = Client()
    page.force_login(people.ada)
    text = page.get("/label/light/quiz").content.decode()
    assert "data-quiz-url" in text
    assert "shadow" not in text
    assert not any(face.picture in text for face in stage_faces().values())


def test_an_answer_s_verdict_says_what_was_right_and_why(campaign, people, ada):
    asked = ask(ada)["attempt"]
    key = asked["questions"][0]["question"]
    face = stage_faces()[key]
    wrong = "left" if face.truth != "left" else "right"
    body = {"attempt": asked["id"], "question": key, "choice": wrong}
    told = ada.post("/api/campaigns/light/quiz/answers", body, format="json")
    assert (told.status_code, told.data) == (
        201,
        {
            "question": key, "choice": wrong, "is_right": False, "truth": face.truth,
            "why": face.why, "is_last": False,
        },
    )  # fmt: skip
    rows = ada.get("/api/campaigns/light/quiz").data["attempt"]["questions"]
    assert rows[0]["answer"] == {"choice": wrong, "is_right": False, "truth": face.truth}
    assert all(row["answer"] is None for row in rows[1:])
    other = ada.post(
        "/api/campaigns/light/quiz/answers", body | {"choice": face.truth}, format="json"
    )
    assert (other.status_code, other.data["code"]) == (409, "already_answered")


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({}, 400, "invalid"),
        ({"attempt": 1, "question": "stage:x", "choice": "left", "truth": "left"}, 400, "invalid"),
        ({"attempt": 2**63, "question": "stage:x", "choice": "left"}, 400, "invalid"),
        ({"attempt": 1, "question": "stage:x", "choice": "up"}, 400, "unknown_choice"),
        ({"attempt": 1, "question": "stage:x", "choice": "left"}, 404, "not_found"),
    ],
)
def test_a_wrong_answer_form_is_told_why(body, status, code, campaign, ada):
    answer = ada.post("/api/campaigns/light/quiz/answers", body, format="json")
    assert (answer.status_code, answer.data["code"]) == (status, code)


def test_my_part_says_how_i_stand_with_the_quiz(campaign, people, ada):
    def mine() -> dict:
        return ada.get("/api/campaigns/light/mine").data["quiz"]

    assert mine() == {"state": "none", "right": None, "of": 10, "tries": 0}
    take(campaign, people.ada, wrong=5)
    assert mine() == {"state": "failed", "right": 5, "of": 10, "tries": 1}
    ask(ada)
    assert mine() == {"state": "open", "right": 5, "of": 10, "tries": 2}
    campaign.quiz_attempts.filter(finished_at=None).delete()
    take(campaign, people.ada, wrong=1)
    assert mine() == {"state": "passed", "right": 9, "of": 10, "tries": 2}


def test_a_refused_start_says_which_rule(campaign, people, ada):
    for _ in range(2):
        take(campaign, people.ada, wrong=10)
    answer = ada.post("/api/campaigns/light/quiz")
    assert (answer.status_code, answer.data["code"]) == (409, "no_tries_left")


@pytest.fixture
def browse(people):
    def client(person) -> Client:
        client = Client()
        client.force_login(person)
        return client

    return client


def test_a_required_quiz_stands_before_the_faces(campaign, people, browse):
    ada = browse(people.ada)
    assert ada.get("/label/light").url == "/label/light/rubric"
    text = ada.get("/label/light/rubric").content.decode()
    assert "Take the quiz" in text
    assert "I have read this: start" not in text
    assert ada.post("/label/light/rubric").url == "/label/light"
    assert ada.get("/label/light").url == "/label/light/quiz"
    assert ada.post("/label/light/rubric", {"quiz": "yes"}).url == "/label/light/quiz"
    assert ada.get("/label/light/quiz").context["attempt"] is not None
    take(campaign, people.ada)
    assert "Start labeling" in ada.get("/label/light/quiz").content.decode()
    assert ada.get("/label/light").status_code == 200


def test_an_offered_quiz_has_a_way_around_it(campaign, people, browse):
    Campaign.objects.update(quiz="offered")
    ada = browse(people.ada)
    text = ada.get("/label/light/rubric").content.decode()
    assert "Take the quiz" in text
    assert "I have read this: start" in text
    assert "Label without the quiz" in ada.get("/label/light/quiz").content.decode()
    ada.post("/label/light/rubric")
    assert ada.get("/label/light").status_code == 200


def test_without_a_quiz_the_guide_leads_straight_on(campaign, people, browse):
    Campaign.objects.update(quiz="off")
    ada = browse(people.ada)
    assert "Take the quiz" not in ada.get("/label/light/rubric").content.decode()
    assert ada.get("/label/light/quiz").url == "/label/light/rubric"


def test_the_result_shows_what_was_missed_and_what_to_do(campaign, people, browse):
    ada = browse(people.ada)
    take(campaign, people.ada, wrong=4)
    answer = ada.get("/label/light/quiz")
    text = answer.content.decode()
    assert len(answer.context["missed"]) == 4
    assert "6 of 10" in text
    assert "Try again with other faces" in text
    take(campaign, people.ada, wrong=5)
    text = ada.get("/label/light/quiz").content.decode()
    assert "ask your manager" in text
    assert "Try again" not in text
    assert "ask your manager" in ada.get("/label/light/rubric").content.decode()
    assert ada.post("/label/light/quiz", follow=True).status_code == 200
    assert campaign.quiz_attempts.count() == 2


def test_a_manager_gives_another_try_from_the_page(campaign, people, browse):
    for _ in range(2):
        take(campaign, people.ada, wrong=10)
    mia = browse(people.mia)
    text = mia.get("/campaigns/light/quiz").content.decode()
    assert "no try left" in text
    answer = mia.post("/campaigns/light/quiz/excuse", {"annotator": "ada"}, follow=True)
    assert answer.redirect_chain == [("/campaigns/light/quiz", 302)]
    assert "ada has another try" in answer.content.decode()
    again = mia.post("/campaigns/light/quiz/excuse", {"annotator": "ada"}, follow=True)
    assert "has not used up the tries" in again.content.decode()
    assert quizzes.standing(campaign, people.ada).tries_left == 1


@pytest.mark.parametrize(
    ("back", "leads"),
    [
        ("/campaigns/light", "/campaigns/light"),
        ("https://elsewhere.example/", "/campaigns/light/quiz"),
    ],
)
def test_giving_a_try_leads_back_but_never_to_another_site(back, leads, campaign, people, browse):
    answer = browse(people.mia).post(
        "/campaigns/light/quiz/excuse", {"annotator": "ada", "next": back}
    )
    assert answer.url == leads


def test_another_try_for_nobody_is_not_found(campaign, people, browse):
    mia = browse(people.mia)
    assert mia.post("/campaigns/light/quiz/excuse", {"annotator": "nemo"}).status_code == 404
    assert mia.get("/campaigns/light/quiz/excuse").status_code == 405


def test_quiz_pages_have_no_inline_script_or_style(campaign, people, browse):
    ada = browse(people.ada)
    quizzes.start(campaign, people.ada)
    for client, path in [
        (ada, "/label/light/quiz"),
        (browse(people.mia), "/campaigns/light/rubric"),
        (browse(people.mia), "/campaigns/light/quiz"),
    ]:
        text = client.get(path).content.decode()
        assert " style=" not in text
        assert text.count("<script") == text.count('<script type="module" src="')


def test_two_tabs_answering_at_once_store_one_answer(campaign, people):
    attempt = quizzes.start(campaign, people.ada)
    key = attempt.answers[0]["question"]
    stale = QuizAttempt.objects.get(id=attempt.id)
    quizzes.answer(campaign, people.ada, attempt.id, key, "left")
    second = stale.answers[1]["question"]
    quizzes.answer(campaign, people.ada, stale.id, second, "right")
    attempt.refresh_from_db()
    assert [row["choice"] for row in attempt.answers[:2]] == ["left", "right"]


@pytest.mark.django_db(transaction=True)
def test_tabs_that_race_share_one_try_and_one_answer(dataset_of):
    campaign = queue.create_campaign(dataset_of(3), "race", title="Race", quiz="required")
    ada = User.objects.create_user(username="ada", is_annotator=True)
    gate = threading.Barrier(6)

    def at_once(act: Callable[[], object]) -> list[object]:
        def run() -> object:
            try:
                gate.wait(10)
                return act()
            except Conflict as refused:
                return refused.code
            finally:
                connection.close()

        with ThreadPoolExecutor(6) as pool:
            return [one.result() for one in [pool.submit(run) for _ in range(6)]]

    tries = at_once(lambda: quizzes.start(campaign, ada).id)
    assert len(set(tries)) == 1
    attempt = QuizAttempt.objects.get()
    key = attempt.answers[0]["question"]
    choices = iter(["left", "right", "center", "left", "right", "center"])
    told = at_once(lambda: quizzes.answer(campaign, ada, attempt.id, key, next(choices)).choice)
    attempt.refresh_from_db()
    stored = attempt.answers[0]["choice"]
    assert Counter(told) == {stored: 2, "already_answered": 4}
