"""Fingers on a touch screen: real touch events, through the browser's own input path."""

from playwright.sync_api import Locator, Page

Point = tuple[float, float]


class Fingers:
    """One person's fingers on one page; `down`, `move` and `up` take a point for each."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.session = page.context.new_cdp_session(page)

    def down(self, *points: Point) -> None:
        self._send("touchStart", points)

    def move(self, *points: Point) -> None:
        self._send("touchMove", points)

    def up(self) -> None:
        self._send("touchEnd", ())

    def tap(self, point: Point) -> None:
        self.down(point)
        self.up()

    def drag(self, start: Point, *ways: Point, steps: int = 6) -> None:
        """Put a finger down and move it along; it stays down."""
        self.down(start)
        at = start
        for way in ways:
            for step in range(1, steps + 1):
                self.move(
                    (
                        at[0] + (way[0] - at[0]) * step / steps,
                        at[1] + (way[1] - at[1]) * step / steps,
                    )
                )
            at = way

    def swipe(self, start: Point, end: Point) -> None:
        self.drag(start, end)
        self.up()

    def _send(self, kind: str, points: tuple[Point, ...]) -> None:
        touched = [{"x": x, "y": y, "id": number} for number, (x, y) in enumerate(points)]
        self.session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": touched})


def at(element: Locator, across: float, along: float) -> Point:
    """A point of an element, as shares of its width and height."""
    box = element.bounding_box()
    return box["x"] + across * box["width"], box["y"] + along * box["height"]
