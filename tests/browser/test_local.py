"""A researcher in a real Chromium: regions by mouse, finger and keyboard, then what is found."""

import re
from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import BrowserContext, Locator, Page, expect

from tests.browser.fingers import Fingers
from tests.browser.test_accessibility import faults_light_and_dark
from tests.editing.conftest import (  # noqa: F401 the rows these pages show
    done,
    generator,
    generator_folder,
)

if TYPE_CHECKING:
    from editing.models import Decomposition, Generator
    from labeling.models import Face
    from tests.conftest import People

Visit = Callable[..., BrowserContext]


@pytest.fixture
def page(
    visit: Visit,
    people: "People",
    generator: "Generator",  # noqa: F811
    faces: "list[Face]",
) -> Page:
    """The first face, ready to be marked."""
    page = visit(people.rita).new_page()
    page.goto(f"/local/faces/{faces[0].id}")
    expect(page.get_by_role("button", name="eyes")).to_be_visible()
    return page


def stage(page: Page) -> Locator:
    return page.locator("[data-stage]")


def at(page: Page, x: float, y: float) -> tuple[float, float]:
    """The place on the screen of a point of the face's crop."""
    stage(page).scroll_into_view_if_needed()
    box = stage(page).bounding_box()
    return box["x"] + x * box["width"], box["y"] + y * box["height"]


def drag(page: Page, *way: tuple[float, float]) -> None:
    page.mouse.move(*at(page, *way[0]))
    page.mouse.down()
    for point in way[1:]:
        page.mouse.move(*at(page, *point), steps=4)
    page.mouse.up()


def choose(page: Page, tool: str) -> None:
    page.get_by_role("radio", name=tool, exact=True).check(force=True)


def ask(page: Page) -> "Decomposition":
    """Press the button; the row that came of it."""
    from editing.models import Decomposition

    page.get_by_role("button", name="Look for directions").click()
    expect(page).to_have_url(re.compile(r"/local/\d+$"))
    return Decomposition.objects.order_by("-id")[0]


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
    generator: "Generator",  # noqa: F811
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


@pytest.fixture
def found(page: Page) -> "Decomposition":
    """A search that a worker has finished: four directions, two of them with a preview."""
    from PIL import Image

    from editing import places

    page.get_by_role("button", name="eyes").click()
    job = ask(page)
    folder = places.decomposition_folder(job.id) / "1"
    folder.mkdir(parents=True)
    Image.linear_gradient("L").resize((112, 16)).convert("RGB").save(folder / "eyes0.png")
    rows = [
        job.components.create(
            method=method, region=region, index=index, singular_value=3 - index, locality=2
        )
        for method, region, index in (("jive", "eyes", 0), ("jive", "eyes", 1), ("joint", "", 0))
    ]
    told = [{"id": row.id, "preview": "eyes0.png" if row.index == 0 else None} for row in rows]
    spectrum = {"name": "eyes", "spectrum": [3, 2, 1.5], "joint_rank": 1, "individual_rank": 2}
    job.result = {"folder": "1", "regions": [spectrum], "components": told[:1]}
    job.status, job.progress, job.step = "running", 0.3, "Looking at the eyes"
    job.save()
    job.told = told
    return job


def test_the_sheet_grows_while_the_search_runs_and_a_direction_is_kept_and_used(
    page: Page, found: "Decomposition"
) -> None:
    from editing.models import Component, Edit

    expect(page.locator("[data-component]")).to_have_count(1)
    found.result["components"] = found.told
    found.save()
    expect(page.locator("[data-component]")).to_have_count(3)
    expect(page.get_by_role("button", name="Edit with it")).to_have_count(0)
    assert page.locator("img.preview").count() == 2
    found.status, found.progress = "done", 1
    found.save()
    expect(page.get_by_role("button", name="Edit with it")).to_have_count(3)
    preview = page.locator("img.preview").first
    assert preview.evaluate("image => image.decode().then(() => image.naturalWidth)") == 112

    card = page.locator("[data-component]").first
    card.get_by_text("Keep in the library").click()
    card.get_by_label("Name in the library").fill("wider eyes")
    card.get_by_role("button", name="Keep", exact=True).click()
    expect(card.get_by_role("status")).to_have_text("Kept as wider eyes.")
    assert Component.objects.exclude(name="").get().name == "wider eyes"

    page.get_by_role("button", name="Edit with it").nth(1).click()
    expect(page.get_by_role("heading", name="Edit with eyes 2")).to_be_visible()
    page.get_by_label("Hold what lies outside").check()
    page.get_by_role("button", name="Edit", exact=True).click()
    expect(page).to_have_url(re.compile(r"/edits/\d+$"))
    edit = Edit.objects.get()
    assert (edit.component.index, edit.strengths[0], len(edit.strengths)) == (1, -0.3, 7)
    assert edit.settings == {"hold_outside": True}
    expect(page.get_by_text("Waiting for a worker")).to_be_visible()

    page.goto("/library")
    expect(page.get_by_role("heading", name="wider eyes")).to_be_visible()
    page.get_by_label("Number of the face to apply wider eyes to").fill(str(found.face_id))
    page.get_by_role("button", name="Apply wider eyes").click()
    expect(page).to_have_url(re.compile(r"/edits/\d+$"))
    page.goto("/library")
    page.get_by_role("button", name="Take wider eyes out").click()
    expect(page.get_by_text("Nothing is kept yet")).to_be_visible()


