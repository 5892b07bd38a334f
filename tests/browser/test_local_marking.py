# ruff: noqa: F811 fixtures are asked for by their names
"""A researcher marks regions of a face in a real Chromium: by mouse, finger and keyboard."""

import re
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import Page, expect

from tests.browser.fingers import Fingers
from tests.browser.regions import (  # noqa: F401 the fixtures
    Visit,
    ask,
    at,
    choose,
    done,
    drag,
    generator,
    generator_folder,
    page,
    stage,
)
from tests.browser.test_accessibility import faults_light_and_dark

if TYPE_CHECKING:
    from editing.models import Generator
    from labeling.models import Face
    from tests.conftest import People


def test_a_proposal_is_one_press_and_the_search_can_be_cancelled(page: Page) -> None:
    expect(page.get_by_role("button", name="Look for directions")).to_be_disabled()
    page.get_by_role("button", name="eyes").click()
    page.get_by_role("button", name="mouth").click()
    expect(page.locator(".region")).to_have_count(3)
    job = ask(page)
    assert [region["name"] for region in job.regions] == ["eyes", "mouth"]
    expect(page.get_by_text("Waiting for a worker")).to_be_visible()
    page.get_by_role("button", name="Cancel").click()
    expect(page.get_by_text("Cancelled")).to_be_visible()
    job.refresh_from_db()
    assert job.status == "cancelled"


def test_directions_may_be_settled_on_other_people(page: Page) -> None:
    page.get_by_role("button", name="eyes").click()
    page.get_by_label("Fit for other people, too").fill("2")
    page.get_by_label("Settle on these people at visible size").check()
    job = ask(page)
    assert (job.pool["faces"], job.pool["settle"]) == (2, True)
    expect(page.get_by_text("settled on 2 other faces as well")).to_be_visible()


def test_rectangle_polygon_and_brush_are_drawn_by_mouse(page: Page) -> None:
    drag(page, (0.2, 0.3), (0.5, 0.6))
    choose(page, "Polygon")
    for corner in ((0.6, 0.6), (0.9, 0.6), (0.75, 0.9), (0.6, 0.6)):
        page.mouse.click(*at(page, *corner))
    page.get_by_role("button", name="New region").click()
    choose(page, "Brush")
    drag(page, (0.1, 0.1), (0.5, 0.1), (0.5, 0.2))
    page.emulate_media(color_scheme="light", reduced_motion="reduce")
    assert faults_light_and_dark(page) == []
    (first, second) = ask(page).regions
    box, polygon = first["shapes"]
    assert box["box"] == pytest.approx([0.2, 0.3, 0.5, 0.6], abs=0.01)
    corners = [[0.6, 0.6], [0.9, 0.6], [0.75, 0.9]]
    for point, corner in zip(polygon["points"], corners, strict=True):
        assert point == pytest.approx(corner, abs=0.01)
    (stroke,) = second["shapes"]
    assert stroke["kind"] == "brush"
    assert stroke["points"][0] == pytest.approx([0.1, 0.1], abs=0.01)
    assert stroke["points"][-1] == pytest.approx([0.5, 0.2], abs=0.02)


def test_a_shape_is_moved_by_mouse_mirrored_and_undone(page: Page) -> None:
    drag(page, (0.2, 0.3), (0.4, 0.5))
    choose(page, "Move")
    drag(page, (0.3, 0.4), (0.4, 0.6))
    page.get_by_role("button", name="Mirror").click()
    expect(page.locator(".region")).to_have_count(2)
    page.get_by_role("button", name="Undo a shape").click()
    expect(page.locator(".region")).to_have_count(1)
    page.get_by_role("button", name="Mirror").click()
    here, there = ask(page).regions[0]["shapes"]
    assert here["box"] == pytest.approx([0.3, 0.5, 0.5, 0.7], abs=0.01)
    assert there["box"] == pytest.approx([0.5, 0.5, 0.7, 0.7], abs=0.01)


