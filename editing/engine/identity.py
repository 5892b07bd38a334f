"""A small network that tells people apart: faces to vectors, near to each other for one person."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import nn

from editing.engine.lessons import BATCH, Budget, Taught, teach
from editing.engine.likeness import Likeness, measure_likeness
from editing.engine.netfiles import read_net, write_net
from editing.engine.probes import held_out_people, number_type

FORMAT = 2
READ_SIZE = 64
DIMENSIONS = 96
# How sharp the loss is about angles, and by how much a face must be nearer to its own person [1].
SCALE, MARGIN = 20.0, 0.2
BUDGET = Budget(lessons=1800, epochs=40)


class TellsApart(Protocol):
    """What measures identity: unit vectors, and how far they are to be trusted."""

    likeness: Likeness

    def embed(self, x: torch.Tensor) -> NDArray[np.float64]: ...


class IdentityProbe:
    """Faces to unit vectors (n, d); a face and its mirror image have the same one."""

    def __init__(self, net: nn.Module, likeness: Likeness, taught: Taught) -> None:
        self.net = net.eval().requires_grad_(False)
        self.likeness = likeness
        self.taught = taught

    @torch.no_grad()
    def embed(self, x: torch.Tensor, batch: int = 256) -> NDArray[np.float64]:
        """Unit vectors (n, d) of faces x (n, 3, h, w) in [-1, 1]."""
        if x.ndim != 4 or x.shape[1] != 3:
            raise ValueError(f"Faces are {tuple(x.shape)}; expected (n, 3, h, w).")
        found = [
            F.normalize(self.net(seen) + self.net(seen.flip(-1)))
            for seen in map(_sized, x.to(torch.float32).split(batch))
        ]
        return torch.cat(found).double().numpy() if found else np.empty((0, DIMENSIONS))

    def save(self, path: str | Path) -> None:
        told = {"likeness": self.likeness.to_json(), "taught": asdict(self.taught)}
        write_net(path, self.net, "identity", FORMAT, told)

    @classmethod
    def load(cls, path: str | Path) -> IdentityProbe:
        """A saved probe; raises ValueError for a file of another format."""
        state, told = read_net(path, "identity", FORMAT)
        net = _new_net()
        net.load_state_dict(state)
        return cls(net, Likeness.from_json(told["likeness"]), Taught(**told["taught"]))


def train_identity(
    images: NDArray[np.uint8],
    identities: NDArray[Any],
    yaw_degrees: NDArray[np.floating],
    *,
    budget: Budget = BUDGET,
    held_share: float = 0.2,
    seed: int = 0,
    on_progress: Callable[[float], None] | None = None,
) -> IdentityProbe:
    """Train on some people's faces, measure on other people's.

    images       (n, h, w, 3) uint8 crops; every person with two faces or more teaches
    yaw_degrees  (n,) for the bands of `Likeness` only
    on_progress  called with the share of the budget that is spent
    raises       ValueError if fewer than 16 people have two faces

    The loss is a softmax over the training people on cosines, with a margin [1]. Crops are varied
    in tone, side light, place and size; size, because a face that is aligned on its eyes grows as
    it turns.

    [1] Wang et al. 2018, arXiv 1801.09414
    """
    _, which, counts = np.unique(identities, return_inverse=True, return_counts=True)
    several = counts[which] >= 2
    if images.dtype != np.uint8 or images.ndim != 4 or not len(images) == len(which):
        raise ValueError(
            f"Faces are {images.dtype} {images.shape} with {len(which)} identities; "
            "expected uint8 (n, h, w, 3) and one identity each."
        )
    if (n_people := int((counts >= 2).sum())) < 16:
        raise ValueError(f"{n_people} people have two faces or more; an identity probe needs 16.")
    held = held_out_people(np.asarray(identities), held_share, seed)
    rows = np.flatnonzero(several & ~held)
    people, classes = np.unique(which[rows], return_inverse=True)
    draw = torch.Generator().manual_seed(seed)

    def lesson() -> torch.Tensor:
        at = torch.randint(len(rows), (min(BATCH, len(rows)),), generator=draw).numpy()
        x = _varied(_as_tensor(images[rows[at]]), draw)
        with torch.autocast("cpu", number_type(), enabled=number_type() != torch.float32):
            found = net(x)
        cosine = F.normalize(found.float()) @ F.normalize(centres).T
        own = torch.from_numpy(classes[at]).long()
        wanted = cosine - MARGIN * F.one_hot(own, len(centres))
        return F.cross_entropy(SCALE * wanted, own)

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        net, centres = _new_net(), nn.Parameter(torch.randn(len(people), DIMENSIONS))
        taught = teach(net, [*net.parameters(), centres], lesson, len(rows), budget, on_progress)
    unmeasured = IdentityProbe(net, Likeness.unmeasured(), taught)
    seen = np.flatnonzero(held & several)
    vectors = np.concatenate(
        [unmeasured.embed(_as_tensor(images[seen[i : i + 512]])) for i in range(0, len(seen), 512)]
    )
    likeness = measure_likeness(vectors, which[seen], np.asarray(yaw_degrees)[seen], seed=seed)
    return IdentityProbe(net, likeness, taught)


def _varied(x: torch.Tensor, draw: torch.Generator) -> torch.Tensor:
    """Mirror half the faces; place, size, tone and side light vary."""
    n, size = len(x), x.shape[-1]

    def some(low: float, high: float) -> torch.Tensor:
        return low + (high - low) * torch.rand(n, 1, 1, 1, generator=draw)

    flip = torch.rand(n, 1, 1, 1, generator=draw) < 0.5
    x = torch.where(flip, x.flip(-1), x)
    zoom, shift = some(0.85, 1.1)[:, 0, 0], 0.06 * (2 * torch.rand(n, 2, generator=draw) - 1)
    frame = torch.zeros(n, 2, 3)
    frame[:, 0, 0], frame[:, 1, 1], frame[:, :, 2] = zoom[:, 0], zoom[:, 0], shift
    grid = F.affine_grid(frame, list(x.shape), align_corners=False)
    x = F.grid_sample(x, grid, padding_mode="border", align_corners=False)
    across = torch.linspace(-1, 1, size)[None, None, None]
    light = (x + 1) * (1 + some(-0.4, 0.4) * across) * some(0.8, 1.2) - 1
    return light + 0.1 * (2 * torch.rand(n, 3, 1, 1, generator=draw) - 1)


def _new_net() -> nn.Module:
    def stage(n_in: int, n_out: int) -> list[nn.Module]:
        conv = nn.Conv2d(n_in, n_out, 3, padding=1)
        return [conv, nn.GroupNorm(8, n_out), nn.SiLU(), nn.MaxPool2d(2)]

    return nn.Sequential(
        nn.Conv2d(3, 24, 4, stride=2, padding=1),
        nn.SiLU(),
        *stage(24, 48),
        *stage(48, 96),
        *stage(96, 128),
        nn.Flatten(),
        nn.Dropout(0.2),
        nn.Linear(128 * 16, DIMENSIONS),
    )


def _sized(x: torch.Tensor) -> torch.Tensor:
    if x.shape[-2:] == (READ_SIZE, READ_SIZE):
        return x
    return F.interpolate(x, (READ_SIZE, READ_SIZE), mode="bilinear", antialias=True)


def _as_tensor(images: NDArray[np.uint8]) -> torch.Tensor:
    return _sized(torch.tensor(images).permute(0, 3, 1, 2).float() / 127.5 - 1)
