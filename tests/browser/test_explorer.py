"""A researcher in the explorer: choose, see means, fit, compare two directions, take figures."""

import json
import re
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from tests.browser.test_accessibility import faults_light_and_dark
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
    from labeling.models import Campaign, Dataset
    from tests.conftest import People

Visit = Callable[..., BrowserContext]


@pytest.fixture
def campaign(many: "Dataset") -> "Campaign":  # noqa: F811
    """Faces lit from both sides by turns, as their pictures are."""
    from labeling.models import Consensus
    from labeling.queue import create_campaign

    campaign = create_campaign(many, "light", title="Light")
    Consensus.objects.bulk_create(
        Consensus(
            campaign=campaign,
            face=face,
            choice=("left", "right")[index % 2],
            probability=0.9,
            probabilities=[0.9, 0, 0.1],
            source="human",
        )
        for index, face in enumerate(many.faces.order_by("filename"))
    )
    return campaign


@pytest.fixture
def against(direction: "Direction") -> "Direction":  # noqa: F811
    """A second direction: the first one's figures, another filter and recipe."""
    from editing.models import Direction

    row = Direction.objects.get(id=direction.id)
    row.id = None
    row.filter, row.recipe = "yaw_min=-40", {"bin_rule": "count"}
    row.result["pca"] = {
        "explained": [0.6, 0.2],
        "centroids": [{"yaw": yaw, "count": 9, "xy": [yaw, yaw**2 / 40]} for yaw in (-20, 0, 20)],
        "left": [[0, 0], [-20, 8]],
        "right": [[0, 0], [20, 12]],
    }
    row.save(force_insert=True)
    return row


def work(model: Any) -> Any:
    """Do the newest row's work, as a worker would once it is rung."""
    from editing import runs
    from editing.models import FigureSet, MeanFaces
    from labeling import worker

    job = model.objects.order_by("-id").first()
    run = {MeanFaces: runs.draw_mean_faces, FigureSet: runs.draw_figures}[model]
    worker.run(model, job.id, run)
    job.refresh_from_db()
    assert job.error is None
    return job


def open_explorer(page: Page, query: str = "") -> None:
    page.goto(f"/explorer{query}")
    expect(page.locator("[data-total]")).not_to_have_text("…")


def test_counts_and_histogram_follow_every_filter(
    visit: Visit, people: "People", campaign: "Campaign"
) -> None:
    page = visit(people.rita).new_page()
    page.goto("/")
    page.get_by_role("navigation", name="Main").get_by_role("link", name="Explorer").click()
    total = page.locator("[data-total]")
    expect(total).to_have_text("120")
    expect(page.locator("[data-legend] li")).to_have_text(["left 60", "right 60"])
    page.get_by_role("checkbox", name="Left").check()
    expect(total).to_have_text("60")
    expect(page.locator("[data-legend] li")).to_have_text(["left 60"])
    page.get_by_label("Believed with at least").fill("0.95")
    expect(total).to_have_text("0")
    page.get_by_label("Believed with at least").fill("0.9")
    page.get_by_label("Identity").fill("1,2")
    expect(total).to_have_text("3")
    page.get_by_label("Split").select_option("test")
    expect(total).to_have_text("0")
    page.get_by_label("Split").select_option("")
    page.get_by_label("Attributes", exact=True).fill("Male")
    expect(total).to_have_text("0")
    page.get_by_label("Attributes", exact=True).fill("-Male")
    expect(total).to_have_text("3")
    expect(page).to_have_url(re.compile("consensus=left"))
    # What stands in the address is there again.
    page.reload()
    expect(total).to_have_text("3")
    page.get_by_label("Attributes", exact=True).fill("Beard")
    expect(page.get_by_role("alert").first).to_contain_text("'Beard' is unknown")
    page.get_by_label("Attributes", exact=True).fill("")
    page.get_by_role("link", name="See these faces").click()
    expect(page).to_have_url(re.compile(r"/faces\?consensus=left"))


