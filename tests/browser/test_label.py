"""Labeling by keys, mouse and touch: each answer is stored once, whatever the person presses."""

import re
import time
from pathlib import Path

import pytest
from django.db import connection, transaction
from django.utils import timezone
from playwright.sync_api import expect

from labeling import leases, queue
from labeling.models import Campaign, Lease, Turn, User, Vote
from tests.browser.desk import Desk

KEYS = ["ArrowLeft", "ArrowDown", "ArrowRight", "u", "1", "2", "3", "0", "ArrowUp", "Space"]
CHOICES = [
    "left",
    "center",
    "right",
    "unsure",
    "left",
    "center",
    "right",
    "unsure",
    "center",
    "unsure",
]


def stored(**filters: object) -> dict[str, str]:
    """File name to choice, of the votes that stand."""
    standing = Vote.objects.filter(choice__isnull=False, withdrawal=None, **filters)
    pairs = list(standing.values_list("turn__face__filename", "choice"))
    assert len(pairs) == len(dict(pairs)), f"a face has two standing votes: {pairs}"
    return dict(pairs)


def test_from_sign_in_to_twenty_stored_answers(visit, people, campaign):
    page = visit().new_page()
    page.goto("/")
    page.get_by_label("Name").fill("ada")
    page.get_by_label("Password").fill(people.password)
    page.get_by_role("button", name="Sign in").click()
    page.get_by_role("link", name="Start").click()
    page.get_by_role("button", name="I have read this: start").click()
    desk = Desk(page)
    faces = desk.answer_all(KEYS * 2)
    desk.wait_until_saved()
    assert stored() == dict(zip(faces, CHOICES * 2, strict=True))
    assert Vote.objects.count() == 20
    assert set(Vote.objects.values_list("annotator__username", "source")) == {("ada", "page")}
    assert all(0 <= seconds < 15 for seconds in Vote.objects.values_list("seconds", flat=True))
    expect(page.locator("[data-pace-today]")).to_have_text("20")
    assert desk.say().startswith("Can't tell.")


def test_undo_brings_the_face_back_and_the_new_answer_stands(desk, people):
    desk = desk(people.ada)
    first = desk.answer("ArrowLeft")
    desk.wait_until_saved()
    second = desk.shown
    desk.page.keyboard.press("z")
    assert desk.shown == first
    assert desk.answer("ArrowRight") == first
    assert desk.shown == second
    desk.wait_until_saved()
    assert stored() == {first: "right"}
    assert Vote.objects.count() == 3, "an undo adds a row and deletes none"


def test_an_answer_taken_back_before_it_left_is_never_sent(desk, people):
    desk = desk(people.ada)
    first = desk.shown
    desk.page.keyboard.press("ArrowLeft")
    desk.page.keyboard.press("Backspace")
    desk.page.keyboard.press("ArrowDown")
    desk.wait_until_saved()
    assert stored() == {first: "center"}


def test_ten_answers_can_be_taken_back_in_turn(desk, people):
    desk = desk(people.ada)
    faces = desk.answer_all(["1"] * 11)
    desk.wait_until_saved()
    for expected in reversed(faces[1:]):
        desk.page.keyboard.press("z")
        assert desk.shown == expected
    desk.page.keyboard.press("z")
    assert desk.say() == "There is nothing to take back."
    desk.wait_until_saved()
    assert stored() == {faces[0]: "left"}


def test_two_annotators_never_see_the_same_face(desk, people):
    ada, ben = desk(people.ada), desk(people.ben)
    seen = [*ada.answer_all(["1"] * 8), *ben.answer_all(["3"] * 8)]
    for one in (ada, ben):
        one.wait_until_saved()
    assert len(set(seen)) == 16
    assert len(stored()) == 16
    held = list(Lease.objects.values_list("turn_id", flat=True))
    assert len(held) == len(set(held))


def test_a_key_held_down_is_one_answer(desk, people):
    desk = desk(people.ada)
    for _ in range(6):
        desk.page.keyboard.down("ArrowLeft")
    desk.page.keyboard.up("ArrowLeft")
    desk.wait_until_saved()
    assert len(stored()) == 1


def test_space_after_a_click_does_not_press_the_button_again(desk, people):
    desk = desk(people.ada)
    first = desk.shown
    desk.page.get_by_role("button", name="Left").click()
    second = desk.answer("Space")
    desk.wait_until_saved()
    assert stored() == {first: "left", second: "unsure"}


