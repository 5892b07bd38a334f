"""Steps that know whether they are done, walked with one calm line each."""

import sys
import time
from collections.abc import Callable
from dataclasses import dataclass


class Meter:
    """How far a step is: one line that changes on a terminal, a line per quarter elsewhere."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.is_terminal = sys.stdout.isatty()
        self.begun = time.monotonic()
        self.shown = 0.0

    def __call__(self, fraction: float, doing: str = "") -> None:
        now = time.monotonic()
        if self.is_terminal and now - self.shown > 0.5:
            self.shown = now
            told = f"{self.name}{': ' if doing else ''}{doing}"[:46]
            line = f"  {told:<46} {fraction:5.0%} {now - self.begun:5.0f} s"
            print(f"\r\033[K{line}", end="", flush=True)
        elif not self.is_terminal and now - self.begun > 5 and 0.25 <= fraction - self.shown < 1:
            self.shown = fraction
            print(f"  {self.name:<46} {fraction:5.0%}", flush=True)

    def done(self) -> None:
        erase = "\r\033[K" if self.is_terminal else ""
        print(f"{erase}✓ {self.name:<46} {time.monotonic() - self.begun:7.1f} s", flush=True)


@dataclass(frozen=True)
class Step:
    """What a start makes sure of; `do` goes on from where an interrupted one was."""

    name: str
    is_done: Callable[[], bool]
    do: Callable[[Meter], object]


def walk(steps: list[Step]) -> None:
    for step in steps:
        if not step.is_done():
            meter = Meter(step.name)
            step.do(meter)
            meter.done()
