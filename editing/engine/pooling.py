"""A direction that is local on several faces at once, so that it may be carried to others.

What is local on one face may rest on a cancellation that no other face shares. The effects of a
common span Q are therefore added over faces, each with its own mask of the region:
    max_a  sum_f a G_in,f a^T / sum_f (a G_out,f a^T + lambda a a^T)
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch

from editing.engine.components import orthonormal_span
from editing.engine.jacobian import Jacobian
from editing.engine.locality import most_local


@dataclass(frozen=True)
class Seen:
    """One face: its Jacobian, its mask of the region (h, w), and its own directions (k, n)."""

    jacobian: Jacobian
    mask: torch.Tensor
    rows: torch.Tensor


@torch.no_grad()
def pooled(faces: Sequence[Seen], regularisation: float) -> torch.Tensor:
    """The direction (C, h, w) that is the most local one over all faces together.

    raises  ValueError for fewer than two faces
    """
    if len(faces) < 2:
        raise ValueError(f"Pooling takes 2 or more faces, got {len(faces)}.")
    q = orthonormal_span([face.rows for face in faces])
    gram_in = torch.zeros(len(q), len(q), dtype=torch.float64)
    gram_out = torch.zeros_like(gram_in)
    for face in faces:
        effect = face.jacobian.forward(q).reshape(-1, *face.jacobian.output_shape).double()
        inside = (effect * face.mask).flatten(1)
        outside = (effect * (1 - face.mask)).flatten(1)
        # A face with a strong response would else decide alone.
        scale = inside.square().sum()
        gram_in += (inside @ inside.T / scale).cpu()
        gram_out += (outside @ outside.T / scale).cpu()
    best = most_local(gram_in, gram_out, 1, regularisation)[0]
    v = (best.to(q) @ q).reshape(faces[0].jacobian.input_shape)
    return v / v.norm()
