"""No answer is lost or stored twice: lost network, closed tab, ended session, refusals."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, Route, TimeoutError, expect

from labeling import leases
from labeling.models import Campaign, Lease, Turn, Vote
from tests.browser.conftest import sign_in
from tests.browser.desk import Desk
from tests.browser.test_label import stored

KEYS = ["1", "2", "3", "u"]
VOTES = "**/api/campaigns/*/votes"


def refuse(route: Route) -> None:
    route.abort("connectionrefused")


def cut_off(page: Page) -> None:
    """Nothing that this page sends arrives any more, not even what it sends while it closes.

    Playwright's routes and its offline switch end with the page; what a page sends on leaving does
    not.
    """
    page.evaluate("() => { window.fetch = () => Promise.reject(new TypeError('cut off')) }")


def every(nth: int, act: Callable[[Route], None]) -> Callable[[Route], None]:
    """A route handler that lets all requests pass but every nth."""
    seen = {"requests": 0}

    def handle(route: Route) -> None:
        seen["requests"] += 1
        if seen["requests"] % nth == 0:
            act(route)
        else:
            route.continue_()

    return handle


def stored_but_unanswered(route: Route) -> None:
    """The server does its work; the answer is lost on the way back."""
    route.fetch()
    route.abort("connectionreset")


@pytest.mark.parametrize("drop", [refuse, stored_but_unanswered])
def test_a_network_that_drops_every_fifth_request_loses_nothing(drop, desk, people):
    desk = desk(people.ada)
    desk.page.route("**/api/**", every(5, drop))
    faces = desk.answer_all(KEYS * 5)
    desk.wait_until_saved()
    assert sorted(stored()) == sorted(faces)
    assert Vote.objects.count() == 20


def test_the_page_goes_on_offline_and_catches_up(desk, people):
    desk = desk(people.ada)
    desk.page.context.set_offline(True)
    faces = desk.answer_all(KEYS * 2)
    expect(desk.saved).to_have_text("Offline. 8 answers are kept here.")
    assert stored() == {}
    desk.page.context.set_offline(False)
    desk.wait_until_saved()
    assert sorted(stored()) == sorted(faces)


def test_a_server_that_fails_for_a_while_is_asked_again(desk, people):
    desk = desk(people.ada)
    answers = iter([503, 500, 502])

    def fail(route: Route) -> None:
        status = next(answers, None)
        route.fulfill(status=status, body="down") if status else route.continue_()

    desk.page.route(VOTES, fail)
    face = desk.answer("1")
    desk.wait_until_saved()
    assert stored() == {face: "left"}


def test_answers_of_a_closed_tab_are_sent_by_the_next_one(desk, people):
    desk = desk(people.ada)
    context = desk.page.context
    cut_off(desk.page)
    faces = desk.answer_all(KEYS)
    desk.page.close()
    assert stored() == {}
    again = Desk.open(context.new_page(), "light")
    again.wait_until_saved()
    assert sorted(stored()) == sorted(faces)
    assert again.shown not in faces


def test_home_sends_what_a_closed_tab_left(desk, people):
    desk = desk(people.ada)
    context = desk.page.context
    cut_off(desk.page)
    face = desk.answer("1")
    desk.page.close()
    home = context.new_page()
    with home.expect_response(re.compile("/votes$")):
        home.goto("/")
    assert stored() == {face: "left"}


def test_leaving_at_once_still_stores_the_last_answer(desk, people):
    desk = desk(people.ada)
    face = desk.answer("1")
    desk.page.goto("about:blank")
    for _ in range(50):
        if stored():
            break
        desk.page.wait_for_timeout(100)
    assert stored() == {face: "left"}


def test_an_ended_session_is_told_and_the_answers_wait(desk, people, live_server):
    desk = desk(people.ada)
    desk.page.context.clear_cookies()
    faces = desk.answer_all(["1", "2"])
    expect(desk.saved).to_have_text("Signed out. 2 answers are kept here.")
    desk.page.get_by_role("link", name="Sign in again").click()
    desk.page.get_by_label("Name").fill("ada")
    desk.page.get_by_label("Password").fill(people.password)
    desk.page.get_by_role("button", name="Sign in").click()
    if desk.page.url.endswith("/rubric"):
        desk.page.get_by_role("button", name="I have read this: start").click()
    desk.wait_for_face()
    desk.wait_until_saved()
    assert stored() == dict(zip(faces, ["left", "center"], strict=True))


def test_answers_are_never_sent_in_another_persons_name(desk, people, live_server):
    adas = desk(people.ada)
    context = adas.page.context
    cut_off(adas.page)
    faces = adas.answer_all(["1", "2"])
    adas.page.close()
    sign_in(context, people.ben, live_server.url)
    bens = Desk.open(context.new_page(), "light")
    own = bens.answer("3")
    bens.wait_until_saved()
    assert stored(annotator=people.ben) == {own: "right"}
    assert own not in faces
    sign_in(context, people.ada, live_server.url)
    bens.page.close()
    Desk.open(context.new_page(), "light").wait_until_saved()
    assert stored(annotator=people.ada) == dict(zip(faces, ["left", "center"], strict=True))


def test_two_tabs_of_one_person_store_each_answer_once(desk, people):
    first = desk(people.ada)
    second = Desk.open(first.page.context.new_page(), "light")
    faces = []
    for key in KEYS * 2:
        faces += [first.answer(key), second.answer(key)]
    for tab in (first, second):
        tab.wait_until_saved()
        expect(tab.rejected).to_be_hidden()
    assert sorted(stored()) == sorted(faces)
    assert Vote.objects.count() == 16


def test_a_tab_sends_what_another_left_and_not_what_it_still_holds(desk, people):
    first = desk(people.ada)
    cut_off(first.page)
    face = first.answer("1")
    expect(first.saved).to_have_text("Offline. 1 answer is kept here.")
    second = Desk.open(first.page.context.new_page(), "light")
    with pytest.raises(TimeoutError), second.page.expect_response(VOTES, timeout=4_000):
        pass  # the first tab may still take it back
    assert stored() == {}
    with second.page.expect_response(VOTES):
        first.page.close()
    assert stored() == {face: "left"}


@pytest.mark.parametrize(
    "broken",
    [
        "IDBFactory.prototype.open = () => { throw new Error('private') }",
        "IDBFactory.prototype.open = () => new EventTarget()",  # neither opens nor refuses
        "IDBObjectStore.prototype.put = () => { throw new DOMException('', 'QuotaExceededError') }",
    ],
)
def test_without_a_place_to_keep_answers_the_page_says_so_and_works(broken, visit, people, desk):
    desk(people.ada).page.close()  # the guide is read
    context = visit(people.ada)
    context.add_init_script(broken)
    context.route(VOTES, lambda route: route.fulfill(status=200, body="<h1>Hotel Wi-Fi</h1>"))
    other = Desk.open(context.new_page(), "light")
    face = other.answer("1")
    expect(other.saved).to_have_text(re.compile("1 answer is kept here|waiting in this tab only"))
    assert stored() == {}
    context.unroute(VOTES)
    other.wait_until_saved()
    assert stored() == {face: "left"}


def test_a_quiz_that_comes_first_is_linked_and_the_answers_are_stored(desk, people):
    desk = desk(people.ada)
    Campaign.objects.update(quiz=Campaign.Quiz.REQUIRED)
    faces = []
    for _ in range(15):
        if desk.stage.get_attribute("data-shows") != "face":
            break
        faces.append(desk.answer("1"))
        desk.page.wait_for_timeout(50)
    expect(desk.page.get_by_role("link", name="Go to the quiz")).to_be_visible()
    desk.wait_until_saved()
    assert sorted(stored()) == sorted(faces)
    desk.page.get_by_role("link", name="Go to the quiz").click()
    expect(desk.page).to_have_url(re.compile("/label/light/quiz$"))


def take_over(page: Page, filename: str, campaign, other) -> None:
    """Somebody else votes on the face that is on this page's screen."""
    turn = Turn.objects.get(campaign=campaign, face__filename=filename)
    leases.release(campaign, Lease.objects.get(turn=turn).annotator, [turn.face_id])
    Vote.objects.create(turn=turn, annotator=other, choice="right", source="page")
    Turn.objects.filter(id=turn.id).update(had=1)


