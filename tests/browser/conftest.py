"""A real Chromium against a real server: the label page as its users have it."""

import os
import shutil
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import pytest
from django.conf import settings
from django.core.signals import request_finished, request_started
from django.test import Client
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from tests.browser.desk import Desk

if TYPE_CHECKING:  # the models load only after the settings
    from labeling.models import Campaign, User

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or "/usr/bin/chromium"
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
PATIENCE_MS = 30_000
QUIET_SECONDS = 0.3


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if "tests/browser/" in item.nodeid:
            item.add_marker(pytest.mark.browser)
            item.add_marker(pytest.mark.django_db(transaction=True))


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    if not os.access(CHROMIUM, os.X_OK):
        pytest.skip(f"needs a Chromium; there is none at {CHROMIUM}")
    # Playwright's synchronous calls run inside an event loop, where Django refuses to ask the
    # database. Both are ours alone here; the next module is spared, because the loop ends first.
    before = os.environ.get("DJANGO_ALLOW_ASYNC_UNSAFE")
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "yes"
    expect.set_options(timeout=PATIENCE_MS)
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield chromium
        chromium.close()
    if before is None:
        del os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"]


@pytest.fixture
def last_words(live_server: object) -> Iterator[None]:
    """Wait, after the pages closed, for what they still sent on leaving.

    A request that is under way while the test database is emptied would deadlock with it.
    """
    under_way: list[int] = []

    def started(**_: object) -> None:
        under_way.append(1)

    def finished(**_: object) -> None:
        under_way.pop()

    request_started.connect(started)
    request_finished.connect(finished)
    yield
    quiet_since = time.monotonic()
    deadline = quiet_since + PATIENCE_MS / 1000
    while time.monotonic() < min(quiet_since + QUIET_SECONDS, deadline):
        if under_way:
            quiet_since = time.monotonic()
        time.sleep(0.02)
    request_started.disconnect(started)
    request_finished.disconnect(finished)


@pytest.fixture
def visit(
    browser: Browser, live_server: object, last_words: None
) -> Iterator[Callable[..., BrowserContext]]:
    """visit(user) is that person's browser, signed in; visit() has signed in as nobody.

    When the test ends, no page may have thrown an error or run into the content security policy.
    """
    contexts: list[BrowserContext] = []
    complaints: list[str] = []

    def listen(page: Page) -> None:
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on(
            "console",
            lambda line: "Content Security" in line.text and complaints.append(line.text),
        )

    def make(user: "User | None" = None, **options: object) -> BrowserContext:
        context = browser.new_context(
            base_url=live_server.url, viewport={"width": 1280, "height": 800}, **options
        )
        context.set_default_timeout(PATIENCE_MS)
        context.on("page", listen)
        contexts.append(context)
        if user is not None:
            sign_in(context, user, live_server.url)
        return context

    yield make
    for context in contexts:
        for page in context.pages:
            page.goto("about:blank")
        context.close()
    assert complaints == []


def sign_in(context: BrowserContext, user: "User", url: str) -> None:
    """Put a fresh session of this person into the browser, as the sign-in page would."""
    client = Client()
    client.force_login(user)
    session = client.cookies[settings.SESSION_COOKIE_NAME].value
    context.add_cookies([{"name": settings.SESSION_COOKIE_NAME, "value": session, "url": url}])


@pytest.fixture
def campaign(dataset_of: Callable[..., object]) -> "Campaign":
    from labeling import queue

    return queue.create_campaign(dataset_of(40), "light", title="Where is the light?")


@pytest.fixture
def desk(visit: Callable[..., BrowserContext], campaign: "Campaign") -> Callable[..., Desk]:
    """desk(user) is the label page in front of that person, rubric read, first face shown."""

    def sit_down(user: "User", **options: object) -> Desk:
        return Desk.open(visit(user, **options).new_page(), campaign.slug)

    return sit_down
