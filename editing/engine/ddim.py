"""Deterministic diffusion both ways: a photo to its latent, a latent to its picture.

Notation: a_t = alpha_bar[t], the share of signal left at t; a = 1 for the photo itself.
One step from s to t, in either direction [1, eq. 12 with sigma = 0]:
    x_t = sqrt(a_t / a_s) x_s + (sqrt(1 - a_t) - sqrt(a_t (1 - a_s) / a_s)) eps

[1] Song, Meng, Ermon 2021, arXiv 2010.02502
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Protocol

import torch
from torch.utils.checkpoint import checkpoint

from editing.engine.denoiser import USABLE_ALPHA_BAR

PHOTO = -1  # the "timestep" before the first one, where a = 1


class NoisePredictor(Protocol):
    """What inversion needs of a denoiser."""

    alpha_bar: torch.Tensor

    def predict_noise(self, x_t: torch.Tensor, t: int) -> torch.Tensor: ...


@dataclass(frozen=True)
class Inversion:
    """All that an inversion went through, from the photo at states[0] to the latent at states[-1].

    states     (steps + 1, n, c, h, w) float64, states[k] at grid[k - 1]
    residuals  (steps, n, c, h, w), residuals[k] = states[k] less what the generating step from
               states[k + 1] gives: with them `generate` goes back along states exactly
    """

    states: torch.Tensor
    residuals: torch.Tensor

    @property
    def x_t(self) -> torch.Tensor:
        return self.states[-1]


def time_grid(alpha_bar: torch.Tensor, steps: int, until: int | None = None) -> tuple[int, ...]:
    """Rising timesteps of an even grid of `steps` over the usable schedule, cut to end at `until`.

    raises   ValueError if steps < 1, or if until lies where no usable signal is left
    """
    last = int((alpha_bar >= USABLE_ALPHA_BAR).nonzero()[-1])
    if not 1 <= steps <= last:
        raise ValueError(f"A time grid takes 1 to {last} steps, not {steps}.")
    if until is None:
        until = last
    if not 0 <= until <= last:
        raise ValueError(f"The latent's timestep is {until}; this schedule is usable in 0..{last}.")
    even = (round(last * k / steps) for k in range(1, steps + 1))
    return (*(t for t in even if t < until), until)


@torch.no_grad()
def invert(
    denoiser: NoisePredictor,
    x_0: torch.Tensor,
    grid: Sequence[int],
    refinements: int = 1,
    on_step: Callable[[int, int], None] | None = None,
) -> torch.Tensor:
    """The latent x_t at grid[-1] from which `generate` gives x_0 back.

    x_0           (n, c, h, w) in [-1, 1]
    refinements   network calls per step after the first guess, each a fixed-point iteration
                  of the generating step's own equation; 0 is the usual DDIM inversion
    on_step       called with (steps done, steps in all)
    returns       float64, as the state is throughout
    """
    x, s = x_0.to(torch.float64), PHOTO
    # With refinements the last call of a step is the guess for the next one: n + 1 calls, not 2n.
    eps = denoiser.predict_noise(x, 0) if grid else x
    for done, t in enumerate(grid, 1):
        if not refinements and s != PHOTO:
            eps = denoiser.predict_noise(x, s)
        x_t = _step(denoiser, x, s, t, eps)
        for _ in range(refinements):
            eps = denoiser.predict_noise(x_t, t)
            x_t = _step(denoiser, x, s, t, eps)
        x, s = x_t, t
        if on_step:
            on_step(done, len(grid))
    return x


@torch.no_grad()
def trace(
    denoiser: NoisePredictor,
    x_0: torch.Tensor,
    grid: Sequence[int],
    refinements: int = 1,
    on_step: Callable[[int, int], None] | None = None,
) -> Inversion:
    """`invert`, with every state on the way and what each generating step misses of it.

    One network call per step more than `invert` with a refinement, which is the next step's guess
    too; so the latent is a little better than that of `invert`, and not bit for bit the same.
    """
    x, s = x_0.to(torch.float64), PHOTO
    states, residuals = [x], []
    eps = denoiser.predict_noise(x, 0) if grid else x
    for done, t in enumerate(grid, 1):
        x_t = _step(denoiser, x, s, t, eps)
        for _ in range(refinements):
            x_t = _step(denoiser, x, s, t, denoiser.predict_noise(x_t, t))
        eps = denoiser.predict_noise(x_t, t)
        residuals.append(x - _step(denoiser, x_t, t, s, eps))
        states.append(x_t)
        x, s = x_t, t
        if on_step:
            on_step(done, len(grid))
    kept = torch.stack(residuals) if residuals else x.new_empty((0, *x.shape))
    return Inversion(torch.stack(states), kept)


@torch.no_grad()
def generate(
    denoiser: NoisePredictor,
    x_t: torch.Tensor,
    grid: Sequence[int],
    on_step: Callable[[int, int], None] | None = None,
    *,
    residuals: torch.Tensor | None = None,
) -> torch.Tensor:
    """The picture x_0 (n, c, h, w), float64, about [-1, 1], of a latent x_t at grid[-1].

    residuals  (steps, n or 1, c, h, w) as `trace` gives them, whole or scaled down: added after
               the step they belong to, whole ones give the photo itself back
    """
    if residuals is not None and len(residuals) != len(grid):
        raise ValueError(f"There are residuals of {len(residuals)} steps; expected {len(grid)}.")
    x = x_t.to(torch.float64)
    down = [*reversed(grid), PHOTO]
    for done, (t, s) in enumerate(pairwise(down), 1):
        x = _step(denoiser, x, t, s, denoiser.predict_noise(x, t))
        if residuals is not None:
            x = x + residuals[-done].to(x)
        if on_step:
            on_step(done, len(grid))
    return x


def descend(
    denoiser: NoisePredictor, x_t: torch.Tensor, grid: Sequence[int], *, checkpointed: bool = False
) -> torch.Tensor:
    """`generate` in x_t's own type, with a gradient in x_t.

    checkpointed   keep the states only and compute each step again on the way back: a third more
                   work for a memory that does not grow with the network
    """

    def down(x: torch.Tensor, t: int, s: int) -> torch.Tensor:
        return _step(denoiser, x, t, s, denoiser.predict_noise(x, t))

    x = x_t
    for t, s in pairwise([*reversed(grid), PHOTO]):
        x = checkpoint(down, x, t, s, use_reentrant=False) if checkpointed else down(x, t, s)
    return x


def _step(
    denoiser: NoisePredictor, x_s: torch.Tensor, s: int, t: int, eps: torch.Tensor
) -> torch.Tensor:
    a_s, a_t = _signal(denoiser, s), _signal(denoiser, t)
    kept = (a_t / a_s) ** 0.5
    return kept * x_s + ((1 - a_t) ** 0.5 - kept * (1 - a_s) ** 0.5) * eps


def _signal(denoiser: NoisePredictor, t: int) -> float:
    return 1.0 if t == PHOTO else float(denoiser.alpha_bar[t])
