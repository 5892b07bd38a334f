"""A small network that reads yaw, and where labels are given the light, off a face crop."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import nn

from editing.engine.lessons import BATCH, Budget, Taught, teach
from editing.engine.netfiles import read_net, write_net

FORMAT = 2
READ_SIZE = 32  # crops are read at this size: yaw and light are coarse, and time is short
YAW_UNIT = 20.0  # degrees; brings yaw near to unit spread
UNLABELED = -1
BUDGET = Budget(lessons=2400, epochs=120)


@dataclass(frozen=True)
class Reading:
    """yaw_degrees (n,), light (n, k) probabilities or None if the probe was given no labels."""

    yaw_degrees: NDArray[np.float64]
    light: NDArray[np.float64] | None


@dataclass(frozen=True)
class HeldOut:
    """How the probe did on identities it never saw; baseline = always saying the mean yaw."""

    n_faces: int
    n_identities: int
    yaw_error_degrees: float
    yaw_baseline_degrees: float
    light_accuracy: float | None


class FaceProbe:
    """Reads yaw and light; each face is read twice, as it is and mirrored."""

    def __init__(
        self, net: nn.Module, light_classes: Sequence[str], held_out: HeldOut, taught: Taught
    ) -> None:
        self.net = net.eval().requires_grad_(False)
        self.light_classes = tuple(light_classes)
        self.held_out = held_out
        self.taught = taught

    @torch.no_grad()
    def predict(self, x: torch.Tensor, batch: int = 256) -> Reading:
        """Yaw and light of faces x (n, 3, h, w) in [-1, 1]."""
        if x.ndim != 4 or x.shape[1] != 3:
            raise ValueError(f"Faces are {tuple(x.shape)}; expected (n, 3, h, w).")
        yaw, light = [], []
        for part in x.to(torch.float32).split(batch):
            seen, mirrored = self.net(_small(part)), self.net(_small(part).flip(-1))
            yaw.append((seen[:, 0] - mirrored[:, 0]) / 2 * YAW_UNIT)
            if self.light_classes:
                swapped = mirrored[:, 1:].flip(-1)
                light.append((seen[:, 1:].softmax(-1) + swapped.softmax(-1)) / 2)
        return Reading(
            torch.cat(yaw).double().numpy() if yaw else np.empty(0),
            torch.cat(light).double().numpy() if light else None,
        )

    def save(self, path: str | Path) -> None:
        told = {
            "light_classes": list(self.light_classes),
            "held_out": asdict(self.held_out),
            "taught": asdict(self.taught),
        }
        write_net(path, self.net, "probe", FORMAT, told)

    @classmethod
    def load(cls, path: str | Path) -> FaceProbe:
        """A saved probe; raises ValueError for a file of another format."""
        state, told = read_net(path, "probe", FORMAT)
        net = _new_net(len(told["light_classes"]))
        net.load_state_dict(state)
        held_out, taught = HeldOut(**told["held_out"]), Taught(**told["taught"])
        return cls(net, told["light_classes"], held_out, taught)


def train_probe(
    images: NDArray[np.uint8],
    yaw_degrees: NDArray[np.floating],
    identities: NDArray[Any],
    *,
    light: NDArray[np.integer] | None = None,
    light_classes: Sequence[str] = ("left", "center", "right"),
    budget: Budget = BUDGET,
    held_share: float = 0.15,
    seed: int = 0,
    on_progress: Callable[[float], None] | None = None,
) -> FaceProbe:
    """Train a probe and measure it on identities held out from training.

    images      (n, h, w, 3) uint8 crops
    light       (n,) index into light_classes, -1 where unlabeled; the classes are in the viewer's
                order, so that mirroring a face reverses them
    on_progress called with the share of the budget that is spent
    raises      ValueError if shapes disagree or fewer than 8 identities are given
    """
    _refuse_misfits(images, yaw_degrees, identities, light, light_classes)
    classes = tuple(light_classes) if light is not None else ()
    draw = torch.Generator().manual_seed(seed)
    held = held_out_people(identities, held_share, seed)
    x = _small(_as_tensor(images))
    y = torch.tensor(np.asarray(yaw_degrees), dtype=torch.float32) / YAW_UNIT
    sides = torch.full((len(x),), UNLABELED) if light is None else torch.tensor(light).long()
    rows = torch.from_numpy(np.flatnonzero(~held))

    def lesson() -> torch.Tensor:
        at = rows[torch.randint(len(rows), (min(BATCH, len(rows)),), generator=draw)]
        seen, yaw, side = _varied(x[at], y[at], sides[at], draw, len(classes))
        out = net(seen)
        loss = F.smooth_l1_loss(out[:, 0], yaw, beta=0.1)
        labeled = side != UNLABELED
        if classes and labeled.any():
            loss = loss + 0.3 * F.cross_entropy(out[labeled, 1:], side[labeled])
        return loss

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        net = _new_net(len(classes))
        taught = teach(net, list(net.parameters()), lesson, len(rows), budget, on_progress)
    unmeasured = HeldOut(0, 0, math.nan, math.nan, None)
    reading = FaceProbe(net, classes, unmeasured, taught).predict(x[held])
    truth = np.asarray(yaw_degrees, np.float64)
    accuracy = None
    if light is not None and reading.light is not None and (labeled := light[held] >= 0).any():
        accuracy = float((reading.light.argmax(1) == light[held])[labeled].mean())
    measured = HeldOut(
        n_faces=int(held.sum()),
        n_identities=len(np.unique(np.asarray(identities)[held])),
        yaw_error_degrees=float(np.abs(reading.yaw_degrees - truth[held]).mean()),
        yaw_baseline_degrees=float(np.abs(truth[held] - truth[~held].mean()).mean()),
        light_accuracy=accuracy,
    )
    return FaceProbe(net, classes, measured, taught)


def number_type() -> torch.dtype:
    """bfloat16 where this processor multiplies in it, else float32."""
    known = torch.cpu.get_capabilities()
    fast = known.get("avx512_bf16") or known.get("amx_bf16")
    return torch.bfloat16 if fast else torch.float32


def _varied(
    x: torch.Tensor, yaw: torch.Tensor, side: torch.Tensor, draw: torch.Generator, n_classes: int
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Mirror half the faces (yaw and side with them), shift all by up to 2 pixels, change tone."""
    n = len(x)
    flip = torch.rand(n, generator=draw) < 0.5
    x = torch.where(flip[:, None, None, None], x.flip(-1), x)
    yaw = torch.where(flip, -yaw, yaw)
    side = torch.where(flip & (side != UNLABELED), n_classes - 1 - side, side)
    dx, dy = torch.randint(-2, 3, (2,), generator=draw).tolist()
    x = F.pad(x, (2, 2, 2, 2), mode="replicate")
    x = x[..., 2 + dy : 2 + dy + READ_SIZE, 2 + dx : 2 + dx + READ_SIZE]
    gain, offset = torch.rand(2, n, 1, 1, 1, generator=draw) * 0.4 - 0.2
    return x * (1 + gain) + offset, yaw, side


