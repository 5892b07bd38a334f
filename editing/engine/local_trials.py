"""One face, its regions and every method beside one another: edits of one size, and how local."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from editing.engine.bottleneck import Form
from editing.engine.ddim import Inversion, time_grid, trace
from editing.engine.denoiser import Denoiser
from editing.engine.discovery import Span, rows_of, search
from editing.engine.images import to_uint8
from editing.engine.local_edits import DEFAULT_FORM, Push, default_interval, edited
from editing.engine.refinement import refined
from editing.engine.regions import feather
from editing.engine.roir import matched, ssim_outside

# Of these "held" says nothing of its direction, which is that of "locality".
METHODS = ("svd", "jive", "null_space", "locality", "refined", "held")
LAMBDAS = (0.03, 0.1, 0.3, 1.0)
BASIS = 12  # directions that a refinement may add, the most local ones


@dataclass(frozen=True)
class Terms:
    """What all methods have in common in a comparison.

    size  root mean square of every edit's change inside its region, pictures in [-1, 1]
    rank  singular vectors per region
    """

    size: float = 0.12
    rank: int = 10
    timestep: int = 509
    steps: int = 20
    refinements: int = 1
    regularisation: float = 0.01
    form: Form = DEFAULT_FORM
    interval: tuple[int, int] | None = None
    search_rounds: int = 4
    rounds: int = 1
    feather: float = 1.0


@dataclass(frozen=True)
class Subject:
    """A face: its photo (c, h, w) in [-1, 1], a mask (h, w) in 0..1 per region, and its turn.

    turn   as `settling.turn_of` has it
    """

    name: str
    photo: torch.Tensor
    masks: Mapping[str, torch.Tensor]
    turn: float = 0.0


@dataclass(frozen=True)
class Traced:
    """A subject with its path through the generator."""

    subject: Subject
    grid: tuple[int, ...]
    path: Inversion


@dataclass(frozen=True)
class Placed(Traced):
    """The same, with what its Jacobian's search found."""

    span: Span


@dataclass(frozen=True)
class Tried:
    """One edit at the wished size; ROIR and SSIM against the unedited reconstruction."""

    face: str
    region: str
    method: str
    strength: float
    size: float
    roir: float
    ssim: float
    direction: torch.Tensor
    x: torch.Tensor


def traced(denoiser: Denoiser, subject: Subject, terms: Terms) -> Traced:
    """Invert a face."""
    grid = time_grid(denoiser.alpha_bar, terms.steps, terms.timestep)
    photo = subject.photo[None].to(denoiser.device)
    return Traced(subject, grid, trace(denoiser, photo, grid, terms.refinements))


def place(denoiser: Denoiser, exact: Denoiser, subject: Subject, terms: Terms) -> Placed:
    """Invert a face and search its Jacobian; `exact` is the same network in float32."""
    one = traced(denoiser, subject, terms)
    span = search(exact, one.path.x_t[0], terms.timestep, subject.masks, terms.rank)
    return Placed(subject, one.grid, one.path, span)


def compare(
    denoiser: Denoiser, placed: Placed, terms: Terms, methods: Sequence[str] = METHODS
) -> list[Tried]:
    """Each region edited by each method's first direction, all at one size."""
    linear = [method for method in methods if method not in ("refined", "held")]
    firsts = {
        (region, method): first_direction(placed.span, region, method, terms)
        for region in placed.subject.masks
        for method in linear
    }
    tried = at_size(denoiser, placed, firsts, terms) if firsts else []
    if "held" in methods:
        local = {
            (region, "held"): first_direction(placed.span, region, "locality", terms)
            for region in placed.subject.masks
        }
        tried += at_size(denoiser, placed, local, terms, holds=True)
    if "refined" in methods:
        tried += [_refined(denoiser, placed, region, terms) for region in placed.subject.masks]
    return tried


