"""Look at a generator before anybody builds on it: does it load, does it answer, what is it?"""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from django.conf import settings

from editing.engine.denoiser import describe, load_denoiser
from editing.models import Generator
from editing.runs.loading import device
from labeling.errors import Refused
from labeling.worker import Progress

# What a pipeline folder needs; a hub repository may hold much more.
HUB_PATTERNS = ["*.json", "unet/*", "scheduler/*", "*.safetensors", "*.bin"]


def check_generator(generator: Generator, progress: Progress) -> None:
    """Load a generator, let it predict once, and note what it is on its row."""
    progress(0.1, "Finding its files")
    folder = Path(generator.folder or from_hub(generator.source))
    card = describe(folder)
    progress(0.4, "Loading its weights")
    denoiser = load_denoiser(folder, device())
    progress(0.8, "Asking it once")
    shape = (2, denoiser.channels, denoiser.image_size, denoiser.image_size)
    noise = torch.randn(shape, generator=torch.Generator().manual_seed(0)).to(denoiser.device)
    with torch.no_grad():
        said = denoiser.predict_noise(noise, denoiser.last_timestep)
    if said.shape != noise.shape or not said.isfinite().all():
        raise ValueError(
            f"{folder}: asked for the noise in {tuple(noise.shape)}, the network gave "
            f"{tuple(said.shape)} with {int((~said.isfinite()).sum())} numbers that are not finite."
        )
    progress.ours.update(
        folder=str(folder.resolve()),
        sha256=card.sha256,
        image_size=card.image_size,
        card={
            **asdict(card),
            "last_timestep": denoiser.last_timestep,
            "training": training_record(folder),
        },
    )


def from_hub(source: str) -> str:
    """The folder of a hub id: from this machine's cache, or from the hub where that is allowed."""
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError

    try:
        return snapshot_download(
            source, allow_patterns=HUB_PATTERNS, local_files_only=not settings.ALLOW_HUB
        )
    except LocalEntryNotFoundError:
        advice = "" if settings.ALLOW_HUB else "; its operator can set ALLOW_HUB=yes"
        raise Refused(
            "not_in_hub_cache", f"{source!r} is no folder here and not in the hub's cache{advice}."
        ) from None
    except HfHubHTTPError as error:
        raise Refused("hub_failed", f"{source!r} cannot be had from the hub: {error}") from error


def training_record(folder: Path) -> dict[str, Any] | None:
    """What `train_generator` noted beside the weights, if it made them."""
    path = folder / "training_record.json"
    return json.loads(path.read_text()) if path.is_file() else None
