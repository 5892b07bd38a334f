"""Products with J = d eps / d h, the decoder's Jacobian at one latent; J itself is never formed.

With x_t and t fixed only the decoder depends on the bottleneck h, so no product runs the encoder.
A mask touches outputs and cotangents only: with M_i the mask of region i, J_i = M_i J, so that one
J v serves every region, and J_i^T u of all regions are one batch of cotangents.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import torch

from editing.engine.denoiser import Denoiser
from editing.engine.linearised import NotLinearised, Playing, Recording

# Vectors that go through the decoder together, so that their activations fit a small machine.
PIXELS_AT_ONCE = 1 << 16
KEPT_RUNS = 2  # one for full batches and one for what is left over
AGREES = 1e-3

OnSent = Callable[[int], None]


class Jacobian:
    """J at one latent x_t (c, h, w) or (1, c, h, w).

    inputs    (k, n_inputs), flattened bottlenecks; outputs (k, n_outputs), flattened noise
    on_sent   called with the vectors sent through so far, after each few; may raise to stop
    raises    ValueError for a network that cannot be split, or one in less than float32
    """

    def __init__(
        self, denoiser: Denoiser, x_t: torch.Tensor, t: int, on_sent: OnSent | None = None
    ) -> None:
        if denoiser.dtype not in (torch.float32, torch.float64):
            raise ValueError(
                f"Singular vectors take float32 or float64; this network is in {denoiser.dtype}."
            )
        x_t = x_t.reshape(-1, *x_t.shape[-3:]).to(denoiser.device, denoiser.dtype)
        if len(x_t) != 1:
            raise ValueError(f"A Jacobian is taken at one latent, not at {len(x_t)}.")
        self.denoiser = denoiser
        with torch.no_grad():
            self.h, self.context = denoiser.encode(x_t, t)
            with Recording() as recording:
                denoiser.decode(self.h, self.context)
        self.input_shape, self.output_shape = self.h.shape[1:], x_t.shape[1:]
        self.n_inputs, self.n_outputs = self.h[0].numel(), x_t[0].numel()
        self._at_once = max(1, PIXELS_AT_ONCE // (x_t.shape[-1] * x_t.shape[-2]))
        self._derivatives = recording.derivatives
        self._still = replace(
            self.context,
            x_t=torch.zeros_like(x_t),
            embedding=torch.zeros_like(self.context.embedding),
            skips=tuple(map(torch.zeros_like, self.context.skips)),
        )
        self._on_sent, self.n_sent = on_sent, 0
        self._runs: dict[int, tuple[torch.Tensor, torch.Tensor]] = {}
        self.is_linearised = False
        self.is_linearised = self._agrees()

    @property
    def device(self) -> torch.device:
        return self.h.device

    @property
    def dtype(self) -> torch.dtype:
        return self.h.dtype

    def forward(self, v: torch.Tensor) -> torch.Tensor:
        """J v (k, n_outputs) of v (k, n_inputs)."""
        one = self._played if self.is_linearised else self._differentiated
        return torch.cat([self._told(one(piece)) for piece in v.split(self._at_once)])

    def transposed(self, u: torch.Tensor) -> torch.Tensor:
        """J^T u (k, n_inputs) of u (k, n_outputs)."""
        return torch.cat([self._told(self._pulled(piece)) for piece in u.split(self._at_once)])

    def rest(self) -> None:
        """Let go of the decoder's kept runs, which are large; the next products make them anew."""
        self._runs.clear()

    def _told(self, got: torch.Tensor) -> torch.Tensor:
        self.n_sent += len(got)
        if self._on_sent:
            self._on_sent(self.n_sent)
        return got.flatten(1)

    @torch.no_grad()
    def _played(self, v: torch.Tensor) -> torch.Tensor:
        if not self._runs:
            # The map is linear, so any vectors make the run that ways back will need.
            return self._run(len(v), v)[0].detach()
        with Playing(self._derivatives):
            return self.denoiser.decode(v.reshape(-1, *self.input_shape), self._still)

    def _differentiated(self, v: torch.Tensor) -> torch.Tensor:
        # J^T u is linear in u, so its own derivative along v, taken backwards, is J v.
        out, h = self._run(len(v))
        u = torch.zeros_like(out, requires_grad=True)
        (pulled,) = torch.autograd.grad(out, h, u, create_graph=True)
        (along,) = torch.autograd.grad(pulled, u, v.reshape(h.shape))
        return along.detach()

    def _pulled(self, u: torch.Tensor) -> torch.Tensor:
        out, h = self._run(len(u))
        (back,) = torch.autograd.grad(out, h, u.reshape(out.shape), retain_graph=True)
        return back.detach()

    def _run(self, n: int, v: torch.Tensor | None = None) -> tuple[torch.Tensor, torch.Tensor]:
        """A run of the decoder on n bottlenecks, kept: every way back of n cotangents takes it."""
        if n not in self._runs:
            if len(self._runs) == KEPT_RUNS:
                self._runs.pop(next(iter(self._runs)))
            h = self.h.repeat(n, 1, 1, 1) if v is None else v.detach().reshape(n, *self.input_shape)
            with torch.enable_grad():
                h.requires_grad_()
                if self.is_linearised:
                    with Playing(self._derivatives):
                        out = self.denoiser.decode(h, self._still)
                else:
                    out = self.denoiser.decode(h, self.context)
            self._runs[n] = out, h
        return self._runs[n]

    def _agrees(self) -> bool:
        """Whether playing the decoder goes back as differentiating it does, from one cotangent."""
        draw = torch.Generator().manual_seed(0)
        u = torch.randn(1, self.n_outputs, generator=draw, dtype=self.dtype).to(self.device)
        exact = self._pulled(u)
        self._runs.clear()
        self.is_linearised = True
        try:
            return float((self._pulled(u) - exact).norm()) <= AGREES * float(exact.norm())
        except (NotLinearised, StopIteration):
            return False
        finally:
            self.is_linearised = False
            self._runs.clear()
