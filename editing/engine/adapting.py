"""A direction found on one face, fitted to another: its effect inside the region and none outside.

What a direction would change outside its region is cancelled on the face that it was found on, and
returns on any other. With J the decoder's Jacobian at the other face, M its mask of the region and
v the direction as it is carried there, the fitted direction has v's effect inside and nothing else:
    v' = argmin ||J v' - M J v||^2
by conjugate gradients on the normal equations [1]. They start from nothing, not from v, and stop
early: so v' is made of what the other face answers to most, and an edit of visible size stays short
enough to be linear. Each step takes one product J v and one J^T u; a search takes hundreds.

[1] Hestenes, Stiefel 1952, "Methods of conjugate gradients for solving linear systems", sec. 10
"""

from __future__ import annotations

from typing import Protocol

import torch

# Fewer leave more outside, more need longer pushes; measured in docs/decisions.md.
STEPS = 8


class Products(Protocol):
    """What is needed of a Jacobian."""

    output_shape: torch.Size

    def forward(self, v: torch.Tensor) -> torch.Tensor: ...

    def transposed(self, u: torch.Tensor) -> torch.Tensor: ...


@torch.no_grad()
def adapted(
    jacobian: Products, v: torch.Tensor, masks: torch.Tensor, steps: int = STEPS
) -> torch.Tensor:
    """Directions (k, C, h, w) that do inside what the given ones do, and little outside.

    v        (k, C, h, w) as they were carried here
    masks    (k, h, w) in 0..1, each direction's region on this face
    returns  not of v's length: s ||v'|| / ||v|| is the strength that does inside what s did with v
    raises   ValueError for fewer than one step, or a direction without an effect in its region
    """
    if steps < 1:
        raise ValueError(f"Fitting a direction takes 1 or more steps, not {steps}.")
    inside = masks[:, None].expand(-1, jacobian.output_shape[0], -1, -1).flatten(1).to(v)
    off = inside * jacobian.forward(v.flatten(1))
    if not bool((off != 0).any(dim=1).all()):
        raise ValueError("A direction changes nothing in its region on this face.")
    along = jacobian.transposed(off)
    size = along.square().sum(1)
    found = torch.zeros_like(along)
    smallest = torch.finfo(v.dtype).tiny
    for _ in range(steps):
        change = jacobian.forward(along)
        length = (size / change.square().sum(1).clamp(min=smallest))[:, None]
        found = found + length * along
        off = off - length * change
        back = jacobian.transposed(off)
        before, size = size, back.square().sum(1)
        along = back + (size / before.clamp(min=smallest))[:, None] * along
    return found.reshape(v.shape)
