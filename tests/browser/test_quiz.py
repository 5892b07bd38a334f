"""The quiz in a real Chromium: by keys, by touch, reloaded, in two tabs, without a network."""

import json
import re
from collections.abc import Callable

import pytest
from playwright.sync_api import BrowserContext, Page, Response, expect

from tests.browser.desk import Desk

KEYS = {"left": "ArrowLeft", "center": "ArrowDown", "right": "ArrowRight", "unsure": "u"}
WRONG = {"left": "right", "center": "left", "right": "left", "unsure": "center"}


class Quiz:
    """One open quiz page, and somebody who knows the answers."""

    def __init__(self, page: Page) -> None:
        from labeling.quiz_faces import stage_faces

        self.page = page
        self.root = page.locator("#quiz")
        self.truths = {face.picture: face.truth for face in stage_faces().values()}

    @classmethod
    def begin(cls, page: Page, slug: str = "light") -> "Quiz":
        page.goto(f"/label/{slug}/rubric")
        page.get_by_role("button", name="Take the quiz").press("Enter")
        quiz = cls(page)
        quiz.wait_for("asking")
        return quiz

    def wait_for(self, phase: str) -> None:
        expect(self.root).to_have_attribute("data-phase", phase)

    @property
    def shown(self) -> str:
        """The name of the picture on screen."""
        source = self.page.locator("[data-frame] img").get_attribute("src") or ""
        return re.search(r"(\w+)\.webp", source)[1]

    @property
    def truth(self) -> str:
        return self.truths[self.shown]

    def answer(self, *, rightly: bool = True) -> None:
        self.wait_for("asking")
        truth = self.truth
        self.page.keyboard.press(KEYS[truth if rightly else WRONG[truth]])
        self.wait_for("told")

    def go_on(self) -> None:
        """Press the button that has the focus; it takes no key in its first moment."""
        self.page.wait_for_timeout(400)
        self.page.keyboard.press("Enter")

    def take(self, *, wrong: int = 0) -> None:
        for place in range(10):
            expect(self.page.locator("[data-count]")).to_have_text(f"Face {place + 1} of 10")
            self.answer(rightly=place >= wrong)
            self.go_on()
        expect(self.page.get_by_role("heading", level=1)).to_have_text(
            re.compile("Not yet|You know how to look")
        )


@pytest.fixture
def strict(campaign):
    campaign.quiz = "required"
    campaign.save()
    return campaign


@pytest.fixture
def visitor(visit: Callable[..., BrowserContext], people, strict) -> Page:
    return visit(people.ada).new_page()


def test_a_student_reads_passes_and_labels_without_touching_a_mouse(visitor, people, strict):
    quiz = Quiz.begin(visitor)
    assert quiz.page.evaluate("document.activeElement.dataset.stage") == ""
    quiz.take(wrong=2)
    expect(visitor.locator("main")).to_contain_text("8 of 10")
    expect(visitor.locator(".missed li")).to_have_count(2)
    visitor.get_by_role("link", name="Start labeling").press("Enter")
    desk = Desk(visitor)
    desk.wait_for_face()
    assert people.ada.quiz_attempts.get().has_passed


def test_two_failed_tries_lead_to_the_manager_and_a_third_from_there(
    visitor, visit, people, strict
):
    quiz = Quiz.begin(visitor)
    quiz.take(wrong=10)
    first = {row["question"] for row in people.ada.quiz_attempts.get().answers}
    visitor.get_by_role("link", name="Read the guide again").click()
    visitor.get_by_role("button", name="Take the quiz again").click()
    quiz.take(wrong=3)
    second = {row["question"] for row in people.ada.quiz_attempts.latest("id").answers}
    assert not first & second
    expect(visitor.locator("main")).to_contain_text("ask your manager")
    expect(visitor.get_by_role("button", name=re.compile("Try again"))).to_have_count(0)
    visitor.goto("/label/light")
    assert visitor.url.endswith("/label/light/quiz")

    manager = visit(people.mia).new_page()
    manager.goto("/campaigns/light/quiz")
    manager.get_by_role("button", name="Give another try to ada").click()
    expect(manager.locator("main")).to_contain_text("ada has another try")
    visitor.reload()
    visitor.get_by_role("button", name="Try again with other faces").click()
    quiz.wait_for("asking")


def test_a_reload_goes_on_where_it_was(visitor):
    quiz = Quiz.begin(visitor)
    for rightly in (True, False, True):
        quiz.answer(rightly=rightly)
        quiz.go_on()
    quiz.wait_for("asking")
    face = quiz.shown
    visitor.reload()
    quiz.wait_for("asking")
    expect(visitor.locator("[data-count]")).to_have_text("Face 4 of 10")
    assert quiz.shown == face
    marks = visitor.locator("[data-dots] li").evaluate_all("dots => dots.map(d => d.dataset.right)")
    assert marks[:4] == ["true", "false", "true", None]


def test_nothing_that_comes_before_an_answer_tells_it(visitor):
    bodies: list[tuple[str, str]] = []

    def keep(response: Response) -> None:
        kind = response.headers.get("content-type") or ""
        if response.status < 300 and "image" not in kind:
            bodies.append((response.url, response.text()))

    visitor.on("response", keep)
    quiz = Quiz.begin(visitor)
    expect(visitor.locator("[data-frame] img")).to_have_js_property("complete", True)
    own = [body for url, body in bodies if "/quiz" in url and "/static/" not in url]
    asked = [json.loads(body) for body in own if body.startswith("{")]
    assert len(asked) == 1
    assert all(
        set(row) == {"question", "image", "answer"} and row["answer"] is None
        for row in asked[0]["attempt"]["questions"]
    )
    assert not any("truth" in body or "shadow" in body for body in own)
    with visitor.expect_response(lambda response: response.url.endswith("/quiz/answers")) as told:
        quiz.answer()
    assert told.value.json()["truth"] == quiz.truth


