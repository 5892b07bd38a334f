"""A U-Net cut in two at its bottleneck: picture to h, and h to what the network says.

h is the output of the middle block. With the latent and the step held, everything the decoder
takes beside h is fixed, so it can be kept and the decoder run alone [1].

[1] Kwon, Jeong, Uh 2023, arXiv 2210.10960
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch

PARTS = (
    "time_proj",
    "time_embedding",
    "conv_in",
    "down_blocks",
    "mid_block",
    "up_blocks",
    "conv_norm_out",
    "conv_act",
    "conv_out",
)


@dataclass(frozen=True)
class Context:
    """What the decoder takes beside h, for n latents or for one that serves any number of h."""

    x_t: torch.Tensor
    t: int
    embedding: torch.Tensor
    skips: tuple[torch.Tensor, ...]

    def for_batch(self, n: int) -> Context:
        """The same for n bottlenecks; raises ValueError unless it is of n latents or of one."""
        if len(self.x_t) == n:
            return self
        if len(self.x_t) != 1:
            raise ValueError(f"{n} bottlenecks do not fit the context of {len(self.x_t)} latents.")
        return Context(
            self.x_t.expand(n, -1, -1, -1),
            self.t,
            self.embedding.expand(n, -1),
            tuple(skip.expand(n, -1, -1, -1) for skip in self.skips),
        )


def check_splits(unet: Any) -> None:
    """Raise ValueError naming why this network cannot be cut at its bottleneck."""
    missing = [part for part in PARTS if not hasattr(unet, part)]
    if missing:
        raise ValueError(
            f"A {type(unet).__name__} cannot be split at its bottleneck: "
            f"it has no {', '.join(missing)}."
        )
    if unet.mid_block is None:
        raise ValueError(
            f"This {type(unet).__name__} has no middle block, "
            "so it has no bottleneck at which it could be split."
        )
    if getattr(unet, "class_embedding", None) is not None:
        raise ValueError(
            f"This {type(unet).__name__} is conditioned on classes "
            f"(class_embed_type {unet.config.get('class_embed_type')!r}, "
            f"num_class_embeds {unet.config.get('num_class_embeds')}); "
            "only unconditional networks can be split."
        )


def encode(unet: Any, x_t: torch.Tensor, t: int) -> tuple[torch.Tensor, Context]:
    """h (n, C, h, w) and the context of x_t (n, c, h, w), in the network's own type."""
    steps = torch.full((len(x_t),), int(t), device=x_t.device)
    embedding = unet.time_embedding(unet.time_proj(steps).to(x_t.dtype))
    h = beside = 2 * x_t - 1.0 if unet.config.get("center_input_sample") else x_t
    h = unet.conv_in(h)
    skips: tuple[torch.Tensor, ...] = (h,)
    for block in unet.down_blocks:
        if hasattr(block, "skip_conv"):
            h, res, beside = block(hidden_states=h, temb=embedding, skip_sample=beside)
        else:
            h, res = block(hidden_states=h, temb=embedding)
        skips += res
    return unet.mid_block(h, embedding), Context(x_t, int(t), embedding, skips)


def decode(unet: Any, h: torch.Tensor, context: Context) -> torch.Tensor:
    """What the whole network would say, had its bottleneck been h, in the network's own type."""
    context = context.for_batch(len(h))
    skips, beside = context.skips, None
    for block in unet.up_blocks:
        n = len(block.resnets)
        res, skips = skips[-n:], skips[:-n]
        if hasattr(block, "skip_conv"):
            h, beside = block(h, res, context.embedding, beside)
        else:
            h = block(h, res, context.embedding)
    out: torch.Tensor = unet.conv_out(unet.conv_act(unet.conv_norm_out(h)))
    if beside is not None:
        out = out + beside
    if unet.config.get("time_embedding_type") == "fourier":
        out = out / context.t
    return out
