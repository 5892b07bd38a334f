"""A network cut at a bottleneck whose answers are known in closed form, for tests."""

from typing import Any

import torch

from tests.editing.engine.analytic import cosine_alpha_bar


class LinearSplit:
    """Noise = outward (h) + what h leaves out: h = inward x, eps = pull x + outward (h - inward x).

    With h as it is, eps is pull x whatever `outward` says, so a push of h shows `outward` alone.

    outward  (d, k) with d = c * h * w of a picture and k = 4 numbers of the bottleneck
    """

    def __init__(self, outward: torch.Tensor, pull: float = 0.3) -> None:
        draw = torch.Generator().manual_seed(5)
        self.outward = outward.double()
        self.inward = torch.randn(outward.T.shape, generator=draw).double() / len(outward) ** 0.5
        self.pull = pull
        self.alpha_bar = cosine_alpha_bar()

    def predict_noise(self, x_t: torch.Tensor, t: int) -> torch.Tensor:
        return self.pull * x_t

    def encode(self, x_t: torch.Tensor, t: int) -> tuple[torch.Tensor, Any]:
        h = x_t.flatten(1) @ self.inward.T
        return h.reshape(-1, 1, 2, 2), (x_t, h)

    def decode(self, h: torch.Tensor, context: Any) -> torch.Tensor:
        x_t, still = context
        return self.pull * x_t + ((h.flatten(1) - still) @ self.outward.T).reshape(x_t.shape)
