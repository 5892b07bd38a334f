"""Train a diffusion network on face crops, within a budget, resumable at any moment."""

from __future__ import annotations

import copy
import json
import math
import os
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

from editing.engine.denoiser import network_output, picture_size, training_alpha_bar

CHECKPOINT_NAME = "checkpoint.safetensors"
CHECKPOINT_FORMAT = 1
WARMUP_STEPS = 100
# The last part of the budget anneals the learning rate, which the average alone does not replace.
ANNEALED_SHARE = 0.3
FINAL_LR_SHARE = 0.05


@dataclass(frozen=True)
class TrainingProgress:
    images_seen: int
    seconds: float
    loss: float
    images_per_second: float
    fraction: float


@dataclass
class _State:
    step: int = 0
    images_seen: int = 0
    seconds: float = 0.0
    loss: float = math.nan


@dataclass
class _Training:
    """All that has to survive a stop."""

    unet: torch.nn.Module
    average: torch.nn.Module
    optimizer: torch.optim.Optimizer
    draw: torch.Generator
    state: _State


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
    on_progress, on_checkpoint   told about once a second; given the averaged network every
               checkpoint_seconds and at the end
    raises     ValueError on a misfit of images or checkpoint

    [1] Salimans, Ho 2022, arXiv 2202.00512
    """
    if seconds is None and n_images is None:
        raise ValueError("Training needs a budget: seconds, n_images or both; got neither.")
    _refuse_misfits(unet, images)
    path = Path(folder) / CHECKPOINT_NAME
    path.parent.mkdir(parents=True, exist_ok=True)
    run = _begin(unet, lr, seed, path if resume else None)
    state, before = run.state, copy.copy(run.state)
    alpha_bar = training_alpha_bar().to(next(unet.parameters()).device, torch.float32)
    if batch is None:
        batch = 8 if alpha_bar.device.type == "cpu" else 64
    if bf16 is None:
        bf16 = _is_faster_in_bf16(unet, images, batch, alpha_bar)

    def progress() -> TrainingProgress:
        rate = (state.images_seen - before.images_seen) / max(state.seconds - before.seconds, 1e-9)
        done = _fraction(state, seconds, n_images)
        return TrainingProgress(state.images_seen, state.seconds, state.loss, rate, done)

    def save() -> None:
        save_checkpoint(path, run)
        if on_checkpoint:
            on_checkpoint(run.average, progress())

    started = saved_at = told_at = time.monotonic()
    while _fraction(state, seconds, n_images) < 1 and not (should_stop and should_stop()):
        x_0 = _draw_batch(images, batch, mirror, run.draw).to(alpha_bar.device)
        share = _lr_share(state, seconds, n_images)
        _step(run, x_0, alpha_bar, lr * share, ema_decay, bf16)
        now = time.monotonic()
        state.seconds = before.seconds + now - started
        if on_progress and now - told_at >= 1:
            told_at = now
            on_progress(progress())
        if now - saved_at >= checkpoint_seconds:
            save()
            saved_at = time.monotonic()
    save()
    return run.average, progress()


def save_checkpoint(path: Path, run: _Training) -> None:
    """Write everything training needs to go on, as one file that replaces the last one at once."""
    tensors = {"draw": run.draw.get_state()}
    pairs = zip(run.unet.named_parameters(), run.average.parameters(), strict=True)
    for (name, weight), mean in pairs:
        tensors[f"weights/{name}"] = weight.detach()
        tensors[f"average/{name}"] = mean
        for key, value in run.optimizer.state.get(weight, {}).items():
            tensors[f"{key}/{name}"] = value
    tensors = {name: value.cpu().contiguous() for name, value in tensors.items()}
    metadata = {"format": str(CHECKPOINT_FORMAT), "state": json.dumps(asdict(run.state))}
    fresh = path.with_suffix(".partial")
    save_file(tensors, fresh, metadata)
    os.replace(fresh, path)


def load_checkpoint(path: Path, run: _Training) -> None:
    """Put a checkpoint into a run; raises ValueError if it is another network's."""
    try:
        with safe_open(path, "pt") as file:
            metadata = file.metadata() or {}
            stored = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118
    except SafetensorError as error:
        raise ValueError(f"{path} cannot be read as a checkpoint: {error}") from error
    if metadata.get("format") != str(CHECKPOINT_FORMAT):
        raise ValueError(
            f"{path} has format {metadata.get('format')}; expected {CHECKPOINT_FORMAT}."
        )
    _refuse_another_network(path, run.unet, stored)
    pairs = zip(run.unet.named_parameters(), run.average.parameters(), strict=True)
    with torch.no_grad():
        for (name, weight), mean in pairs:
            weight.copy_(stored[f"weights/{name}"])
            mean.copy_(stored[f"average/{name}"])
            if f"exp_avg/{name}" in stored:
                run.optimizer.state[weight] = {
                    "step": stored[f"step/{name}"],
                    "exp_avg": stored[f"exp_avg/{name}"].to(weight.device),
                    "exp_avg_sq": stored[f"exp_avg_sq/{name}"].to(weight.device),
                }
    run.draw.set_state(stored["draw"])
    run.state = _State(**json.loads(metadata["state"]))