def _new_net(n_classes: int) -> nn.Module:
    def stage(n_in: int, n_out: int) -> list[nn.Module]:
        return [nn.Conv2d(n_in, n_out, 3, padding=1), nn.GroupNorm(4, n_out), nn.SiLU()]

    return nn.Sequential(
        *stage(3, 24),
        nn.MaxPool2d(2),
        *stage(24, 48),
        nn.MaxPool2d(2),
        *stage(48, 96),
        nn.MaxPool2d(2),
        *stage(96, 96),
        nn.Flatten(),
        nn.Dropout(0.2),
        nn.Linear(96 * 16, 96),
        nn.SiLU(),
        nn.Linear(96, 1 + n_classes),
    )


def _small(x: torch.Tensor) -> torch.Tensor:
    if x.shape[-2:] == (READ_SIZE, READ_SIZE):
        return x
    return F.interpolate(x, (READ_SIZE, READ_SIZE), mode="bilinear", antialias=True)


def _as_tensor(images: NDArray[np.uint8]) -> torch.Tensor:
    # In parts: 8,000 crops as float32 at full size would be 400 MB before they shrink.
    parts = [
        _small(torch.tensor(images[i : i + 512]).permute(0, 3, 1, 2).float() / 127.5 - 1)
        for i in range(0, len(images), 512)
    ]
    return torch.cat(parts)


def held_out_people(identities: NDArray[Any], share: float, seed: int) -> NDArray[np.bool_]:
    """Which faces (n,) belong to the share of people that no probe may learn from."""
    names = np.unique(identities)
    n_held = min(max(round(share * len(names)), 2), len(names) - 2)
    chosen = np.random.default_rng(seed).permutation(names)[:n_held]
    return np.isin(identities, chosen)


def _refuse_misfits(
    images: NDArray[np.uint8],
    yaw: NDArray[np.floating],
    identities: NDArray[Any],
    light: NDArray[np.integer] | None,
    light_classes: Sequence[str],
) -> None:
    n = len(images)
    if images.ndim != 4 or images.dtype != np.uint8 or images.shape[-1] != 3:
        raise ValueError(f"Faces are {images.dtype} {images.shape}; expected uint8 (n, h, w, 3).")
    if len(yaw) != n or len(identities) != n or (light is not None and len(light) != n):
        raise ValueError(
            f"{n} faces came with {len(yaw)} yaws, {len(identities)} identities "
            f"and {'no' if light is None else len(light)} lights."
        )
    if not np.isfinite(yaw).all():
        raise ValueError("Every yaw a probe learns from must be a number.")
    if len(np.unique(identities)) < 8:
        raise ValueError(
            f"A probe needs 8 or more identities to hold some out, got {len(set(identities))}."
        )
    if light is not None and not ((light >= UNLABELED) & (light < len(light_classes))).all():
        raise ValueError(f"Lights must be -1 or 0..{len(light_classes) - 1}.")
