"""Walk a head round in strides: read where it looks, take the slope of faces like it there, go on.

One long step along one line ends where the line's faces are, lit as they are. A walk asks at every
stop which way on the faces most like this one go at this light, and corrects the light on the way.

Notation: a latent is x_t = sqrt(a) x + noise, a = alpha_bar at its timestep; the noise that the
photo's own inversion found is kept all the way, only the picture x moves. So each stop is generated
anew from a noisy face, which mends what a cross-fade left in it, and nothing is inverted again:
grain of repeated inversion was what could be seen first.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from math import ceil

import numpy as np
import torch
from numpy.typing import NDArray

from editing.engine.neighbours import Neighbours, Slopes
from editing.engine.rotation import with_moments_of

# Pictures (n, c, h, w) to yaw in degrees (n,) and the light, -1 .. 1, or None.
Read = Callable[[torch.Tensor], tuple[NDArray[np.float64], NDArray[np.float64] | None]]
# Latents (n, c, h, w) to pictures.
Generate = Callable[[torch.Tensor], torch.Tensor]
# How far a face's answer to a stride may move its gain at once, and in all.
MOST_CHANGE, GAINS = 1.4, (0.6, 4.0)
# A stride shorter than that says nothing of the gain: the probes' own noise is as large.
LEAST_TELLING = 4.0
# So many degrees short of a wish is not the probes' noise: the walk ended there.
MOST_SHORT = 5.0


@dataclass(frozen=True)
class Pace:
    """How a walk goes.

    stride_degrees      the longest stride, and how far apart the stops are meant to be
    spare               strides of each side beyond those that the farthest wish needs
    gain                what a slope is multiplied by before the face has answered: faces that look
                        somewhat alike turn less along their slope than each of them turns
    light_gain          how many sides across for each side that the light has moved
    light_stride        the longest step across at each stop, in sides of the light
    tolerance_degrees, light_tolerance   a frame so near is left as it is, see `closed_loop.Aim`
    """

    stride_degrees: float = 10.0
    spare: int = 4
    gain: float = 1.7
    light_gain: float = 2.2
    light_stride: float = 1.1
    tolerance_degrees: float = 1.5
    light_tolerance: float = 0.3


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
class _Stop:
    """A picture on the way; yaw and light relative to the photo's, step and across summed up.

    gain    what slopes are multiplied by here, as strides to and from here have told
    slopes  from here, once they were asked for
    """

    x: torch.Tensor
    x_t: torch.Tensor
    gain: float
    yaw: float = 0.0
    light: float = 0.0
    step: float = 0.0
    across: float = 0.0
    strides: int = 0
    slopes: Slopes | None = None

    def cost(self, wish: float, pace: Pace) -> float:
        off = abs(self.yaw - wish) / pace.tolerance_degrees
        return max(off, abs(self.light) / pace.light_tolerance)


@dataclass
class _Side:
    """One side's walk: the turns it makes for, and its stops so far."""

    sign: float
    goals: list[float]
    stops: list[_Stop]
    passed: int = 0
    is_over: bool = False

    @property
    def walked(self) -> list[_Stop]:
        """The stops after the photo, which is nobody's turned head; itself where there are none."""
        return self.stops[1:] or self.stops

    def wanted(self, pace: Pace) -> float:
        """Degrees of the next stride."""
        ahead = self.goals[self.passed] - self.stops[-1].yaw
        return float(np.clip(ahead, -pace.stride_degrees, pace.stride_degrees))

    def arrive(self, stop: _Stop, pace: Pace) -> None:
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
    way = _Way(photo, x_t, neighbours, alpha_bar, generate, read, pace)
    sides = {
        sign: _Side(sign, _goals(asked, sign, pace), [replace(way.start)])
        for sign in (-1.0, 1.0)
        if (sign * asked > 0).any()
    }
    far = float(np.abs(asked).max(initial=0.0))
    most = ceil(far / pace.stride_degrees) + pace.spare
    for done in range(1, most + 1):
        going = [side for side in sides.values() if not side.is_over]
        stops = way.strides([(side.stops[-1], side.wanted(pace)) for side in going])
        for side, stop in zip(going, stops, strict=True):
            if stop is None:
                side.is_over = True
            else:
                side.arrive(stop, pace)
        tell(done / (most + 1))
    best = _met(asked, sides, way)
    tell(1.0)
    return _walked(best, asked, way.holds)


