"""An encoder: a small U-Net that gives a photo's latent in one call, for one frozen generator.

Notation: a = alpha_bar at the encoder's timestep. The network says the noise eps that an inversion
would have found in x_0, and the latent is x_t = sqrt(a) x_0 + sqrt(1 - a) eps. A trained U-Net in
place of an iteration is the embedding of [1]; ours reaches any x_t, not only x_T.

[1] Asperti, Evangelista, Marro, Merizzi 2023, arXiv 2301.07485
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import nn
from torch.nn import functional

WEIGHTS_NAME = "encoder.safetensors"
RECORD_NAME = "encoder.json"
ENCODER_FORMAT = 1
# Pairs of pixels go into the channels first: a quarter of the work, and no detail is lost.
FOLD = 2
COARSEST = 8
WIDTHS = (16, 16, 32, 64, 96)


class Encoder(nn.Module):
    """Photos x_0 (n, 3, size, size) in [-1, 1] to latents x_t of the same shape, float32."""

    def __init__(self, image_size: int, alpha_bar_t: float, widths: Sequence[int] | None = None):
        super().__init__()
        widths = tuple(widths or default_widths(image_size))
        if image_size % (FOLD << (len(widths) - 1)):
            raise ValueError(
                f"Pictures of {image_size} pixels cannot be halved for {len(widths)} widths."
            )
        if not 0 < alpha_bar_t < 1:
            raise ValueError(f"alpha_bar of the encoder's timestep is {alpha_bar_t}; expected 0..1")
        self.image_size, self.alpha_bar_t, self.widths = image_size, alpha_bar_t, widths
        folded = 3 * FOLD**2
        self.stem = nn.Conv2d(folded, widths[0], 3, padding=1)
        self.down = nn.ModuleList(
            _Block(before, width)
            for before, width in zip((widths[0], *widths), widths, strict=False)
        )
        self.middle = _Block(widths[-1], widths[-1])
        rising = [*reversed(widths)]
        self.up = nn.ModuleList(
            _Block(before + width, width)
            for before, width in zip((rising[0], *rising), rising, strict=False)
        )
        self.head = nn.Conv2d(widths[0], folded, 3, padding=1)
        # At first no noise is found at all: the untrained latent is the photo, dimmed.
        nn.init.zeros_(self.head.weight)
        nn.init.zeros_(self.head.bias)  # type: ignore[arg-type]

    def forward(self, x_0: torch.Tensor) -> torch.Tensor:
        eps = self.noise(x_0.to(self.head.weight.dtype)).float()
        return self.alpha_bar_t**0.5 * x_0.float() + (1 - self.alpha_bar_t) ** 0.5 * eps

    def noise(self, x_0: torch.Tensor) -> torch.Tensor:
        """eps (n, 3, size, size) in the network's own type."""
        h = self.stem(functional.pixel_unshuffle(x_0, FOLD))
        skips = []
        for level, block in enumerate(self.down):
            h = block(functional.avg_pool2d(h, 2) if level else h)
            skips.append(h)
        h = self.middle(h)
        for level, block in enumerate(self.up):
            h = functional.interpolate(h, scale_factor=2.0) if level else h
            h = block(torch.cat([h, skips[-1 - level]], 1))
        return functional.pixel_shuffle(self.head(functional.silu(h)), FOLD)


class _Block(nn.Module):
    def __init__(self, n_in: int, n_out: int) -> None:
        super().__init__()
        self.norm = nn.GroupNorm(8 if n_in % 8 == 0 else 1, n_in)
        self.first = nn.Conv2d(n_in, n_out, 3, padding=1)
        self.second = nn.Conv2d(n_out, n_out, 3, padding=1)
        self.skip = nn.Identity() if n_in == n_out else nn.Conv2d(n_in, n_out, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        h = self.first(functional.silu(self.norm(x)))
        moved: torch.Tensor = self.skip(x) + self.second(functional.silu(h))
        return moved


def default_widths(image_size: int) -> tuple[int, ...]:
    """Channels per level, finest first, so that the coarsest level is 8x8."""
    levels = (image_size // FOLD // COARSEST).bit_length()
    if not 1 <= levels <= len(WIDTHS) or COARSEST * FOLD << (levels - 1) != image_size:
        raise ValueError(f"An encoder's picture size is 16, 32, .. or 256, not {image_size}.")
    return WIDTHS[-levels:]


def save_encoder(folder: str | Path, encoder: Encoder, record: dict[str, Any]) -> dict[str, Any]:
    """Write the weights as fp16 with their record; returns the record as written.

    record   says whose encoder it is: generator_sha256, timestep, steps, refinements, training
    Readers see the old folder or the new one, never half of either.
    """
    folder = Path(folder)
    folder.parent.mkdir(parents=True, exist_ok=True)
    tensors = {
        name: value.detach().half().cpu().contiguous()
        for name, value in encoder.state_dict().items()
    }
    weights = save(tensors, {"format": f"penumbra-encoder-{ENCODER_FORMAT}"})
    record = {
        "format": ENCODER_FORMAT,
        **record,
        "image_size": encoder.image_size,
        "alpha_bar": encoder.alpha_bar_t,
        "widths": list(encoder.widths),
        "n_parameters": sum(p.numel() for p in encoder.parameters()),
        "sha256": hashlib.sha256(weights).hexdigest(),
    }
    fresh = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
    fresh.chmod(0o755)
    (fresh / WEIGHTS_NAME).write_bytes(weights)
    (fresh / RECORD_NAME).write_text(json.dumps(record, indent=2) + "\n")
    retired = fresh.with_name(fresh.name + "-retired")
    if folder.exists():
        os.replace(folder, retired)
    os.replace(fresh, folder)
    shutil.rmtree(retired, ignore_errors=True)
    return record


def load_encoder(folder: str | Path, record: dict[str, Any]) -> Encoder:
    """The encoder that this record tells of; ValueError if the weights are others, or damaged."""
    path = Path(folder) / WEIGHTS_NAME
    try:
        weights = path.read_bytes()
    except OSError as error:
        raise ValueError(f"{path} cannot be read: {error}") from error
    if (found := hashlib.sha256(weights).hexdigest()) != record["sha256"]:
        raise ValueError(
            f"{path} has sha256 {found[:12]}; its record says {record['sha256'][:12]}."
        )
    encoder = Encoder(record["image_size"], record["alpha_bar"], record["widths"])
    try:
        encoder.load_state_dict(load(weights))
    except (SafetensorError, RuntimeError) as error:
        raise ValueError(f"{path} cannot be used as an encoder: {error}") from error
    return encoder.eval().requires_grad_(False)
