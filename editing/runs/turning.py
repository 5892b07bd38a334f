"""Turn faces along a fitted direction: latents in, frames and what they measure out."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from editing.engine.calibration import Calibration
from editing.engine.ddim import generate
from editing.engine.denoiser import Denoiser
from editing.engine.rotation import RotationFit, turn, with_residual

BATCH = 32


@dataclass(frozen=True)
class Source:
    """A face to be turned: photo (c, h, w) in [-1, 1], latent (c, h, w), yaw it looks to."""

    photo: torch.Tensor
    x_t: torch.Tensor
    yaw_degrees: float


@dataclass(frozen=True)
class Frames:
    """Pictures (m, c, h, w) float64; is_clamped (m,): beyond what the calibration measured."""

    x: torch.Tensor
    is_clamped: NDArray[np.bool_]


class Turner:
    """A direction in one generator's space, ready to turn faces."""

    def __init__(
        self,
        denoiser: Denoiser,
        grid: Sequence[int],
        fit: RotationFit,
        calibration: Calibration | None = None,
    ) -> None:
        self.denoiser = denoiser
        self.grid = grid
        self.fit = fit
        self.calibration = calibration

    def frames(
        self,
        source: Source,
        degrees: Sequence[float],
        tell: Callable[[float], None] = lambda share: None,
    ) -> Frames:
        """The face turned by each of these degrees; at 0 it is the photo itself.

        tell  called with the share that is done
        """
        turned = turn(
            source.x_t, self.fit, source.yaw_degrees, degrees, self.calibration, motion="moments"
        )
        latents = torch.cat([source.x_t[None].double(), turned.x_t])
        made = self.pictures(latents, tell)
        whole = with_residual(made[1:], source.photo.double(), made[0], degrees)
        return Frames(whole, turned.is_clamped)

    def pictures(
        self, x_t: torch.Tensor, tell: Callable[[float], None] = lambda share: None
    ) -> torch.Tensor:
        """What latents (n, c, h, w) generate, in batches that fit the device."""
        made = []
        for at in range(0, len(x_t), BATCH):

            def step(done: int, steps: int, at: int = at) -> None:
                tell(min((at + BATCH * done / steps) / len(x_t), 1.0))

            part = x_t[at : at + BATCH].to(self.denoiser.device)
            made.append(generate(self.denoiser, part, self.grid, step).cpu())
        return torch.cat(made)
