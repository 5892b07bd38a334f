"""Train a diffusion network on face crops, within a budget, resumable at any moment."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch

from editing.engine.denoiser import network_output, picture_size, training_alpha_bar
from editing.engine.learning import (
    CHECKPOINT_NAME,
    Budget,
    Listeners,
    Run,
    TrainingProgress,
    begin,
    learn,
)

__all__ = ["CHECKPOINT_NAME", "TrainingProgress", "draw_batch", "train"]


def train(
    unet: torch.nn.Module,
    images: np.ndarray,
    *,
    folder: str | Path,
    seconds: float | None = None,
    n_images: int | None = None,
    batch: int | None = None,
    lr: float = 1e-3,
    ema_decay: float = 0.999,
    bf16: bool | None = None,
    mirror: bool = True,
    seed: int = 0,
    resume: bool = True,
    about: dict[str, Any] | None = None,
    checkpoint_seconds: float = 300,
    on_progress: Callable[[TrainingProgress], None] | None = None,
    on_checkpoint: Callable[[torch.nn.Module, TrainingProgress], None] | None = None,
    should_stop: Callable[[], bool] | None = None,
) -> tuple[torch.nn.Module, TrainingProgress]:
    """Fit unet to images by v-prediction [1] and give the averaged network with its figures.

    images     (n, size, size, 3) uint8, array or memory map
    folder     holds the checkpoint; with resume, training goes on from it, budget included
    seconds, n_images   the whole budget, earlier runs counted in; at least one is needed
    batch      None: 8 on a CPU, where the number of steps is what is short; 64 elsewhere
    bf16       None: whichever is faster here, measured
    about      noted in the checkpoint; one that says otherwise is refused
    on_progress, on_checkpoint   told about once a second; given the averaged network every
               checkpoint_seconds and at the end
    raises     ValueError on a misfit of images or checkpoint

    [1] Salimans, Ho 2022, arXiv 2202.00512
    """
    budget = Budget(seconds, n_images)
    _refuse_misfits(unet, images)
    path = Path(folder) / CHECKPOINT_NAME
    path.parent.mkdir(parents=True, exist_ok=True)
    run = begin(unet, lr, seed, path if resume else None, about or {})
    alpha_bar = training_alpha_bar().to(next(unet.parameters()).device, torch.float32)
    n_at_once = batch or (8 if alpha_bar.device.type == "cpu" else 64)
    rounded = _is_faster_in_bf16(unet, images, n_at_once, alpha_bar) if bf16 is None else bf16

    def lesson(run: Run, fraction: float) -> tuple[torch.Tensor, int]:
        x_0 = draw_batch(images, n_at_once, mirror, run.draw).to(alpha_bar.device)
        return _loss(run.network, x_0, alpha_bar, run.draw, rounded), n_at_once

    reached = learn(
        run,
        lesson,
        path,
        budget,
        lr=lr,
        ema_decay=ema_decay,
        checkpoint_seconds=checkpoint_seconds,
        listeners=Listeners(on_progress, on_checkpoint, should_stop),
    )
    return run.average, reached


def draw_batch(images: np.ndarray, batch: int, mirror: bool, draw: torch.Generator) -> torch.Tensor:
    """Random pictures (batch, 3, h, w) in [-1, 1], every second one mirrored if so asked."""
    rows = torch.randint(len(images), (batch,), generator=draw).numpy()
    x = torch.from_numpy(images[rows]).permute(0, 3, 1, 2).float() / 127.5 - 1  # (n, 3, h, w)
    if mirror:
        flipped = torch.rand(batch, generator=draw) < 0.5
        x[flipped] = x[flipped].flip(-1)
    return x


def _refuse_misfits(unet: torch.nn.Module, images: np.ndarray) -> None:
    size = picture_size(unet)
    if images.ndim != 4 or images.shape[1:] != (size, size, 3) or images.dtype != np.uint8:
        raise ValueError(
            f"Training images are {images.dtype} {images.shape}; "
            f"expected uint8 (n, {size}, {size}, 3)."
        )
    if not len(images):
        raise ValueError("There are no training images.")


def _loss(
    unet: torch.nn.Module,
    x_0: torch.Tensor,
    alpha_bar: torch.Tensor,
    draw: torch.Generator,
    bf16: bool,
) -> torch.Tensor:
    n = len(x_0)
    # One t per equal slice of the schedule: less noise in the loss than independent draws.
    u = (torch.arange(n) + torch.rand(n, generator=draw)) / n
    t = (u * len(alpha_bar)).long().clamp_(max=len(alpha_bar) - 1).to(x_0.device)
    eps = torch.randn(x_0.shape, generator=draw).to(x_0.device)
    signal = alpha_bar[t].sqrt()[:, None, None, None]
    noise = (1 - alpha_bar[t]).sqrt()[:, None, None, None]
    with torch.autocast(x_0.device.type, torch.bfloat16, enabled=bf16):
        v = network_output(unet, signal * x_0 + noise * eps, t)
    return (v.float() - (signal * eps - noise * x_0)).square().mean()


def _is_faster_in_bf16(
    unet: torch.nn.Module,
    images: np.ndarray,
    batch: int,
    alpha_bar: torch.Tensor,
) -> bool:
    device = alpha_bar.device
    if device.type == "cuda":
        return torch.cuda.is_bf16_supported()
    draw = torch.Generator().manual_seed(0)
    x_0 = draw_batch(images, batch, False, draw).to(device)
    spent = {}
    for bf16 in (True, False, True, False):  # the first round pays for one-time set-up
        started = time.monotonic()
        _loss(unet, x_0, alpha_bar, draw, bf16).backward()
        spent[bf16] = time.monotonic() - started
    unet.zero_grad(set_to_none=True)
    return spent[True] < spent[False]
