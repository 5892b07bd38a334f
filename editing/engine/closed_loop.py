"""Correct a face's steps until what was asked is what comes: read, correct, generate again."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from editing.engine.calibration import Calibration, Curve

# A face may answer so many times stronger or weaker than the mean face; beyond is a misreading.
MOST_GAIN = 2.5
# How far beyond the curve's last knot a face may go: the mean face turned no further there, but it
# was not stepped across either; a face whose light is held often does.
MOST_REACH = 1.0
# Steps across, in sides of the light (1 = from the left to the center), and what one is taken to
# move the light's reading by before the face has told.
MOST_ACROSS = 1.0
GAIN_ACROSS = 0.6


@dataclass(frozen=True)
class Aim:
    """When a frame is good enough, and how often it is tried.

    rounds             pictures made of each frame at most, the first one included
    tolerance_degrees  a frame so near to its wish is left as it is
    light_tolerance    likewise for the light's reading, which lies in -1 (left) .. 1 (right)
    """

    rounds: int = 4
    tolerance_degrees: float = 1.0
    light_tolerance: float = 0.15


@dataclass(frozen=True)
class Answers:
    """What frames show beside the photo: yaw changes (m,) and, where read, light changes (m,)."""

    yaw: NDArray[np.float64]
    light: NDArray[np.float64] | None = None


@dataclass(frozen=True)
class Found:
    """The best step of each frame along the line and across, what it gave, and the tries it took.

    is_reached  within the tolerance; the others are the nearest that was found
    """

    step: NDArray[np.float64]
    across: NDArray[np.float64]
    achieved: NDArray[np.float64]
    light_change: NDArray[np.float64] | None
    is_reached: NDArray[np.bool_]
    rounds: NDArray[np.int64]


# From rows of the frames, steps along the line and steps across to what these frames show.
Respond = Callable[[NDArray[np.int64], NDArray[np.float64], NDArray[np.float64]], Answers]


def close(
    wishes: NDArray[np.floating],
    calibration: Calibration,
    respond: Respond,
    aim: Aim | None = None,
    *,
    holds_light: bool = False,
) -> Found:
    """Find for each wished turn (m,) the step that gives it, for one face.

    calibration  where to begin, and the range that steps never leave: what lies beyond was never
                 measured, and a probe can be talked into anything there
    respond      makes the frames and reads them; rows index `wishes`
    holds_light  also step across, along the light's own slope, so that its reading stays put

    A side without a curve is walked as asked, once: nothing is known to correct it by.

    The first correction scales the curve to the face; later ones go along the chord between the
    nearest tries on both sides of the wish, or the last two. The nearest try is kept.
    """
    aim = aim or Aim()
    frames = [_Frame.of(float(wish), calibration) for wish in np.asarray(wishes, np.float64)]
    open_rows = np.array([row for row, frame in enumerate(frames) if frame.wish], np.int64)
    for _ in range(max(aim.rounds, 1)):
        if not len(open_rows):
            break
        steps = np.array([frames[row].next_step for row in open_rows])
        across = np.array([frames[row].next_across for row in open_rows])
        answers = respond(open_rows, steps, across)
        for at, row in enumerate(open_rows):
            light = None if answers.light is None else float(answers.light[at])
            frames[row].note(float(answers.yaw[at]), light, holds_light, aim)
        going_on = [frames[row].goes_on(holds_light, aim) for row in open_rows]
        open_rows = open_rows[going_on]
    best = [frame.best(holds_light, aim) for frame in frames]
    lights = [tried.light for tried in best]
    return Found(
        step=np.array([tried.step for tried in best]),
        across=np.array([tried.across for tried in best]),
        achieved=np.array([tried.yaw for tried in best]),
        light_change=None if None in lights else np.array(lights, np.float64),
        is_reached=np.array([frame.is_reached(holds_light, aim) for frame in frames]),
        rounds=np.array([len(frame.tries) - 1 for frame in frames]),
    )


@dataclass(frozen=True)
class _Try:
    """One picture of a frame: where it lies and what it showed; all signed."""

    step: float
    across: float
    yaw: float
    light: float | None

    def cost(self, wish: float, holds_light: bool, aim: Aim) -> float:
        off = (self.yaw - wish) / aim.tolerance_degrees
        lost = (self.light or 0.0) / aim.light_tolerance if holds_light else 0.0
        return max(abs(off), abs(lost))


@dataclass
class _Frame:
    """A wish, its side's curve, and what was tried; the first try is the photo itself."""

    wish: float
    curve: Curve | None
    tries: list[_Try]
    next_step: float
    next_across: float = 0.0

    @classmethod
    def of(cls, wish: float, calibration: Calibration) -> _Frame:
        photo = [_Try(0.0, 0.0, 0.0, 0.0)]
        if wish == 0:
            return cls(0.0, None, photo, 0.0)
        curve = calibration.left if wish < 0 else calibration.right
        if curve is None:
            return cls(wish, None, photo, wish)
        step, _ = curve.step_for(abs(wish))
        return cls(wish, curve, photo, float(np.copysign(step, wish)))

    def note(self, yaw: float, light: float | None, holds_light: bool, aim: Aim) -> None:
        """Keep what the next steps gave, and choose the ones after them."""
        self.tries.append(_Try(self.next_step, self.next_across, yaw, light))
        if holds_light and light is not None:
            self.next_across = self._across()
        if self.curve is not None and abs(yaw - self.wish) > aim.tolerance_degrees:
            self.next_step = self._along(self.curve)

    def best(self, holds_light: bool, aim: Aim) -> _Try:
        made = self.tries[1:] or self.tries
        return min(made, key=lambda tried: tried.cost(self.wish, holds_light, aim))

    def goes_on(self, holds_light: bool, aim: Aim) -> bool:
        return self.curve is not None and not self.is_reached(holds_light, aim)

    def is_reached(self, holds_light: bool, aim: Aim) -> bool:
        return self.best(holds_light, aim).cost(self.wish, holds_light, aim) <= 1

    def _along(self, curve: Curve) -> float:
        # Sizes towards the wished side: a frame that turned the other way has a negative one.
        sign, wish = np.sign(self.wish), abs(self.wish)
        tried = [replace(one, step=sign * one.step, yaw=sign * one.yaw) for one in self.tries]
        last, reach = tried[-1], MOST_REACH * curve.step[-1]
        below = [one for one in tried if one.yaw <= wish]
        above = [one for one in tried if one.yaw > wish]
        if len(tried) == 2 or not below or not above:
            size = _scaled(curve, last, wish)
        else:
            low = max(below, key=lambda one: one.yaw)
            high = min(above, key=lambda one: one.yaw)
            share = (wish - low.yaw) / (high.yaw - low.yaw)
            size = low.step + float(np.clip(share, 0.1, 0.9)) * (high.step - low.step)
        return float(sign * np.clip(size, 0.0, reach))

    def _across(self) -> float:
        last, before = self.tries[-1], self.tries[-2]
        gain = GAIN_ACROSS
        moved = last.across - before.across
        if moved and last.light is not None and before.light is not None and len(self.tries) > 2:
            told = (last.light - before.light) / moved
            gain = float(np.clip(told, GAIN_ACROSS / 3, GAIN_ACROSS * 3))
        return float(np.clip(last.across - (last.light or 0.0) / gain, -MOST_ACROSS, MOST_ACROSS))


def _scaled(curve: Curve, last: _Try, wish: float) -> float:
    """Where the curve, scaled so that it passes through the last try, gives the wish."""
    expected = float(np.interp(last.step, curve.step, curve.achieved))
    gain = float(np.clip(last.yaw / max(expected, 1e-6), 1 / MOST_GAIN, MOST_GAIN))
    step, is_beyond = curve.step_for(wish / gain)
    # Beyond the last knot the curve says nothing; the whole way's mean answer does for a try.
    return step * wish / gain / curve.achieved[-1] if is_beyond else step
