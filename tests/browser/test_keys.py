"""Keys as each person wants them, a closer look, and one's own pace."""

import pytest
from playwright.sync_api import expect

from labeling.models import User
from tests.browser.test_label import stored


@pytest.mark.parametrize(
    ("layout", "keys"),
    [
        ("A S D F", ["a", "s", "d", "f"]),
        ("J K L ;", ["j", "k", "l", ";"]),
        ("Digits only", ["1", "2", "3", "0"]),
    ],
)
def test_a_layout_is_chosen_in_the_guide_shown_at_once_and_kept(layout, keys, desk, people):
    desk = desk(people.ada)
    desk.page.keyboard.press("?")
    with desk.page.expect_response("**/api/me/keys"):
        desk.page.get_by_label(layout).check()
    desk.page.keyboard.press("Escape")
    legends = desk.page.locator(".answer kbd")
    shown = [key.upper() for key in keys]
    expect(legends).to_have_text(shown)
    first = desk.shown
    if layout != "Digits only":
        desk.page.keyboard.press("ArrowLeft")  # the campaign's own key, in the other layout
    assert desk.shown == first
    faces = desk.answer_all(keys)
    assert desk.answer("1") not in faces  # digits answer in every layout
    desk.page.reload()
    desk.wait_for_face()
    expect(legends).to_have_text(shown)
    desk.wait_until_saved()
    choices = stored()
    assert [choices[face] for face in faces] == ["left", "center", "right", "unsure"]
    assert User.objects.get(username="ben").key_layout == "arrows"


def test_the_zoom_key_holds_or_stays_and_the_answer_ends_it(desk, people):
    desk = desk(people.ada)
    frame = desk.page.locator("[data-frame]")
    whole = frame.locator("img").bounding_box()["width"]
    desk.page.keyboard.down("x")
    expect(frame).to_have_attribute("data-zoomed", "")
    assert frame.locator("img").bounding_box()["width"] > 2 * whole
    assert desk.say().startswith("Zoomed in.")
    desk.page.wait_for_timeout(300)
    desk.page.keyboard.up("x")
    expect(frame).not_to_have_attribute("data-zoomed", "")
    desk.page.keyboard.press("x")
    expect(frame).to_have_attribute("data-zoomed", "")
    before = frame.locator("img").bounding_box()["x"]
    first = desk.shown
    desk.page.keyboard.press("Shift+ArrowRight")
    assert frame.locator("img").bounding_box()["x"] < before - 20
    assert desk.shown == first, "with Shift, an arrow moves and does not answer"
    desk.answer("ArrowLeft")
    expect(frame).not_to_have_attribute("data-zoomed", "")
    assert desk.say().startswith("Left.")
    desk.page.keyboard.press("z")
    assert desk.shown == first
    assert frame.locator("img").bounding_box()["width"] == whole


def test_the_mouse_zooms_where_it_points_and_never_answers(desk, people):
    desk = desk(people.ada)
    frame = desk.page.locator("[data-frame]")
    picture = frame.locator("img")
    box = frame.bounding_box()
    x, y = box["x"] + box["width"] * 0.25, box["y"] + box["height"] * 0.25
    desk.page.mouse.click(x, y)
    expect(desk.page.locator("[data-zoom]")).to_have_attribute("aria-pressed", "true")
    zoomed = picture.bounding_box()
    assert (x - zoomed["x"]) / zoomed["width"] == pytest.approx(0.25, abs=0.01)
    assert (y - zoomed["y"]) / zoomed["height"] == pytest.approx(0.25, abs=0.01)
    desk.page.mouse.down()
    desk.page.mouse.move(x - 60, y, steps=4)
    desk.page.mouse.up()
    assert picture.bounding_box()["x"] == pytest.approx(zoomed["x"] - 60, abs=2)
    desk.page.mouse.wheel(0, 2000)
    expect(frame).not_to_have_attribute("data-zoomed", "")
    assert picture.bounding_box() == box
    desk.wait_until_saved()
    assert stored() == {}


def test_own_pace_counts_today_speed_and_what_went_without_a_pause(desk, people):
    desk = desk(people.ada)
    page = desk.page
    today, streak = page.locator("[data-pace-today]"), page.locator("[data-pace-streak]")
    expect(today).to_have_text("0")
    desk.answer_all(["1"] * 9)
    expect(streak).to_have_text("")
    desk.answer("2")
    expect(streak).to_have_text("10 without a pause")
    assert int(page.locator("[data-pace-speed]").inner_text()) > 10
    page.keyboard.press("z")
    expect(today).to_have_text("9")
    desk.wait_until_saved()
    page.reload()
    expect(today).to_have_text("9")


@pytest.mark.parametrize("width", [1280, 1000, 390])
def test_nothing_moves_while_somebody_works(width, desk, people):
    desk = desk(people.ada)
    page = desk.page
    page.set_viewport_size({"width": width, "height": 844})
    page.reload()
    desk.wait_for_face()
    page.evaluate(
        "window.shift = 0; new PerformanceObserver((list) => {"
        " for (const entry of list.getEntries()) window.shift += entry.value;"
        "}).observe({type: 'layout-shift'})"
    )
    desk.answer_all(["1", "2", "3", "u"] * 6)
    page.keyboard.press("z")
    desk.wait_until_saved()
    page.context.set_offline(True)
    desk.answer("1")
    expect(desk.saved).to_contain_text("Offline.")
    page.context.set_offline(False)
    desk.wait_until_saved()
    page.wait_for_timeout(200)
    assert page.evaluate("window.shift") < 0.01
