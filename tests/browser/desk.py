"""The label page as a person at a keyboard uses it."""

import re

from playwright.sync_api import Page, expect


class Desk:
    """One open label page."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.stage = page.locator("[data-stage]")
        self.saved = page.locator("[data-state-save]")
        self.rejected = page.locator("[data-state-rejected]")

    @classmethod
    def open(cls, page: Page, slug: str) -> "Desk":
        page.goto(f"/label/{slug}")
        if page.url.endswith("/rubric"):
            page.get_by_role("button", name="I have read this: start").click()
        desk = cls(page)
        desk.wait_for_face()
        return desk

    def wait_for_face(self) -> None:
        expect(self.stage).to_have_attribute("data-shows", "face")

    @property
    def shown(self) -> str:
        """The file name of the face on screen."""
        alt = self.page.locator("[data-frame] img").get_attribute("alt")
        return re.search(r"\S+\.jpg", alt or "")[0]

    def answer(self, key: str) -> str:
        """Press a key for the face on screen; returns that face's file name."""
        self.wait_for_face()
        filename = self.shown
        self.page.keyboard.press(key)
        return filename

    def answer_all(self, keys: list[str]) -> list[str]:
        return [self.answer(key) for key in keys]

    def wait_until_saved(self) -> None:
        expect(self.saved).to_have_text("All saved")

    def say(self) -> str:
        """What a screen reader would speak last."""
        return self.page.locator("[data-voice]").inner_text()
