"""Denoisers whose noise is known in closed form, for tests."""

import torch


def cosine_alpha_bar(steps: int = 1000) -> torch.Tensor:
    t = torch.arange(steps + 1, dtype=torch.float64) / steps
    f = torch.cos((t + 0.008) / 1.008 * torch.pi / 2) ** 2
    beta = (1 - f[1:] / f[:-1]).clamp(max=0.999)
    return torch.cumprod(1 - beta, 0)


class MixtureDenoiser:
    """The exact noise of data from an even mixture of Gaussians of one width.

    centres  (k, d); one centre at zero makes the noise linear in x_t
    """

    def __init__(self, centres: torch.Tensor, spread: float) -> None:
        self.centres = centres.double()
        self.spread = spread
        self.alpha_bar = cosine_alpha_bar()
        self.calls = 0

    def predict_noise(self, x_t: torch.Tensor, t: int) -> torch.Tensor:
        self.calls += 1
        a = self.alpha_bar[t]
        x = x_t.reshape(len(x_t), -1)
        variance = a * self.spread**2 + 1 - a
        off = x[:, None] - a.sqrt() * self.centres  # (n, k, d)
        share = torch.softmax(-(off**2).sum(-1) / (2 * variance), dim=1)
        pull = (share[..., None] * off).sum(1) / variance
        return ((1 - a).sqrt() * pull).reshape(x_t.shape)
