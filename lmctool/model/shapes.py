"""Names and shapes of the tensors of a model, and which of them are tied."""

from __future__ import annotations

from typing import TYPE_CHECKING

from torch import Tensor

if TYPE_CHECKING:
    from torch import nn


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


def _tensors(module: nn.Module) -> dict[str, Tensor]:
    """Return what a model saves, the objects themselves, less what modules save beside tensors."""
    saved = module.state_dict(keep_vars=True)
    return {name: value for name, value in saved.items() if isinstance(value, Tensor)}
