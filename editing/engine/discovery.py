"""Find directions that act on one region of a face, by any of four methods, from one search.

The search (singular vectors of every region, then J on their common span) costs all of the
network's time; the methods share it, and each costs a small eigenproblem.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import torch

from editing.engine.components import jive, joint_rank_of, orthonormal_span
from editing.engine.denoiser import Denoiser
from editing.engine.jacobian import Jacobian, OnSent
from editing.engine.krylov import EXTRA, OnStep, top_singular
from editing.engine.locality import REGULARISATION, most_local, null_space

METHODS = ("jive", "locality", "null_space", "svd")
REST = "rest"  # the complement of all masks; always a region, for methods spare what they are shown
SEARCH_VERSION = 1
LUMINANCE = (0.299, 0.587, 0.114)


@dataclass(frozen=True)
class Span:
    """What the search found: regions' spectra, and J on the span Q of all their directions."""

    masks: Mapping[str, torch.Tensor]  # (h, w) in 0..1 by name, the rest among them
    spectra: Mapping[str, torch.Tensor]  # (k,)
    v: Mapping[str, torch.Tensor]  # (k, n) right-singular rows
    q: torch.Tensor  # (p, n) orthonormal
    jq: torch.Tensor  # (p, c, h, w): what each row of q does to the noise
    h_shape: tuple[int, ...]
    converged: bool
    n_sent: int  # vectors that went through the decoder, there and back counted apart

    def grams(self, region: str) -> tuple[torch.Tensor, torch.Tensor]:
        """G_in and G_out (p, p) of q's effects inside and outside a region."""
        mask = self.masks[region]
        both = []
        for weights in (mask, 1 - mask):
            rows = (self.jq * weights).flatten(1).double()
            both.append(rows @ rows.T)
        return both[0], both[1]


@dataclass(frozen=True)
class Rows:
    """Directions of one region (or, with no name, of all together), the strongest first."""

    region: str
    method: str
    v: torch.Tensor  # (r, C, h, w) of unit length; + brightens the region
    change: torch.Tensor  # (r, c, h, w) = J v, the noise's change per unit of v
    singular_value: torch.Tensor  # (r,) ||J v|| inside the region
    locality: torch.Tensor  # (r,) ||J v|| inside the region over that outside


@dataclass(frozen=True)
class Discovered:
    """Rows per region, the joint ones, and what they were chosen from."""

    regions: Mapping[str, Rows]
    joint: Rows | None
    spectra: Mapping[str, torch.Tensor]
    joint_rank: int
    individual_ranks: Mapping[str, int]
    converged: bool
    settings: Mapping[str, float] = field(default_factory=dict)


def discover(
    denoiser: Denoiser,
    x_t: torch.Tensor,
    t: int,
    masks: Mapping[str, torch.Tensor],
    *,
    method: str = "jive",
    k: int = 20,
    joint_rank: int | None = None,
    individual_rank: int | None = None,
    on_step: OnStep | None = None,
) -> Discovered:
    """Directions of each region of one face by one method; see `search` and `rows_of`."""
    span = search(denoiser, x_t, t, masks, k, on_step=on_step)
    return rows_of(span, method, joint_rank=joint_rank, individual_rank=individual_rank)