def test_mean_faces_are_drawn_for_the_selection_beside_the_published_distances(
    visit: Visit, people: "People", campaign: "Campaign"
) -> None:
    from editing.models import MeanFaces

    page = visit(people.rita).new_page()
    open_explorer(page)
    page.get_by_role("button", name="Draw them for this selection").click()
    expect(page).to_have_url(re.compile(r"means=\d+#means"))
    expect(page.get_by_text("Waiting for a worker")).to_be_visible()
    job = work(MeanFaces)
    means = page.get_by_role("group", name="Mean faces and the distances")
    expect(means.get_by_role("img").first).to_be_visible()
    picture = means.get_by_role("img").first
    assert picture.evaluate("image => image.decode().then(() => image.naturalWidth)") == 128
    gap = f"{job.result['between_poses'][0][0] or 0:.4f}".removeprefix("0")
    first = page.locator(".gap").first
    expect(first).to_contain_text("(.0066)")
    expect(first).to_contain_text("–" if job.result["between_poses"][0][0] is None else gap)
    stale = page.get_by_text("These are of an earlier selection")
    expect(stale).to_be_hidden()
    page.get_by_role("checkbox", name="Left").check()
    expect(stale).to_be_visible()


def test_a_fit_is_asked_for_with_its_options_and_becomes_the_direction_to_compare(
    visit: Visit,
    people: "People",
    direction: "Direction",  # noqa: F811
) -> None:
    from editing.models import Direction

    page = visit(people.rita).new_page()
    open_explorer(page, f"?yaw_min=-40&a={direction.id}")
    page.get_by_label("Edges of the yaw bins").fill("-40, -20, 0, 20, 40")
    page.get_by_label("Bins", exact=True).select_option("count")
    page.get_by_label("Ridge").fill("2.5")
    page.get_by_label("Subtract").fill("Male, Smiling")
    page.get_by_label("Mirror each face").check()
    page.get_by_role("button", name="Fit, and compare").click()
    expect(page).to_have_url(re.compile(rf"yaw_min=-40&a={direction.id}&b=\d+#compare"))
    asked = Direction.objects.order_by("-id").first()
    assert (asked.filter, asked.bins) == ("yaw_min=-40", [-40, -20, 0, 20, 40])
    assert asked.recipe == {
        **asked.recipe,
        "bin_rule": "count",
        "ridge": 2.5,
        "subtract": ["Male", "Smiling"],
        "mirror": True,
        "points": "centroids",
    }
    expect(page.get_by_text("Waiting for a worker")).to_be_visible()
    page.get_by_role("button", name="Cancel").click()
    expect(page.get_by_text("Cancelled")).to_be_visible()

    page.get_by_label("Edges of the yaw bins").fill("10, 20")
    page.get_by_role("button", name="Fit with this selection").click()
    expect(page.get_by_role("alert").last).to_contain_text("two or more on each side of 0")


def test_two_directions_turn_one_face_with_one_slider(
    visit: Visit,
    people: "People",
    edit: "Edit",  # noqa: F811
    against: "Direction",
) -> None:
    from editing.models import Edit

    page = visit(people.rita, reduced_motion="reduce", color_scheme="light").new_page()
    open_explorer(page)
    page.get_by_label("A", exact=True).select_option(str(edit.direction_id))
    page.get_by_label("B", exact=True).select_option(str(against.id))
    page.get_by_role("button", name="Show", exact=True).click()
    table = page.get_by_role("table", name="Figures of the directions")
    expect(table.get_by_role("row", name="bin rule")).to_contain_text("count")
    expect(
        table.get_by_role("row", name="off the asked degrees").get_by_role("cell")
    ).to_have_count(2)
    expect(page.get_by_role("img", name="Centroids of the yaw bins").last).to_be_visible()
    expect(page.locator("#compare .plot .second rect").first).to_be_visible()

    page.get_by_label("In steps of").select_option("10")
    expect(page.get_by_label("Hold the light")).to_be_disabled()
    page.get_by_label("Closed loop").check()
    page.get_by_label("Hold the light").check()
    page.get_by_role("button", name="Turn", exact=True).click()
    expect(page).to_have_url(re.compile(r"turn_a=\d+&turn_b=\d+#turn"))
    a, b = Edit.objects.filter(status="queued").order_by("id")
    assert (a.direction_id, b.direction_id) == (edit.direction_id, against.id)
    assert a.face_id == b.face_id
    assert a.settings == b.settings == {"closed_loop": True, "hold_light": True}
    assert a.degrees == b.degrees == [-30, -20, -10, 0, 10, 20, 30]
    expect(page.get_by_text("Waiting for a worker")).to_have_count(2)

    # The same frames along both, as a worker would have left them.
    Edit.objects.filter(id=b.id).update(status="cancelled")
    Edit.objects.filter(id=a.id).update(status="cancelled")
    twin = Edit.objects.get(id=edit.id)
    twin.id, twin.direction_id = None, against.id
    twin.save(force_insert=True)
    copy_files(edit.id, twin.id)
    query = f"?a={edit.direction_id}&b={against.id}&turn_a={edit.id}&turn_b={twin.id}"
    open_explorer(page, query)
    slider = page.get_by_role("slider", name="Turned by")
    shown = page.locator(".stages img:visible")
    asked = page.locator("strong[data-asked]")
    slider.focus()
    for key, degrees in (("Home", "−20°"), ("ArrowRight", "0°"), ("End", "+20°"), ("0", "0°")):
        page.keyboard.press(key)
        expect(asked).to_have_text(degrees)
        expect(shown).to_have_count(2)
        drawn = shown.evaluate_all("images => images.map(image => image.dataset.degrees)")
        assert len(set(drawn)) == 1
    assert "measured" in (slider.get_attribute("aria-valuetext") or "")
    page.wait_for_load_state("networkidle")
    assert faults_light_and_dark(page) == []