def test_everything_is_drawn_by_keyboard_and_said_aloud(page: Page) -> None:
    said = page.locator("[data-said]")
    stage(page).focus()
    page.keyboard.press("Enter")
    expect(said).to_contain_text("A rectangle. Arrows move it")
    for key in ("ArrowLeft", "ArrowUp", "Shift+ArrowRight", "Shift+ArrowDown", "Enter"):
        page.keyboard.press(key)
    expect(said).to_have_text("rectangle added to region 1.")
    page.keyboard.press("ArrowDown")  # what was just drawn is chosen
    expect(said).to_have_text("38 to 60 across, 40 to 62 down")

    choose(page, "Polygon")
    stage(page).focus()
    page.keyboard.press("Enter")
    expect(said).to_contain_text("Point 1. 2 more at least.")
    for _ in range(5):
        page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")
    for _ in range(5):
        page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    page.keyboard.press("Delete")
    expect(said).to_have_text("Last point removed.")
    page.keyboard.press("ArrowUp")
    page.keyboard.press("Enter")
    expect(said).to_have_text("polygon added to region 1.")

    choose(page, "Brush")
    stage(page).focus()
    page.keyboard.press("Enter")
    for _ in range(4):
        page.keyboard.press("ArrowUp")
    page.keyboard.press("Enter")
    expect(said).to_have_text("brush added to region 1.")
    page.keyboard.press("Enter")
    page.keyboard.press("Escape")
    expect(said).to_have_text("Cancelled.")
    expect(page.locator(".region")).to_have_count(3)

    choose(page, "Move")
    stage(page).focus()
    page.keyboard.press("Enter")
    expect(said).to_contain_text("rectangle 1 of 3")
    page.keyboard.press("Delete")
    expect(said).to_contain_text("region 1 has 2 shapes")
    polygon, stroke = ask(page).regions[0]["shapes"]
    assert polygon["points"] == [[0.5, 0.5], [0.6, 0.5], [0.6, 0.6]]
    assert (stroke["kind"], len(stroke["points"])) == ("brush", 5)


def test_regions_are_drawn_by_finger(
    visit: Visit,
    people: "People",
    generator: "Generator",
    faces: "list[Face]",
) -> None:
    context = visit(people.rita, has_touch=True, is_mobile=True, device_scale_factor=2)
    page = context.new_page()
    page.set_viewport_size({"width": 390, "height": 844})
    page.goto(f"/local/faces/{faces[0].id}")
    expect(page.get_by_role("button", name="eyes")).to_be_visible()
    fingers = Fingers(page)
    fingers.drag(at(page, 0.2, 0.3), at(page, 0.6, 0.7))
    fingers.up()
    expect(page.locator(".region")).to_have_count(1)
    (shape,) = ask(page).regions[0]["shapes"]
    assert shape["box"] == pytest.approx([0.2, 0.3, 0.6, 0.7], abs=0.02)


def test_a_region_is_named_kept_and_found_again_on_another_face(
    page: Page, faces: "list[Face]"
) -> None:
    from editing.models import Region

    drag(page, (0.2, 0.3), (0.4, 0.5))
    page.get_by_label("Name of region 1").fill("left eye")
    page.get_by_label("Name of region 1").press("Tab")
    page.get_by_role("button", name="Keep left eye").click()
    expect(page.get_by_role("button", name="Kept left eye")).to_be_disabled()
    assert Region.objects.get().name == "left eye"
    drag(page, (0.6, 0.3), (0.8, 0.5))
    page.get_by_role("button", name="Keep again left eye").click()
    expect(page.get_by_role("button", name="Kept left eye")).to_be_disabled()
    assert len(Region.objects.get().shapes) == 2
    page.get_by_role("button", name="Remove left eye").click()
    expect(page.get_by_text("Nothing yet")).to_be_visible()

    page.goto(f"/local/faces/{faces[1].id}")
    page.get_by_role("button", name="left eye", exact=True).click()
    expect(page.locator(".region")).to_have_count(2)
    (region,) = ask(page).regions
    assert region["name"] == "left eye"

    page.goto(f"/local?face={faces[0].id}")
    expect(page).to_have_url(re.compile(f"/local/faces/{faces[0].id}$"))
    page.get_by_role("button", name="Delete left eye", exact=True).click()
    assert Region.objects.count() == 1, "one press is no deletion"
    page.get_by_role("button", name="Really delete left eye").click()
    expect(page.get_by_role("heading", name="Kept earlier")).to_be_hidden()
    assert Region.objects.count() == 0


def test_what_the_server_refuses_is_told_beside_the_button(page: Page) -> None:
    drag(page, (0.003, 0.003), (0.997, 0.997))
    page.get_by_role("button", name="Look for directions").click()
    expect(page.get_by_role("alert")).to_contain_text("covers the whole face")
