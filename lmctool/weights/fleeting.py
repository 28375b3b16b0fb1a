"""Tensors that have a shape and a dtype, and whose values are made anew for each operation.

A module that computes with such ones in the place of its own holds no more than the weights of the
layer that it is at: they pass through memory as the forward pass reaches them.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, Self

import torch
from torch import Tensor
from torch.utils._pytree import tree_leaves, tree_map

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

LEAST = 1 << 16
"""Values from which on a tensor passes; smaller ones may as well stay."""


def fleeting(
    names: Iterable[str],
    like: Mapping[str, Tensor],
    make: Callable[[str], Tensor],
    dtype: torch.dtype | None = None,
) -> dict[str, Tensor]:
    """Return weights for one forward pass, of which the large ones of floats are fleeting.

    Args:
        names: the tensors.
        like: tensors of their shapes, on their device; one that is missing stays.
        make: makes the tensor of a name.
        dtype: what floats are made in; by default the dtype of those that they are like.
    """

    def one(name: str) -> Tensor:
        own = like.get(name)
        if own is None or own.numel() < LEAST or not own.is_floating_point():
            return make(name)
        return FleetingTensor(own, dtype or own.dtype, partial(make, name))

    return {name: one(name) for name in names}


class FleetingTensor(Tensor):
    """A tensor whose values are made whenever an operation takes it, and not kept.

    It takes no gradient, and nothing can be written into it: that raises RuntimeError, as it does
    for whatever shares memory with the values once they are made.
    """

    make: Callable[[], Tensor]

    @staticmethod
    def __new__(cls, like: Tensor, dtype: torch.dtype, make: Callable[[], Tensor]) -> Self:
        """Return a tensor of the shape and on the device of another one.

        ``make`` makes the values anew each time, the same ones, in ``dtype``; nobody else has them.
        """
        with torch.inference_mode():  # outside of which torch refuses to write into its views
            tensor: Self = Tensor._make_wrapper_subclass(
                cls, like.shape, dtype=dtype, device=like.device
            )
        tensor.make = make
        return tensor

    __torch_function__ = torch._C._disabled_torch_function_impl  # type: ignore[assignment]

    @classmethod
    def __torch_dispatch__(  # type: ignore[override]
        cls, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        """Do an operation on the values."""
        if func is torch.ops.aten.detach.default:  # also for ``data``, which may be written into
            return cls(args[0], args[0].dtype, args[0].make)
        for argument, value in zip(func._schema.arguments, args, strict=False):
            if argument.is_write and any(isinstance(leaf, cls) for leaf in tree_leaves(value)):
                raise RuntimeError(f"{func} writes into a tensor that is made anew each time")
        return func(*tree_map(_made, args), **tree_map(_made, kwargs or {}))


def _made(value: Any) -> Any:
    """Return the values of a fleeting tensor; anything else is passed on."""
    if not isinstance(value, FleetingTensor):
        return value
    with torch.inference_mode():
        return value.make()
