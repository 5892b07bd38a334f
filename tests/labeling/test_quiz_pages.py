"""The quiz over the API and on its pages: no truth comes before the answer."""

import json
import threading
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connection
from django.test import Client

from labeling import queue, quizzes
from labeling.errors import Conflict
from labeling.models import Campaign, QuizAttempt, User
from labeling.quiz_faces import stage_faces

pytestmark = pytest.mark.django_db
SMILES = [
    {"value": "yes", "label": "Smiles", "key": "s", "mirror": "yes"},
    {"value": "no", "label": "Does not", "key": "d", "mirror": "no"},
]


@pytest.fixture
def campaign(dataset) -> Campaign:
    return queue.create_campaign(dataset, "light", title="Light", quiz="required")


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