def test_the_guide_opens_by_its_key_and_keeps_the_others_quiet(desk, people):
    desk = desk(people.ada)
    desk.page.keyboard.press("?")
    guide = desk.page.get_by_role("dialog", name="The guide")
    expect(guide.get_by_text("Left and right are yours")).to_be_visible()
    desk.page.keyboard.press("ArrowLeft")
    desk.page.keyboard.press("Escape")
    expect(guide).to_be_hidden()
    desk.wait_until_saved()
    assert stored() == {}


def test_single_keys_can_be_switched_off_and_stay_off(desk, people):
    desk = desk(people.ada)
    desk.page.keyboard.press("?")
    desk.page.get_by_label("Answer with single keys").uncheck()
    desk.page.keyboard.press("Escape")
    desk.page.reload()
    desk.wait_for_face()
    desk.page.keyboard.press("1")
    first = desk.shown
    desk.page.get_by_role("button", name="Center").click()
    desk.wait_until_saved()
    assert stored() == {first: "center"}


def test_m_puts_the_mirrored_face_beside_the_face_while_it_is_held(desk, people):
    desk = desk(people.ada)
    twin = desk.page.locator("[data-twin]")
    desk.page.keyboard.down("m")
    expect(twin).to_be_visible()
    expect(twin).to_have_css("transform", "matrix(-1, 0, 0, 1, 0, 0)")
    face = desk.page.locator("[data-frame] img")
    assert twin.get_attribute("src") == face.get_attribute("src")
    assert face.bounding_box()["x"] + face.bounding_box()["width"] <= twin.bounding_box()["x"]
    assert desk.say() == "Beside it, the face mirrored."
    desk.page.wait_for_timeout(300)  # a shorter press would keep it
    desk.page.keyboard.up("m")
    expect(twin).to_be_hidden()


def test_the_comparison_stays_after_a_short_press_and_ends_with_the_answer(desk, people):
    desk = desk(people.ada)
    desk.page.keyboard.press("c")
    expect(desk.page.locator("[data-twin]")).to_be_visible()
    expect(desk.page.locator("[data-mirror]")).to_have_attribute("aria-pressed", "true")
    first = desk.answer("ArrowLeft")
    expect(desk.page.locator("[data-twin]")).to_be_hidden()
    desk.wait_until_saved()
    assert stored() == {first: "left"}, "the answer is about the face, not about its mirror image"


def test_a_suggestion_shows_only_where_the_campaign_wants_it(desk, people, campaign):
    campaign.turns.update(suggested="right", certainty=87)
    ada = desk(people.ada)
    expect(ada.page.locator("[data-suggestion]")).to_be_hidden()
    Campaign.objects.update(shows_suggestions=True)
    ben = desk(people.ben)
    hint = ben.page.locator("[data-suggestion]")
    seen = []
    for _ in range(12):  # some are withheld by lot
        seen.append(hint.inner_text() if hint.is_visible() else "")
        ben.answer("3")
    ada.answer("3")
    for one in (ada, ben):
        one.wait_until_saved()
    assert set(seen) <= {"", "The model says Right, 87 %"}
    assert any(seen), "at least a fifth is withheld, but not all"
    votes = Vote.objects.filter(annotator=people.ben).order_by("created_at", "id")
    assert sum(vote.suggestion_shown for vote in votes) == sum(map(bool, seen))
    assert all(vote.suggestion_shown is not vote.is_blind for vote in votes)
    assert not Vote.objects.get(annotator=people.ada).suggestion_shown


def test_a_face_that_became_somebody_elses_is_not_shown(desk, people, campaign):
    desk = desk(people.ada)
    for _ in range(100):
        if Lease.objects.count() == 10:
            break
        desk.page.wait_for_timeout(100)
    lost = Lease.objects.exclude(turn__face__filename=desk.shown).select_related("turn__face")[3]
    leases.release(campaign, people.ada, [lost.turn.face_id])
    Turn.objects.filter(id=lost.turn_id).update(wanted=0)
    with desk.page.expect_response("**/leases/renew"):
        # What coming back to the tab does.
        desk.page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    desk.page.wait_for_timeout(200)
    assert lost.turn.face.filename not in desk.answer_all(["1"] * 12)