def search(
    denoiser: Denoiser,
    x_t: torch.Tensor,
    t: int,
    masks: Mapping[str, torch.Tensor],
    k: int,
    *,
    tolerance: float = 2e-2,
    seed: int = 0,
    on_step: OnStep | None = None,
    on_sent: OnSent | None = None,
) -> Span:
    """The k strongest directions of each region of the face x_t (c, h, w), and J on their span.

    masks     (h, w) in 0..1 by name; the complement of them all is added as a region
    on_step   called after each step with (steps, the largest residual); may raise to stop
    on_sent   called after each few products with the vectors sent so far; may raise to stop
    raises    ValueError for masks or a rank that cannot be, or a network that cannot be split
    """
    jacobian = Jacobian(denoiser, x_t, t, on_sent)
    size = tuple(jacobian.output_shape[1:])
    all_masks = with_rest(masks, size)
    check_rank(k, all_masks, jacobian.output_shape[0], jacobian.n_inputs)
    stacked = torch.stack(list(all_masks.values())).to(jacobian.device, jacobian.dtype)
    flat = stacked[:, None].expand(-1, jacobian.output_shape[0], -1, -1).flatten(1)
    found = top_singular(jacobian, flat, k, tolerance=tolerance, seed=seed, on_step=on_step)
    v = {name: one.v for name, one in zip(all_masks, found.regions, strict=True)}
    q = orthonormal_span(list(v.values()))
    return Span(
        masks=dict(zip(all_masks, stacked, strict=True)),
        spectra={name: one.s for name, one in zip(all_masks, found.regions, strict=True)},
        v=v,
        q=q,
        jq=jacobian.forward(q).reshape(-1, *jacobian.output_shape),
        h_shape=tuple(jacobian.input_shape),
        converged=found.converged,
        n_sent=jacobian.n_sent,
    )


def rows_of(
    span: Span,
    method: str = "jive",
    *,
    joint_rank: int | None = None,
    individual_rank: int | None = None,
    regularisation: float = REGULARISATION,
) -> Discovered:
    """What one method makes of a search.

    joint_rank        None: chosen by principal angles; of jive, and what null_space spares besides
    individual_rank   rows per region; None: what the joint ones leave of k
    raises            ValueError for an unknown method or ranks above what is there
    """
    if method not in METHODS:
        raise ValueError(f"The method is {method!r}; expected one of {', '.join(METHODS)}.")
    names = list(span.masks)
    inside = [span.v[name] @ span.q.T for name in names]  # (k, p): rows in coordinates of q
    k = len(inside[0])
    shared = joint_rank_of(inside) if joint_rank is None else joint_rank
    own = k - shared if individual_rank is None else individual_rank
    if shared < 0 or own < 1 or shared + own > k:
        raise ValueError(
            f"Joint rank {shared} and individual rank {own} were asked for, of {k} directions "
            "per region."
        )
    joint = None
    if method == "jive":
        weighted = [
            span.spectra[name][:, None] * rows for name, rows in zip(names, inside, strict=True)
        ]
        split = jive(weighted, shared, [own] * len(names))
        coefficients = dict(zip(names, split.individual, strict=True))
        joint = _rows(span, "", "joint", split.joint) if shared else None
    elif method == "svd":
        coefficients = {name: rows[:own] for name, rows in zip(names, inside, strict=True)}
    else:
        coefficients = {}
        for name in names:
            gram_in, gram_out = span.grams(name)
            coefficients[name] = (
                most_local(gram_in, gram_out, own, regularisation)
                if method == "locality"
                else null_space(gram_in, gram_out, own, min(k, len(span.q) - own))
            )
    return Discovered(
        regions={name: _rows(span, name, method, a) for name, a in coefficients.items()},
        joint=joint,
        spectra=span.spectra,
        joint_rank=shared,
        individual_ranks={name: len(a) for name, a in coefficients.items()},
        converged=span.converged,
    )


def usually_sent(n_regions: int, k: int) -> int:
    """About how many vectors a search sends through the decoder, for a progress bar."""
    return 7 * n_regions * (k + EXTRA)


def _rows(span: Span, region: str, method: str, a: torch.Tensor) -> Rows:
    """Coefficients a (r, p) as directions: signs fixed, effects and localities measured."""
    a = a.to(span.q)
    change = torch.einsum("rp,pchw->rchw", a, span.jq)
    mask = span.masks[region] if region else torch.ones_like(change[0, 0])
    return signed(region, method, (a @ span.q).reshape(-1, *span.h_shape), change, mask)


