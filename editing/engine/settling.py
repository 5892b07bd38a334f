"""A direction made local on many faces at the size at which its edits are seen.

`pooling` knows what an endlessly small push does at one or two timesteps. A visible edit pushes at
every step of an interval, each step changes what the next one sees, and nothing of it is linear. So
here the whole edit is made on one face after another, and the direction v goes down the gradient of
    log out - (1 + GROWS) log in        out, in = energy changed outside and inside the region
by Adam [1] on the unit sphere. The strength of each face follows until its edit has the wished
size; the term GROWS is what a stronger push would leak besides, so that v may also gain by moving
its region more.

Heads that are turned have the region elsewhere, and one v does not fit them all. So v is a curve
over the head's turn a, which five landmarks tell: v(a) = v_0 + a v_1 + a^2 v_2.

[1] Kingma, Ba 2015, arXiv 1412.6980
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from editing.engine.bottleneck import SplitPredictor
from editing.engine.ddim import Inversion
from editing.engine.local_edits import DEFAULT_FORM, Push, edited
from editing.engine.regions import to_unit
from editing.engine.roir import change

STEPS = 320  # faces looked at, one after another; measured in docs/decisions.md
# A path of half as many timesteps costs half, and what is learned on it holds on the whole one.
COARSER = 2
POWERS = 3  # of a turn; 1 is one direction for all
USUAL_TURN = 0.25  # of the eyes' distance: some 25 degrees
MOST_TURNED = 2.0
RATE = 1e-3  # the largest step of a number of v, whose numbers are 1e-2 at 8,192 of them
LAST_RATE = 0.1  # of it, at the end
MEMORY = (0.8, 0.98)
GROWS = 0.5  # ROIR grew with the size's 0.57th power, from a quarter of .12 to .12
FOLLOWS = 0.8  # of what a strength was off
NEAR = 0.1  # how fast the usual strength of a region follows that of its faces
STRONGEST = 2.5
# More pixels than these do not keep their activations: each step is computed again on the way back.
KEPT_PIXELS = 1 << 15

OnStep = Callable[[int, int], None]


def coarse(steps: int) -> int:
    """How many timesteps a path is to have on which directions are settled, of an edit's steps."""
    return max(steps // COARSER, 2)


@dataclass(frozen=True)
class Learned:
    """One face to learn from: its path, its masks (h, w) in 0..1 by region, and its `turn_of`."""

    path: Inversion
    masks: Mapping[str, torch.Tensor]
    turn: float = 0.0


@dataclass(frozen=True)
class Settled:
    """A direction for every turn: v (powers, C, h, w), v[0] of unit length.

    strength   at which its edits usually have the size
    """

    v: torch.Tensor
    strength: float

    def facing(self, turn: float) -> torch.Tensor:
        """The direction (C, h, w) for a face with that turn."""
        return at_turn(self.v, turn)


def turn_of(landmarks: Sequence[float]) -> float:
    """How far a head is turned: the nose's tip off the middle of the face, + to the right.

    landmarks  CelebA's ten numbers, in pixels of the aligned picture
    raises     ValueError for landmarks that span no face
    """
    left_eye, right_eye, nose, left_mouth, right_mouth = to_unit(landmarks)
    origin = (left_eye + right_eye) / 2
    frame = np.stack([right_eye - left_eye, (left_mouth + right_mouth) / 2 - origin])
    if abs(np.linalg.det(frame)) < 1e-3:
        raise ValueError(f"The landmarks {list(landmarks)} lie on one line; they tell no turn.")
    to_the_right = float(np.linalg.solve(frame.T, nose - origin)[0])
    return min(max(to_the_right / USUAL_TURN, -MOST_TURNED), MOST_TURNED)


def at_turn(v: torch.Tensor, turn: float) -> torch.Tensor:
    """v (powers, ..., C, h, w) at one turn: (..., C, h, w)."""
    powers = turn ** torch.arange(len(v), dtype=v.dtype, device=v.device)
    return torch.tensordot(powers, v, dims=1)


def settled(
    denoiser: SplitPredictor,
    faces: Sequence[Learned],
    grid: Sequence[int],
    start: Mapping[str, torch.Tensor],
    *,
    size: float,
    steps: int = STEPS,
    rate: float = RATE,
    strength: float = 0.3,
    seed: int = 0,
    interval: tuple[int, int] | None = None,
    on_step: OnStep | None = None,
) -> dict[str, Settled]:
    """For each region of `start` (C, h, w) a direction that is local on faces like these.

    start     directions to begin with, such as pooled ones; (powers, C, h, w) those of a curve

    denoiser  one that is differentiable, in float32
    size      root mean square of the change inside the region, as in `roir.change`
    strength  where every region's search for its strength begins
    on_step   called with (steps done, steps in all); may raise to stop
    raises    ValueError for fewer than two faces, or one without all of the regions
    """
    names = list(start)
    if len(faces) < 2:
        raise ValueError(f"Settling takes 2 or more faces, got {len(faces)}.")
    for face in faces:
        if not set(names) <= set(face.masks):
            raise ValueError(f"A face has the regions {sorted(face.masks)}; expected {names}.")
    v = _on_sphere(torch.stack([_curve(start[name]) for name in names], dim=1)).requires_grad_()
    descent = torch.optim.Adam([v], lr=rate, betas=MEMORY)
    slower = torch.optim.lr_scheduler.CosineAnnealingLR(descent, steps, LAST_RATE * rate)
    usual = torch.full((len(names),), strength).to(v).log()
    own: dict[int, torch.Tensor] = {}  # log strengths of each face
    draw = torch.Generator().manual_seed(seed)
    waiting: list[int] = []
    for done in range(1, steps + 1):
        waiting = waiting or torch.randperm(len(faces), generator=draw).tolist()
        at = waiting.pop()
        here = own.get(at, usual)
        masks = torch.stack([faces[at].masks[name] for name in names])[:, None].to(v)
        still = faces[at].path.states[0]
        x = edited(
            denoiser,
            faces[at].path,
            grid,
            [Push(at_turn(v, faces[at].turn), here.exp())],
            form=DEFAULT_FORM,
            interval=interval,
            is_learning=True,
            is_checkpointed=masks.numel() >= KEPT_PIXELS,
        )
        loss = _loss(x - still, masks)
        descent.zero_grad()
        loss.backward()
        descent.step()
        slower.step()
        with torch.no_grad():
            v.copy_(_on_sphere(v))
            off = size / change(still[0], x, masks).clamp(min=1e-9)
            own[at] = (here + FOLLOWS * off.to(here).log()).clamp(max=math.log(STRONGEST))
            usual = (1 - NEAR) * usual + NEAR * own[at]
        if on_step:
            on_step(done, steps)
    found = v.detach()
    return {
        name: Settled(found[:, number], float(usual[number].exp()))
        for number, name in enumerate(names)
    }


def _loss(off: torch.Tensor, masks: torch.Tensor) -> torch.Tensor:
    inside, outside = ((off * part).square().sum((1, 2, 3)) for part in (masks, 1 - masks))
    return (outside.log() - (1 + GROWS) * inside.log()).sum()


def _curve(start: torch.Tensor) -> torch.Tensor:
    """(POWERS, C, h, w) of a direction that is as yet the same for every turn."""
    rows = start.float() if start.ndim == 4 else start.float()[None]
    return torch.cat([rows, rows.new_zeros(POWERS - len(rows), *rows.shape[1:])])


def _on_sphere(v: torch.Tensor) -> torch.Tensor:
    """v (powers, m, C, h, w) with v[0] of unit length."""
    return v / v[0].flatten(1).norm(dim=1)[:, None, None, None]
