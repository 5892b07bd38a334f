"""Directions that are local on many faces at once, so that they may be carried to others.

What is local on one face rests on a cancellation that another does not share. Here a direction v is
sought whose effects are local added over faces f, each with its own Jacobian J_f and mask M_f:
    max_v  sum_f s_f ||M_f J_f v||^2 / sum_f (s_f ||(1 - M_f) J_f v||^2 + lambda ||v||^2)
The span of single faces' directions does not hold it. So the span grows, as in [1] but without a
preconditioner: the gradient of each ratio at its best vector, one J^T u per face, joins it. Edits
push at many timesteps, so faces are seen in turn at the first of them and at the middle one.

[1] Morgan, Scott 1986, "Generalizations of Davidson's method", doi 10.1137/0907054
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import torch

from editing.engine.ddim import Inversion
from editing.engine.denoiser import Denoiser
from editing.engine.jacobian import Jacobian
from editing.engine.local_edits import default_interval
from editing.engine.locality import most_local

REGULARISATION = 0.3  # times the mean effect of the first span; measured in docs/decisions.md
STEPS = 4
AT_ONCE = 2  # vectors per region whose gradients join the span in one step

OnStep = Callable[[int, int], None]


class Products(Protocol):
    """What is needed of a Jacobian."""

    n_inputs: int

    @property
    def input_shape(self) -> Sequence[int]: ...

    @property
    def output_shape(self) -> Sequence[int]: ...

    def forward(self, v: torch.Tensor) -> torch.Tensor: ...

    def transposed(self, u: torch.Tensor) -> torch.Tensor: ...

    def rest(self) -> None: ...


@dataclass(frozen=True)
class Seen:
    """One face: its Jacobian, and its mask (h, w) in 0..1 of each region."""

    jacobian: Products
    masks: Mapping[str, torch.Tensor]


def seen(
    exact: Denoiser,
    paths: Sequence[Inversion],
    masks: Sequence[Mapping[str, torch.Tensor]],
    grid: Sequence[int],
) -> list[Seen]:
    """Faces by their paths on one grid, every other one at the middle of what edits push.

    exact  the network in float32
    """
    low, high = default_interval(grid)
    middle = min(grid, key=lambda t: abs(t - (low + high) / 2))
    times = [middle if number % 2 else grid[-1] for number in range(len(paths))]
    return [
        Seen(Jacobian(exact, path.states[grid.index(t) + 1][0], t), own)
        for path, own, t in zip(paths, masks, times, strict=True)
    ]


@dataclass(frozen=True)
class Pooled:
    """Unit directions of one region, the most local over all faces first."""

    v: torch.Tensor  # (r, C, h, w)
    locality: torch.Tensor  # (r, faces): ||J v|| inside the region over that outside, on each face


@torch.no_grad()
def pooled(
    faces: Sequence[Seen],
    start: torch.Tensor,
    *,
    rank: int = 1,
    regularisation: float = REGULARISATION,
    steps: int = STEPS,
    on_step: OnStep | None = None,
) -> dict[str, Pooled]:
    """For each region the directions (`rank` of them) that are the most local over all faces.

    start     (p, n) directions to begin with, such as those of one face or several
    steps     how often the span grows; 0 stays in that of `start`
    on_step   called with (faces done, faces in all) of all steps together; may raise to stop
    raises    ValueError for fewer than two faces, or faces with other regions
    """
    if len(faces) < 2:
        raise ValueError(f"Pooling takes 2 or more faces, got {len(faces)}.")
    if any(set(face.masks) != set(faces[0].masks) for face in faces):
        told = [sorted(face.masks) for face in faces]
        raise ValueError(f"The faces have the regions {told}; expected the same for all.")
    count = _Count(on_step, len(faces) * (1 + 2 * steps))
    pool = _Pool(faces, start, regularisation, count)
    for _ in range(steps):
        pool.grow(count)
    return {region: pool.told(region, rank) for region in faces[0].masks}


class _Count:
    def __init__(self, tell: OnStep | None, expected: int) -> None:
        self.tell, self.expected, self.done = tell, expected, 0

    def __call__(self) -> None:
        self.done += 1
        if self.tell:
            self.tell(self.done, self.expected)


class _Pool:
    """A span Q, what it does to every face, and the sums of its effects for each region."""

    def __init__(
        self, faces: Sequence[Seen], start: torch.Tensor, regularisation: float, count: _Count
    ) -> None:
        self.faces = faces
        self.q = start.new_empty(0, start.shape[1])
        self.effects = [start.new_empty(0, *face.jacobian.output_shape) for face in faces]
        self.inside = {region: torch.zeros(0, 0).double() for region in faces[0].masks}
        self.outside = dict(self.inside)
        # A face with a strong response would else decide alone.
        self.scales: dict[str, list[float]] = {region: [] for region in self.inside}
        self._add(_new_to(self.q, start), count)
        self.least = {
            region: regularisation * float(gram.trace()) / len(self.q)
            for region, gram in self.inside.items()
        }

    def best(self, region: str, rank: int) -> tuple[torch.Tensor, torch.Tensor]:
        """Unit coefficients (rank, p) of the most local directions, and their ratios (rank,)."""
        p = len(self.q)
        # `most_local` counts lambda in mean effects of the span that it is given.
        share = self.least[region] * p / float(self.inside[region].trace())
        a = most_local(self.inside[region], self.outside[region], min(rank, p), share)
        above = ((a @ self.inside[region]) * a).sum(1)
        below = ((a @ self.outside[region]) * a).sum(1) + self.least[region]
        return a.to(self.q), (above / below).to(self.q)

    def told(self, region: str, rank: int) -> Pooled:
        a, _ = self.best(region, rank)
        localities = []
        for face, effects in zip(self.faces, self.effects, strict=True):
            effect = torch.einsum("rp,pchw->rchw", a, effects)
            mask = face.masks[region].to(effect)
            inside, outside = ((effect * m).flatten(1).norm(dim=1) for m in (mask, 1 - mask))
            localities.append(inside / outside.clamp(min=torch.finfo(effect.dtype).tiny))
        v = (a @ self.q).reshape(-1, *self.faces[0].jacobian.input_shape)
        return Pooled(v, torch.stack(localities, dim=1))

    def grow(self, count: _Count) -> None:
        """Add the gradients of the best vectors' ratios to the span."""
        found = {region: self.best(region, AT_ONCE) for region in self.inside}
        gradients = {
            region: -ratio[:, None] * self.least[region] * (a @ self.q)
            for region, (a, ratio) in found.items()
        }
        for at, face in enumerate(self.faces):
            cotangents = []
            for region, (a, ratio) in found.items():
                mask = face.masks[region].to(self.q)
                weights = mask.square() - ratio[:, None, None, None] * (1 - mask).square()
                effect = torch.einsum("rp,pchw->rchw", a, self.effects[at])
                cotangents.append(self.scales[region][at] * (weights * effect).flatten(1))
            pulled = face.jacobian.transposed(torch.cat(cotangents))
            face.jacobian.rest()
            sizes = [len(a) for a, _ in found.values()]
            for region, rows in zip(found, pulled.split(sizes), strict=True):
                gradients[region] = gradients[region] + rows
            count()
        every = torch.cat(list(gradients.values()))
        self._add(_new_to(self.q, every / every.norm(dim=1, keepdim=True)), count)

    def _add(self, new: torch.Tensor, count: _Count) -> None:
        n_old = len(self.q)
        if not len(new):  # the span holds all that there is
            for _ in self.faces:
                count()
            return
        self.q = torch.cat([self.q, new])
        grown = {name: torch.zeros(len(self.q), len(self.q)).double() for name in self.inside}
        outside = {name: gram.clone() for name, gram in grown.items()}
        for name, gram in grown.items():
            gram[:n_old, :n_old] = self.inside[name]
            outside[name][:n_old, :n_old] = self.outside[name]
        for at, face in enumerate(self.faces):
            made = face.jacobian.forward(new).reshape(-1, *face.jacobian.output_shape)
            face.jacobian.rest()  # one face's runs at a time, or the memory holds them all
            self.effects[at] = torch.cat([self.effects[at], made])
            for name, mask in face.masks.items():
                self._measure(grown[name], outside[name], at, name, mask.to(made), n_old)
            count()
        self.inside, self.outside = grown, outside

    def _measure(
        self,
        inside: torch.Tensor,
        outside: torch.Tensor,
        at: int,
        name: str,
        mask: torch.Tensor,
        n_old: int,
    ) -> None:
        """Add one face's products of new effects with all of them to a region's sums.

        The first time, the face's scale is set by them.
        """
        whole = self.effects[at]
        for gram, weights in ((inside, mask), (outside, 1 - mask)):
            rows = (whole * weights).flatten(1)
            part = (rows[n_old:] @ rows.T).double().cpu()
            if len(self.scales[name]) == at:
                self.scales[name].append(1 / max(float(part.trace()), 1e-30))
            part = part * self.scales[name][at]
            gram[n_old:] += part
            gram[:n_old, n_old:] += part[:, :n_old].T


def _new_to(q: torch.Tensor, rows: torch.Tensor) -> torch.Tensor:
    """Orthonormal rows that span what `rows` add to those of q."""
    for _ in range(2):  # once leaves rounding
        rows = rows - (rows @ q.T) @ q
    _, s, v = torch.linalg.svd(rows, full_matrices=False)
    return v[s > 1e-4 * s[0]]
