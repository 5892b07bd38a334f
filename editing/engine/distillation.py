"""Train an encoder: first on latents that inversion found, then through the generator itself.

The seed trains through ten deterministic steps from the beginning [1]; backpropagation through a
generator costs a processor some twenty times as much as a lesson without one, so the budget begins
with imitating inversion, and what the pictures lose is learned from there.

[1] Asperti, Evangelista, Marro, Merizzi 2023, arXiv 2301.07485
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional

from editing.engine.ddim import descend
from editing.engine.denoiser import Denoiser
from editing.engine.encoder import Encoder
from editing.engine.learning import (
    CHECKPOINT_NAME,
    Budget,
    Listeners,
    Run,
    TrainingProgress,
    begin,
    learn,
)
from editing.engine.training import draw_batch

# The share of the budget, at its end, that is spent on lessons through the generator.
TUNED_SHARE = 0.6
# Steps of those lessons: fewer than the pictures are made with later, for a processor's sake.
TUNED_STEPS = 3
BATCH = 16
# A lesson through the generator takes a processor a second: a long warm-up would be most of it.
WARMUP_STEPS = 20
# Blocks of pixels over which an imitation's error is also averaged: see _imitation.
SCALES = (1, 2, 4, 8)


def train_encoder(
    encoder: Encoder,
    denoiser: Denoiser,
    timestep: int,
    crops: NDArray[np.uint8],
    latents: NDArray[np.floating[Any]],
    *,
    folder: str | Path,
    budget: Budget,
    tuned_share: float = TUNED_SHARE,
    lr: float = 2e-3,
    seed: int = 0,
    resume: bool = True,
    about: dict[str, Any] | None = None,
    checkpoint_seconds: float = 120,
    on_progress: Callable[[TrainingProgress], None] | None = None,
    on_checkpoint: Callable[[torch.nn.Module, TrainingProgress], None] | None = None,
    should_stop: Callable[[], bool] | None = None,
) -> tuple[Encoder, TrainingProgress]:
    """Fit an encoder to a frozen generator and give the averaged one with its figures.

    crops      (n, size, size, 3) uint8, of which the first len(latents) have a latent
    latents    (m, 3 * size * size), x_t at timestep as inversion finds them; m >= 1, or none at
               all for a tuned_share of 1
    folder     holds the checkpoint; with resume, training goes on from it, budget included
    about      noted in the checkpoint; one that says otherwise is refused
    raises     ValueError on a misfit of crops, latents or checkpoint
    """
    _refuse_misfits(encoder, denoiser, timestep, crops)
    if tuned_share < 1:
        _refuse_latents(latents, crops)
    path = Path(folder) / CHECKPOINT_NAME
    path.parent.mkdir(parents=True, exist_ok=True)
    run = begin(encoder, lr, seed, path if resume else None, about or {})
    grid = _even_grid(denoiser, timestep)
    device = denoiser.device

    def lesson(run: Run, fraction: float) -> tuple[torch.Tensor, int]:
        if fraction < 1 - tuned_share:
            x_0, x_t = _draw_pairs(crops, latents, run.draw)
            return _imitation(run.network, x_0.to(device), x_t.to(device)), len(x_0)
        x_0 = draw_batch(crops, BATCH // 2, True, run.draw).to(device)
        found = _called(run.network, x_0)
        back = descend(denoiser, found, grid, checkpointed=device.type != "cpu")
        return (back - x_0).square().mean(), len(x_0)

    reached = learn(
        run,
        lesson,
        path,
        budget,
        lr=lr,
        ema_decay=0.995,
        checkpoint_seconds=checkpoint_seconds,
        listeners=Listeners(on_progress, on_checkpoint, should_stop),
        warmup_steps=WARMUP_STEPS,
    )
    assert isinstance(run.average, Encoder)
    return run.average, reached


def _imitation(encoder: torch.nn.Module, x_0: torch.Tensor, x_t: torch.Tensor) -> torch.Tensor:
    # The generator forgives an error like white noise, and not one that is the same over a cheek:
    # each scale counts alike for white noise, so the coarse ones count more for the rest.
    missed = _called(encoder, x_0) - x_t
    terms = [k**2 * functional.avg_pool2d(missed, k).square().mean() for k in SCALES]
    return torch.stack(terms).mean()


def _called(encoder: torch.nn.Module, x_0: torch.Tensor) -> torch.Tensor:
    # Half the time on processors that compute in bfloat16, and no slower on the others.
    with torch.autocast(x_0.device.type, torch.bfloat16, enabled=_has_bf16(x_0.device)):
        found: torch.Tensor = encoder(x_0)
    return found


def _has_bf16(device: torch.device) -> bool:
    if device.type == "cuda":
        return torch.cuda.is_bf16_supported()
    known = torch.cpu.get_capabilities()
    return bool(known.get("avx512_bf16") or known.get("amx_bf16"))


def _draw_pairs(
    crops: NDArray[np.uint8], latents: NDArray[np.floating[Any]], draw: torch.Generator
) -> tuple[torch.Tensor, torch.Tensor]:
    rows = torch.randint(len(latents), (BATCH,), generator=draw).numpy()
    x_0 = torch.from_numpy(crops[rows]).permute(0, 3, 1, 2).float() / 127.5 - 1
    x_t = torch.from_numpy(latents[rows].astype(np.float32)).reshape(x_0.shape)
    # A generator that learned mirrored faces too gives a mirrored face the mirrored latent.
    flipped = torch.rand(BATCH, generator=draw) < 0.5
    x_0[flipped], x_t[flipped] = x_0[flipped].flip(-1), x_t[flipped].flip(-1)
    return x_0, x_t


def _even_grid(denoiser: Denoiser, timestep: int) -> tuple[int, ...]:
    ends = (round(timestep * k / TUNED_STEPS) for k in range(1, TUNED_STEPS + 1))
    return tuple(sorted({max(t, 1) for t in ends}))


def _refuse_misfits(
    encoder: Encoder,
    denoiser: Denoiser,
    timestep: int,
    crops: NDArray[np.uint8],
) -> None:
    size = encoder.image_size
    if size != denoiser.image_size:
        raise ValueError(f"The encoder takes {size} pixels, the generator {denoiser.image_size}.")
    if crops.shape[1:] != (size, size, 3) or crops.dtype != np.uint8:
        raise ValueError(f"Crops are {crops.dtype} {crops.shape}; expected (n, {size}, {size}, 3).")
    if abs(encoder.alpha_bar_t - float(denoiser.alpha_bar[timestep])) > 1e-6:
        raise ValueError(
            f"The encoder's alpha_bar is {encoder.alpha_bar_t:.6f}; timestep {timestep} of this "
            f"generator has {float(denoiser.alpha_bar[timestep]):.6f}."
        )


def _refuse_latents(latents: NDArray[np.floating[Any]], crops: NDArray[np.uint8]) -> None:
    n, numbers = len(crops), crops[0].size
    if not 1 <= len(latents) <= n or latents.shape[1:] != (numbers,):
        raise ValueError(f"Latents have shape {latents.shape}; expected (1 to {n}, {numbers}).")
