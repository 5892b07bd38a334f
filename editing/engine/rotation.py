"""From yaw clusters to a line per side, and from a face's own latent along it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from editing.engine.calibration import Calibration
from editing.engine.clusters import Clusters

# A centroid this near to zero belongs to the frontal bin, whichever sign its mean yaw has.
FRONTAL_DEGREES = 2.5


@dataclass(frozen=True)
class YawLine:
    """centroid(yaw) = origin + yaw * slope; r_squared over all numbers of all centroids."""

    origin: NDArray[np.float64]
    slope: NDArray[np.float64]
    residual: NDArray[np.float64]
    r_squared: float
    held_r_squared: float


@dataclass(frozen=True)
class RotationFit:
    """One line per side of the viewer; None where too few clusters were found."""

    left: YawLine | None
    right: YawLine | None

    def arrays(self) -> dict[str, NDArray[np.float64]]:
        """All of it as named arrays, for a file that holds arrays only."""
        found: dict[str, NDArray[np.float64]] = {}
        for side, line in (("left", self.left), ("right", self.right)):
            if line is not None:
                figures = np.array([line.r_squared, line.held_r_squared])
                found |= {
                    f"{side}.origin": line.origin,
                    f"{side}.slope": line.slope,
                    f"{side}.residual": line.residual,
                    f"{side}.r_squared": figures,
                }
        return found

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[np.float64]]) -> RotationFit:
        lines: dict[str, YawLine | None] = {"left": None, "right": None}
        for side in lines:
            if f"{side}.slope" in arrays:
                r_squared, held = arrays[f"{side}.r_squared"]
                lines[side] = YawLine(
                    arrays[f"{side}.origin"],
                    arrays[f"{side}.slope"],
                    arrays[f"{side}.residual"],
                    float(r_squared),
                    float(held),
                )
        return cls(**lines)


@dataclass(frozen=True)
class Turned:
    """Latents (m, c, h, w), the step taken for each, and whether the wish had to be cut short."""

    x_t: torch.Tensor
    step_degrees: NDArray[np.float64]
    is_clamped: NDArray[np.bool_]


def fit_line(
    centroids: NDArray[np.floating],
    yaw: NDArray[np.floating],
    weights: NDArray[np.floating] | None = None,
) -> YawLine:
    """Fit one line through yaw-cluster centroids in latent space.

    centroids  (k, d), mean latent per bin
    yaw        (k,) degrees, one sign only: left and right turns get a line each [1];
               within 2.5 degrees of zero either sign will do
    weights    (k,) faces per bin; default all equal
    returns    YawLine: origin (d,), slope (d,) per degree, residual (k,) root mean square,
               held_r_squared: each centroid predicted from the others
    raises     ValueError if k < 3, the signs are mixed or all yaws are equal

    [1] Asperti, Colasuonno, Guerra 2024, arXiv 2308.06057
    """
    c, y = np.asarray(centroids, np.float64), np.asarray(yaw, np.float64)
    w = np.ones(len(y)) if weights is None else np.asarray(weights, np.float64)
    if len(y) < 3:
        raise ValueError(f"A line needs 3 or more clusters, got {len(y)}.")
    if c.ndim != 2 or len(c) != len(y) or w.shape != y.shape:
        raise ValueError(
            f"Centroids {c.shape}, yaw {y.shape} and weights {w.shape} do not fit; "
            "expected (k, d), (k,) and (k,)."
        )
    if y.min() < -FRONTAL_DEGREES and y.max() > FRONTAL_DEGREES:
        raise ValueError(
            f"Clusters from {y.min():.1f} to {y.max():.1f} degrees mix left and right; "
            "expected one side."
        )
    origin, slope = _solve(c, y, w)
    off = c - origin - y[:, None] * slope
    held, apart = np.empty_like(c), np.empty_like(c)
    for i in range(len(y)):
        rest = np.arange(len(y)) != i
        b, m = _solve(c[rest], y[rest], w[rest])
        held[i] = c[i] - b - y[i] * m
        apart[i] = c[i] - np.average(c[rest], axis=0, weights=w[rest])
    centred = c - np.average(c, axis=0, weights=w)
    return YawLine(
        origin=origin,
        slope=slope,
        residual=np.sqrt((off**2).mean(axis=1)),
        r_squared=_explained(off, centred, w),
        held_r_squared=_explained(held, apart, w),
    )


def fit_rotation(clusters: Clusters) -> RotationFit:
    """A line to the left and one to the right, weighted by the clusters' weights.

    Frontal clusters (within 2.5 degrees) belong to both lines, so that both start where faces look
    at the viewer.

    raises   ValueError if neither side has 3 clusters
    """
    lines: list[YawLine | None] = []
    counts = []
    for sign in (-1, 1):
        side = clusters.yaw * sign >= -FRONTAL_DEGREES
        counts.append(int(side.sum()))
        is_turned = (clusters.yaw[side] * sign > FRONTAL_DEGREES).any()
        fits = counts[-1] >= 3 and is_turned
        lines.append(
            fit_line(clusters.mean[side], clusters.yaw[side], clusters.weight[side])
            if fits
            else None
        )
    if lines == [None, None]:
        raise ValueError(
            f"Clusters on the left: {counts[0]}, on the right: {counts[1]}; "
            "a direction needs 3 with faces on at least one side. Widen the filter or the bins."
        )
    return RotationFit(*lines)


def turn(
    x_t: torch.Tensor,
    fit: RotationFit,
    source_yaw_degrees: float,
    degrees: Sequence[float],
    calibration: Calibration | None = None,
    keeps_moments: bool = False,
) -> Turned:
    """Latents of one face turned by `degrees`, positive to the viewer's right, from where it looks.

    x_t           (c, h, w) or (1, c, h, w)
    degrees       (m,) relative to the face as it is; 0 gives x_t itself
    calibration   turns wished degrees into steps along the line; default: step = wish
    keeps_moments whether each channel keeps the source's mean and standard deviation; else the
                  move is straight, as published
    raises        ValueError if a step needs a side that has no line

    A face that looks right and turns left walks back on the right line, then out on the left one.
    """
    source = x_t.to(torch.float64).reshape(-1)  # (d,)
    wishes = np.asarray(degrees, np.float64)
    clamped = np.zeros(len(wishes), bool)
    steps = wishes
    if calibration is not None:
        steps, clamped = calibration.steps(wishes)
    latents = []
    for step in steps:
        move = np.zeros(len(source))
        for sign, side in ((-1, "left"), (1, "right")):
            start, end = (
                max(sign * y, 0.0) for y in (source_yaw_degrees, source_yaw_degrees + step)
            )
            if start == end:
                continue
            line: YawLine | None = getattr(fit, side)
            if line is None:
                raise ValueError(
                    f"Turning from {source_yaw_degrees:.0f} by {step:.0f} degrees needs a line to "
                    f"the {side}; this direction has none."
                )
            move = move + sign * (end - start) * line.slope
        latents.append(source + torch.from_numpy(move).to(source))
    shape = (len(latents), *x_t.shape[-3:])
    moved = torch.stack(latents).reshape(shape)
    if keeps_moments:
        moved = with_moments_of(x_t.to(torch.float64).reshape(shape[1:]), moved)
    return Turned(moved, np.asarray(steps, np.float64), clamped)


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


def _solve(
    c: NDArray[np.float64], y: NDArray[np.float64], w: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    y_mean, c_mean = np.average(y, weights=w), np.average(c, axis=0, weights=w)
    spread = w @ (y - y_mean) ** 2
    if spread <= 1e-9 * w.sum():
        raise ValueError(f"All clusters lie at {y_mean:.1f} degrees; a line needs different yaws.")
    slope = (w * (y - y_mean)) @ (c - c_mean) / spread
    return c_mean - y_mean * slope, slope


def _explained(
    off: NDArray[np.float64], centred: NDArray[np.float64], w: NDArray[np.float64]
) -> float:
    whole = float(w @ (centred**2).sum(axis=1))
    return 1 - float(w @ (off**2).sum(axis=1)) / whole if whole else 1.0
