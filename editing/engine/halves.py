"""Weighted sums of half-precision rows, straight from the pages of a file."""

# numba infers the types of compiled functions from their first call
# mypy: disable-error-code="var-annotated"

from __future__ import annotations

from typing import Any

import numba
import numpy as np
import torch
from llvmlite import ir  # type: ignore[import-untyped]
from numba.extending import intrinsic
from numpy.typing import NDArray


def _widening(context: Any, bits: Any) -> Any:
    """The float32 of a half given as its 16 bits; numba itself knows no halves on a CPU."""

    def build(_context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        return builder.fpext(builder.bitcast(arguments[0], ir.HalfType()), ir.FloatType())

    return numba.types.float32(numba.types.uint16), build


_widened: Any = intrinsic(_widening)


@numba.njit(nogil=True, fastmath=True, cache=True)
def _add(
    bits: NDArray[np.uint16],
    rows: NDArray[np.int64],
    groups: NDArray[np.int64],
    weights: NDArray[np.float64],
    sums: NDArray[np.float64],
    squares: NDArray[np.float64],
) -> None:
    """Four rows of one group at a time: the sums are fetched once for all four of them."""
    # Rows of one group stand together, in the order they came: a counting sort.
    n, d = len(rows), bits.shape[1]
    starts = np.zeros(len(sums) + 1, np.int64)
    for group in groups:
        starts[group + 1] += 1
    starts = np.cumsum(starts)
    order = np.empty(n, np.int64)
    for i in range(n):
        order[starts[groups[i]]] = i
        starts[groups[i]] += 1
    i = 0
    while i < n:
        i0 = order[i]
        total = sums[groups[i0]]
        w0, r0, s0 = weights[i0], bits[rows[i0]], np.float32(0)
        if i + 3 < n and groups[i0] == groups[order[i + 3]]:
            i1, i2, i3 = order[i + 1], order[i + 2], order[i + 3]
            w1, w2, w3 = weights[i1], weights[i2], weights[i3]
            r1, r2, r3 = bits[rows[i1]], bits[rows[i2]], bits[rows[i3]]
            s1, s2, s3 = np.float32(0), np.float32(0), np.float32(0)
            for j in range(d):
                x0, x1 = _widened(r0[j]), _widened(r1[j])
                x2, x3 = _widened(r2[j]), _widened(r3[j])
                total[j] += w0 * x0 + w1 * x1 + w2 * x2 + w3 * x3
                s0 += x0 * x0
                s1 += x1 * x1
                s2 += x2 * x2
                s3 += x3 * x3
            squares[i0], squares[i1], squares[i2], squares[i3] = s0, s1, s2, s3
            i += 4
        else:
            for j in range(d):
                x = _widened(r0[j])
                total[j] += w0 * x
                s0 += x * x
            squares[i0] = s0
            i += 1


def add_rows(
    latents: NDArray[np.floating],
    rows: NDArray[np.int64],
    groups: NDArray[np.int64],
    weights: NDArray[np.float64],
    sums: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Add weights[i] * latents[rows[i]] to sums[groups[i]]; returns each row's sum of squares (m,).

    latents  (n, d); halves are read where they lie and never copied, other numbers are
    sums     (g, d), changed in place; in float64, so that the order of rows hardly matters
    """
    squares = np.empty(len(rows))
    if latents.dtype == np.float16 and latents.strides[1] == 2:
        _add(latents.view(np.uint16), rows, groups, weights, sums, squares)
    else:
        x = np.asarray(latents[rows], np.float64)
        np.add.at(sums, groups, weights[:, None] * x)
        squares = (x**2).sum(axis=1)
    return squares


def mixed_rows(
    latents: NDArray[np.floating], rows: NDArray[np.integer], shares: NDArray[np.floating]
) -> NDArray[np.float64]:
    """shares (m, k) @ latents[rows] (k, d): many sums of the same rows, each with its own weights.

    In float32 over at most 128 rows at a time, then in float64.
    """
    total = np.zeros((len(shares), latents.shape[1]))
    for at in range(0, len(rows), 128):
        part = torch.from_numpy(np.asarray(latents[rows[at : at + 128]])).float()
        weights = torch.from_numpy(np.ascontiguousarray(shares[:, at : at + 128])).float()
        total += (weights @ part).numpy()
    return total
