"""Fit a network within a budget, whatever it learns, resumable at any moment."""

from __future__ import annotations

import copy
import json
import math
import os
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

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
class State:
    step: int = 0
    images_seen: int = 0
    seconds: float = 0.0
    loss: float = math.nan


@dataclass
class Run:
    """All that has to survive a stop.

    about   what the network is trained on and for: a checkpoint that says otherwise is refused
    """

    network: torch.nn.Module
    average: torch.nn.Module
    optimizer: torch.optim.Optimizer
    draw: torch.Generator
    state: State
    about: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Budget:
    """How long a training takes, earlier runs counted in."""

    seconds: float | None = None
    n_images: int | None = None

    def __post_init__(self) -> None:
        if self.seconds is None and self.n_images is None:
            raise ValueError("Training needs a budget: seconds, n_images or both; got neither.")

    def fraction(self, state: State) -> float:
        by_time = state.seconds / self.seconds if self.seconds else 0.0
        by_count = state.images_seen / self.n_images if self.n_images else 0.0
        return max(by_time, by_count)


# Gives the loss of one batch and how many images were in it, at this share of the budget.
Lesson = Callable[[Run, float], tuple[torch.Tensor, int]]


@dataclass(frozen=True)
class Listeners:
    """Who is told what: on_progress about once a second, on_checkpoint the averaged network."""

    on_progress: Callable[[TrainingProgress], None] | None = None
    on_checkpoint: Callable[[torch.nn.Module, TrainingProgress], None] | None = None
    should_stop: Callable[[], bool] | None = None


def begin(
    network: torch.nn.Module, lr: float, seed: int, path: Path | None, about: dict[str, Any]
) -> Run:
    """A run of its own, or the one whose checkpoint lies at path."""
    network.train()
    run = Run(
        network=network,
        average=copy.deepcopy(network).eval().requires_grad_(False),
        optimizer=torch.optim.AdamW(network.parameters(), lr=lr, weight_decay=0.0),
        draw=torch.Generator().manual_seed(seed),
        state=State(),
        about=about,
    )
    if path and path.exists():
        load_checkpoint(path, run)
    return run


def learn(
    run: Run,
    lesson: Lesson,
    path: Path,
    budget: Budget,
    *,
    lr: float,
    ema_decay: float,
    checkpoint_seconds: float,
    listeners: Listeners,
    warmup_steps: int = WARMUP_STEPS,
) -> TrainingProgress:
    """Take lessons until the budget is spent; the average and its figures are kept at path."""
    state, before = run.state, copy.copy(run.state)

    def progress() -> TrainingProgress:
        rate = (state.images_seen - before.images_seen) / max(state.seconds - before.seconds, 1e-9)
        return TrainingProgress(
            state.images_seen, state.seconds, state.loss, rate, budget.fraction(state)
        )

    def save() -> None:
        save_checkpoint(path, run)
        if listeners.on_checkpoint:
            listeners.on_checkpoint(run.average, progress())

    stop = listeners.should_stop
    started = saved_at = told_at = time.monotonic()
    while (fraction := budget.fraction(state)) < 1 and not (stop and stop()):
        run.optimizer.param_groups[0]["lr"] = lr * _lr_share(state, fraction, warmup_steps)
        loss, n = lesson(run, fraction)
        _take(run, loss, n, ema_decay)
        now = time.monotonic()
        state.seconds = before.seconds + now - started
        if listeners.on_progress and now - told_at >= 1:
            told_at = now
            listeners.on_progress(progress())
        if now - saved_at >= checkpoint_seconds:
            save()
            saved_at = time.monotonic()
    save()
    return progress()


def save_checkpoint(path: Path, run: Run) -> None:
    """Write everything training needs to go on, as one file that replaces the last one at once."""
    tensors = {"draw": run.draw.get_state()}
    pairs = zip(run.network.named_parameters(), run.average.parameters(), strict=True)
    for (name, weight), mean in pairs:
        tensors[f"weights/{name}"] = weight.detach()
        tensors[f"average/{name}"] = mean
        for key, value in run.optimizer.state.get(weight, {}).items():
            tensors[f"{key}/{name}"] = value
    tensors = {name: value.cpu().contiguous() for name, value in tensors.items()}
    metadata = {
        "format": str(CHECKPOINT_FORMAT),
        "state": json.dumps(asdict(run.state)),
        "about": json.dumps(run.about),
    }
    fresh = path.with_suffix(".partial")
    save_file(tensors, fresh, metadata)
    os.replace(fresh, path)


def load_checkpoint(path: Path, run: Run) -> None:
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
    _refuse_another_purpose(path, run.about, json.loads(metadata.get("about", "{}")))
    _refuse_another_network(path, run.network, stored)
    pairs = zip(run.network.named_parameters(), run.average.parameters(), strict=True)
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
    run.state = State(**json.loads(metadata["state"]))


def _take(run: Run, loss: torch.Tensor, n: int, ema_decay: float) -> None:
    state = run.state
    run.optimizer.zero_grad(set_to_none=True)
    loss.backward()
    torch.nn.utils.clip_grad_norm_(run.network.parameters(), 1.0)
    run.optimizer.step()
    _advance(run.average, run.network, min(ema_decay, (1 + state.step) / (10 + state.step)))
    value = loss.item()
    if not math.isfinite(value):
        lr = run.optimizer.param_groups[0]["lr"]
        raise ValueError(f"The loss became {value} after {state.images_seen} images at lr {lr}.")
    # Like a plain mean at first, then over about the last hundred batches.
    newest = 1 / min(state.step + 1, 100)
    state.loss = value if state.step == 0 else (1 - newest) * state.loss + newest * value
    state.step += 1
    state.images_seen += n


@torch.no_grad()
def _advance(average: torch.nn.Module, network: torch.nn.Module, decay: float) -> None:
    for mean, weight in zip(average.parameters(), network.parameters(), strict=True):
        mean.lerp_(weight, 1 - decay)


def _refuse_another_purpose(path: Path, ours: dict[str, Any], theirs: dict[str, Any]) -> None:
    for name in sorted(ours | theirs):
        if ours.get(name) != theirs.get(name):
            raise ValueError(
                f"{path} was trained with {name} {theirs.get(name)!r}; expected {ours.get(name)!r}."
            )


def _refuse_another_network(
    path: Path, network: torch.nn.Module, stored: dict[str, torch.Tensor]
) -> None:
    theirs = {
        key.removeprefix("weights/"): tuple(value.shape)
        for key, value in stored.items()
        if key.startswith("weights/")
    }
    ours = {name: tuple(weight.shape) for name, weight in network.named_parameters()}
    if theirs != ours:
        odd = sorted(name for name in ours | theirs if ours.get(name) != theirs.get(name))
        raise ValueError(
            f"{path} belongs to another network: {len(odd)} tensors differ, "
            f"first {odd[0]}: {theirs.get(odd[0])} there, {ours.get(odd[0])} here."
        )


def _lr_share(state: State, fraction: float, warmup_steps: int) -> float:
    annealed = max(FINAL_LR_SHARE, min(1.0, (1 - fraction) / ANNEALED_SHARE))
    return min(annealed, (state.step + 1) / warmup_steps)
