"""A small network in one file: its weights, and what is told of it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open
from safetensors.torch import save_file
from torch import nn


def write_net(
    path: str | Path, net: nn.Module, what: str, version: int, told: dict[str, Any]
) -> None:
    """Keep a network; `what` and `version` are asked for again when it is read."""
    metadata = {"format": str(version), what: json.dumps(told)}
    state = {name: value.contiguous() for name, value in net.state_dict().items()}
    save_file(state, path, metadata)


def read_net(
    path: str | Path, what: str, version: int
) -> tuple[dict[str, torch.Tensor], dict[str, Any]]:
    """Weights and what is told of them; raises ValueError for a file of another format."""
    with safe_open(path, "pt") as file:
        metadata = file.metadata() or {}
        if metadata.get("format") != str(version) or what not in metadata:
            raise ValueError(
                f"{path} has {what} format {metadata.get('format')}; expected {version}."
            )
        state = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    return state, json.loads(metadata[what])