def copy_files(edit_id: int, twin_id: int) -> None:
    import shutil

    from editing import places

    shutil.copytree(places.edit_folder(edit_id), places.edit_folder(twin_id))


def test_figures_come_as_files_and_one_zip_with_the_recipe(
    visit: Visit,
    people: "People",
    campaign: "Campaign",
    edit: "Edit",  # noqa: F811
    tmp_path: Path,
) -> None:
    from editing.models import FigureSet

    page = visit(people.rita).new_page()
    open_explorer(page, f"?consensus=left&a={edit.direction_id}&turn_a={edit.id}")
    page.get_by_role("button", name="Make SVG, PDF and PNG").click()
    expect(page).to_have_url(re.compile(r"figures=\d+#figures"))
    job = work(FigureSet)
    assert (job.direction_id, job.edit_id) == (edit.direction_id, edit.id)
    with page.expect_download() as download:
        page.get_by_role("link", name="Everything as one zip").click()
    download.value.save_as(tmp_path / "all.zip")
    with zipfile.ZipFile(tmp_path / "all.zip") as whole:
        assert json.loads(whole.read("recipe.json"))["filter"] == {"consensus": "left"}
        assert {f"yaw_by_light.{kind}" for kind in ("svg", "pdf", "png", "csv")} <= set(
            whole.namelist()
        )
    with page.expect_download() as download:
        page.get_by_role("link", name="Yaw by light, PDF").click()
    assert download.value.suggested_filename == f"penumbra-{job.id}-yaw_by_light.pdf"
    # And at once, as it stands on the page.
    with page.expect_download() as download:
        page.locator("#selection").get_by_role("button", name="Save as SVG").click()
    download.value.save_as(tmp_path / "now.svg")
    svg = (tmp_path / "now.svg").read_text()
    assert 'xmlns="http://www.w3.org/2000/svg"' in svg
    assert 'fill="rgb' in svg


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_page_with_everything_on_it_fits_a_narrow_screen(
    visit: Visit,
    people: "People",
    edit: "Edit",  # noqa: F811
    against: "Direction",
    scheme: str,
) -> None:
    page = visit(people.rita, color_scheme=scheme).new_page()
    page.set_viewport_size({"width": 390, "height": 800})
    query = f"?a={edit.direction_id}&b={against.id}&turn_a={edit.id}"
    open_explorer(page, query)
    over = page.evaluate("document.documentElement.scrollWidth - document.body.clientWidth")
    assert over <= 0


def test_an_address_that_names_what_is_not_there_says_so(
    visit: Visit,
    people: "People",
    many: "Dataset",  # noqa: F811
) -> None:
    page = visit(people.rita).new_page()
    page.goto("/explorer?a=999&turn_b=x&consensus=left")
    expect(page.get_by_text("a=999 is no direction that is here.")).to_be_visible()
    expect(page.get_by_text("turn_b=x is no edit that is here.")).to_be_visible()
    expect(page.get_by_text("consensus and certainty_min need a campaign").first).to_be_visible()
