"""People in a real browser: a link made and used, a door that closes, the API's page."""

import re

from django.conf import settings
from playwright.sync_api import expect

from labeling.models import Invite, User

PASSWORD = "another-long-password"


def test_a_manager_s_link_lets_somebody_in_from_another_browser(visit, people):
    page = visit(people.mia, permissions=["clipboard-read", "clipboard-write"]).new_page()
    page.goto("/people")
    page.get_by_label("For whom").fill("Seminar B")
    page.get_by_label("How many may use it").fill("30")
    page.get_by_role("button", name="Make the link").click()
    copy = page.get_by_role("button", name="Copy")
    expect(copy).to_be_focused()
    copy.press("Enter")
    expect(page.get_by_role("button", name="Copied")).to_be_visible()
    link = page.evaluate("navigator.clipboard.readText()")
    assert "/join/" in link
    expect(page.get_by_text("0 of 30")).to_be_visible()
    page.reload()
    expect(page.get_by_role("heading", name="Everybody")).to_be_visible()
    expect(page.get_by_role("button", name="Copy")).to_have_count(0)
    assert Invite.objects.count() == 1, "a reload makes no second invite"

    nia = visit().new_page()
    nia.goto(link)
    nia.keyboard.type("nia")
    nia.keyboard.press("Tab")
    nia.keyboard.type(PASSWORD)
    nia.keyboard.press("Tab")
    nia.keyboard.type(PASSWORD + "x")
    nia.keyboard.press("Enter")
    expect(nia.get_by_text("The two passwords differ.")).to_be_visible()
    expect(nia.get_by_label("Name")).to_have_value("nia")
    nia.get_by_label("Password", exact=True).fill(PASSWORD)
    nia.get_by_label("The same again").fill(PASSWORD)
    nia.keyboard.press("Enter")
    expect(nia).to_have_url(re.compile("/$"))
    expect(nia.locator("details summary")).to_contain_text("nia")
    page.reload()
    expect(page.get_by_text("1 of 30")).to_be_visible()


def test_a_suspended_person_is_out_with_the_next_click(visit, people):
    ada = visit(people.ada).new_page()
    ada.goto("/")
    mia = visit(people.mia).new_page()
    mia.goto("/people")
    mia.get_by_role("link", name="ada").click()
    mia.get_by_role("button", name="Suspend").click()
    expect(mia.get_by_text("ada is suspended and signed out everywhere.")).to_be_visible()
    ada.goto("/")
    expect(ada.get_by_role("heading", name="Sign in")).to_be_visible()


def test_a_link_for_a_new_password_is_on_the_person_s_page_once(visit, people):
    mia = visit(people.mia).new_page()
    mia.goto(f"/people/{people.ada.id}")
    mia.get_by_role("button", name="Make a link for a new password").click()
    link = mia.get_by_label("The link").input_value()
    expect(mia).to_have_url(re.compile(rf"/people/{people.ada.id}$"))
    mia.reload()
    expect(mia.get_by_label("The link")).to_have_count(0)
    ada = visit().new_page()
    ada.goto(link)
    ada.get_by_label("Password", exact=True).fill(PASSWORD)
    ada.get_by_label("The same again").fill(PASSWORD)
    ada.get_by_role("button", name="Keep this password").click()
    expect(ada).to_have_url(re.compile("/$"))


def test_after_too_many_wrong_passwords_the_page_says_how_long(visit, people):
    page = visit().new_page()
    page.goto("/login")
    for _ in range(settings.AXES_FAILURE_LIMIT):
        page.get_by_label("Name").fill("ada")
        page.get_by_label("Password").fill("guess")
        page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("heading", name="Too many wrong passwords")).to_be_visible()
    expect(page.get_by_text("15 minutes")).to_be_visible()


def test_the_api_s_description_runs_under_the_policy(visit, people):
    page = visit(people.rita).new_page()
    page.goto("/api/docs")
    operation = page.get_by_text("/api/campaigns/{slug}/turns").first
    expect(operation).to_be_visible()
    operation.click()
    page.get_by_role("button", name="Try it out").first.click()
    expect(page.get_by_role("button", name="Execute").first).to_be_visible()


def test_the_back_office_runs_under_the_policy(visit, people):
    owner = User.objects.create_superuser("root", password=PASSWORD)
    page = visit(owner).new_page()
    for path in ("/admin/", "/admin/labeling/user/", f"/admin/labeling/user/{owner.id}/change/"):
        page.goto(path)
        expect(page.locator("#content")).to_be_visible()
