"""A module and its tensors: which of them are tied, and copies that share them."""

from __future__ import annotations

import copy
from itertools import chain
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from torch import Tensor, nn


def aliases(module: nn.Module) -> Iterator[tuple[str, str]]:
    """Give each tied name with the first name that shares its tensor."""
    first: dict[int, str] = {}
    for name, tensor in module.state_dict(keep_vars=True).items():
        original = first.setdefault(id(tensor), name)
        if original != name:
            yield name, original


def adopt(module: nn.Module, weights: Mapping[str, Tensor]) -> None:
    """Let a module share these tensors in place of its own, which take no memory from then on."""
    for name, tensor in module.state_dict(keep_vars=True).items():
        if name in weights:
            tensor.data = weights[name]


def fresh(module: nn.Module) -> nn.Module:
    """Return a copy that shares the module's tensors and nothing else.

    Some models keep what they compute from their weights for the next call (an attention bias,
    say).  One copy for each set of weights keeps one network's from reaching another.
    """
    tensors = chain(module.parameters(), module.buffers())
    return copy.deepcopy(module, {id(tensor): tensor for tensor in tensors})
