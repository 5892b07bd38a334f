"""The strongest singular vectors of every region's Jacobian at once, from products alone.

Block Krylov iteration [1] with J W kept: W spans what all regions' blocks have reached so far, so
the best vectors within W cost a small eigenproblem and no product; and since J_i = M_i J, the
blocks of one region serve every other one. Each step sends through the network only the residuals
of those vectors that have not converged.

[1] Musco, Musco 2015, arXiv 1504.05477
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import torch

EXTRA = 2  # vectors sought beside those asked for, so that the last of these converge too
ROUNDING = 1e-5  # what is this much smaller than the strongest is rounding, in float32


class Products(Protocol):
    """What is needed of a Jacobian."""

    n_inputs: int
    n_outputs: int

    def forward(self, v: torch.Tensor) -> torch.Tensor: ...

    def transposed(self, u: torch.Tensor) -> torch.Tensor: ...


@dataclass(frozen=True)
class Singular:
    """The top k singular triples of one region's Jacobian: J_i v = s u."""

    s: torch.Tensor  # (k,) falling
    v: torch.Tensor  # (k, n_inputs)
    residuals: torch.Tensor  # (k,) ||J_i^T u - s v|| / s, before the last improvement


@dataclass(frozen=True)
class Searched:
    """What a search ended with."""

    regions: tuple[Singular, ...]
    converged: bool
    steps: int


OnStep = Callable[[int, float], None]


@torch.no_grad()
def top_singular(
    jacobian: Products,
    masks: torch.Tensor,
    k: int,
    *,
    tolerance: float = 2e-2,
    max_steps: int = 20,
    seed: int = 0,
    on_step: OnStep | None = None,
) -> Searched:
    """The k strongest singular triples of each J_i = M_i J.

    masks      (N, n_outputs) in 0..1, one per region, of the products' type and device
    tolerance  stop when ||J_i^T u - s v|| / s is below it for all k of every region
    on_step    called after each step with (steps, the largest residual); may raise to stop
    raises     ValueError if a region has fewer than k singular values above rounding
    """
    regions = [_Region(mask, jacobian.n_inputs, k) for mask in masks]
    draw = torch.Generator().manual_seed(seed)
    n_random = sum(region.block for region in regions)
    z = torch.randn(n_random, jacobian.n_inputs, generator=draw).to(masks)
    w, step, worst = z.new_empty(0, jacobian.n_inputs), 0, torch.inf
    while True:
        x = _new_directions(z, w)
        jx = jacobian.forward(x)
        w = torch.cat([w, x])
        best = [region.best_within(w, jx) for region in regions]
        z = jacobian.transposed(torch.cat([cotangents for cotangents, _, _ in best]))
        # J_i^T u of the best within W: exact singular vectors give s v back.
        pulled = z.split([len(s) for _, s, _ in best])
        off = [p - s[:, None] * v for p, (_, s, v) in zip(pulled, best, strict=True)]
        residuals = [o.norm(dim=1) / s for o, (_, s, _) in zip(off, best, strict=True)]
        step, worst = step + 1, max(float(r[:k].max()) for r in residuals)
        if on_step:
            on_step(step, worst)
        if worst <= tolerance or step == max_steps or len(w) == jacobian.n_inputs:
            break
        # What has converged needs no more products.
        z = torch.cat([o[r > tolerance / 10] for o, r in zip(off, residuals, strict=True)])
    found = [_improved(p, r, k) for p, r in zip(pulled, residuals, strict=True)]
    return Searched(tuple(found), worst <= tolerance, step)


class _Region:
    """One region's share of J W, kept inside its mask only, with its Gram matrix."""

    def __init__(self, mask: torch.Tensor, n_inputs: int, k: int) -> None:
        self.inside = mask.nonzero().squeeze(1)
        self.weights = mask[self.inside]
        self.n_outputs = len(mask)
        most = min(n_inputs, len(self.inside))
        if not 1 <= k <= most:
            raise ValueError(
                f"{k} singular vectors were asked for; this region has at most {most}."
            )
        self.block = min(k + EXTRA, most)
        # In float64, as squaring would lose the weak half of the spectrum.
        self.rows = mask.new_empty(0, len(self.inside), dtype=torch.float64)
        self.gram = mask.new_empty(0, 0, dtype=torch.float64)

    def best_within(
        self, w: torch.Tensor, jx: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """The best triples in the span of w, whose newest rows went to jx.

        returns   cotangents M_i u (b, n_outputs), s (b,), v (b, n_inputs)
        """
        new = (jx[:, self.inside] * self.weights).double()
        cross = new @ self.rows.T
        self.gram = torch.cat(
            [torch.cat([self.gram, cross.T], 1), torch.cat([cross, new @ new.T], 1)]
        )
        self.rows = torch.cat([self.rows, new])
        values, vectors = torch.linalg.eigh(self.gram)
        turn = vectors[:, -self.block :].flip(1).T  # (b, p), the strongest first
        floor = ROUNDING * values[-1].clamp(min=0) ** 0.5 + torch.finfo(w.dtype).tiny
        s = values[-self.block :].flip(0).clamp(min=0).sqrt().clamp(min=floor)
        u = (turn @ self.rows) / s[:, None]
        return self._outside_too(u.to(w)), s.to(w), turn.to(w) @ w

    def _outside_too(self, inside: torch.Tensor) -> torch.Tensor:
        full = inside.new_zeros(len(inside), self.n_outputs)
        full[:, self.inside] = inside * self.weights
        return full


def _new_directions(z: torch.Tensor, w: torch.Tensor) -> torch.Tensor:
    """An orthonormal basis of what z (m, n) adds to the orthonormal w (p, n)."""
    z = z / z.norm(dim=1, keepdim=True).clamp(min=torch.finfo(z.dtype).tiny)
    for _ in range(2):  # once leaves rounding errors as large as what is new
        z = z - (z @ w.T) @ w
    gram = z.double() @ z.double().T
    values, vectors = torch.linalg.eigh(gram)
    keep = values > ROUNDING**2
    z = (vectors[:, keep] / values[keep].sqrt()).T.to(z) @ z
    z = z - (z @ w.T) @ w
    room = z.shape[1] - len(w)
    return torch.linalg.qr(z[-room:].T).Q.T


def _improved(pulled: torch.Tensor, residuals: torch.Tensor, k: int) -> Singular:
    # The last J_i^T u is half a power step that has been paid for already.
    _, s, v = torch.linalg.svd(pulled, full_matrices=False)
    rank = int((s > ROUNDING * s[0]).sum())
    if rank < k:
        raise ValueError(f"{k} singular vectors were asked for; this region has only {rank}.")
    return Singular(s[:k], v[:k], residuals[:k])