def signed(
    region: str, method: str, v: torch.Tensor, change: torch.Tensor, mask: torch.Tensor
) -> Rows:
    """Directions v (r, C, h, w) with J v: signs fixed, effects and localities measured.

    change   (r, c, h, w) = J v
    mask     (h, w) of the region, ones where there is no name
    """
    weights = torch.tensor(LUMINANCE).to(change) if change.shape[1] == 3 else change.new_ones(1)
    # More noise predicted is less picture: the picture's change is -J v times a positive number.
    brightness = -(change * mask * weights.reshape(1, -1, 1, 1)).sum((1, 2, 3))
    sign = torch.where(brightness < 0, -1.0, 1.0).to(change)
    inside = (change * mask).flatten(1).norm(dim=1)
    outside = (change * (1 - mask)).flatten(1).norm(dim=1)
    smallest = torch.finfo(change.dtype).tiny
    return Rows(
        region=region,
        method=method,
        v=sign[:, None, None, None] * v,
        change=sign[:, None, None, None] * change,
        singular_value=inside,
        locality=inside / outside.clamp(min=smallest) if region else torch.zeros_like(inside),
    )


def with_rest(masks: Mapping[str, torch.Tensor], size: Sequence[int]) -> dict[str, torch.Tensor]:
    """The masks (h, w) by name and, last, the complement of them all where there is one.

    raises   ValueError, naming the mask, for one that is empty, whole, of another size or not
             within 0..1
    """
    if not masks:
        raise ValueError("There is no region; expected one or more.")
    if REST in masks:
        raise ValueError(f"{REST!r} is the name of what all regions leave; name it otherwise.")
    for name, mask in masks.items():
        if tuple(mask.shape) != tuple(size):
            raise ValueError(
                f"The mask of {name} is {'x'.join(map(str, mask.shape))}; "
                f"expected {'x'.join(map(str, size))}, as the generator's pictures are."
            )
        if not bool(((mask >= 0) & (mask <= 1)).all()):
            raise ValueError(
                f"The mask of {name} has values from {float(mask.min()):g} to "
                f"{float(mask.max()):g}; expected 0 to 1."
            )
        if not bool(mask.any()):
            raise ValueError(f"The mask of {name} is empty; mark at least one pixel.")
        if bool((mask == 1).all()):
            raise ValueError(f"The mask of {name} is the whole face; leave a part of it out.")
    given = {name: mask.to(torch.float32) for name, mask in masks.items()}
    rest = 1 - torch.stack(list(given.values())).amax(0)
    # Regions that cover the face together spare one another; there is nothing else to spare.
    return given | {REST: rest} if bool(rest.any()) else given


def check_rank(k: int, masks: Mapping[str, torch.Tensor], channels: int, n_inputs: int) -> None:
    """Raise ValueError, naming the region, where k directions cannot be found."""
    for name, mask in masks.items():
        most = min(n_inputs, channels * int((mask > 0).sum()))
        if not 1 <= k <= most:
            raise ValueError(f"{k} directions per region were asked for; {name} has 1 to {most}.")


def search_key(
    generator_sha256: str,
    x_t: torch.Tensor,
    t: int,
    masks: Mapping[str, torch.Tensor],
    k: int,
    seed: int = 0,
) -> str:
    """The sha256 of all that a search follows from: equal keys, equal spans."""
    told = {
        "version": SEARCH_VERSION,
        "generator": generator_sha256,
        "t": int(t),
        "k": int(k),
        "seed": seed,
        "shape": list(x_t.shape),
        "masks": list(masks),
    }
    digest = hashlib.sha256(json.dumps(told, sort_keys=True).encode())
    digest.update(x_t.detach().cpu().double().contiguous().numpy().tobytes())
    for mask in masks.values():
        digest.update(mask.detach().cpu().float().contiguous().numpy().tobytes())
    return digest.hexdigest()
