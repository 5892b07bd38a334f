"""Teach a small network so many lessons, however busy the machine is."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import nn

BATCH = 64
RATE = 2e-3
WEIGHT_DECAY = 1e-3
TOLD_EVERY = 20  # lessons


@dataclass(frozen=True)
class Budget:
    """What a probe may learn: as many lessons as either number allows.

    lessons       batches of BATCH faces
    epochs        as often as each face is seen, for sets of few faces
    most_seconds  by the clock; far more than an idle core needs, for a worker that must go on
    """

    lessons: int
    epochs: int
    most_seconds: float = 3600.0

    def __post_init__(self) -> None:
        if min(self.lessons, self.epochs) < 1 or self.most_seconds <= 0:
            raise ValueError(f"{self} teaches nothing; expected numbers above 0.")

    def lessons_for(self, n_faces: int) -> int:
        return min(self.lessons, self.epochs * max(n_faces // BATCH, 1))


@dataclass(frozen=True)
class Taught:
    """Lessons taken, and the seconds; fewer than planned where the cap by the clock ended them."""

    lessons: int
    planned: int
    seconds: float


def teach(
    net: nn.Module,
    parameters: Sequence[nn.Parameter],
    lesson: Callable[[], torch.Tensor],
    n_faces: int,
    budget: Budget,
    on_progress: Callable[[float], None] | None = None,
) -> Taught:
    """Take lessons, each giving the loss of one batch, while the rate falls along a cosine to 0.

    parameters   what is learned: the network's, and whatever the loss has of its own
    n_faces      that lessons are drawn from
    on_progress  called with the share of the budget that is spent

    What networks draw at random, as dropout does, comes from torch's own generator: seed it before.
    """
    optimizer = torch.optim.AdamW(parameters, lr=RATE, weight_decay=WEIGHT_DECAY)
    planned, taken = budget.lessons_for(n_faces), 0
    net.train()
    started = time.monotonic()
    # The first lesson is always taken: a network that learned nothing could not be measured.
    while taken < planned:
        spent = max((time.monotonic() - started) / budget.most_seconds, taken / planned)
        if taken and spent >= 1:
            break
        optimizer.param_groups[0]["lr"] = RATE * (1 + math.cos(math.pi * min(spent, 1))) / 2
        optimizer.zero_grad(set_to_none=True)
        lesson().backward()
        optimizer.step()
        taken += 1
        if on_progress and taken % TOLD_EVERY == 1:
            on_progress(spent)
    net.eval()
    return Taught(taken, planned, round(time.monotonic() - started, 1))
