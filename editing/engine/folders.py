"""A diffusers pipeline folder as files: what is there, whether it fits, and its weights."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from pickle import UnpicklingError  # only the name of what torch raises; nothing is unpickled
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file

WEIGHT_NAMES = (
    "diffusion_pytorch_model.safetensors",
    "diffusion_pytorch_model.fp16.safetensors",
    "diffusion_pytorch_model.bin",
)
# Attention layers were named differently in folders written before diffusers 0.17.
OLD_ATTENTION_NAMES = {
    ".query.": ".to_q.",
    ".key.": ".to_k.",
    ".value.": ".to_v.",
    ".proj_attn.": ".to_out.0.",
}


@dataclass(frozen=True)
class Pipeline:
    unet_path: Path
    unet_config: dict[str, Any]
    weights: Path
    scheduler_path: Path
    scheduler_config: dict[str, Any]


def read_pipeline(folder: Path) -> Pipeline:
    """The parts of a pipeline folder; ValueError names what is missing or does not fit."""
    index = folder / "model_index.json"
    if index.is_file():
        _refuse_other_pipelines(folder, _read_json(index))
    unet_folder = folder / "unet" if (folder / "unet").is_dir() else folder
    unet_path = unet_folder / "config.json"
    scheduler_path = folder / "scheduler_config.json"
    if not scheduler_path.is_file():
        scheduler_path = folder / "scheduler" / "scheduler_config.json"
    for path in (unet_path, scheduler_path):
        if not path.is_file():
            raise ValueError(
                f"{folder} is no diffusers pipeline folder: {path.relative_to(folder)} is missing."
            )
    weights = next((unet_folder / n for n in WEIGHT_NAMES if (unet_folder / n).is_file()), None)
    if weights is None:
        raise ValueError(f"{unet_folder} holds no weights; expected {WEIGHT_NAMES[0]}.")
    unet_config, scheduler_config = _read_json(unet_path), _read_json(scheduler_path)
    _refuse_misfits(folder, unet_config)
    return Pipeline(unet_path, unet_config, weights, scheduler_path, scheduler_config)


def _refuse_other_pipelines(folder: Path, index: dict[str, Any]) -> None:
    if coder := next((part for part in ("vae", "vqvae", "movq") if part in index), None):
        raise ValueError(
            f"{folder}: its network works on an autoencoder's latents ({coder}); "
            "expected one that works on pictures."
        )
    if "unet" not in index and "transformer" in index:
        raise ValueError(f"{folder}: its network is a transformer; expected a UNet2DModel.")
    named = index.get("unet") or [None, "UNet2DModel"]
    _refuse_other_networks(folder, named[-1] if isinstance(named, list) else str(named))


def _refuse_other_networks(folder: Path, name: str) -> None:
    if "Condition" in name:
        raise ValueError(
            f"{folder}: its network is a {name}, which wants a text or an image beside the noise; "
            "expected an unconditional UNet2DModel."
        )
    if name != "UNet2DModel":
        raise ValueError(f"{folder}: its network is a {name}; expected a UNet2DModel.")


def _refuse_misfits(folder: Path, config: dict[str, Any]) -> None:
    _refuse_other_networks(folder, config.get("_class_name", "UNet2DModel"))
    if config.get("class_embed_type") or config.get("num_class_embeds"):
        raise ValueError(f"{folder}: its network wants a class; expected an unconditional one.")
    n_in, n_out = config.get("in_channels", 3), config.get("out_channels", 3)
    if n_in != 3:
        raise ValueError(f"{folder}: its network takes {n_in} channels; expected 3 (RGB).")
    if n_out != n_in:
        raise ValueError(
            f"{folder}: its network takes {n_in} channels and gives {n_out}; "
            "learned variances are not supported, expected as many out as in."
        )
    square_size(config.get("sample_size"))


def square_size(sample_size: Any) -> int:
    """The side of a network's square pictures; ValueError for any other shape."""
    sides = list(sample_size) if isinstance(sample_size, list | tuple) else [sample_size] * 2
    if len(sides) != 2 or sides[0] != sides[1] or not isinstance(sides[0], int):
        raise ValueError(f"The network's sample_size is {sample_size}; expected one square size.")
    return sides[0]


def fill(unet: torch.nn.Module, weights: Path) -> None:
    """Load a weights file into its network; ValueError if it is damaged or does not fit."""
    try:
        if weights.suffix == ".safetensors":
            state = load_file(weights)
        else:
            state = torch.load(weights, map_location="cpu", weights_only=True)
    except UnpicklingError:
        raise ValueError(
            f"{weights} holds more than tensors and is not opened; convert it to safetensors."
        ) from None
    except (SafetensorError, OSError, RuntimeError, ValueError) as error:
        raise ValueError(f"{weights} cannot be read as weights: {error}") from error
    renamed = {}
    for name, value in state.items():
        for old, new in OLD_ATTENTION_NAMES.items():
            name = name.replace(old, new)
        renamed[name] = value
    try:
        unet.load_state_dict(renamed)
    except RuntimeError as error:
        raise ValueError(f"{weights} does not fit its config.json: {error}") from error


def _read_json(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text())
    except (OSError, ValueError) as error:
        raise ValueError(f"{path} is not readable JSON: {error}") from error
    if not isinstance(content, dict):
        raise ValueError(f"{path} holds a {type(content).__name__}; expected a JSON object.")
    return content