def first_direction(span: Span, region: str, method: str, terms: Terms) -> torch.Tensor:
    """A method's strongest direction (C, h, w) for a region."""
    found = rows_of(span, method, regularisation=terms.regularisation)
    return found.regions[region].v[0]


def tuned(
    denoiser: Denoiser, placed: Sequence[Placed], terms: Terms, lambdas: Sequence[float] = LAMBDAS
) -> dict[float, float]:
    """The median ROIR of the most local direction for each lambda, over these faces' regions."""
    ratios: dict[float, list[float]] = {at: [] for at in lambdas}
    for one in placed:
        for region in one.subject.masks:
            found = {
                (region, str(at)): rows_of(one.span, "locality", regularisation=at)
                .regions[region]
                .v[0]
                for at in lambdas
            }
            for at, tried in zip(lambdas, at_size(denoiser, one, found, terms), strict=True):
                ratios[at].append(tried.roir)
    return {at: float(np.median(values)) for at, values in ratios.items()}


def at_size(
    denoiser: Denoiser,
    placed: Traced,
    directions: Mapping[tuple[str, str], torch.Tensor],
    terms: Terms,
    holds: bool = False,
) -> list[Tried]:
    """Directions (C, h, w) by region and method, each pushed until its edit has the wished size.

    holds  whether all but the region is held to the path
    """
    x = placed.path.states[0][0]
    masks = torch.stack([placed.subject.masks[region] for region, _ in directions])[:, None]
    hold = _softened(masks, terms).to(x.device) if holds else None
    v = torch.stack(list(directions.values())).to(x.device)

    def some(strength: torch.Tensor, which: torch.Tensor) -> torch.Tensor:
        at = which.to(x.device)
        held = None if hold is None else hold[at]
        return edit_of(denoiser, placed, v[at], strength, terms, held)

    found = matched(
        some,
        len(v),
        x,
        masks.to(x.device),
        terms.size,
        rounds=terms.search_rounds,
    )
    still = to_uint8(x[None])[0]
    frames = to_uint8(found.x)
    return [
        Tried(
            placed.subject.name,
            region,
            method,
            float(found.strength[at]),
            float(found.size[at]),
            float(found.roir[at]),
            ssim_outside(still, frames[at], masks[at, 0].numpy() > 0.5),
            v[at],
            found.x[at],
        )
        for at, (region, method) in enumerate(directions)
    ]


def _refined(denoiser: Denoiser, placed: Placed, region: str, terms: Terms) -> Tried:
    found = rows_of(placed.span, "locality", regularisation=terms.regularisation)
    rows = found.regions[region].v
    x = placed.path.states[0][0]
    mask = placed.subject.masks[region]
    best = refined(
        lambda v, strength: edit_of(denoiser, placed, v, strength, terms),
        rows[0],
        rows[:BASIS],
        x,
        mask.to(x.device),
        terms.size,
        rounds=terms.rounds,
    )
    outside = mask.numpy() > 0.5
    similar = ssim_outside(to_uint8(x[None])[0], to_uint8(best.x[None])[0], outside)
    return Tried(
        placed.subject.name, region, "refined", best.strength, best.size, best.roir, similar,
        best.direction, best.x,
    )  # fmt: skip


def edit_of(
    denoiser: Denoiser,
    placed: Traced,
    v: torch.Tensor,
    strength: torch.Tensor,
    terms: Terms,
    hold: torch.Tensor | None = None,
) -> torch.Tensor:
    """Pictures (m, c, h, w) of a face pushed along v (m, C, h, w) by strengths (m,)."""
    interval = terms.interval or default_interval(placed.grid)
    push = Push(v, strength)
    return edited(
        denoiser, placed.path, placed.grid, [push], form=terms.form, interval=interval, hold=hold
    )


def _softened(masks: torch.Tensor, terms: Terms) -> torch.Tensor:
    soft = [torch.from_numpy(feather(mask[0].numpy() > 0.5, terms.feather)) for mask in masks]
    return torch.stack(soft)[:, None]
