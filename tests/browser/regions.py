"""Regions marked on a face in a browser, and a search for directions as a worker leaves it."""

import re
from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import BrowserContext, Locator, Page, expect

from tests.editing.conftest import (  # noqa: F401 the rows these pages show
    done,
    generator,
    generator_folder,
)

if TYPE_CHECKING:
    from editing.models import Decomposition, Edit, Generator
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


@pytest.fixture
def search(generator: "Generator", faces: "list[Face]") -> "Decomposition":  # noqa: F811
    """A finished search for the eyes' directions: three, two of them with a preview."""
    from PIL import Image

    from editing import places
    from editing.models import Decomposition

    eyes = {"name": "eyes", "shapes": [{"kind": "rectangle", "box": [0.2, 0.4, 0.8, 0.6]}]}
    job = Decomposition.objects.create(
        generator=generator,
        face=faces[0],
        regions=[eyes],
        timestep=509,
        steps=6,
        refinements=1,
        rank=3,
        sha256="0" * 64,
        status="done",
    )
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
    job.result = {"folder": "1", "regions": [spectrum], "components": told}
    job.save()
    return job


@pytest.fixture
def edited(search: "Decomposition") -> "Edit":
    """The searched face, changed along the first direction by three strengths."""
    from PIL import Image

    from editing import places
    from editing.models import Edit

    strengths = [-0.2, 0, 0.2]
    edit = Edit.objects.create(
        kind="local",
        face=search.face,
        component=search.components.order_by("id")[0],
        strengths=strengths,
        status="done",
    )
    folder = places.edit_folder(edit.id) / "1"
    folder.mkdir(parents=True)
    names = [f"frame{at:02d}.png" for at in range(3)]
    for name in (*names, "strip.png", "difference.png"):
        Image.new("RGB", (16, 16), "teal").save(folder / name)
    edit.result = {
        "folder": "1",
        "frames": [
            {"strength": strength, "file": name, "roir": 0.4}
            for strength, name in zip(strengths, names, strict=True)
        ],
        "strip": "strip.png",
        "animation": None,
        "difference": "difference.png",
        "settings": {"form": "asymmetric", "interval": [153, 509], "hold_outside": True},
        "measured": {"roir": 0.4, "identity": {"cosine": 0.98}},
    }
    edit.save()
    return edit


def pick(page: Page, legend: str, *faces: "Face") -> None:
    """Choose these faces in the picker of that name."""
    grid = page.get_by_role("group", name=legend)
    # Faces come when they would be seen.
    grid.scroll_into_view_if_needed()
    for face in faces:
        # The picture covers its button, for fingers as well.
        grid.locator(f"label:has(input[value='{face.id}'])").click()