def _begin(unet: torch.nn.Module, lr: float, seed: int, path: Path | None) -> _Training:
    unet.train()
    run = _Training(
        unet=unet,
        average=copy.deepcopy(unet).eval().requires_grad_(False),
        optimizer=torch.optim.AdamW(unet.parameters(), lr=lr, weight_decay=0.0),
        draw=torch.Generator().manual_seed(seed),
        state=_State(),
    )
    if path and path.exists():
        load_checkpoint(path, run)
    return run


def _step(
    run: _Training,
    x_0: torch.Tensor,
    alpha_bar: torch.Tensor,
    lr: float,
    ema_decay: float,
    bf16: bool,
) -> None:
    state = run.state
    run.optimizer.param_groups[0]["lr"] = lr
    loss = _loss(run.unet, x_0, alpha_bar, run.draw, bf16)
    run.optimizer.zero_grad(set_to_none=True)
    loss.backward()
    torch.nn.utils.clip_grad_norm_(run.unet.parameters(), 1.0)
    run.optimizer.step()
    _advance(run.average, run.unet, min(ema_decay, (1 + state.step) / (10 + state.step)))
    value = loss.item()
    if not math.isfinite(value):
        raise ValueError(f"The loss became {value} after {state.images_seen} images at lr {lr}.")
    # Like a plain mean at first, then over about the last hundred batches.
    newest = 1 / min(state.step + 1, 100)
    state.loss = value if state.step == 0 else (1 - newest) * state.loss + newest * value
    state.step += 1
    state.images_seen += len(x_0)


def _refuse_another_network(
    path: Path, unet: torch.nn.Module, stored: dict[str, torch.Tensor]
) -> None:
    theirs = {
        key.removeprefix("weights/"): tuple(value.shape)
        for key, value in stored.items()
        if key.startswith("weights/")
    }
    ours = {name: tuple(weight.shape) for name, weight in unet.named_parameters()}
    if theirs != ours:
        odd = sorted(name for name in ours | theirs if ours.get(name) != theirs.get(name))
        raise ValueError(
            f"{path} belongs to another network: {len(odd)} tensors differ, "
            f"first {odd[0]}: {theirs.get(odd[0])} there, {ours.get(odd[0])} here."
        )


def _refuse_misfits(unet: torch.nn.Module, images: np.ndarray) -> None:
    size = picture_size(unet)
    if images.ndim != 4 or images.shape[1:] != (size, size, 3) or images.dtype != np.uint8:
        raise ValueError(
            f"Training images are {images.dtype} {images.shape}; "
            f"expected uint8 (n, {size}, {size}, 3)."
        )
    if not len(images):
        raise ValueError("There are no training images.")


def _draw_batch(
    images: np.ndarray, batch: int, mirror: bool, draw: torch.Generator
) -> torch.Tensor:
    rows = torch.randint(len(images), (batch,), generator=draw).numpy()
    x = torch.from_numpy(images[rows]).permute(0, 3, 1, 2).float() / 127.5 - 1  # (n, 3, h, w)
    if mirror:
        flipped = torch.rand(batch, generator=draw) < 0.5
        x[flipped] = x[flipped].flip(-1)
    return x


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
    x_0 = _draw_batch(images, batch, False, draw).to(device)
    spent = {}
    for bf16 in (True, False, True, False):  # the first round pays for one-time set-up
        started = time.monotonic()
        _loss(unet, x_0, alpha_bar, draw, bf16).backward()
        spent[bf16] = time.monotonic() - started
    unet.zero_grad(set_to_none=True)
    return spent[True] < spent[False]


@torch.no_grad()
def _advance(average: torch.nn.Module, unet: torch.nn.Module, decay: float) -> None:
    for mean, weight in zip(average.parameters(), unet.parameters(), strict=True):
        mean.lerp_(weight, 1 - decay)


def _fraction(state: _State, seconds: float | None, n_images: int | None) -> float:
    by_time = state.seconds / seconds if seconds else 0.0
    by_count = state.images_seen / n_images if n_images else 0.0
    return max(by_time, by_count)


def _lr_share(state: _State, seconds: float | None, n_images: int | None) -> float:
    left = 1 - _fraction(state, seconds, n_images)
    annealed = max(FINAL_LR_SHARE, min(1.0, left / ANNEALED_SHARE))
    return min(annealed, (state.step + 1) / WARMUP_STEPS)
