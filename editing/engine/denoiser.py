"""The only module that knows diffusers: its folders become "predict the noise at (x_t, t)"."""

from __future__ import annotations

import copy
import hashlib
import json
import os
import pickle
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from diffusers import DDIMPipeline, DDIMScheduler, DDPMScheduler, UNet2DModel
from diffusers.models.attention_processor import Attention, AttnProcessor
from safetensors import SafetensorError
from safetensors.torch import load_file

# Below this share of signal the latent holds no face any more and inversion explodes:
# the squared-cosine schedule ends at 2e-9.
USABLE_ALPHA_BAR = 1e-3
PREDICTION_TYPES = ("epsilon", "v_prediction", "sample")
SCHEDULERS = {"DDPMScheduler": DDPMScheduler, "DDIMScheduler": DDIMScheduler}
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
class GeneratorCard:
    """What a generator folder holds, read without loading its weights."""

    image_size: int
    channels: int
    n_parameters: int
    schedule: str
    prediction_type: str
    train_timesteps: int
    sha256: str


class Denoiser:
    """A noise-predicting network with its schedule; the state may be of any float type."""

    def __init__(self, unet: Any, alpha_bar: torch.Tensor, prediction_type: str) -> None:
        if prediction_type not in PREDICTION_TYPES:
            raise ValueError(
                f"The scheduler predicts {prediction_type!r}; "
                f"expected one of {', '.join(PREDICTION_TYPES)}."
            )
        self.unet = unet.eval().requires_grad_(False)
        _use_plain_attention(self.unet)
        self.alpha_bar = alpha_bar.to(torch.float64)
        self.prediction_type = prediction_type
        self.image_size = picture_size(unet)
        self.channels: int = unet.config["in_channels"]

    @property
    def device(self) -> torch.device:
        return next(self.unet.parameters()).device

    @property
    def dtype(self) -> torch.dtype:
        return next(self.unet.parameters()).dtype

    @property
    def last_timestep(self) -> int:
        """The largest t whose latent still holds a usable share of the face."""
        return int((self.alpha_bar >= USABLE_ALPHA_BAR).nonzero()[-1])

    def to(
        self, device: torch.device | str | None = None, dtype: torch.dtype | None = None
    ) -> Denoiser:
        self.unet.to(device or self.device)
        _retype(self.unet, dtype or self.dtype)
        self.alpha_bar = self.alpha_bar.to(self.device)
        return self

    def predict_noise(self, x_t: torch.Tensor, t: int) -> torch.Tensor:
        """The noise in x_t (n, c, h, w), in x_t's own type; differentiable in x_t."""
        steps = torch.full((len(x_t),), int(t), device=x_t.device)
        out = network_output(self.unet, x_t.to(self.dtype), steps).to(x_t.dtype)
        if self.prediction_type == "epsilon":
            return out
        signal, noise = self.alpha_bar[t] ** 0.5, (1 - self.alpha_bar[t]) ** 0.5
        if self.prediction_type == "v_prediction":
            return (signal * out + noise * x_t).to(x_t.dtype)
        return ((x_t - signal * out) / noise).to(x_t.dtype)


def picture_size(unet: Any) -> int:
    """The side in pixels of the pictures a network makes."""
    return _square_size(unet.config["sample_size"])


def network_output(unet: torch.nn.Module, x_t: torch.Tensor, t: torch.Tensor) -> torch.Tensor:
    """What the network itself says of x_t (n, c, h, w) at steps t (n,)."""
    out: torch.Tensor = unet(x_t, t, return_dict=False)[0]
    return out


def load_denoiser(
    folder: str | Path, device: torch.device | str = "cpu", dtype: torch.dtype = torch.float32
) -> Denoiser:
    """The network and schedule of any unconditional diffusers DDPM or DDIM pipeline folder.

    folder     holds unet/ and scheduler/, or config.json and scheduler_config.json at its root
    raises     ValueError naming what does not fit
    """
    parts = _parts(Path(folder))
    unet = _empty_unet(parts.unet_config)
    _fill(unet, parts.weights)
    scheduler = _scheduler(parts.scheduler_config)
    # cumprod of a thousand float32 betas is off in the sixth digit; float64 keeps inversion exact.
    alpha_bar = torch.cumprod(1 - scheduler.betas.double(), 0)
    denoiser = Denoiser(unet, alpha_bar, scheduler.config.prediction_type)
    return denoiser.to(device, dtype)


def describe(folder: str | Path) -> GeneratorCard:
    """The card of a generator folder; raises as load_denoiser does, but reads no weights."""
    parts = _parts(Path(folder))
    with torch.device("meta"):
        unet = _empty_unet(parts.unet_config)
    scheduler = _scheduler(parts.scheduler_config)
    digest = hashlib.sha256()
    for path in (parts.unet_path, parts.weights, parts.scheduler_path):
        with path.open("rb") as file:
            digest.update(hashlib.file_digest(file, "sha256").digest())
    return GeneratorCard(
        image_size=picture_size(unet),
        channels=unet.config["in_channels"],
        n_parameters=sum(p.numel() for p in unet.parameters()),
        schedule=scheduler.config.beta_schedule,
        prediction_type=scheduler.config.prediction_type,
        train_timesteps=scheduler.config.num_train_timesteps,
        sha256=digest.hexdigest(),
    )


