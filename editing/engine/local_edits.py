"""Change one region of a face: its bottleneck is pushed along directions while it is generated.

Notation: h = the bottleneck at a step; v = a direction in it; s = the strength. At every step
inside the interval h becomes h + s (||h|| / ||v||) v, so that one strength means as much at another
step, in another network and on another face.

The face comes as its whole inversion: the states on the way and what each generating step misses.
Generated again with the misses put back, strength 0 is the photo itself, and what else is seen is
the edit alone.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch

from editing.engine.bottleneck import Form, SplitPredictor, generate_moved
from editing.engine.ddim import PHOTO, Inversion

# Both halves of a symmetric step nearly cancel on an even grid, so that a visible edit has to push
# h by several times its size, far outside of what its derivative tells; see docs/decisions.md.
DEFAULT_FORM: Form = "asymmetric"
# Below this share of the last timestep a push changes grain, not shape.
LOWEST_SHARE = 0.3


@dataclass(frozen=True)
class Push:
    """A direction (C, h, w), or one per frame (m, C, h, w), of any length; strengths (m,)."""

    direction: torch.Tensor
    strength: torch.Tensor


def default_interval(grid: Sequence[int]) -> tuple[int, int]:
    """The timesteps between which a bottleneck is pushed where nobody says otherwise."""
    return round(LOWEST_SHARE * grid[-1]), grid[-1]


def edited(
    denoiser: SplitPredictor,
    path: Inversion,
    grid: Sequence[int],
    pushes: Sequence[Push],
    *,
    form: Form = DEFAULT_FORM,
    interval: tuple[int, int] | None = None,
    hold: torch.Tensor | None = None,
    on_step: Callable[[int, int], None] | None = None,
    is_learning: bool = False,
    is_checkpointed: bool = False,
) -> torch.Tensor:
    """Pictures (m, c, h, w), float64, of a face (or of m faces) pushed along directions.

    path      of one face or of m faces, by `ddim.trace` on the same grid
    pushes    all at once; each with m strengths
    interval  (low, high) timesteps; default `default_interval`
    hold      (h, w) or (m, 1, h, w) in 0..1: outside it every state is pulled back to the path, so
              the edit is local by construction and its seam is the network's own
    is_learning      whether the pictures have a gradient in the directions and strengths
    is_checkpointed  see `generate_moved`
    raises    ValueError for an interval without a step, or a direction of another shape
    """
    low, high = interval or default_interval(grid)
    kept = [t for t in grid if t <= high]
    m = len(pushes[0].strength)
    _refuse_misfits(path, grid, pushes, kept, low)
    moves = [(_unit(push.direction), push.strength) for push in pushes]

    def move(h: torch.Tensor, t: int) -> torch.Tensor:
        size = h.flatten(1).norm(dim=1)
        pushed = h
        for direction, strength in moves:
            by = (strength.to(h) * size)[:, None, None, None]
            pushed = pushed + by * direction.to(h)
        return pushed

    def correct(x_s: torch.Tensor, s: int) -> torch.Tensor:
        at = 0 if s == PHOTO else grid.index(s) + 1
        x_s = x_s + path.residuals[at].to(x_s)
        return x_s if hold is None else path.states[at] + hold.to(x_s) * (x_s - path.states[at])

    # Before the interval nothing is pushed and the states are known.
    start = path.states[len(kept)].expand(m, -1, -1, -1)
    with torch.set_grad_enabled(is_learning):
        return generate_moved(
            denoiser,
            start,
            kept,
            move,
            form,
            (low, high),
            on_step=on_step,
            correct=correct,
            is_checkpointed=is_checkpointed,
        )


def _refuse_misfits(
    path: Inversion, grid: Sequence[int], pushes: Sequence[Push], kept: Sequence[int], low: int
) -> None:
    m = len(pushes[0].strength)
    if len(path.states) != len(grid) + 1 or path.states.shape[1] not in (1, m):
        raise ValueError(
            f"The path has {len(path.states)} states of {path.states.shape[1]} faces; "
            f"expected {len(grid) + 1} of 1 or {m}."
        )
    if any(len(push.strength) != m for push in pushes):
        counts = [len(push.strength) for push in pushes]
        raise ValueError(f"The edits have {counts} strengths; expected as many for each.")
    if any(not bool((_length(push.direction) > 0).all()) for push in pushes):
        raise ValueError("A direction is zero everywhere; there is nothing to push along.")
    if not kept or kept[-1] < low:
        raise ValueError(f"No step of {list(grid)} lies in the interval from {low}.")


def _length(direction: torch.Tensor) -> torch.Tensor:
    return direction.flatten(-3).norm(dim=-1)


def _unit(direction: torch.Tensor) -> torch.Tensor:
    return direction / _length(direction)[..., None, None, None]


def nearer(h: torch.Tensor, h_reference: torch.Tensor, rows: torch.Tensor) -> torch.Tensor:
    """The direction (C, h, w) in one region's rows that brings a face nearer to another [1].

    h, h_reference  (C, h, w) bottlenecks of both faces at one timestep
    rows            (k, C * h * w), the region's own directions; need not be orthonormal
    raises          ValueError where the rows say nothing of how the faces differ

    At strength ||direction|| / ||h|| all of the difference within the rows is made up.

    [1] Kouzelis et al. 2024, arXiv 2408.16845: an edit from one reference picture
    """
    basis = torch.linalg.qr(rows.double().T).Q  # (n, k)
    off = (h_reference - h).double().flatten()
    along = basis @ (basis.T @ off)
    if not float(along.norm()) > 1e-9 * float(off.norm()):
        raise ValueError("The reference face does not differ in this region's directions.")
    return along.reshape(h.shape)
