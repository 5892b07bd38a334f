# ruff: noqa: F811 fixtures are asked for by their names
"""One local edit and the library in a real Chromium: played by keyboard, applied to other faces."""

import re
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import Page, expect

from tests.browser.regions import (  # noqa: F401 the fixtures
    Visit,
    done,
    edited,
    generator,
    generator_folder,
    pick,
    search,
)
from tests.browser.test_accessibility import faults_light_and_dark

if TYPE_CHECKING:
    from editing.models import Decomposition, Edit
    from labeling.models import Face
    from tests.conftest import People


@pytest.fixture
def page(visit: Visit, people: "People") -> Page:
    return visit(people.rita, reduced_motion="reduce", color_scheme="light").new_page()


def test_a_local_edit_is_played_by_keyboard_and_applied_to_others(
    page: Page, edited: "Edit", faces: "list[Face]"
) -> None:
    from editing.models import Edit

    page.goto(f"/edits/{edited.id}")
    asked = page.locator("[data-asked]")
    expect(asked).to_have_text("0")
    for key, strength in (("ArrowRight", "+0.2"), ("Home", "−0.2"), ("0", "0"), ("End", "+0.2")):
        page.keyboard.press(key)
        expect(asked).to_have_text(strength)
        expect(page.locator(".frames img:visible")).to_have_count(1)
    page.get_by_role("slider").press("0")
    expect(asked).to_have_text("0")
    expect(page.get_by_text("Identity cosine")).to_be_visible()
    expect(page.get_by_text("the region changes more than all the rest")).to_be_visible()
    told = "asymmetric, pushed between timesteps 153 and 509, what lies outside held"
    expect(page.get_by_text(told)).to_be_visible()
    expect(page.get_by_role("link", name="This frame")).to_have_attribute(
        "href", re.compile("frame01.png")
    )
    apply = page.get_by_role("button", name="Apply")
    expect(apply).to_be_disabled()
    pick(page, "Which", faces[2])
    assert faults_light_and_dark(page) == []
    apply.click()
    expect(page).to_have_url(re.compile(f"/edits/{edited.id + 1}$"))
    again = Edit.objects.get(id=edited.id + 1)
    assert (again.face_id, again.strengths) == (faces[2].id, [-0.2, 0, 0.2])


def test_the_library_applies_a_direction_to_some_faces_and_lets_it_go(
    page: Page, search: "Decomposition", people: "People", faces: "list[Face]"
) -> None:
    from editing.jobs.components import keep
    from editing.models import Edit

    keep(search.components.order_by("id")[0], user=people.rita, name="wider eyes")
    page.goto("/library")
    expect(page.get_by_role("heading", name="wider eyes")).to_be_visible()
    page.get_by_role("button", name="Apply wider eyes").press("Enter")
    dialog = page.get_by_role("dialog", name="Apply wider eyes")
    dialog.get_by_role("button", name="Close").click()
    expect(dialog).to_be_hidden()
    page.get_by_role("button", name="Apply wider eyes").click()
    pick(page, "To which faces", faces[1], faces[2])
    assert faults_light_and_dark(page) == []
    dialog.get_by_role("button", name="Apply", exact=True).click()
    expect(page).to_have_url(re.compile("/local#edited$"))
    assert [edit.face_id for edit in Edit.objects.order_by("id")] == [faces[1].id, faces[2].id]
    page.goto("/library")
    page.get_by_role("button", name="Take wider eyes out").click()
    expect(page.get_by_text("Nothing is kept yet")).to_be_visible()
