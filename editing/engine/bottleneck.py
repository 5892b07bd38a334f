"""A picture from its latent while the network's bottleneck is moved at every step of an interval.

Notation: a_t = alpha_bar[t]; h = the bottleneck's activation; eps, eps' = the noise predicted from
h as it is and from h moved. One step from t to s:
    symmetric    x_s = sqrt(a_s) P(eps') + sqrt(1 - a_s) eps'     one pass through the network [1]
    asymmetric   x_s = sqrt(a_s) P(eps') + sqrt(1 - a_s) eps      one pass and a second decoding [2]
with P(e) = (x_t - sqrt(1 - a_t) e) / sqrt(a_t), the picture that noise e leaves. Either gives the
same edits at another strength [1].

[1] Haas et al. 2023, arXiv 2303.11073
[2] Kwon, Jeong, Uh 2023 (Asyrp), arXiv 2210.10960
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any, Literal, Protocol, get_args

import torch
from torch.utils.checkpoint import checkpoint

from editing.engine.ddim import PHOTO

Form = Literal["symmetric", "asymmetric"]
Move = Callable[[torch.Tensor, int], torch.Tensor]


class SplitPredictor(Protocol):
    """What moving a bottleneck needs of a denoiser."""

    alpha_bar: torch.Tensor

    def predict_noise(self, x_t: torch.Tensor, t: int) -> torch.Tensor: ...

    def encode(self, x_t: torch.Tensor, t: int) -> tuple[torch.Tensor, Any]: ...

    def decode(self, h: torch.Tensor, context: Any) -> torch.Tensor: ...


def generate_moved(
    denoiser: SplitPredictor,
    x_t: torch.Tensor,
    grid: Sequence[int],
    move: Move,
    form: Form = "symmetric",
    interval: tuple[int, int] | None = None,
    on_step: Callable[[int, int], None] | None = None,
    correct: Callable[[torch.Tensor, int], torch.Tensor] | None = None,
    is_checkpointed: bool = False,
) -> torch.Tensor:
    """The picture x_0 (n, c, h, w), float64, of latents at grid[-1] with the bottleneck moved.

    Differentiable in whatever `move` adds.

    move       move(h, t) gives the moved h (n, C, h, w)
    interval   (low, high): h is moved while low <= t <= high; default: at every step
    on_step    called with (steps done, steps in all)
    correct    correct(x_s, s) gives what to go on with after each step; s = -1 for the photo
    is_checkpointed  whether gradients run each step again instead of keeping what it went through
    raises     ValueError for another form or an interval that holds no step of the grid
    """
    low, high = interval or (grid[0], grid[-1])
    if form not in get_args(Form):
        raise ValueError(f"The form is {form!r}; expected one of {', '.join(get_args(Form))}.")
    if not any(low <= t <= high for t in grid):
        raise ValueError(
            f"No step lies in the edit interval {low}..{high}; the grid runs {grid[0]}..{grid[-1]}."
        )

    def down(x: torch.Tensor, t: int, s: int) -> torch.Tensor:
        if low <= t <= high:
            h, context = denoiser.encode(x, t)
            moved = denoiser.decode(move(h, t), context)
            eps = moved if form == "symmetric" else denoiser.decode(h, context)
        else:
            moved = eps = denoiser.predict_noise(x, t)
        return _step(denoiser, x, t, s, moved.to(x), eps.to(x))

    x = x_t.to(torch.float64)
    for done, (t, s) in enumerate(pairwise([*reversed(grid), PHOTO]), 1):
        x = checkpoint(down, x, t, s, use_reentrant=False) if is_checkpointed else down(x, t, s)
        if correct:
            x = correct(x, s)
        if on_step:
            on_step(done, len(grid))
    return x


def _step(
    denoiser: SplitPredictor,
    x_t: torch.Tensor,
    t: int,
    s: int,
    moved: torch.Tensor,
    eps: torch.Tensor,
) -> torch.Tensor:
    """x_s from x_t (n, c, h, w), the picture told by one noise and the way back by the other."""
    a_t, a_s = _signal(denoiser, t), _signal(denoiser, s)
    picture: torch.Tensor = (x_t - (1 - a_t) ** 0.5 * moved) / a_t**0.5
    return a_s**0.5 * picture + (1 - a_s) ** 0.5 * eps


def _signal(denoiser: SplitPredictor, t: int) -> float:
    return 1.0 if t == PHOTO else float(denoiser.alpha_bar[t])