def new_unet(size: int, channels: tuple[int, ...] | None = None) -> torch.nn.Module:
    """A fresh network for size x size RGB pictures whose bottleneck is 8x8 with attention.

    channels   per level, finest first; default: what trains best in an hour on one CPU core
    raises     ValueError unless size is a power of two of 16 or more with one width per level
    """
    if size < 16 or size & (size - 1):
        raise ValueError(f"A generator's picture size is a power of two from 16 on, not {size}.")
    n_levels = size.bit_length() - 3
    widths = channels or (16,) * max(n_levels - 4, 0) + (16, 32, 64, 128)[-n_levels:]
    if len(widths) != n_levels:
        raise ValueError(
            f"{size}x{size} needs {n_levels} channel widths, got {len(widths)}: {widths}."
        )
    plain = n_levels - 1
    unet: Any = UNet2DModel(
        sample_size=size,
        in_channels=3,
        out_channels=3,
        layers_per_block=1,
        block_out_channels=widths,
        down_block_types=("DownBlock2D",) * plain + ("AttnDownBlock2D",),
        up_block_types=("AttnUpBlock2D",) + ("UpBlock2D",) * plain,
        norm_num_groups=8,
        attention_head_dim=32,
    )
    _use_plain_attention(unet)
    return unet


def training_alpha_bar(train_timesteps: int = 1000) -> torch.Tensor:
    """alpha_bar (T,) float64 of the squared-cosine schedule our own generators are trained with."""
    return torch.cumprod(1 - _training_scheduler("epsilon", train_timesteps).betas.double(), 0)


def save_generator(
    folder: str | Path,
    unet: torch.nn.Module,
    record: dict[str, Any],
    *,
    dtype: torch.dtype = torch.float16,
    prediction_type: str = "v_prediction",
    train_timesteps: int = 1000,
) -> GeneratorCard:
    """Write the network as a diffusers pipeline folder with its training record beside it.

    Readers see the old folder or the new one, never half of either.
    """
    folder = Path(folder)
    folder.parent.mkdir(parents=True, exist_ok=True)
    fresh = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
    fresh.chmod(0o755)
    pipeline: Any = DDIMPipeline(
        unet=_retype(copy.deepcopy(unet).cpu(), dtype),
        scheduler=_training_scheduler(prediction_type, train_timesteps),
    )
    pipeline.save_pretrained(fresh, safe_serialization=True)
    (fresh / "training_record.json").write_text(json.dumps(record, indent=2) + "\n")
    card = describe(fresh)
    retired = fresh.with_name(fresh.name + "-retired")
    if folder.exists():
        os.replace(folder, retired)
    os.replace(fresh, folder)
    shutil.rmtree(retired, ignore_errors=True)
    return card


@dataclass(frozen=True)
class _Parts:
    unet_path: Path
    unet_config: dict[str, Any]
    weights: Path
    scheduler_path: Path
    scheduler_config: dict[str, Any]


def _parts(folder: Path) -> _Parts:
    index = folder / "model_index.json"
    if index.is_file():
        unet_name = _read_json(index).get("unet", [None, "UNet2DModel"])[-1]
        if unet_name != "UNet2DModel":
            raise ValueError(f"{folder}: its network is a {unet_name}; expected a UNet2DModel.")
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
    return _Parts(unet_path, unet_config, weights, scheduler_path, scheduler_config)


def _refuse_misfits(folder: Path, config: dict[str, Any]) -> None:
    class_name = config.get("_class_name", "UNet2DModel")
    if class_name != "UNet2DModel":
        raise ValueError(f"{folder}: its network is a {class_name}; expected a UNet2DModel.")
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
    _square_size(config.get("sample_size"))


def _square_size(sample_size: Any) -> int:
    sides = list(sample_size) if isinstance(sample_size, list | tuple) else [sample_size] * 2
    if len(sides) != 2 or sides[0] != sides[1] or not isinstance(sides[0], int):
        raise ValueError(f"The network's sample_size is {sample_size}; expected one square size.")
    return sides[0]


def _retype(unet: torch.nn.Module, dtype: torch.dtype) -> torch.nn.Module:
    # Module.to(dtype), without the warning diffusers prints for any dtype below float32.
    for parameter in unet.parameters():
        parameter.data = parameter.data.to(dtype)
    return unet


def _use_plain_attention(unet: torch.nn.Module) -> None:
    # Fused attention has no second derivative, which Jacobians need; at 8x8 it gains nothing.
    for module in unet.modules():
        if isinstance(module, Attention):
            module.set_processor(AttnProcessor())


def _empty_unet(config: dict[str, Any]) -> Any:
    try:
        return UNet2DModel.from_config(config)
    except (TypeError, ValueError, KeyError) as error:
        raise ValueError(f"The network's config.json cannot be built: {error}") from error


def _fill(unet: torch.nn.Module, weights: Path) -> None:
    try:
        if weights.suffix == ".safetensors":
            state = load_file(weights)
        else:
            state = torch.load(weights, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError:
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


def _scheduler(config: dict[str, Any]) -> Any:
    name = config.get("_class_name", "DDPMScheduler")
    if name not in SCHEDULERS:
        raise ValueError(f"The scheduler is a {name}; expected one of {', '.join(SCHEDULERS)}.")
    if config.get("prediction_type", "epsilon") not in PREDICTION_TYPES:
        raise ValueError(
            f"The scheduler predicts {config['prediction_type']!r}; "
            f"expected one of {', '.join(PREDICTION_TYPES)}."
        )
    return SCHEDULERS[name].from_config(config)


def _training_scheduler(prediction_type: str, train_timesteps: int) -> Any:
    return DDIMScheduler(
        num_train_timesteps=train_timesteps,
        beta_schedule="squaredcos_cap_v2",
        prediction_type=prediction_type,
        # Clipping the implied picture at every step makes inversion lose a third of the face.
        clip_sample=False,
    )


def _read_json(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text())
    except (OSError, ValueError) as error:
        raise ValueError(f"{path} is not readable JSON: {error}") from error
    if not isinstance(content, dict):
        raise ValueError(f"{path} holds a {type(content).__name__}; expected a JSON object.")
    return content
