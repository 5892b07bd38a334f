# ruff: noqa: F811 fixtures are asked for by their names
"""The sheet of a search in a real Chromium: it grows, its directions are kept, tried and used."""

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
    from editing.models import Decomposition, Direction, Edit, Generator
    from labeling.models import Face
    from tests.conftest import People

OPEN_ALL = "for (const one of document.querySelectorAll('main details')) one.open = true"


@pytest.fixture
def page(visit: Visit, people: "People") -> Page:
    return visit(people.rita, reduced_motion="reduce", color_scheme="light").new_page()


@pytest.fixture
def turn(generator: "Generator", faces: "list[Face]") -> "Direction":
    """A direction that turns heads, as far as this page needs to know."""
    from editing.models import Direction

    return Direction.objects.create(
        generator=generator, dataset=faces[0].dataset, kind="rotation", filter="yaw_min=-40",
        bins=[-20, 0, 20], status="done",
    )  # fmt: skip


def test_the_sheet_grows_while_the_search_runs_and_a_direction_is_kept(
    page: Page, search: "Decomposition"
) -> None:
    from editing.models import Component

    whole = search.result["components"]
    search.result["components"] = whole[:1]
    search.status, search.progress, search.step = "running", 0.3, "Looking at the eyes"
    search.save()
    page.goto(f"/local/{search.id}")
    expect(page.locator("[data-component]")).to_have_count(1)
    search.result["components"] = whole
    search.save()
    expect(page.locator("[data-component]")).to_have_count(3)
    expect(page.get_by_role("button", name="Edit with it")).to_have_count(0)
    expect(page.get_by_text("Its preview is being drawn")).to_have_count(1)
    search.status, search.progress = "done", 1
    search.save()
    expect(page.get_by_role("button", name="Edit with it")).to_have_count(3)
    preview = page.locator("img.preview").first
    assert preview.evaluate("image => image.decode().then(() => image.naturalWidth)") == 112

    card = page.locator("[data-component]").first
    card.get_by_text("Keep in the library").click()
    card.get_by_label("Name in the library").fill("wider eyes")
    card.get_by_role("button", name="Keep", exact=True).click()
    expect(card.get_by_role("status")).to_have_text("Kept as wider eyes.")
    assert Component.objects.exclude(name="").get().name == "wider eyes"


def test_an_edit_says_only_what_was_asked_for(page: Page, search: "Decomposition") -> None:
    from editing.models import Edit

    page.goto(f"/local/{search.id}")
    page.get_by_role("button", name="Edit with it").nth(1).click()
    expect(page.get_by_role("heading", name="Edit with eyes 2")).to_be_visible()
    page.get_by_label("Hold what lies outside").check()
    page.get_by_label("Fit to the face first").check()
    page.get_by_role("button", name="Edit", exact=True).click()
    expect(page).to_have_url(re.compile(r"/edits/\d+$"))
    edit = Edit.objects.get()
    assert (edit.component.index, edit.strengths[0], len(edit.strengths)) == (1, -0.3, 7)
    assert (edit.face_id, edit.reference_id) == (search.face_id, None)
    assert edit.settings == {"form": "asymmetric", "hold_outside": True, "adapt": True}
    expect(page.get_by_text("Waiting for a worker")).to_be_visible()
    expect(
        page.get_by_text("asymmetric, what lies outside held, directions fitted to the face first")
    ).to_be_visible()


