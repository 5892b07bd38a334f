"""The only module that knows diffusers: its folders become "predict the noise at (x_t, t)"."""

from __future__ import annotations

import copy
import hashlib
import json
import os
import shutil
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from diffusers import DDIMPipeline, DDIMScheduler, DDPMScheduler, UNet2DModel
from diffusers.models.attention_processor import Attention, AttnProcessor

from editing.engine import splitting
from editing.engine.folders import fill, read_pipeline, square_size
from editing.engine.splitting import Context

# Below this share of signal the latent holds no face any more and inversion explodes:
# the squared-cosine schedule ends at 2e-9.
USABLE_ALPHA_BAR = 1e-3
PREDICTION_TYPES = ("epsilon", "v_prediction", "sample")
SCHEDULERS = {"DDPMScheduler": DDPMScheduler, "DDIMScheduler": DDIMScheduler}


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
        return self._noise(out, x_t, t)

    def encode(self, x_t: torch.Tensor, t: int) -> tuple[torch.Tensor, Context]:
        """The bottleneck h (n, C, h, w), in x_t's own type, and what else the decoder takes.

        raises   ValueError naming why this network cannot be split
        """
        splitting.check_splits(self.unet)
        h, context = splitting.encode(self.unet, x_t.to(self.dtype), t)
        return h.to(x_t.dtype), replace(context, x_t=x_t)

    def decode(self, h: torch.Tensor, context: Context) -> torch.Tensor:
        """The noise that h (n, C, h, w) stands for, in h's own type; differentiable in h.

        context   of as many latents as h holds, or of one that serves them all
        """
        context = context.for_batch(len(h))
        out = splitting.decode(self.unet, h.to(self.dtype), context).to(h.dtype)
        return self._noise(out, context.x_t.to(h.dtype), context.t)

    def _noise(self, out: torch.Tensor, x_t: torch.Tensor, t: int) -> torch.Tensor:
        # From what the network predicts to the noise.
        if self.prediction_type == "epsilon":
            return out
        signal, noise = self.alpha_bar[t] ** 0.5, (1 - self.alpha_bar[t]) ** 0.5
        if self.prediction_type == "v_prediction":
            return (signal * out + noise * x_t).to(x_t.dtype)
        return ((x_t - signal * out) / noise).to(x_t.dtype)


def picture_size(unet: Any) -> int:
    """The side in pixels of the pictures a network makes."""
    return square_size(unet.config["sample_size"])


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
    parts = read_pipeline(Path(folder))
    unet = _empty_unet(parts.unet_config)
    fill(unet, parts.weights)
    scheduler = _scheduler(parts.scheduler_config)
    # cumprod of a thousand float32 betas is off in the sixth digit; float64 keeps inversion exact.
    alpha_bar = torch.cumprod(1 - scheduler.betas.double(), 0)
    denoiser = Denoiser(unet, alpha_bar, scheduler.config.prediction_type)
    return denoiser.to(device, dtype)


def describe(folder: str | Path) -> GeneratorCard:
    """The card of a generator folder; raises as load_denoiser does, but reads no weights."""
    parts = read_pipeline(Path(folder))
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