def test_a_cluster_is_edited_at_once(page: Page, found: "Decomposition") -> None:
    from editing.models import Decomposition, Edit

    page.goto("about:blank")
    Decomposition.objects.update(status="done")
    page.goto(f"/local/{found.id}")
    page.get_by_text("Apply it to many faces").click()
    page.get_by_label("Filter").fill("yaw_min=-45")
    page.get_by_label("How many").fill("3")
    page.get_by_role("button", name="Apply", exact=True).click()
    expect(page.locator(".edit-list li")).to_have_count(3)
    assert Edit.objects.count() == 3


def test_a_local_edit_is_played_by_keyboard(page: Page, found: "Decomposition") -> None:
    from PIL import Image

    from editing import places
    from editing.models import Decomposition, Edit

    page.goto("about:blank")
    Decomposition.objects.update(status="done")
    edit = Edit.objects.create(
        kind="local", face=found.face, component=found.components.first(), strengths=[-0.2, 0, 0.2],
        status="done",
    )  # fmt: skip
    folder = places.edit_folder(edit.id) / "1"
    folder.mkdir(parents=True)
    for name in ("frame00.png", "frame01.png", "frame02.png", "strip.png", "difference.png"):
        Image.new("RGB", (16, 16), "teal").save(folder / name)
    frames = [
        {"strength": s, "file": f"frame{i:02d}.png", "roir": 0.4}
        for i, s in enumerate([-0.2, 0, 0.2])
    ]
    edit.result = {
        "folder": "1",
        "frames": frames,
        "strip": "strip.png",
        "animation": None,
        "difference": "difference.png",
        "measured": {"identity": {"cosine": 0.98}},
    }
    edit.save()
    page.goto(f"/edits/{edit.id}")
    asked = page.locator("[data-asked]")
    expect(asked).to_have_text("0")
    for key, strength in (("ArrowRight", "+0.2"), ("Home", "−0.2"), ("0", "0"), ("End", "+0.2")):
        page.keyboard.press(key)
        expect(asked).to_have_text(strength)
        expect(page.locator(".frames img:visible")).to_have_count(1)
    expect(page.get_by_text("Identity cosine")).to_be_visible()
    expect(page.get_by_role("link", name="This frame")).to_have_attribute(
        "href", re.compile("frame02.png")
    )
    assert faults_light_and_dark(page) == []
    page.get_by_label("A face's number").fill(str(found.face_id))
    page.get_by_role("button", name="Apply").click()
    expect(page).to_have_url(re.compile(f"/edits/{edit.id + 1}$"))
    assert Edit.objects.get(id=edit.id + 1).strengths == [-0.2, 0, 0.2]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_no_page_runs_over_a_narrow_screen(page: Page, found: "Decomposition", scheme: str) -> None:
    from editing.models import Decomposition

    page.goto("about:blank")  # a page that waits for the job would load itself anew
    Decomposition.objects.update(status="done")
    page.emulate_media(color_scheme=scheme)
    page.set_viewport_size({"width": 390, "height": 844})
    for address in ("/local", f"/local/faces/{found.face_id}", f"/local/{found.id}", "/library"):
        page.goto(address)
        page.wait_for_load_state("networkidle")
        over = page.evaluate("document.documentElement.scrollWidth - innerWidth")
        assert over <= 0, address