def test_the_verdict_is_seen_and_heard_on_the_true_side(visitor):
    quiz = Quiz.begin(visitor)
    for _ in range(10):
        truth = quiz.truth
        quiz.answer(rightly=False)
        expect(visitor.locator("[data-stage]")).to_have_attribute("data-truth", truth)
        sides = {"left": "your left", "right": "your right", "center": "the front"}
        heard = visitor.locator("[data-voice]").inner_text()
        assert heard.startswith("You said ")
        assert sides.get(truth, "nobody can tell") in heard
        assert visitor.locator(f"[data-answer={truth}]").get_attribute("data-verdict") == "right"
        assert visitor.locator("[data-verdict=wrong]").count() == 1
        if truth in ("left", "right"):
            arrow = visitor.locator(f".from-{truth}").bounding_box()
            face = visitor.locator("[data-stage]").bounding_box()
            is_left = arrow["x"] + arrow["width"] / 2 < face["x"] + face["width"] / 2
            assert is_left == (truth == "left")
            return
        quiz.go_on()
        quiz.wait_for("asking")
    raise AssertionError("Ten faces, and none was lit from a side.")


def test_a_hurried_second_key_does_not_hide_the_verdict(visitor):
    quiz = Quiz.begin(visitor)
    quiz.answer()
    visitor.keyboard.press("ArrowLeft")
    quiz.wait_for("told")
    expect(visitor.locator("[data-count]")).to_have_text("Face 1 of 10")
    visitor.wait_for_timeout(400)
    visitor.keyboard.press("ArrowLeft")
    quiz.wait_for("asking")
    expect(visitor.locator("[data-count]")).to_have_text("Face 2 of 10")
    expect(visitor.locator("[data-dots] [data-right]")).to_have_count(1)


def test_a_lost_network_is_told_and_the_answer_arrives_once(visitor, people):
    quiz = Quiz.begin(visitor)
    truth = quiz.truth
    visitor.context.set_offline(True)
    visitor.keyboard.press(KEYS[truth])
    trouble = visitor.locator("[data-trouble]")
    expect(trouble).to_contain_text("The server does not answer")
    visitor.keyboard.press(KEYS[WRONG[truth]])
    visitor.context.set_offline(False)
    quiz.wait_for("told")
    expect(trouble).to_be_hidden()
    rows = people.ada.quiz_attempts.get().answers
    assert [row["choice"] for row in rows] == [truth, *[None] * 9]


def test_an_answer_whose_receipt_was_lost_is_sent_again_and_counts_once(visitor, people):
    quiz = Quiz.begin(visitor)
    lost: list[str] = []

    def lose_the_first(route) -> None:
        if lost:
            route.continue_()
        else:
            lost.append(route.request.post_data or "")
            route.fetch()
            route.abort()

    visitor.route("**/quiz/answers", lose_the_first)
    visitor.keyboard.press(KEYS[quiz.truth])
    expect(visitor.locator("[data-trouble]")).to_be_visible()
    visitor.get_by_role("button", name="Try again").click()
    quiz.wait_for("told")
    assert [row["choice"] for row in people.ada.quiz_attempts.get().answers[1:]] == [None] * 9
    quiz.go_on()
    expect(visitor.locator("[data-count]")).to_have_text("Face 2 of 10")


def test_a_second_tab_never_changes_what_the_first_has_answered(visitor, people):
    quiz = Quiz.begin(visitor)
    second = Quiz(visitor.context.new_page())
    second.page.goto("/label/light/quiz")
    second.wait_for("asking")
    assert second.shown == quiz.shown
    truth = quiz.truth
    quiz.answer()
    second.page.keyboard.press(KEYS[WRONG[truth]])
    expect(second.page.locator("[data-count]")).to_have_text("Face 2 of 10")
    assert people.ada.quiz_attempts.get().answers[0]["choice"] == truth


def test_a_phone_takes_the_quiz_by_touch_without_scrolling(visit, people, strict):
    context = visit(people.ben, has_touch=True, is_mobile=True)
    page = context.new_page()
    page.set_viewport_size({"width": 390, "height": 844})
    page.goto("/label/light/rubric")
    page.get_by_role("button", name="Take the quiz").tap()
    quiz = Quiz(page)
    quiz.wait_for("asking")
    for button in page.locator("#quiz button:visible").all():
        box = button.bounding_box()
        assert min(box["width"], box["height"]) >= 44
        assert box["y"] + box["height"] <= 844
    page.locator(f"[data-answer={quiz.truth}]").tap()
    quiz.wait_for("told")
    page.wait_for_timeout(400)
    box = page.locator("[data-next]").bounding_box()
    assert box["height"] >= 44
    assert box["y"] + box["height"] <= 844
    page.locator("[data-next]").tap()
    quiz.wait_for("asking")
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


def test_the_home_row_answers_the_quiz_for_whoever_chose_it(visitor, people):
    people.ada.key_layout = "left_hand"
    people.ada.save()
    quiz = Quiz.begin(visitor)
    place = ["left", "center", "right", "unsure"].index(quiz.truth)
    visitor.keyboard.press(["KeyA", "KeyS", "KeyD", "KeyF"][place])
    quiz.wait_for("told")
    assert people.ada.quiz_attempts.get().n_right == 1