def test_a_face_without_its_picture_is_skipped_and_named(visit, people, dataset):
    queue.create_campaign(dataset, "few", title="A few")
    gone = dataset.faces.order_by("filename")[2].filename
    (Path(dataset.image_folder) / gone).unlink()
    desk = Desk.open(visit(people.ada).new_page(), "few")
    faces = desk.answer_all(["1"] * 7)  # by then all twelve have been fetched
    expect(desk.page.locator("[data-notes]")).to_contain_text(f"{gone} was skipped")
    faces += desk.answer_all(["1"] * 4)
    desk.wait_until_saved()
    assert gone not in faces
    assert len(stored()) == 11


def test_the_end_is_said_and_passes_when_there_is_more(visit, people, dataset):
    campaign = queue.create_campaign(dataset, "few", title="A few")
    desk = Desk.open(visit(people.ada).new_page(), "few")
    desk.answer_all(["2"] * 12)
    expect(desk.page.get_by_role("heading", name="Nothing left for you now")).to_be_visible()
    assert len(stored()) == 12
    campaign.turns.update(wanted=2)
    ben = Desk.open(visit(people.ben).new_page(), "few")
    first = ben.answer("3")
    ben.wait_until_saved()
    assert stored(annotator=people.ben) == {first: "right"}


def test_faces_that_are_looked_at_for_long_stay_with_who_looks(desk, people):
    Campaign.objects.update(lease_seconds=3)
    desk = desk(people.ada)
    shown = desk.shown
    desk.page.wait_for_timeout(5_000)
    lease = Lease.objects.get(turn__face__filename=shown)
    assert lease.expires_at > timezone.now()
    assert desk.answer("1") == shown


def test_leaving_gives_the_faces_back(desk, people):
    desk = desk(people.ada)
    desk.answer("1")
    desk.wait_until_saved()
    assert Lease.objects.count() >= 5
    desk.page.goto("/")
    for _ in range(50):
        if not Lease.objects.exists():
            break
        desk.page.wait_for_timeout(100)
    assert not Lease.objects.exists()


@pytest.mark.parametrize(("width", "height"), [(390, 844), (360, 640)])
def test_a_phone_labels_by_touch_without_scrolling(visit, people, campaign, width, height):
    context = visit(people.ada, has_touch=True, is_mobile=True)
    page = context.new_page()
    page.set_viewport_size({"width": width, "height": height})
    desk = Desk.open(page, campaign.slug)
    inside = "[document.documentElement.scrollWidth, document.documentElement.scrollHeight]"
    assert page.evaluate(inside) == [width, height]
    zones = [page.locator(f"[data-answer={value}]") for value in ("left", "center", "right")]
    assert all(zone.bounding_box()["height"] >= 64 for zone in zones)
    faces = []
    for zone in zones:
        faces.append(desk.shown)
        zone.tap()
    desk.wait_until_saved()
    assert stored() == dict(zip(faces, ["left", "center", "right"], strict=True))


@pytest.mark.parametrize("page", ["label/light", "label/light/grid"])
def test_leaving_gives_back_what_was_still_on_its_way(visit, people, campaign, page):
    """The server is busy with the request when the tab goes: nobody will ever see its faces."""
    campaign.turns.update(suggested="left", certainty=90)
    tab = visit(people.ada).new_page()
    Desk.open(tab, "light")  # and the guide is read
    tab.goto("/")
    until_given_back(campaign, people.ada)
    before = leases_ever_given()
    with transaction.atomic():
        leases.one_at_a_time(campaign, people.ada)  # as an earlier request of the same person
        with tab.expect_request(re.compile(r"/(turns|grid)$")):
            tab.goto(f"/{page}")
        tab.goto("/")
    until_given_back(campaign, people.ada, after=before)


def leases_ever_given() -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT last_value FROM labeling_lease_id_seq")
        return cursor.fetchone()[0]


def until_given_back(campaign: Campaign, annotator: User, *, after: int = 0) -> None:
    """Wait until leases have been given, after this many ever, and none is left."""
    deadline = time.monotonic() + 30
    while True:
        with transaction.atomic():
            # With the lock nobody else is in the middle of giving some.
            leases.one_at_a_time(campaign, annotator)
            if leases_ever_given() > after and not Lease.objects.exists():
                return
        assert time.monotonic() < deadline, f"{Lease.objects.count()} leases are left"
        time.sleep(0.05)