def test_directions_a_turn_and_timesteps_are_put_together(
    page: Page, search: "Decomposition", turn: "Direction", people: "People"
) -> None:
    from editing.jobs.components import keep
    from editing.models import Edit

    first, second, third = search.components.order_by("id")
    keep(second, user=people.rita, name="wider eyes")
    page.goto(f"/local/{search.id}")
    page.get_by_text("Way and timesteps").click()
    page.get_by_label("Form").select_option("symmetric")
    page.get_by_label("Pushed up to timestep").fill("400")
    for _ in range(3):
        page.get_by_role("button", name="Add a direction").press("Enter")
    rows = page.locator("[data-steps] li")
    expect(rows.nth(2).get_by_label("Direction to add")).to_be_focused()
    rows.nth(0).get_by_label("Direction to add").select_option(label="wider eyes (eyes)")
    rows.nth(0).get_by_label("Its strength").fill("-0.15")
    rows.nth(1).get_by_label("Direction to add").select_option(str(third.id))
    rows.nth(2).get_by_role("button", name="Remove").click()
    expect(page.get_by_label("By degrees")).to_be_disabled()
    page.get_by_label("Along").select_option(str(turn.id))
    page.get_by_label("By degrees").fill("-12.5")
    expect(page.locator("[data-composed]")).to_have_text("3 more")
    page.evaluate(OPEN_ALL)
    assert faults_light_and_dark(page) == []
    page.get_by_role("button", name="Edit", exact=True).click()
    expect(page).to_have_url(re.compile(r"/edits/\d+$"))
    edit = Edit.objects.get()
    assert edit.component_id == first.id
    assert edit.settings == {
        "form": "symmetric",
        # The lower edge stays where it usually is.
        "interval": [153, 400],
        "compose": [
            {"component": second.id, "strength": -0.15},
            {"component": third.id, "strength": 0.2},
            {"direction": turn.id, "degrees": -12.5},
        ],
    }
    expect(page.get_by_text("together with wider eyes (-0.15)")).to_be_visible()
    expect(page.get_by_role("link", name=f"direction {turn.id}")).to_be_visible()


def test_what_the_server_refuses_opens_nothing_and_is_told(
    page: Page, search: "Decomposition"
) -> None:
    page.goto(f"/local/{search.id}")
    page.get_by_text("Way and timesteps").click()
    page.get_by_label("Pushed from timestep").fill("600")
    page.get_by_role("button", name="Edit", exact=True).click()
    expect(page.get_by_role("alert")).to_contain_text("interval is [600, 509]")


def test_other_faces_and_a_face_to_come_nearer_to_are_picked_by_keyboard(
    page: Page, search: "Decomposition", faces: "list[Face]"
) -> None:
    from editing.models import Edit

    page.goto(f"/local/{search.id}")
    page.get_by_text("On other faces").click()
    others = page.get_by_role("group", name="Other faces")
    expect(others.get_by_role("checkbox").first).to_be_visible()
    others.get_by_role("checkbox").first.focus()
    for key in ("ArrowRight", "Space", "End", "Space"):
        page.keyboard.press(key)
    shown = others.get_by_role("checkbox").count()
    expect(others.get_by_role("status")).to_have_text(f"{shown} shown, 2 chosen")
    expect(page.locator("[data-chosen-of=face]")).to_have_text("2 chosen instead of this one")
    # What is chosen stays, whatever the filter shows.
    others.get_by_label("Head turned").select_option(label="to your right")
    n_right = sum((face.yaw_degrees or 0) >= 15 for face in faces)
    chosen = [faces[1], faces[min(shown, len(faces)) - 1]]
    n_kept = sum((face.yaw_degrees or 0) < 15 for face in chosen)
    expect(others.get_by_role("checkbox")).to_have_count(n_right + n_kept)
    others.get_by_label("Attributes").fill("Beard")
    expect(others.get_by_role("status")).to_contain_text("'Beard' is unknown")

    page.get_by_text("Towards another face").click()
    towards = page.get_by_role("group", name="Face to come nearer to")
    towards.get_by_label("Number").fill("987654")
    expect(towards.get_by_role("status")).to_have_text("There is no face 987654.")
    towards.get_by_label("Number").fill(str(faces[3].id))
    towards.get_by_label("Number").press("Enter")
    expect(towards.get_by_role("radio")).to_have_count(1)
    expect(towards.get_by_role("radio")).to_be_checked()
    expect(page.locator("[data-chosen-of=reference]")).to_have_text("one chosen")
    assert faults_light_and_dark(page) == []

    page.get_by_role("button", name="Edit", exact=True).click()
    expect(page.locator(".edit-list li")).to_have_count(2)
    expect(page).to_have_url(re.compile(r"#edits$"))
    edits = Edit.objects.order_by("id")
    assert [edit.face_id for edit in edits] == [face.id for face in chosen]
    assert {edit.reference_id for edit in edits} == {faces[3].id}


