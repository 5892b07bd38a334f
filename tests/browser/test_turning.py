"""A researcher in a real Chromium: choose faces, look at a direction, turn a head by keyboard."""

import re
from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import BrowserContext, expect

from tests.editing.conftest import (  # noqa: F401 the rows these pages show
    ask_embedding,
    direction,
    done,
    edit,
    generator,
    generator_folder,
    kept_probe,
    many,
)

if TYPE_CHECKING:
    from editing.models import Direction, Edit
    from labeling.models import Dataset
    from tests.conftest import People

Visit = Callable[..., BrowserContext]


def test_the_count_and_the_faces_follow_the_filter(
    visit: Visit,
    people: "People",
    many: "Dataset",  # noqa: F811
) -> None:
    page = visit(people.rita).new_page()
    page.goto("/faces")
    expect(page.locator("[data-total]")).to_have_text("120")
    expect(page.locator("[data-grid] li")).to_have_count(48)
    page.get_by_role("link", name="More faces").click()
    expect(page.locator("[data-grid] li")).to_have_count(96)

    page.get_by_label("Yaw from").fill("20")
    n_turned = many.faces.filter(yaw_degrees__gte=20).count()
    expect(page.locator("[data-total]")).to_have_text(str(n_turned))
    expect(page.locator("[data-grid] li")).to_have_count(n_turned)
    expect(page).to_have_url(re.compile("yaw_min=20"))
    assert page.locator("[data-histogram] rect").count() > 3

    page.get_by_text("All 4").click()
    page.get_by_role("button", name="Male", exact=True).click()
    expect(page.get_by_label("Attributes")).to_have_value("Male")
    page.get_by_role("button", name="with Male").click()
    expect(page.get_by_label("Attributes")).to_have_value("-Male")

    page.get_by_label("Yaw below").fill("10")
    expect(page.get_by_role("alert").first).to_contain_text("yaw_min=20 is not below yaw_max=10")


def test_a_face_is_asked_for_and_the_page_waits_for_it(
    visit: Visit,
    people: "People",
    direction: "Direction",  # noqa: F811
) -> None:
    page = visit(people.rita).new_page()
    page.goto(f"/directions/{direction.id}")
    expect(page.get_by_role("heading", name="Clusters")).to_be_visible()
    face = direction.dataset.faces.order_by("id")[1]
    picker = page.get_by_role("group", name="Which face")
    picker.get_by_label("Number").fill(str(face.id))
    expect(picker.get_by_role("radio", name=face.filename)).to_be_checked()
    page.get_by_role("button", name="Turn").click()
    expect(page).to_have_url(re.compile(r"/edits/\d+$"))
    expect(page.get_by_text("Waiting for a worker")).to_be_visible()
    onward = page.get_by_role("link", name="Turn a head along this direction")
    expect(onward).to_be_hidden()
    page.get_by_role("button", name="Cancel").click()
    expect(page.get_by_text("Cancelled")).to_be_visible()
    expect(onward).to_have_attribute("href", f"/directions/{direction.id}#turn")
    expect(onward).to_be_visible()
    edit = direction.edits.get()  # noqa: F811
    assert edit.degrees == [-30 + 5 * step for step in range(13)]
    assert (edit.face_id, edit.status) == (face.id, "cancelled")


def test_the_head_turns_by_keyboard(
    visit: Visit,
    people: "People",
    edit: "Edit",  # noqa: F811
) -> None:
    page = visit(people.rita).new_page()
    page.goto(f"/edits/{edit.id}")
    shown = page.locator(".frames img:visible")
    asked = page.locator("[data-asked]")
    expect(asked).to_have_text("0°")
    assert shown.get_attribute("data-degrees") == "0.0"
    for key, degrees in (("ArrowRight", "+20°"), ("ArrowRight", "+20°"), ("Home", "−20°")):
        page.keyboard.press(key)
        expect(asked).to_have_text(degrees)
        expect(shown).to_have_count(1)
    page.get_by_role("slider").focus()
    page.keyboard.press("ArrowRight")
    expect(asked).to_have_text("0°")
    page.keyboard.press("End")
    expect(asked).to_have_text("+20°")
    page.keyboard.press("0")
    expect(asked).to_have_text("0°")
    pictures = page.locator("main img")
    for picture in pictures.all():
        if picture.is_visible():
            assert picture.evaluate("image => image.decode().then(() => image.naturalWidth)") > 0
    with page.expect_response(lambda answer: answer.url.endswith(".mp4")) as film:
        page.get_by_text("Play", exact=True).click()
    assert film.value.status == 206, "a player asks for parts"
    # One promise: what is asked again and again is evaluated, which the page's own policy forbids.
    known = """film => film.duration || new Promise(told => {
        film.onloadedmetadata = () => told(film.duration);
    })"""
    assert page.locator("video").evaluate(known) > 0


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_no_page_runs_over_a_narrow_screen(
    visit: Visit,
    people: "People",
    edit: "Edit",  # noqa: F811
    scheme: str,
) -> None:
    page = visit(people.rita, color_scheme=scheme).new_page()
    page.set_viewport_size({"width": 390, "height": 800})
    addresses = ("faces", "generators", "directions", "jobs")
    for url in (*addresses, f"directions/{edit.direction_id}", f"edits/{edit.id}"):
        page.goto(f"/{url}")
        page.wait_for_load_state("networkidle")
        over = page.evaluate("document.documentElement.scrollWidth - document.body.clientWidth")
        assert over <= 0, url


def test_a_walk_is_suggested_and_takes_the_place_of_the_loop(
    visit: Visit,
    people: "People",
    direction: "Direction",  # noqa: F811
) -> None:
    from editing.models import Edit

    page = visit(people.rita).new_page()
    page.goto(f"/directions/{direction.id}")
    loop, hold = page.get_by_label("Closed loop"), page.get_by_label("Hold the light")
    walk = page.get_by_label("Walk in strides")
    expect(walk).to_be_checked()
    walk.uncheck()
    loop.check()
    hold.check()
    walk.focus()
    page.keyboard.press("Space")
    for other in (loop, hold):
        expect(other).to_be_disabled()
        expect(other).not_to_be_checked()
    page.get_by_role("button", name="Turn", exact=True).click()
    page.wait_for_url("**/edits/*")
    (asked,) = Edit.objects.all()
    assert asked.settings == {"closed_loop": False, "hold_light": False, "path": "walk"}
