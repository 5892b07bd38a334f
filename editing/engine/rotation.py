"""A face's own latent along the lines of a direction, and the picture's loss put back."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from editing.engine.calibration import Calibration
from editing.engine.lines import RotationFit, YawLine

__all__ = ["RotationFit", "Turned", "YawLine", "turn", "with_moments_of", "with_residual"]


@dataclass(frozen=True)
class Turned:
    """Latents (m, c, h, w), the step taken for each, and whether the wish had to be cut short."""

    x_t: torch.Tensor
    step_degrees: NDArray[np.float64]
    is_clamped: NDArray[np.bool_]


def turn(
    x_t: torch.Tensor,
    fit: RotationFit,
    source_yaw_degrees: float,
    degrees: Sequence[float],
    calibration: Calibration | None = None,
    motion: str = "straight",
) -> Turned:
    """Latents of one face turned by `degrees`, positive to the viewer's right, from where it looks.

    x_t           (c, h, w) or (1, c, h, w)
    degrees       (m,) relative to the face as it is; 0 gives x_t itself
    calibration   turns wished degrees into steps along the line; default: step = wish
    motion        "straight" as published; "moments": each channel keeps the source's mean and
                  standard deviation; "norm": the whole latent keeps its norm; "slerp": it goes as
                  far along a great circle of its shell
    raises        ValueError if a step needs a side that has no line, if the lines are of another
                  size than the latent, or for an unknown motion

    A face that looks right and turns left walks back on the right line, then out on the left one.
    """
    if motion not in MOTIONS:
        raise ValueError(f"The motion is {motion!r}; expected one of {', '.join(MOTIONS)}.")
    source = x_t.to(torch.float64).reshape(-1)  # (d,)
    wishes = np.asarray(degrees, np.float64)
    clamped = np.zeros(len(wishes), bool)
    steps = wishes
    if calibration is not None:
        steps, clamped = calibration.steps(wishes)
    moves = [_along(fit, source_yaw_degrees, float(step), len(source)) for step in steps]
    shape = (len(moves), *x_t.shape[-3:])
    move = torch.from_numpy(np.reshape(moves, (len(moves), len(source)))).to(source)  # (m, d)
    moved = MOTIONS[motion](source, move, shape)
    return Turned(moved, np.asarray(steps, np.float64), clamped)


def _along(fit: RotationFit, start: float, step: float, d: int) -> NDArray[np.float64]:
    """The move (d,) from yaw `start` to `start + step` along the lines of the sides crossed."""
    move = np.zeros(d)
    for sign, side in ((-1, "left"), (1, "right")):
        near, far = (max(sign * yaw, 0.0) for yaw in (start, start + step))
        if near == far:
            continue
        line: YawLine | None = getattr(fit, side)
        if line is None:
            raise ValueError(
                f"Turning from {start:.0f} by {step:.0f} degrees needs a line to "
                f"the {side}; this direction has none."
            )
        if len(line.slope) != d:
            raise ValueError(
                f"The line to the {side} has {len(line.slope)} numbers, the latent {d}: "
                "the direction is of a generator of another size."
            )
        move += sign * (far - near) * line.slope
    return move


def _straight(source: torch.Tensor, move: torch.Tensor, shape: tuple[int, ...]) -> torch.Tensor:
    return (source + move).reshape(shape)


def _keeping_moments(
    source: torch.Tensor, move: torch.Tensor, shape: tuple[int, ...]
) -> torch.Tensor:
    return with_moments_of(source.reshape(shape[1:]), (source + move).reshape(shape))


def _keeping_norm(source: torch.Tensor, move: torch.Tensor, shape: tuple[int, ...]) -> torch.Tensor:
    moved = source + move
    norms = moved.norm(dim=1, keepdim=True)
    return (moved * source.norm() / norms.where(norms > 0, 1.0)).reshape(shape)


def _on_the_shell(source: torch.Tensor, move: torch.Tensor, shape: tuple[int, ...]) -> torch.Tensor:
    """As far along the great circle that leaves the source towards the move as the move is long."""
    radius = source.norm()
    if not radius > 0:
        raise ValueError("A latent of zeros lies on no shell; slerp needs another.")
    unit = source / radius
    across = move - (move @ unit)[:, None] * unit  # (m, d), the part that leaves the source
    lengths = across.norm(dim=1, keepdim=True)
    towards = across / lengths.where(lengths > 0, 1.0)
    angle = move.norm(dim=1, keepdim=True) / radius * (lengths > 0)
    return (radius * (angle.cos() * unit + angle.sin() * towards)).reshape(shape)


_Motion = Callable[[torch.Tensor, torch.Tensor, tuple[int, ...]], torch.Tensor]
MOTIONS: dict[str, _Motion] = {
    "straight": _straight,
    "moments": _keeping_moments,
    "norm": _keeping_norm,
    "slerp": _on_the_shell,
}


def with_moments_of(source: torch.Tensor, moved: torch.Tensor) -> torch.Tensor:
    """Latents (m, c, h, w) with the mean and standard deviation of each channel of (c, h, w).

    A long move along a line leaves the noise level that the network expects at t, which shows as
    hard contrast, and drifts in mean, which shows as a tint.
    """
    mean, spread = moved.mean((2, 3), keepdim=True), moved.std((2, 3), keepdim=True)
    wanted_mean = source.mean((1, 2))[None, :, None, None]
    wanted_spread = source.std((1, 2))[None, :, None, None]
    unit = (moved - mean) / torch.where(spread > 0, spread, 1.0)
    return wanted_mean + unit * wanted_spread


def with_residual(
    frames: torch.Tensor,
    photo: torch.Tensor,
    reconstruction: torch.Tensor,
    degrees: Sequence[float],
    fade_degrees: float = 20.0,
) -> torch.Tensor:
    """Frames (m, c, h, w) with what inversion lost put back, fading as the turn grows.

    At 0 degrees all of photo - reconstruction (c, h, w) returns, so that frame is the photo; from
    fade_degrees on none does.
    """
    turned = torch.as_tensor(np.abs(np.asarray(degrees, np.float64)) / fade_degrees)
    share = torch.cos(turned.clamp(max=1) * torch.pi / 2) ** 2
    lost = (photo - reconstruction).to(frames)
    return frames + share.to(frames)[:, None, None, None] * lost
