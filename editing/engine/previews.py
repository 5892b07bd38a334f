"""Small looks at what directions do to a face, made many at a time while they are being found."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from editing.engine.bottleneck import SplitPredictor
from editing.engine.ddim import Inversion
from editing.engine.images import to_uint8
from editing.engine.local_edits import Push, default_interval, edited
from editing.engine.roir import change

# A change that is plain to see and still within what a direction does by itself.
VISIBLE = 0.12
FIRST_STRENGTH = 0.15
STRONGEST = 1.0


@torch.no_grad()
def tiles(
    denoiser: SplitPredictor,
    path: Inversion,
    grid: Sequence[int],
    directions: torch.Tensor,
    masks: torch.Tensor,
    *,
    size: float = VISIBLE,
) -> tuple[NDArray[np.uint8], NDArray[np.float64]]:
    """Each direction's face pushed back, as it is, and pushed forth.

    path        of one face, by `ddim.trace` on this grid
    directions  (k, C, h, w)
    masks       (k, 1, h, w) in 0..1, the region that each direction is for
    size        root mean square of the wished change inside its region
    returns     (k, 3, h, w, 3) pictures and the strengths (k,) that they stand for

    Two rounds: one at a guessed strength tells the strength of the second.
    """
    x = path.states[0]
    guess = torch.full((len(directions),), FIRST_STRENGTH, dtype=torch.float64, device=x.device)
    seen = change(x, _pushed(denoiser, path, grid, directions, guess), masks)
    strength = (guess * size / seen.clamp(min=1e-9)).clamp(max=STRONGEST)
    made = _pushed(
        denoiser, path, grid, torch.cat([directions, directions]), torch.cat([-strength, strength])
    ).chunk(2)
    still = x.expand_as(made[0])
    frames = torch.stack([made[0], still, made[1]], 1)  # (k, 3, c, h, w)
    pictures = to_uint8(frames.flatten(0, 1))
    return pictures.reshape(len(directions), 3, *pictures.shape[1:]), strength.cpu().numpy()


def strip_of(tile: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Pictures (3, h, w, 3) side by side, (h, 3 w, 3)."""
    return np.concatenate(list(tile), axis=1)


def _pushed(
    denoiser: SplitPredictor,
    path: Inversion,
    grid: Sequence[int],
    directions: torch.Tensor,
    strength: torch.Tensor,
) -> torch.Tensor:
    push = Push(directions, strength)
    return edited(denoiser, path, grid, [push], interval=default_interval(grid))
