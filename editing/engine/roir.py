"""How local an edit is: what it changed outside its region, beside what it changed inside.

Notation: M = the mask; X = the unedited reconstruction; X' = the edited picture, both in [-1, 1].
    ROIR = ||(1 - M)(X - X')|| / ||M(X - X')||    lower is more local [1]
A weak edit looks local whatever it does, so directions are compared at one size inside the mask
only. LPIPS, which others report beside it, is not measured: its weights may not be shipped.

[1] Oldfield et al. 2023 (PandA), arXiv 2206.00048
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from skimage.metrics import structural_similarity

SSIM_WINDOW = 7
LARGEST_LEAP = 6.0  # how far one round of a search may change a strength


@dataclass(frozen=True)
class Matched:
    """Edits of one size: strength (m,), pictures x (m, c, h, w), and their measures (m,)."""

    strength: torch.Tensor
    x: torch.Tensor
    size: torch.Tensor
    roir: torch.Tensor


def change(x: torch.Tensor, x_edited: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """Root mean square (m,) of what an edit changed inside the mask.

    x (c, h, w) or (m, c, h, w); x_edited (m, c, h, w); mask (h, w) or (m, 1, h, w) in 0..1
    """
    inside = ((x_edited - x).square() * mask).flatten(1).sum(1)
    weight = mask.expand_as(x_edited).flatten(1).sum(1)
    return (inside / weight).sqrt()


def roir(x: torch.Tensor, x_edited: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """ROIR (m,) of edited pictures; NaN where nothing at all changed. Shapes as in `change`."""
    off = x_edited - x
    inside = (off * mask).flatten(1).norm(dim=1)
    outside = (off * (1 - mask)).flatten(1).norm(dim=1)
    return outside / inside


@torch.no_grad()
def matched(
    edit: Callable[[torch.Tensor, torch.Tensor], torch.Tensor],
    n: int,
    x: torch.Tensor,
    mask: torch.Tensor,
    size: float,
    *,
    start: float | torch.Tensor = 0.1,
    rounds: int = 4,
    tolerance: float = 0.03,
) -> Matched:
    """Search the strengths of n edits until each changes the mask's inside by one size.

    edit    edit(strengths (m,), which (m,)) gives pictures (m, c, h, w) of some of the n edits;
            those that are near enough are not made again
    size    the wished `change`; what cannot reach it keeps the nearest that was seen
    start   first strength; every later one assumes that a change grows with its strength
    """
    strength = torch.as_tensor(start, dtype=torch.float64).expand(n).clone()
    of_all = mask.ndim > 2 and len(mask) == n
    which = torch.arange(n)
    best: Matched | None = None
    for _ in range(rounds):
        made = edit(strength, which)
        of_these = mask[which.to(mask.device)] if of_all else mask
        now = Matched(strength, made, change(x, made, of_these), roir(x, made, of_these))
        best = now if best is None else _nearer(now, which, best, size)
        is_off = (best.size / size).log().abs() > tolerance
        if not bool(is_off.any()):
            break
        step = (size / now.size.clamp(min=1e-9)).clamp(1 / LARGEST_LEAP, LARGEST_LEAP)
        still = is_off.cpu()[which]
        strength, which = (strength * step.to(strength))[still], which[still]
    if best is None:
        raise ValueError(f"A search takes 1 or more rounds, not {rounds}.")
    return best


def _nearer(now: Matched, which: torch.Tensor, best: Matched, size: float) -> Matched:
    """The best so far, with those of `which` replaced that have come nearer to the size."""
    at = which.to(best.size.device)
    is_nearer = (now.size / size).log().abs() < (best.size[at] / size).log().abs()

    def pick(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
        kept, better = b.clone(), is_nearer.to(b.device)
        kept[which.to(b.device)[better]] = a[better]
        return kept

    return Matched(
        pick(now.strength, best.strength),
        pick(now.x, best.x),
        pick(now.size, best.size),
        pick(now.roir, best.roir),
    )


def ssim_outside(
    x: NDArray[np.uint8], x_edited: NDArray[np.uint8], mask: NDArray[np.bool_]
) -> float:
    """Mean structural similarity of two pictures (h, w, 3) over the pixels outside the mask.

    Computed on the whole pictures and averaged outside, so windows near the mask's edge see a
    little of its inside. NaN where the mask leaves no pixel.
    """
    _, similarity = structural_similarity(
        x, x_edited, win_size=SSIM_WINDOW, channel_axis=-1, data_range=255, full=True
    )
    outside: NDArray[np.float64] = similarity.mean(axis=-1)[~mask]
    return float(outside.mean()) if len(outside) else float("nan")
