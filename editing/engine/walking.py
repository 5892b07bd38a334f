"""Walk a head round in strides: read where it looks, take the slope of faces like it there, go on.

One long step along one line ends where the line's faces are, lit as they are. A walk asks at every
stop which way on the faces most like this one go at this light, see `strides`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from math import ceil

import numpy as np
import torch
from numpy.typing import NDArray

from editing.engine.neighbours import Neighbours
from editing.engine.strides import Generate, Pace, Read, Stop, Strides

# How far a face's answer to a stride may move its gain at once, and in all.
MOST_CHANGE, GAINS = 1.4, (0.6, 4.0)
# A stride shorter than that says nothing of the gain: the probes' own noise is as large.
LEAST_TELLING = 4.0
# So many degrees short of a wish is not the probes' noise: the walk ended there.
MOST_SHORT = 5.0


@dataclass(frozen=True)
class Walked:
    """Frames of the wished turns (m,), and of each how it came about.

    x              (m, c, h, w) pictures; at 0 degrees the photo
    x_t            (m, c, h, w) the latents that they were generated from
    step, across   (m,) degrees along slopes and sides of the light across, summed over the strides
    achieved       (m,) degrees it reads as turned; light_change (m,) or None
    strides        (m,) taken until there
    is_short       (m,) turned less than was asked, by more than MOST_SHORT degrees
    """

    x: torch.Tensor
    x_t: torch.Tensor
    step: NDArray[np.float64]
    across: NDArray[np.float64]
    achieved: NDArray[np.float64]
    light_change: NDArray[np.float64] | None
    strides: NDArray[np.int64]
    is_short: NDArray[np.bool_]


@dataclass
class _Side:
    """One side's walk: the turns it makes for, and its stops so far."""

    sign: float
    goals: list[float]
    stops: list[Stop]
    passed: int = 0
    is_over: bool = False

    @property
    def walked(self) -> list[Stop]:
        """The stops after the photo, which is nobody's turned head; itself where there are none."""
        return self.stops[1:] or self.stops

    def wanted(self, pace: Pace) -> float:
        """Degrees of the next stride."""
        ahead = self.goals[self.passed] - self.stops[-1].yaw
        return float(np.clip(ahead, -pace.stride_degrees, pace.stride_degrees))

    def arrive(self, stop: Stop, pace: Pace) -> None:
        """Note what a stride gave: how far this face goes per degree asked, which goal is next."""
        before = self.stops[-1]
        asked, gave = stop.step - before.step, stop.yaw - before.yaw
        if abs(asked) >= LEAST_TELLING:
            told = asked / gave if gave * asked > 0 else MOST_CHANGE
            gain = before.gain * float(np.clip(told, 1 / MOST_CHANGE, MOST_CHANGE))
            before.gain = float(np.clip(gain, *GAINS))
        stop.gain = before.gain
        self.stops.append(stop)
        near = pace.stride_degrees / 4
        while self.passed < len(self.goals) - 1 and (
            self.sign * (self.goals[self.passed] - stop.yaw) < near
        ):
            self.passed += 1
        last = min(one.cost(self.goals[-1], pace) for one in self.stops)
        self.is_over = self.passed == len(self.goals) - 1 and last <= 1


def walk(
    photo: torch.Tensor,
    x_t: torch.Tensor,
    wishes: NDArray[np.floating],
    neighbours: Neighbours,
    *,
    alpha_bar: float,
    generate: Generate,
    read: Read,
    pace: Pace | None = None,
    tell: Callable[[float], None] = lambda share: None,
) -> Walked:
    """Turn one face by each wished angle (m,), both sides' walks stride by stride together.

    photo, x_t   (c, h, w), the face in [-1, 1] and its latent, from which the walk starts
    alpha_bar    of the latents' timestep
    neighbours   where the slopes come from; the light is held where they know it and `read` too
    tell         called with the share of the strides that is done

    A wish that no stop meets gets one more stride, from the nearest stop. A side on which too few
    faces look that way ends there.
    """
    pace, asked = pace or Pace(), np.asarray(wishes, np.float64)
    way = Strides(photo, x_t, neighbours, alpha_bar, generate, read, pace)
    sides = {
        sign: _Side(sign, _goals(asked, sign, pace), [replace(way.start)])
        for sign in (-1.0, 1.0)
        if (sign * asked > 0).any()
    }
    far = float(np.abs(asked).max(initial=0.0))
    most = ceil(far / pace.stride_degrees) + pace.spare
    for done in range(1, most + 1):
        going = [side for side in sides.values() if not side.is_over]
        stops = way.take([(side.stops[-1], side.wanted(pace)) for side in going])
        for side, stop in zip(going, stops, strict=True):
            if stop is None:
                side.is_over = True
            else:
                side.arrive(stop, pace)
        tell(done / (most + 1))
    best = _met(asked, sides, way)
    tell(1.0)
    return _walked(best, asked, way.holds)


def _met(wishes: NDArray[np.float64], sides: dict[float, _Side], way: Strides) -> list[Stop]:
    """The nearest picture to each wish: of the stops, or of one more stride from one of them.

    A stop stands for one wish only, the one it is nearest to, or films would halt there.
    """
    pace = way.pace
    best = [
        min(sides[np.sign(wish)].walked, key=lambda stop: stop.cost(wish, pace))
        if wish
        else way.start
        for wish in wishes.tolist()
    ]
    nearest: dict[int, float] = {}
    for wish, stop in zip(wishes.tolist(), best, strict=True):
        off = abs(stop.yaw - wish)
        nearest[id(stop)] = min(off, nearest.get(id(stop), off))
    unmet, tries = [], []
    for row, (wish, stop) in enumerate(zip(wishes.tolist(), best, strict=True)):
        if stop.cost(wish, pace) > 1 or abs(stop.yaw - wish) > nearest[id(stop)]:
            start = min(sides[np.sign(wish)].stops, key=lambda one: abs(one.yaw - wish))
            unmet.append(row)
            tries.append((start, wish - start.yaw))
    for row, found in zip(unmet, way.take(tries), strict=True):
        wish = float(wishes[row])
        if found is not None and found.cost(wish, pace) <= max(best[row].cost(wish, pace), 1):
            best[row] = found
    return best


def _goals(wishes: NDArray[np.float64], sign: float, pace: Pace) -> list[float]:
    """The turns that a side's strides make for: its wishes from the farthest on, well apart."""
    kept: list[float] = []
    for size in sorted((abs(wish) for wish in wishes.tolist() if sign * wish > 0), reverse=True):
        if not kept or kept[-1] - size >= 0.75 * pace.stride_degrees:
            kept.append(size)
    return [sign * size for size in reversed(kept)]


def _walked(best: list[Stop], wishes: NDArray[np.float64], holds: bool) -> Walked:
    achieved = np.array([stop.yaw for stop in best])
    return Walked(
        x=torch.stack([stop.x for stop in best]),
        x_t=torch.stack([stop.x_t for stop in best]),
        step=np.array([stop.step for stop in best]),
        across=np.array([stop.across for stop in best]),
        achieved=achieved,
        light_change=np.array([stop.light for stop in best]) if holds else None,
        strides=np.array([stop.strides for stop in best], np.int64),
        is_short=np.sign(wishes) * (wishes - achieved) > MOST_SHORT,
    )
