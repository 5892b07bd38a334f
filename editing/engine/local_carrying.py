"""Directions of one face on another: as they are, fitted to it, and with the outside held."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch

from editing.engine.adapting import adapted
from editing.engine.denoiser import Denoiser
from editing.engine.jacobian import Jacobian
from editing.engine.local_trials import (
    Placed,
    Terms,
    Traced,
    Tried,
    at_size,
    edit_of,
    first_direction,
)
from editing.engine.roir import roir


def transferred(
    denoiser: Denoiser, tried: Sequence[Tried], other: Placed, terms: Terms
) -> list[tuple[float, float]]:
    """How local each edit's direction is on another face, at the strength it had on its own.

    returns  ROIR, below 1 where more energy changed inside the other face's region than in all of
             the rest; and the same per pixel, below 1 where a pixel inside changed more than one
             outside
    """
    still = other.path.states[0][0]
    strength = torch.tensor([one.strength for one in tried]).to(still)
    v = torch.stack([one.direction for one in tried]).to(still.device)
    masks = torch.stack([other.subject.masks[one.region] for one in tried])[:, None]
    x = edit_of(denoiser, other, v, strength, terms)
    whole = roir(still, x, masks.to(still.device)).cpu()
    share = masks.mean(dim=(1, 2, 3))
    return list(zip(whole.tolist(), (whole * _per_pixel(share)).tolist(), strict=True))


def carried(
    denoiser: Denoiser, exact: Denoiser, source: Placed, other: Traced, terms: Terms
) -> list[Tried]:
    """The most local directions of one face, on another at one size there: fitted, and held.

    Only regions that both have; `exact` is the same network in float32.
    """
    regions = [name for name in other.subject.masks if name in source.subject.masks]
    v = {region: first_direction(source.span, region, "locality", terms) for region in regions}
    by_region = {(r, "adapted"): one for r, one in fitted(exact, other, v, terms).items()}
    as_it_is = {(region, "carried_held"): v[region] for region in regions}
    return [
        *at_size(denoiser, other, by_region, terms),
        *at_size(denoiser, other, as_it_is, terms, holds=True),
    ]


def fitted(
    exact: Denoiser, one: Traced, v: Mapping[str, torch.Tensor], terms: Terms
) -> dict[str, torch.Tensor]:
    """Directions (C, h, w) by region, fitted to a face; `exact` is the network in float32."""
    jacobian = Jacobian(exact, one.path.x_t[0], terms.timestep)
    stacked = torch.stack(list(v.values())).to(jacobian.device, jacobian.dtype)
    found = adapted(jacobian, stacked, torch.stack([one.subject.masks[name] for name in v]))
    return {name: made.cpu() for name, made in zip(v, found, strict=True)}


def outcome(tried: Tried, mask: torch.Tensor, size: float, nearly: float) -> tuple[float, float]:
    """ROIR, whole and per pixel, of an edit that was made on this face with another's direction.

    Infinite where the edit stayed more than `nearly` (of the log) below its size: a direction that
    hardly moves its region is no success, however local.
    """
    is_short = tried.size < size * (1 - nearly)
    whole = float("inf") if is_short else tried.roir
    return whole, whole * float(_per_pixel(mask.mean()))


def _per_pixel(share: torch.Tensor) -> torch.Tensor:
    """What makes a ROIR one per pixel, for a region of that share of the picture."""
    return (share / (1 - share)).sqrt()