def test_a_campaign_closed_meanwhile_keeps_the_answers_and_says_so(desk, people, campaign):
    desk = desk(people.ada)
    Campaign.objects.update(is_open=False)
    face = desk.answer("1")
    expect(desk.rejected).to_contain_text(face)
    expect(desk.rejected).to_contain_text("There is no campaign 'light' for you.")
    Campaign.objects.update(is_open=True)
    desk.page.get_by_role("button", name="Try again").click()
    expect(desk.rejected).to_be_hidden()
    desk.wait_until_saved()
    assert stored() == {face: "left"}


def test_a_refused_answer_is_shown_until_it_was_seen(desk, people, campaign):
    desk = desk(people.ada)
    taken = desk.shown
    take_over(desk.page, taken, campaign, people.ben)
    desk.answer("1")
    good = desk.answer("2")
    expect(desk.rejected).to_contain_text("1 answer not stored")
    expect(desk.rejected).to_contain_text(f"{taken}, “left”")
    expect(desk.rejected).to_contain_text("has all 1 votes it wants")
    assert stored() == {taken: "right", good: "center"}
    desk.page.reload()
    expect(desk.rejected).to_contain_text(taken)
    desk.page.get_by_role("button", name="I have seen this").click()
    expect(desk.rejected).to_be_hidden()
    desk.page.reload()
    desk.wait_for_face()
    expect(desk.rejected).to_be_hidden()


def test_the_theme_is_remembered_from_the_first_byte(visit, people):
    page = visit(people.ada, color_scheme="light").new_page()
    page.goto("/")
    page.get_by_role("button", name="Switch between dark and light").click()
    dark = page.locator("body").evaluate("body => getComputedStyle(body).backgroundColor")
    assert '<html lang="en" data-theme="dark">' in page.request.get("/").text()
    page.reload()
    assert dark == "rgb(19, 20, 23)"
    expect(page.locator("body")).to_have_css("background-color", dark)
