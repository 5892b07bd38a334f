"""The decoder near one bottleneck as a linear map: run once, then played with tangents.

Forward-mode differentiation repeats the decoder's own work at every product, and reversing a
reverse pass meets GroupNorm's second derivative; on a CPU either costs several forward passes.
Here the decoder runs once on h, and each function that is not linear leaves its derivative behind.
Played again on a batch of tangents (biases, skips and time embedding at zero, for what is constant
has no tangent), the same code gives J v at the price of a forward pass, and going backwards
through that linear run gives J^T u.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch.overrides import TorchFunctionMode

Derivative = Callable[..., torch.Tensor]

# These map a tangent as they map the tensor itself.
SHAPES = {"view", "reshape", "permute", "transpose", "flatten", "unflatten", "squeeze", "unsqueeze"}
PIECES = {"chunk", "split", "cat", "stack", "expand", "repeat", "pad", "_pad", "__getitem__"}
COPIES = {"contiguous", "to", "float", "double", "clone", "detach", "dropout"}
RESAMPLING = {"interpolate", "avg_pool2d", "neg"}
QUESTIONS = {"size", "dim", "stride", "numel", "is_contiguous", "is_floating_point", "__len__"}
LINEAR = SHAPES | PIECES | COPIES | RESAMPLING | QUESTIONS | {"__get__"}
BIASED = {"conv2d", "conv_transpose2d", "linear"}
SUMS = {"add", "sub", "__add__", "__radd__", "__sub__", "__rsub__"}
PRODUCTS = {"mul", "__mul__", "__rmul__"}
QUOTIENTS = {"div", "__truediv__", "true_divide"}
ELEMENTWISE = {"silu", "gelu", "relu", "mish", "sigmoid", "tanh"}


class NotLinearised(ValueError):
    """The decoder uses a function whose derivative has no rule here."""


class Recording(TorchFunctionMode):
    """While on, keeps the derivative of each non-linear function that runs, in their order."""

    def __init__(self) -> None:
        super().__init__()
        self.derivatives: list[Derivative] = []

    def __torch_function__(
        self, func: Callable[..., Any], types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        out = func(*args, **(kwargs or {}))
        rule = _rule(func, args)
        if rule is not None:
            self.derivatives.append(rule(func, out, *args, **(kwargs or {})))
        return out


class Playing(TorchFunctionMode):
    """While on, functions map batches of tangents, by the derivatives that a Recording kept."""

    def __init__(self, derivatives: list[Derivative]) -> None:
        super().__init__()
        self.derivatives: Iterator[Derivative] = iter(derivatives)

    def __torch_function__(
        self, func: Callable[..., Any], types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        kwargs = kwargs or {}
        if _rule(func, args) is not None:
            return next(self.derivatives)(*args)
        name = func.__name__
        if name in LINEAR or not any(map(_moves, args)):
            return func(*args, **kwargs)
        if name in BIASED:
            if "bias" in kwargs:
                return func(*args, **(kwargs | {"bias": None}))
            return func(*args[:2], None, *args[3:], **kwargs)
        if name in SUMS and _moves(args[0]):
            # A number that is added has no tangent.
            return func(*args, **kwargs) if _moves(args[1]) else _turned(name, args[0])
        if name in PRODUCTS or (name in QUOTIENTS and not _moves(args[1])):
            return func(*args, **kwargs)
        raise NotLinearised(f"The decoder uses {name}, whose derivative is not known here.")


def _moves(value: Any) -> bool:
    # Neither weights nor numbers of the schedule (tensors of no dimension) have a tangent.
    if isinstance(value, (list, tuple)):
        return any(map(_moves, value))
    is_fixed = not isinstance(value, torch.Tensor) or isinstance(value, torch.nn.Parameter)
    return not is_fixed and value.dim() > 0


def _turned(name: str, tangent: torch.Tensor) -> torch.Tensor:
    return -tangent if name == "__rsub__" else tangent


def _rule(func: Callable[..., Any], args: Any) -> Callable[..., Derivative] | None:
    name = func.__name__
    if name in ELEMENTWISE:
        return _elementwise
    if name in PRODUCTS:
        return _product if _moves(args[0]) and _moves(args[1]) else None
    rules: dict[str, Callable[..., Derivative]] = {
        "group_norm": _group_norm,
        "softmax": _softmax,
        "baddbmm": _scores,
        "bmm": _matrix_product,
    }
    return rules.get(name)


# Each rule takes the function, what it gave and its arguments; recorded tensors have a batch of
# one, tangents one of k. Heads of attention lie in the batch, so there it is heads and k * heads.


def _elementwise(func: Any, out: torch.Tensor, x: torch.Tensor, *args: Any, **kwargs: Any) -> Any:
    with torch.enable_grad():
        x = x.detach().requires_grad_()
        (slope,) = torch.autograd.grad(func(x, **(kwargs | _NOT_IN_PLACE)).sum(), x)
    return lambda v, *rest: v * slope


def _group_norm(
    func: Any, out: torch.Tensor, x: torch.Tensor, num_groups: int, *args: Any, **kwargs: Any
) -> Derivative:
    weight = kwargs["weight"] if "weight" in kwargs else (args[0] if args else None)
    eps = kwargs.get("eps", args[2] if len(args) > 2 else 1e-5)
    grouped = x.reshape(1, num_groups, -1)
    variance, mean = torch.var_mean(grouped, dim=-1, correction=0, keepdim=True)
    z = (grouped - mean) * (variance + eps).rsqrt()
    scale = (variance + eps).rsqrt().expand(-1, -1, x.shape[1] // num_groups).reshape(1, -1)
    if weight is not None:
        scale = scale * weight
    scale = scale.reshape(1, -1, *[1] * (x.dim() - 2))
    return lambda v, *rest: _Normalised.apply(v, z, scale)


class _Normalised(torch.autograd.Function):
    """scale * P v, with P = 1 - (mean) - z (mean of z v) per group; P is its own transpose."""

    @staticmethod
    def forward(ctx: Any, v: torch.Tensor, z: torch.Tensor, scale: torch.Tensor) -> torch.Tensor:
        ctx.save_for_backward(z, scale)
        return _projected(v, z).mul_(scale)

    @staticmethod
    def backward(ctx: Any, u: torch.Tensor) -> tuple[torch.Tensor, None, None]:
        z, scale = ctx.saved_tensors
        return _projected(u * scale, z), None, None


def _projected(v: torch.Tensor, z: torch.Tensor) -> torch.Tensor:
    grouped = v.reshape(len(v), z.shape[1], -1)  # (k, groups, members)
    along = (grouped * z).mean(-1, keepdim=True)
    return (grouped - grouped.mean(-1, keepdim=True)).addcmul_(z, along, value=-1).reshape(v.shape)


def _softmax(func: Any, out: torch.Tensor, *args: Any, **kwargs: Any) -> Derivative:
    dim = kwargs["dim"] if "dim" in kwargs else args[1]

    def tangent(v: torch.Tensor, *rest: Any) -> torch.Tensor:
        moved = _by_latent(v, out) * out
        return (moved - out * moved.sum(dim, keepdim=True)).reshape(v.shape)

    return tangent


def _product(func: Any, out: torch.Tensor, a: torch.Tensor, b: torch.Tensor) -> Derivative:
    return lambda va, vb: va * b + a * vb


def _matrix_product(func: Any, out: torch.Tensor, a: torch.Tensor, b: torch.Tensor) -> Derivative:
    def tangent(va: torch.Tensor, vb: torch.Tensor) -> torch.Tensor:
        moved = _by_latent(va, a) @ b + a @ _by_latent(vb, b)  # (k, heads, rows, columns)
        return moved.flatten(0, 1)

    return tangent


def _scores(
    func: Any,
    out: torch.Tensor,
    start: torch.Tensor,
    a: torch.Tensor,
    b: torch.Tensor,
    **kwargs: Any,
) -> Derivative:
    if kwargs.get("beta", 1):
        raise NotLinearised("The decoder's attention is masked, for which there is no rule here.")
    tangent = _matrix_product(func, out, a, b)
    return lambda v0, va, vb: kwargs.get("alpha", 1) * tangent(va, vb)


def _by_latent(v: torch.Tensor, recorded: torch.Tensor) -> torch.Tensor:
    return v.reshape(-1, *recorded.shape)  # (k * heads, ...) -> (k, heads, ...)


_NOT_IN_PLACE = {"inplace": False}
