"""A phone: taps and swipes on the face, a pinch, nothing by accident, all within one screen."""

from collections.abc import Callable

import pytest
from playwright.sync_api import expect

from labeling import queue
from tests.browser.desk import Desk
from tests.browser.fingers import Fingers, at
from tests.browser.test_label import stored


@pytest.fixture
def phone(visit, campaign) -> Callable[..., tuple[Desk, Fingers]]:
    """phone(user) is the label page on that person's phone, and their fingers."""

    def take(user, slug: str = campaign.slug, size: tuple[int, int] = (390, 844)):
        context = visit(user, has_touch=True, is_mobile=True, device_scale_factor=2)
        page = context.new_page()
        page.set_viewport_size({"width": size[0], "height": size[1]})
        return Desk.open(page, slug), Fingers(page)

    return take


def test_a_tap_answers_by_the_third_of_the_face_it_falls_on(phone, people):
    desk, fingers = phone(people.ada)
    faces = []
    for share in (0.1, 0.5, 0.9):
        faces.append(desk.shown)
        fingers.tap(at(desk.stage, share, 0.4))
        desk.page.wait_for_timeout(200)
    desk.wait_until_saved()
    assert stored() == dict(zip(faces, ["left", "center", "right"], strict=True))


def test_a_swipe_answers_by_its_way(phone, people):
    desk, fingers = phone(people.ada)
    faces = []
    middle = at(desk.stage, 0.5, 0.5)
    for dx, dy in ((-110, 5), (110, -5), (8, 110), (0, -110)):
        faces.append(desk.shown)
        fingers.swipe(middle, (middle[0] + dx, middle[1] + dy))
        desk.page.wait_for_timeout(200)
    desk.wait_until_saved()
    assert stored() == dict(zip(faces, ["left", "right", "center", "unsure"], strict=True))
    assert desk.page.evaluate("[scrollX, scrollY, visualViewport.scale]") == [0, 0, 1]


def test_a_swipe_says_what_it_would_answer_and_going_back_answers_nothing(phone, people):
    desk, fingers = phone(people.ada)
    hint = desk.page.locator("[data-gesture]")
    x, y = at(desk.stage, 0.5, 0.5)
    expect(hint).to_be_hidden()
    fingers.drag((x, y), (x - 40, y))
    expect(hint).to_have_text("Left")
    expect(desk.stage).not_to_have_attribute("data-sure", "")
    fingers.move((x - 100, y))
    expect(desk.stage).to_have_attribute("data-sure", "")
    fingers.move((x - 90, y - 80))
    expect(desk.stage).not_to_have_attribute("data-sure", "")
    fingers.move((x - 5, y))
    expect(hint).to_be_hidden()
    first = desk.shown
    fingers.up()
    assert desk.shown == first
    desk.wait_until_saved()
    assert stored() == {}


def test_two_fingers_zoom_and_one_moves_without_answering(phone, people):
    desk, fingers = phone(people.ada)
    first = desk.shown
    x, y = at(desk.stage, 0.5, 0.5)
    fingers.down((x - 30, y), (x + 30, y))
    for spread in (40, 60, 80, 100):
        fingers.move((x - spread, y), (x + spread, y))
    fingers.up()
    frame = desk.page.locator("[data-frame]")
    expect(frame).to_have_attribute("data-zoomed", "")
    picture = frame.locator("img")
    before = picture.bounding_box()
    assert before["width"] > 2.5 * frame.bounding_box()["width"]
    fingers.swipe((x, y), (x - 100, y))
    assert picture.bounding_box()["x"] < before["x"] - 60
    fingers.tap((x, y))
    assert desk.shown == first
    assert desk.page.evaluate("visualViewport.scale") == 1
    desk.page.get_by_role("button", name="Right").tap()
    expect(frame).not_to_have_attribute("data-zoomed", "")
    desk.wait_until_saved()
    assert stored() == {first: "right"}


def test_a_finger_that_rests_or_bounces_answers_nothing_more(phone, people):
    desk, fingers = phone(people.ada)
    first = desk.shown
    point = at(desk.stage, 0.9, 0.5)
    fingers.down(point)
    desk.page.wait_for_timeout(700)
    fingers.up()
    assert desk.shown == first
    fingers.tap(point)
    fingers.tap(point)  # at once: meant for the face before
    desk.wait_until_saved()
    assert stored() == {first: "right"}


def test_a_campaign_without_sides_is_answered_by_its_buttons_alone(phone, people, dataset_of):
    choices = [
        {"value": "smile", "label": "Smiles", "key": "s", "mirror": "smile"},
        {"value": "none", "label": "Does not", "key": "n", "mirror": "none"},
    ]
    queue.create_campaign(
        dataset_of(12, name="others"), "smiles", title="Smiles", prompt="A smile?", choices=choices
    )
    desk, fingers = phone(people.ada, "smiles")
    first = desk.shown
    middle = at(desk.stage, 0.5, 0.5)
    fingers.tap(middle)
    fingers.drag(middle, (middle[0] - 120, middle[1]))
    desk.page.wait_for_timeout(200)  # a finger at rest: the browser ignores a tap during a fling
    fingers.move((middle[0] - 120.5, middle[1]))
    fingers.up()
    assert desk.shown == first
    desk.page.get_by_role("button", name="Smiles").tap()
    expect(desk.page.locator("[data-pace-today]")).to_have_text("1")
    desk.wait_until_saved()
    assert stored() == {first: "smile"}


@pytest.mark.parametrize("size", [(390, 844), (360, 640), (844, 390)])
def test_everything_is_within_one_screen_and_large_enough(phone, people, size):
    desk, _ = phone(people.ada, size=size)
    inside = "[document.documentElement.scrollWidth, document.documentElement.scrollHeight]"
    assert desk.page.evaluate(inside) == list(size)
    boxes = [button.bounding_box() for button in desk.page.locator(".board button:visible").all()]
    assert len(boxes) == 8
    for number, box in enumerate(boxes):
        assert min(box["width"], box["height"]) >= 40, box
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= size[0]
        assert box["y"] + box["height"] <= size[1]
        for other in boxes[:number]:
            apart = (
                box["x"] >= other["x"] + other["width"] - 0.5
                or other["x"] >= box["x"] + box["width"] - 0.5
                or box["y"] >= other["y"] + other["height"] - 0.5
                or other["y"] >= box["y"] + box["height"] - 0.5
            )
            assert apart, (box, other)
