"""Look at a generator before anybody builds on it: does it load, does it answer, what is it?"""

import json
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from django.conf import settings

from editing import encoders
from editing.engine.denoiser import Denoiser, describe, load_denoiser
from editing.models import Generator
from editing.runs.loading import device, number_type
from labeling.errors import Refused
from labeling.worker import Progress

# What a pipeline folder needs; a hub repository may hold much more.
HUB_PATTERNS = ["*.json", "unet/*", "scheduler/*", "encoder/*", "*.safetensors", "*.bin"]
N_ASKED = 2


def check_generator(generator: Generator, progress: Progress) -> None:
    """Load a generator, let it predict once, and note what it is on its row."""
    progress(0.1, "Finding its files")
    folder = Path(generator.folder or from_hub(generator.source)).resolve()
    card = describe(folder)
    progress(0.4, "Loading its weights")
    on = device()
    denoiser = load_denoiser(folder, on, number_type(on))
    progress(0.8, "Asking it once")
    told = {
        **asdict(card),
        "last_timestep": denoiser.last_timestep,
        "number_type": str(denoiser.dtype).removeprefix("torch."),
        "seconds_per_call": asked_once(denoiser, folder),
        "bottleneck": "",
        "bottleneck_shape": None,
        "training": training_record(folder),
    }
    noise = _noise(denoiser, 1)
    try:
        with torch.no_grad():
            h = denoiser.encode(noise, denoiser.last_timestep)[0]
        told["bottleneck_shape"] = list(h.shape[1:])
    except ValueError as error:
        # Such a network turns heads all the same; only what works in h is refused.
        told["bottleneck"] = str(error)
    told["encoder"], told["encoder_note"] = shipped_encoder(folder, card.sha256)
    progress.ours.update(
        folder=str(folder), sha256=card.sha256, image_size=card.image_size, card=told
    )


def asked_once(denoiser: Denoiser, folder: Path) -> float:
    """Seconds that one face takes in one call here; ValueError when the answer is none."""
    noise = _noise(denoiser, N_ASKED)
    with torch.no_grad():
        # The first call pays for what is set up once.
        denoiser.predict_noise(noise, denoiser.last_timestep)
        started = time.perf_counter()
        said = denoiser.predict_noise(noise, denoiser.last_timestep)
        # Reading the answer is what waits for a GPU.
        n_odd = int((~said.isfinite()).sum())
        seconds = time.perf_counter() - started
    if said.shape != noise.shape or n_odd:
        raise ValueError(
            f"{folder}: asked for the noise in {tuple(noise.shape)}, the network gave "
            f"{tuple(said.shape)} with {n_odd} numbers that are not finite."
        )
    return seconds / N_ASKED


def shipped_encoder(folder: Path, sha256: str) -> tuple[dict[str, Any] | None, str]:
    """What the folder's own encoder is for, and a sentence when it is none of this generator."""
    path = folder / "encoder"
    if not (path / encoders.RECORD_NAME).is_file():
        return None, "It comes without an encoder; `manage.py train_encoder` trains one."
    try:
        record = encoders.read(path)
    except Refused as error:
        return None, error.detail
    if record.generator_sha256 != sha256:
        return None, (
            f"{path} was trained for a generator of sha256 {record.generator_sha256[:12]}, "
            f"not {sha256[:12]}; it is not used."
        )
    told = {name: getattr(record, name) for name in (*encoders.SETTINGS, "sha256")}
    return told, ""


def _noise(denoiser: Denoiser, n: int) -> torch.Tensor:
    shape = (n, denoiser.channels, denoiser.image_size, denoiser.image_size)
    return torch.randn(shape, generator=torch.Generator().manual_seed(0)).to(denoiser.device)


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