def test_what_moves_the_whole_face_has_no_outside_and_no_reference(
    page: Page, search: "Decomposition", faces: "list[Face]"
) -> None:
    from editing.models import Edit

    page.goto(f"/local/{search.id}")
    page.get_by_label("Hold what lies outside").check()
    page.get_by_text("Towards another face").click()
    pick(page, "Face to come nearer to", faces[2])
    page.get_by_role("button", name="Edit with it").last.click()
    for label in ("Hold what lies outside", "Fit to the face first"):
        expect(page.get_by_label(label)).to_be_disabled()
    expect(page.get_by_text("Towards another face")).to_be_hidden()
    page.get_by_role("button", name="Edit", exact=True).click()
    expect(page).to_have_url(re.compile(r"/edits/\d+$"))
    edit = Edit.objects.get()
    assert (edit.component.region, edit.reference_id) == ("", None)
    assert edit.settings == {"form": "asymmetric"}


def test_a_finger_picks_a_face_and_runs_over_finished_strengths(
    visit: Visit, people: "People", edited: "Edit", faces: "list[Face]"
) -> None:
    from editing.models import Edit

    page = visit(people.rita, has_touch=True, is_mobile=True).new_page()
    page.set_viewport_size({"width": 390, "height": 844})
    page.goto(f"/local/{edited.component.decomposition_id}")
    card = page.locator("[data-component]").first
    slider = card.get_by_role("slider", name="Strength")
    box = slider.bounding_box()
    slider.scroll_into_view_if_needed()
    slider.tap(position={"x": box["width"] - 4, "y": box["height"] / 2})
    expect(card.locator("[data-asked]")).to_have_text("+0.2")
    expect(card.locator(".frames img:visible")).to_have_attribute("data-strength", "0.2")
    expect(card.get_by_role("link", name="Frame")).to_have_attribute("href", re.compile("frame02"))
    slider.press("0")
    expect(card.locator("[data-asked]")).to_have_text("0")
    page.get_by_text("On other faces").tap()
    group = page.get_by_role("group", name="Other faces")
    group.locator(f"label:has(input[value='{faces[2].id}'])").tap()
    expect(page.locator("[data-chosen-of=face]")).to_be_visible()
    page.get_by_role("button", name="Edit", exact=True).tap()
    expect(page).to_have_url(re.compile(f"/edits/{edited.id + 1}$"))
    assert Edit.objects.get(id=edited.id + 1).face_id == faces[2].id


def test_a_cluster_is_edited_at_once(page: Page, search: "Decomposition") -> None:
    from editing.models import Edit

    page.goto(f"/local/{search.id}")
    page.get_by_text("Every face of a filter").click()
    passing = page.locator("[data-passing]")
    expect(passing).to_contain_text("faces pass")
    page.get_by_label("Yaw from").fill("-40")
    page.get_by_label("Yaw below").fill("-45")
    expect(passing).to_contain_text("yaw_min=-40 is not below yaw_max=-45")
    page.get_by_label("Yaw below").fill("")
    page.get_by_label("How many").fill("3")
    page.get_by_role("button", name="Apply", exact=True).click()
    expect(page.locator(".edit-list li")).to_have_count(3)
    assert Edit.objects.count() == 3
    assert all(edit.face.yaw_degrees >= -40 for edit in Edit.objects.select_related("face"))


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_no_page_runs_over_a_narrow_screen(page: Page, edited: "Edit", scheme: str) -> None:
    page.emulate_media(color_scheme=scheme)
    page.set_viewport_size({"width": 390, "height": 844})
    found = edited.component.decomposition
    pages = ("/local", f"/local/faces/{found.face_id}", f"/local/{found.id}", "/library")
    for address in (*pages, f"/edits/{edited.id}"):
        page.goto(address)
        page.wait_for_load_state("networkidle")
        page.evaluate(OPEN_ALL)
        over = page.evaluate("document.documentElement.scrollWidth - innerWidth")
        assert over <= 0, address
