"""A small trained network for tests: pictures of one face-like kind, learned in seconds."""

from pathlib import Path

import numpy as np
import torch

from editing.engine.denoiser import Denoiser, new_unet, training_alpha_bar
from editing.engine.training import train

SIZE = 16


def pictures(n: int = 64) -> np.ndarray:
    """(n, 16, 16, 3) uint8: a bright disc with two dark spots, of varied colour and place."""
    draw = np.random.default_rng(5)
    y, x = np.mgrid[:SIZE, :SIZE] / (SIZE - 1)
    out = np.empty((n, SIZE, SIZE, 3))
    for picture in out:
        cx, cy = draw.uniform(0.4, 0.6, 2)
        disc = (x - cx) ** 2 + (y - cy) ** 2 < draw.uniform(0.08, 0.16)
        spots = sum((x - cx - s) ** 2 + (y - cy + 0.1) ** 2 < 0.005 for s in (-0.13, 0.13))
        picture[:] = draw.uniform(0, 0.5, 3)
        picture[disc] = draw.uniform(0.5, 1, 3)
        picture[spots > 0] = draw.uniform(0, 0.3)
    return np.uint8(255 * out)


def trained_denoiser(folder: Path) -> Denoiser:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        unet = new_unet(SIZE, (8, 32))
    network, _ = train(
        unet, pictures(), folder=folder, n_images=960, batch=16, lr=3e-3, ema_decay=0.9, bf16=False
    )
    return Denoiser(network, training_alpha_bar(), "v_prediction")


def noisy_picture(denoiser: Denoiser, t: int) -> torch.Tensor:
    """x_t (1, 3, 16, 16) of a picture, with fixed noise."""
    x_0 = torch.from_numpy(pictures(3)[2]).permute(2, 0, 1)[None].float() / 127.5 - 1
    eps = torch.randn(x_0.shape, generator=torch.Generator().manual_seed(1))
    a = float(denoiser.alpha_bar[t])
    return a**0.5 * x_0 + (1 - a) ** 0.5 * eps