def _met(wishes: NDArray[np.float64], sides: dict[float, _Side], way: _Way) -> list[_Stop]:
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
    for row, found in zip(unmet, way.strides(tries), strict=True):
        wish = float(wishes[row])
        if found is not None and found.cost(wish, pace) <= max(best[row].cost(wish, pace), 1):
            best[row] = found
    return best


class _Way:
    """One face, and all that strides from any of its stops take."""

    def __init__(
        self,
        photo: torch.Tensor,
        x_t: torch.Tensor,
        neighbours: Neighbours,
        alpha_bar: float,
        generate: Generate,
        read: Read,
        pace: Pace,
    ) -> None:
        self.neighbours, self.generate, self.read, self.pace = neighbours, generate, read, pace
        self.signal = alpha_bar**0.5
        self.start = _Stop(photo.double(), x_t.double(), pace.gain)
        self.noise = self.start.x_t - self.signal * self.start.x
        yaw, light = read(photo[None])
        self.holds = light is not None and neighbours.knows_light
        self.yaw = float(yaw[0])
        self.light = float(light[0]) if self.holds and light is not None else 0.0

    def strides(self, asked: list[tuple[_Stop, float]]) -> list[_Stop | None]:
        """What strides of so many degrees from these stops give; None where no slope is known."""
        moves = [self._move(stop, degrees) for stop, degrees in asked]
        rows = [row for row, move in enumerate(moves) if move is not None]
        found: list[_Stop | None] = [None] * len(asked)
        if not rows:
            return found
        moved = torch.stack([move[0] for move in moves if move is not None])
        # Moves add up to hard contrast and a tint otherwise: see there.
        there = self.signal * with_moments_of(self.start.x, moved) + self.noise
        x = self.generate(there).double().clamp(-1, 1)
        yaw, light = self.read(x)
        for at, row in enumerate(rows):
            stop, degrees = asked[row]
            _, across = moves[row] or (None, 0.0)
            found[row] = _Stop(
                x[at],
                there[at],
                stop.gain,
                float(yaw[at]) - self.yaw,
                float(light[at]) - self.light if self.holds and light is not None else 0.0,
                stop.step + degrees,
                stop.across + across,
                stop.strides + 1,
            )
        return found

    def _move(self, stop: _Stop, degrees: float) -> tuple[torch.Tensor, float] | None:
        """The picture a stride further, before it is generated, and the step across in it."""
        place = (self.signal * stop.x + self.noise).numpy()
        slopes = stop.slopes or self.neighbours.slopes(
            place, self.yaw + stop.yaw, self.light + stop.light
        )
        stop.slopes = slopes
        if slopes is None:
            return None
        move, across = degrees * stop.gain * slopes.yaw, 0.0
        if self.holds and slopes.light is not None:
            most = self.pace.light_stride
            across = float(np.clip(-self.pace.light_gain * stop.light, -most, most))
            move = move + across * slopes.light
        return stop.x + torch.from_numpy(move) / self.signal, across


def _goals(wishes: NDArray[np.float64], sign: float, pace: Pace) -> list[float]:
    """The turns that a side's strides make for: its wishes from the farthest on, well apart."""
    kept: list[float] = []
    for size in sorted((abs(wish) for wish in wishes.tolist() if sign * wish > 0), reverse=True):
        if not kept or kept[-1] - size >= 0.75 * pace.stride_degrees:
            kept.append(size)
    return [sign * size for size in reversed(kept)]


def _walked(best: list[_Stop], wishes: NDArray[np.float64], holds: bool) -> Walked:
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
