"""Names and shapes of tensors: a model's, a checkpoint's, and where they differ."""

from __future__ import annotations

from typing import TYPE_CHECKING

from torch import Tensor

if TYPE_CHECKING:
    from collections.abc import Mapping

    from torch import nn

COUNTER = "num_batches_tracked"
"""A buffer of BatchNorm that no output depends on in evaluation mode; files may lack it."""


def shapes_of(module: nn.Module) -> dict[str, tuple[int, ...]]:
    """Return the name and shape of every tensor that a model saves."""
    return {name: tuple(tensor.shape) for name, tensor in _tensors(module).items()}


def aliases(module: nn.Module) -> dict[str, frozenset[str]]:
    """Return each name whose tensor has other names too, with all the names of that tensor."""
    named: dict[int, set[str]] = {}
    tensors = _tensors(module)
    for name, tensor in tensors.items():
        named.setdefault(id(tensor), set()).add(name)
    groups = ((name, frozenset(named[id(tensor)])) for name, tensor in tensors.items())
    return {name: group for name, group in groups if len(group) > 1}


def difference(
    stored: Mapping[str, tuple[int, ...]],
    needed: Mapping[str, tuple[int, ...]],
    tied: Mapping[str, frozenset[str]] | None = None,
) -> str:
    """Return how a checkpoint's tensors first differ from a model's, or nothing.

    Args:
        stored: name -> shape in the checkpoint.
        needed: name -> shape in the model.
        tied: names of the model that share a tensor, of which one may stand for all.
    """
    for name, shape in needed.items():
        if name not in stored:
            if not name.endswith(COUNTER) and stored.keys().isdisjoint((tied or {}).get(name, ())):
                return f"tensor {name!r} of shape {shape} is missing from the checkpoint"
        elif stored[name] != shape:
            return (
                f"tensor {name!r} has shape {stored[name]} in the checkpoint, the model needs"
                f" {shape}"
            )
    for name in stored:
        if name not in needed:
            return f"tensor {name!r} of the checkpoint is not in the model"
    return ""


def _tensors(module: nn.Module) -> dict[str, Tensor]:
    """Return what a model saves, the objects themselves, less what modules save beside tensors."""
    saved = module.state_dict(keep_vars=True)
    return {name: value for name, value in saved.items() if isinstance(value, Tensor)}
