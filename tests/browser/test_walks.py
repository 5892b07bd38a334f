"""A researcher asks for a head to be walked round instead of moved along a line."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from playwright.sync_api import BrowserContext, expect

from tests.editing.conftest import (  # noqa: F401 the rows these pages show
    ask_embedding,
    direction,
    done,
    generator,
    generator_folder,
    kept_probe,
    many,
)

if TYPE_CHECKING:
    from editing.models import Direction
    from tests.conftest import People

Visit = Callable[..., BrowserContext]


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
    (edit,) = Edit.objects.all()
    assert edit.settings == {"closed_loop": False, "hold_light": False, "path": "walk"}
