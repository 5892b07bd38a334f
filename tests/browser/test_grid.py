"""The verify grid: one key confirms the rest; exceptions by key, mouse or finger; all undone."""

import re
from collections.abc import Callable

import pytest
from django.core.cache import cache
from playwright.sync_api import Page, expect

from labeling import rubrics
from labeling.models import Campaign, Lease, Vote
from tests.browser.fingers import Fingers, at
from tests.browser.test_label import stored
from tests.browser.test_outbox import cut_off


@pytest.fixture
def sure(campaign) -> Campaign:
    """A campaign of 40 faces: the model says left of 30, right of ten."""
    cache.clear()  # counts of what is to verify live for seconds
    ids = list(campaign.turns.order_by("face__filename").values_list("id", flat=True))
    for number, turn_id in enumerate(ids):
        side = "left" if number < 30 else "right"
        campaign.turns.filter(id=turn_id).update(suggested=side, certainty=99 - number)
    Campaign.objects.update(catch_share=0)
    return campaign


class Sheet:
    """One open verify page."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.cells = page.locator(".cell")
        self.confirm = page.locator("[data-confirm]")
        self.undo = page.locator("[data-undo]")
        self.saved = page.locator("[data-state-save]")
        self.files: list[str] = []  # of the first page, in order
        self.card = page.get_by_role("dialog", name="This face, closer")

    def wait_for_cells(self, n: int) -> None:
        expect(self.page.locator("#grid-desk")).to_have_attribute("data-shows", "cells")
        expect(self.cells).to_have_count(n)

    def confirm_all(self, key: str = "Enter") -> None:
        """Press the key once the page takes it: not in the first moment, when nobody has looked."""
        said = self.page.locator("[data-voice]").inner_text()
        self.page.wait_for_timeout(750)
        self.page.keyboard.press(key)
        expect(self.page.locator("[data-voice]")).not_to_have_text(said)

    def wait_until_saved(self) -> None:
        expect(self.saved).to_have_text("All saved")


@pytest.fixture
def sheet(visit, sure) -> Callable[..., Sheet]:
    """sheet(user) is the verify page in front of that person, its first faces shown."""

    def open_page(user, *, size: tuple[int, int] = (1000, 560), **options) -> Sheet:
        page = visit(user, **options).new_page()
        page.set_viewport_size({"width": size[0], "height": size[1]})
        rubrics.confirm(sure, user)
        with page.expect_response("**/api/campaigns/light/grid") as answer:
            page.goto("/label/light/grid")
        one = Sheet(page)
        one.files = [turn["filename"] for turn in answer.value.json()["turns"]]
        expect(one.page.locator("#grid-desk")).to_have_attribute("data-shows", "cells")
        return one

    return open_page


def test_exceptions_by_key_and_the_rest_by_one_key_in_one_request(sheet, people):
    sheet = sheet(people.ada)
    n = sheet.cells.count()
    assert 12 <= n <= 30
    expect(sheet.page.get_by_role("heading", level=1)).to_have_text(
        "All of these: light from the left?"
    )
    sheet.cells.first.focus()
    sheet.page.keyboard.press("ArrowRight")
    sheet.page.keyboard.press("3")
    sheet.page.keyboard.press("ArrowRight")
    sheet.page.keyboard.press("u")
    expect(sheet.cells.nth(1)).to_have_accessible_name("Face 2: Right, not Left")
    expect(sheet.cells.nth(2)).to_have_accessible_name("Face 3: Can't tell, not Left")
    expect(sheet.cells.nth(3)).to_have_accessible_name("Face 4: Left")
    expect(sheet.confirm).to_contain_text(f"Confirm {n - 2} as Left, 2 otherwise")
    requests = []
    sheet.page.on("request", lambda one: one.url.endswith("/votes") and requests.append(one))
    sheet.confirm_all()
    sheet.wait_until_saved()
    assert len(requests) == 1
    answers = stored()
    first, second, third, *rest = sheet.files[:n]
    assert answers == dict.fromkeys([first, *rest], "left") | {second: "right", third: "unsure"}
    channels = dict(Vote.objects.values_list("turn__face__filename", "channel"))
    corrected = {name for name, channel in channels.items() if channel == "corrected"}
    assert corrected == {second, third}
    assert set(channels.values()) == {"accepted", "corrected"}
    seconds = set(Vote.objects.values_list("seconds", flat=True))
    assert len(seconds) == 1
    assert 0.6 / n < seconds.pop() < 15 / n
    assert all(Vote.objects.values_list("suggestion_shown", flat=True))


def test_a_click_brings_the_face_closer_with_its_other_answers(sheet, people):
    sheet = sheet(people.ada)
    n = sheet.cells.count()
    sheet.cells.nth(4).click()
    expect(sheet.card).to_be_visible()
    expect(sheet.card.get_by_role("button", name="Left")).to_have_attribute("aria-pressed", "true")
    sheet.card.get_by_role("button", name="Center").click()
    expect(sheet.card).to_be_hidden()
    sheet.cells.nth(6).hover()
    sheet.page.keyboard.press("2")
    sheet.page.keyboard.down("x")
    expect(sheet.card).to_be_visible()
    expect(sheet.card.get_by_role("button", name="Left")).to_be_hidden()
    sheet.page.keyboard.up("x")
    expect(sheet.card).to_be_hidden()
    sheet.cells.nth(8).click()
    sheet.page.keyboard.press("Escape")
    expect(sheet.card).to_be_hidden()
    expect(sheet.cells.nth(8)).to_have_accessible_name("Face 9: Left")
    sheet.page.wait_for_timeout(700)
    sheet.confirm.click()
    sheet.wait_until_saved()
    changed = {name: choice for name, choice in stored().items() if choice != "left"}
    assert changed == {sheet.files[4]: "center", sheet.files[6]: "center"}
    assert len(stored()) == n


def test_a_mark_is_undone_and_then_the_last_page_with_all_its_votes(sheet, people):
    sheet = sheet(people.ada)
    n = sheet.cells.count()
    sheet.cells.nth(1).focus()
    sheet.page.keyboard.press("3")
    sheet.cells.nth(5).focus()
    sheet.page.keyboard.press("2")
    sheet.page.keyboard.press("z")
    expect(sheet.cells.nth(5)).to_have_accessible_name("Face 6: Left")
    sheet.confirm_all()
    sheet.wait_until_saved()
    assert len(stored()) == n
    expect(sheet.undo).to_contain_text("Undo last page")
    sheet.page.keyboard.press("z")
    sheet.wait_for_cells(n)
    expect(sheet.cells.nth(1)).to_have_accessible_name("Face 2: Right, not Left")
    sheet.wait_until_saved()
    assert stored() == {}
    assert Vote.objects.count() == 2 * n, "an undo adds rows and deletes none"
    sheet.confirm_all()
    sheet.wait_until_saved()
    assert len(stored()) == n
    assert stored()[sheet.files[1]] == "right"
    channels = Vote.objects.exclude(choice=None).filter(withdrawal=None)
    assert set(channels.values_list("channel", flat=True)) == {"accepted", "corrected"}


def test_page_after_page_until_nothing_is_left_to_verify(sheet, people):
    sheet = sheet(people.ada)
    empty = sheet.page.get_by_role("heading", name="Nothing to verify here just now")
    for _ in range(4):
        sheet.confirm_all()
        sheet.wait_until_saved()
        expect(sheet.page.locator("#grid-desk")).to_have_attribute(
            "data-shows", re.compile("cells|empty")
        )
        if empty.is_visible():
            break
    expect(empty).to_be_visible()
    assert stored() == {f"{number:06d}.jpg": "left" for number in range(1, 31)}
    sheet.page.get_by_role("button", name="Right").click()
    sheet.wait_for_cells(10)
    sheet.confirm_all()
    sheet.wait_until_saved()
    assert len(stored()) == 40


def test_another_answer_gives_back_what_was_held_for_the_first(sheet, people):
    sheet = sheet(people.ada)
    with sheet.page.expect_response("**/leases/release"):
        sheet.page.get_by_role("button", name="Right").click()
    sheet.wait_for_cells(10)
    assert set(Lease.objects.values_list("suggested", flat=True)) == {"right"}
    sheet.page.goto("/")
    for _ in range(50):
        if not Lease.objects.exists():
            break
        sheet.page.wait_for_timeout(100)
    assert not Lease.objects.exists(), "leaving gives the faces back"


def test_a_page_confirmed_without_a_network_is_stored_by_the_next_tab(sheet, people, visit):
    sheet = sheet(people.ada)
    n = sheet.cells.count()
    context = sheet.page.context
    cut_off(sheet.page)
    sheet.confirm_all()
    expect(sheet.saved).to_have_text(re.compile(f"{n} answers are kept here"))
    sheet.page.close()
    assert stored() == {}
    home = context.new_page()
    with home.expect_response(re.compile("/votes$")):
        home.goto("/")
    assert len(stored()) == n


def test_enter_twice_does_not_confirm_a_page_nobody_has_seen(sheet, people):
    sheet = sheet(people.ada)
    n = sheet.cells.count()
    sheet.confirm_all()
    sheet.page.keyboard.press("Enter")
    sheet.page.keyboard.press("Enter")
    sheet.wait_until_saved()
    assert len(stored()) == n


def test_a_rest_counts_for_ten_seconds_and_no_more(visit, people, sure):
    rubrics.confirm(sure, people.ada)
    page = visit(people.ada).new_page()
    page.clock.install()
    page.goto("/label/light/grid")
    one = Sheet(page)
    expect(page.locator("#grid-desk")).to_have_attribute("data-shows", "cells")
    n = one.cells.count()
    page.clock.fast_forward(600_000)
    page.mouse.move(300, 300)
    one.confirm_all()
    page.clock.run_for(2_000)
    one.wait_until_saved()
    seconds = Vote.objects.first().seconds
    assert 10 / n <= seconds < 20 / n


def test_the_grid_by_finger_on_a_phone(sheet, people):
    sheet = sheet(people.ada, size=(390, 844), has_touch=True, is_mobile=True)
    inside = "[document.documentElement.scrollWidth, document.documentElement.scrollHeight]"
    assert sheet.page.evaluate(inside) == [390, 844]
    n = sheet.cells.count()
    fingers = Fingers(sheet.page)
    fingers.tap(at(sheet.cells.nth(3), 0.5, 0.5))
    right = sheet.card.get_by_role("button", name="Right")
    expect(right).to_be_visible()
    assert right.bounding_box()["height"] >= 44
    fingers.tap(at(right, 0.5, 0.5))
    expect(sheet.cells.nth(3)).to_have_accessible_name("Face 4: Right, not Left")
    sheet.page.wait_for_timeout(700)
    fingers.tap(at(sheet.confirm, 0.5, 0.5))
    expect(sheet.page.locator("[data-pace-today]")).to_have_text(str(n))
    sheet.wait_until_saved()
    assert stored()[sheet.files[3]] == "right"
    assert len(stored()) == n


def test_home_and_the_label_page_lead_to_the_grid_while_there_is_something(sheet, people, sure):
    sheet = sheet(people.ada)
    sheet.page.goto("/")
    sheet.page.get_by_role("link", name="Verify many at once").click()
    sheet.page.wait_for_load_state("networkidle")
    sheet.page.get_by_role("link", name="One face at a time").click()
    expect(sheet.page.get_by_role("link", name="Verify many at once")).to_be_visible()
    for _ in range(50):
        if not Lease.objects.filter(is_grid=True).exists():
            break
        sheet.page.wait_for_timeout(100)
    sure.turns.update(certainty=0)
    cache.clear()
    sheet.page.goto("/")
    expect(sheet.page.get_by_role("link", name="Verify many at once")).to_have_count(0)
    sheet.page.goto("/label/light")
    expect(sheet.page.get_by_role("link", name="Verify many at once")).to_have_count(0)
    sheet.page.goto("/label/light/grid")
    expect(sheet.page.get_by_role("heading", name="Nothing to verify here")).to_be_visible()
    expect(sheet.page.locator("[data-confirm]")).to_contain_text("Nothing to confirm")
