"""Turn faces along a fitted direction: latents in, frames and how they came about out."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from editing.engine.bottleneck import generate_moved
from editing.engine.calibration import Calibration
from editing.engine.closed_loop import Aim, Answers, close
from editing.engine.ddim import generate
from editing.engine.denoiser import Denoiser
from editing.engine.rotation import RotationFit, turn, with_moments_of, with_residual

BATCH = 32
BOTTLENECK = "h"


@dataclass(frozen=True)
class Source:
    """A face to be turned: photo (c, h, w) in [-1, 1], latent (c, h, w), yaw it looks to.

    In a bottleneck's space, too, x_t is the noisy face from which pictures are made.
    """

    photo: torch.Tensor
    x_t: torch.Tensor
    yaw_degrees: float


@dataclass(frozen=True)
class Loop:
    """A closed loop: how frames (n, c, h, w) are read, when one is good, and what is held.

    read         yaw in degrees (n,) and the light as one number each, -1..1, or None
    holds_light  also walk along the light's own slope; needs a direction that has one
    """

    read: Callable[[torch.Tensor], tuple[NDArray[np.float64], NDArray[np.float64] | None]]
    aim: Aim
    holds_light: bool = False


@dataclass(frozen=True)
class Frames:
    """Pictures (m, c, h, w) float64 of a face, and of each how it came about.

    reconstruction  (c, h, w), what the face's own latent generates
    step, across    (m,) the way along the line in its degrees, and along the light's slope
    shell           (m,) size of the moved latent beside the source's own: 1 = on its shell
    is_clamped      (m,) beyond what the calibration measured, or where a walk ended
    rounds          (m,) times each was made, or strides of a walk until it
    """

    x: torch.Tensor
    reconstruction: torch.Tensor
    step: NDArray[np.float64]
    across: NDArray[np.float64]
    shell: NDArray[np.float64]
    is_clamped: NDArray[np.bool_]
    rounds: NDArray[np.int64]


class Turner:
    """A direction in one generator's space, ready to turn faces.

    motion  how a latent moves, see `engine.rotation.turn`
    kind    "x_t": the noisy face moves; "h": the bottleneck does, at every step of the grid
    """

    def __init__(
        self,
        denoiser: Denoiser,
        grid: Sequence[int],
        fit: RotationFit,
        calibration: Calibration | None = None,
        *,
        motion: str = "moments",
        kind: str = "x_t",
    ) -> None:
        self.denoiser = denoiser
        self.grid = grid
        self.fit = fit
        self.calibration = calibration
        self.motion = motion
        self.kind = kind

    def frames(
        self,
        source: Source,
        degrees: Sequence[float],
        tell: Callable[[float], None] = lambda share: None,
        *,
        fit: RotationFit | None = None,
        loop: Loop | None = None,
    ) -> Frames:
        """The face turned by each of these degrees; at 0 it is the photo itself.

        tell  called with the share that is done
        fit   lines of this face's own, in place of the direction's
        loop  corrects each frame's step until it reads as asked; needs a calibration
        """
        fit = fit or self.fit
        wishes = np.asarray(degrees, np.float64)
        if self.calibration is None:
            steps, clamped = wishes, np.zeros(len(wishes), bool)
        else:
            steps, clamped = self.calibration.steps(wishes)
        across, rounds = np.zeros(len(wishes)), np.ones(len(wishes), np.int64)
        reconstruction = self.pictures(source.x_t[None])[0]
        if loop is not None:
            found = self._corrected(source, fit, wishes, reconstruction, loop, tell)
            x, steps, across, rounds = found
            clamped = clamped & (rounds > 0)
        else:
            moved = self._moved(source, fit, steps, across)
            x = with_residual(
                self._made(source, moved, tell), source.photo.double(), reconstruction, degrees
            )
        moved = self._moved(source, fit, steps, across)
        return Frames(x, reconstruction, steps, across, self._shell(source, moved), clamped, rounds)

    def stepped(
        self,
        source: Source,
        steps: Sequence[float],
        fit: RotationFit | None = None,
        yaw_degrees: float | None = None,
    ) -> torch.Tensor:
        """The reconstruction and the face after each step along the line, (1 + m, c, h, w).

        yaw_degrees  where the way begins, default where the face looks
        """
        if yaw_degrees is not None:
            source = Source(source.photo, source.x_t, yaw_degrees)
        wanted = np.asarray([0.0, *steps])
        moved = self._moved(source, fit or self.fit, wanted, np.zeros(len(wanted)))
        return self._made(source, moved)

    def pictures(
        self, x_t: torch.Tensor, tell: Callable[[float], None] = lambda share: None
    ) -> torch.Tensor:
        """What latents (n, c, h, w) generate, in batches that fit the device."""

        def make(rows: slice, step: Callable[[int, int], None]) -> torch.Tensor:
            return generate(self.denoiser, x_t[rows].to(self._on), self.grid, step)

        return self._in_batches(len(x_t), tell, make)

    @property
    def _on(self) -> torch.device:
        return self.denoiser.device

    def _corrected(
        self,
        source: Source,
        fit: RotationFit,
        wishes: NDArray[np.float64],
        reconstruction: torch.Tensor,
        loop: Loop,
        tell: Callable[[float], None],
    ) -> tuple[torch.Tensor, NDArray[np.float64], NDArray[np.float64], NDArray[np.int64]]:
        """Frames whose steps a loop corrected, with their steps, steps across and rounds."""
        if self.calibration is None:
            raise ValueError("A closed loop needs a calibrated direction.")
        holds = loop.holds_light and fit.light is not None
        photo = source.photo.double()
        yaw, light = loop.read(source.photo[None])
        kept: dict[tuple[int, float, float], torch.Tensor] = {}
        rounds_told = 0

        def respond(
            rows: NDArray[np.int64], steps: NDArray[np.float64], across: NDArray[np.float64]
        ) -> Answers:
            nonlocal rounds_told
            made = self._made(source, self._moved(source, fit, steps, across))
            made = with_residual(made, photo, reconstruction, list(wishes[rows]))
            for row, step, aside, x in zip(rows, steps, across, made, strict=True):
                kept[int(row), float(step), float(aside)] = x
            rounds_told += 1
            tell(min(rounds_told / loop.aim.rounds, 1.0))
            seen, lit = loop.read(made)
            return Answers(seen - yaw[0], None if lit is None or light is None else lit - light[0])

        found = close(wishes, self.calibration, respond, loop.aim, holds_light=holds)
        frames = [
            kept.get((row, float(step), float(aside)), photo)  # 0 degrees is never made
            for row, (step, aside) in enumerate(zip(found.step, found.across, strict=True))
        ]
        return torch.stack(frames), found.step, found.across, found.rounds

    def _moved(
        self,
        source: Source,
        fit: RotationFit,
        steps: NDArray[np.float64],
        across: NDArray[np.float64],
    ) -> torch.Tensor:
        """Moved latents (m, c, h, w); in a bottleneck's space moved bottlenecks (m, C, h, w)."""
        start, motion = self._start(source), self.motion
        if self.kind == BOTTLENECK and motion == "moments":
            motion = "straight"  # a channel's mean is what a bottleneck says; noise has none
        moved = turn(start, fit, source.yaw_degrees, list(steps), None, motion=motion).x_t
        if fit.light is None or not across.any():
            return moved
        aside = torch.from_numpy(across[:, None] * fit.light).reshape(moved.shape)
        moved = moved + aside.to(moved)
        if motion == "moments":
            return with_moments_of(start.double(), moved)
        if motion in ("norm", "slerp"):
            sizes = moved.flatten(1).norm(dim=1)
            return moved * (start.double().norm() / sizes)[:, None, None, None]
        return moved

    def _made(
        self,
        source: Source,
        moved: torch.Tensor,
        tell: Callable[[float], None] = lambda share: None,
    ) -> torch.Tensor:
        if self.kind != BOTTLENECK:
            return self.pictures(moved, tell)

        start = self._start(source)

        def make(rows: slice, step: Callable[[int, int], None]) -> torch.Tensor:
            added = (moved[rows] - start).to(self._on)
            x_t = source.x_t[None].to(self._on).expand(len(added), -1, -1, -1)
            return generate_moved(
                self.denoiser, x_t, self.grid, lambda h, t: h + added.to(h), on_step=step
            )

        return self._in_batches(len(moved), tell, make)

    def _in_batches(
        self,
        n: int,
        tell: Callable[[float], None],
        make: Callable[[slice, Callable[[int, int], None]], torch.Tensor],
    ) -> torch.Tensor:
        made = []
        for at in range(0, n, BATCH):

            def step(done: int, steps: int, at: int = at) -> None:
                tell(min((at + BATCH * done / steps) / n, 1.0))

            made.append(make(slice(at, at + BATCH), step).cpu())
        return torch.cat(made)

    def _start(self, source: Source) -> torch.Tensor:
        """What a direction moves (c, h, w): the noisy face, or its bottleneck at the last t."""
        if self.kind != BOTTLENECK:
            return source.x_t.double()
        h, _ = self.denoiser.encode(source.x_t[None].to(self._on), self.grid[-1])
        return h[0].detach().double().cpu()

    def _shell(self, source: Source, moved: torch.Tensor) -> NDArray[np.float64]:
        sizes: NDArray[np.float64] = moved.double().flatten(1).norm(dim=1).numpy()
        return sizes / float(self._start(source).norm())
