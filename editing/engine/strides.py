"""One stride of a walk: along a face's own slopes of yaw, and across them until the light is back.

Notation: a latent is x_t = sqrt(a) x + noise, a = alpha_bar at its timestep; the noise that the
photo's own inversion found is kept all the way, only the picture x moves. So each stop is generated
anew from a noisy face, which mends what a cross-fade left in it, and nothing is inverted again:
grain of repeated inversion was what could be seen first. How far the light of a generated face
answers to a step cannot be told beforehand, it often jumps by a side: a stride that moved it is
taken again with another step across.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from editing.engine.neighbours import Neighbours, Slopes
from editing.engine.rotation import with_moments_of

# Pictures (n, c, h, w) to yaw in degrees (n,) and the light, -1 .. 1, or None.
Read = Callable[[torch.Tensor], tuple[NDArray[np.float64], NDArray[np.float64] | None]]
# Latents (n, c, h, w) to pictures.
Generate = Callable[[torch.Tensor], torch.Tensor]
# The longest change of the step across from one try of a stride to the next, and the longest step
# of all, in sides of the light; between two tries the next is no nearer to either than NEAREST.
MOST_RELIT, MOST_ACROSS, NEAREST = 0.7, 2.0, 0.25


@dataclass(frozen=True)
class Pace:
    """How a walk goes.

    stride_degrees      the longest stride, and how far apart the stops are meant to be
    spare               strides of each side beyond those that the farthest wish needs
    gain                what a slope is multiplied by before the face has answered: faces that look
                        somewhat alike turn less along their slope than each of them turns
    light_gain          how many sides across for each side that the light has moved
    light_stride        the longest step across at first, in sides of the light
    tries               of a stride that moved the light, beyond the first
    tolerance_degrees, light_tolerance   a frame so near is left as it is, see `closed_loop.Aim`
    """

    stride_degrees: float = 10.0
    spare: int = 4
    gain: float = 1.7
    light_gain: float = 1.2
    light_stride: float = 1.1
    tries: int = 5
    tolerance_degrees: float = 1.5
    light_tolerance: float = 0.1


@dataclass
class Stop:
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


class Strides:
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
        self.start = Stop(photo.double(), x_t.double(), pace.gain)
        self.noise = self.start.x_t - self.signal * self.start.x
        yaw, light = read(photo[None])
        self.holds = light is not None and neighbours.knows_light
        self.yaw = float(yaw[0])
        self.light = float(light[0]) if self.holds and light is not None else 0.0

    def take(self, asked: list[tuple[Stop, float]]) -> list[Stop | None]:
        """What strides of so many degrees from these stops give; None where no slope is known.

        Where the light moved a stride is taken again, and of its tries the one that kept it best.
        """
        found = self._taken([(stop, degrees, self._back(stop)) for stop, degrees in asked])
        tries = [[] if stop is None else [stop] for stop in found]
        for _ in range(self.pace.tries if self.holds else 0):
            again = [row for row, stop in enumerate(found) if stop and self._is_moved(stop)]
            again = [row for row in again if self._knows_light_at(asked[row][0])]
            if not again:
                break
            taken = self._taken(
                [(*asked[row], self._next(asked[row][0], tries[row])) for row in again]
            )
            for row, stop in zip(again, taken, strict=True):
                tries[row] += [stop] if stop else []
                found[row] = min(tries[row], key=lambda one: abs(one.light))
        return found

    def _back(self, stop: Stop) -> float:
        """The step across that the drift of the light so far asks for."""
        most = self.pace.light_stride
        return float(np.clip(-self.pace.light_gain * stop.light, -most, most))

    def _is_moved(self, stop: Stop) -> bool:
        return abs(stop.light) > self.pace.light_tolerance

    def _knows_light_at(self, stop: Stop) -> bool:
        return stop.slopes is not None and stop.slopes.light is not None

    def _next(self, start: Stop, tries: list[Stop]) -> float:
        """The step across of a stride's next try: between two that moved the light either way."""
        left, right = ([t for t in tries if sign * t.light > 0] for sign in (-1, 1))
        if left and right:
            a, b = (min(side, key=lambda one: abs(one.light)) for side in (left, right))
            share = float(np.clip(a.light / (a.light - b.light), NEAREST, 1 - NEAREST))
            return a.across + share * (b.across - a.across) - start.across
        last = tries[-1]
        relit = float(np.clip(last.light, -MOST_RELIT, MOST_RELIT))
        return float(np.clip(last.across - start.across - relit, -MOST_ACROSS, MOST_ACROSS))

    def _taken(self, asked: list[tuple[Stop, float, float]]) -> list[Stop | None]:
        """Strides from stops by so many degrees and so many sides across, generated and read."""
        moves = [self._move(*one) for one in asked]
        rows = [row for row, move in enumerate(moves) if move is not None]
        found: list[Stop | None] = [None] * len(asked)
        if not rows:
            return found
        moved = torch.stack([move[0] for move in moves if move is not None])
        # Moves add up to hard contrast and a tint otherwise: see there.
        there = self.signal * with_moments_of(self.start.x, moved) + self.noise
        x = self.generate(there).double().clamp(-1, 1)
        yaw, light = self.read(x)
        for at, row in enumerate(rows):
            stop, degrees, _ = asked[row]
            _, across = moves[row] or (None, 0.0)
            found[row] = Stop(
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

    def _move(self, stop: Stop, degrees: float, across: float) -> tuple[torch.Tensor, float] | None:
        """The picture a stride further, before it is generated, and the step across in it."""
        place = (self.signal * stop.x + self.noise).numpy()
        slopes = stop.slopes or self.neighbours.slopes(
            place, self.yaw + stop.yaw, self.light + stop.light
        )
        stop.slopes = slopes
        if slopes is None:
            return None
        move = degrees * stop.gain * slopes.yaw
        if self.holds and slopes.light is not None:
            move = move + across * slopes.light
        else:
            across = 0.0
        return stop.x + torch.from_numpy(move) / self.signal, across
