"""How faces become latents, and latents pictures, in one of a generator's spaces.

A latent of kind "x_t" is the noisy face at a timestep (x_T at the last usable one); one of kind
"h" is what the network's bottleneck says of it. The second follows from the first, not back.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, get_args

import torch

from editing.engine.ddim import descend, generate, invert, time_grid
from editing.engine.denoiser import Denoiser
from editing.engine.encoder import Encoder

Kind = Literal["x_t", "h"]
Tell = Callable[[float], None]
# The seed descends from its encoder's latents at this rate too [arXiv 2301.07485].
DESCENT_RATE = 1e-2
# One picture's activations are about this many numbers per pixel in networks of this kind; more
# faces at once gain nothing on a processor (measured: .0101, .0094, .0100 and .0105 processor
# seconds per face and call in batches of 8, 16, 32 and 64), and must fit the memory of a GPU.
NUMBERS_PER_PIXEL = 500
CPU_PIXELS = 32 * 64**2
CPU_FACES = 64


@dataclass(frozen=True)
class Space:
    """What says how latents are made.

    steps           of the whole schedule, of which those up to timestep are taken
    refinements     fixed-point iterations per step of an inversion; an encoder needs none
    gradient_steps  descents on the generated picture's own error, afterwards
    """

    timestep: int
    steps: int
    refinements: int = 1
    kind: Kind = "x_t"
    gradient_steps: int = 0
    encoder: Encoder | None = None

    def __post_init__(self) -> None:
        if self.kind not in get_args(Kind):
            raise ValueError(
                f"The kind of latent is {self.kind!r}; expected {' or '.join(get_args(Kind))}."
            )

    def grid(self, denoiser: Denoiser) -> tuple[int, ...]:
        return time_grid(denoiser.alpha_bar, self.steps, self.timestep)

    def x_t(
        self, denoiser: Denoiser, x_0: torch.Tensor, tell: Tell = lambda share: None
    ) -> torch.Tensor:
        """The noisy faces (n, c, h, w), float64, of photos in [-1, 1].

        tell   called with the share that is done
        """
        grid = self.grid(denoiser)
        inversion = 0.0 if self.encoder else 1.0 / (1 + 3 * self.gradient_steps)

        def told(done: int, steps: int) -> None:
            tell(inversion * done / steps)

        if self.encoder:
            with torch.no_grad():
                found = self.encoder(x_0).double()
        else:
            found = invert(denoiser, x_0, grid, self.refinements, told)
        if not self.gradient_steps:
            return found

        def descended(done: int, steps: int) -> None:
            tell(inversion + (1 - inversion) * done / steps)

        return refine(denoiser, found, x_0, grid, self.gradient_steps, on_step=descended)

    def latents(
        self, denoiser: Denoiser, x_0: torch.Tensor, tell: Tell = lambda share: None
    ) -> torch.Tensor:
        """The latents (n, ..) of the space's kind, float64."""
        return self.of(denoiser, self.x_t(denoiser, x_0, tell))

    def of(self, denoiser: Denoiser, x_t: torch.Tensor) -> torch.Tensor:
        """The latents (n, ..) of faces whose x_t is known."""
        if self.kind == "x_t":
            return x_t
        with torch.no_grad():
            return denoiser.encode(x_t, self.timestep)[0].double()


def refine(
    denoiser: Denoiser,
    x_t: torch.Tensor,
    x_0: torch.Tensor,
    grid: Sequence[int],
    steps: int,
    rate: float = DESCENT_RATE,
    on_step: Callable[[int, int], None] | None = None,
) -> torch.Tensor:
    """Latents (n, c, h, w) that generate x_0 better, by Adam on the pictures' squared error.

    returns   float64; of each face the best latent met, so that none is worse than it came
    """
    z = x_t.detach().float().requires_grad_()
    goal = x_0.to(z)
    best = x_t.to(torch.float64).clone()
    least = torch.full((len(z),), torch.inf, dtype=torch.float64, device=z.device)
    adam = torch.optim.Adam([z], lr=rate)
    for done in range(steps + 1):
        with torch.set_grad_enabled(done < steps):
            made = descend(denoiser, z, grid, checkpointed=True)
            errors = (made - goal).square().flatten(1).mean(1)
        better = errors.detach().double() < least
        if done:
            best[better] = z.detach()[better].double()
        least = torch.where(better, errors.detach().double(), least)
        if done == steps:
            break
        adam.zero_grad()
        # A sum over faces: each descends as if it were alone.
        errors.sum().backward()
        adam.step()
        if on_step:
            on_step(done + 1, steps)
    return best


def round_trip(
    denoiser: Denoiser, x_t: torch.Tensor, x_0: torch.Tensor, grid: Sequence[int]
) -> float:
    """Mean squared error, on pictures in [-1, 1], of faces made again from their x_t."""
    made = generate(denoiser, x_t.to(denoiser.device), grid)
    return float((made - x_0.to(made)).square().mean())


def faces_at_once(denoiser: Denoiser) -> int:
    """How many faces a batch may hold on the denoiser's device; a power of two."""
    pixels = denoiser.image_size**2
    most = min(CPU_PIXELS // pixels, CPU_FACES)
    if denoiser.device.type == "cuda":
        free, _ = torch.cuda.mem_get_info(denoiser.device)
        bytes_each = pixels * NUMBERS_PER_PIXEL * denoiser.dtype.itemsize
        # Half of what is free: attention and the allocator want some as well.
        most = min(free // 2 // bytes_each, 1024)
    return 1 << max(int(most).bit_length() - 1, 0)
