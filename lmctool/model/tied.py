"""Tied tensors: once under one name while a run works, under all stored names in a file."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from lmctool.errors import LmctoolError
from lmctool.model.shapes import aliases
from lmctool.weights.arithmetic import LazyWeights

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from torch import Tensor, nn

    Weights = Mapping[str, Tensor]


def once(weights: Weights, module: nn.Module) -> dict[str, Tensor]:
    """Return weights with each tied tensor under the first of its names in the model alone.

    Args:
        weights: the tensors of a checkpoint, tied ones under one or more of their names.
        module: the model that ties them.

    Raises:
        LmctoolError: names that the model ties have different values.
    """
    return under_first(weights, first_names(module))


def under_first(weights: Weights, first: Mapping[str, str]) -> dict[str, Tensor]:
    """Return weights with each tied tensor under the first of its names alone.

    Args:
        weights: the tensors of a checkpoint, tied ones under one or more of their names.
        first: the first name of each tied tensor, by its other names.

    Raises:
        LmctoolError: names that are tied have different values.
    """
    tensors: dict[str, Tensor] = {}
    names: dict[str, str] = {}
    for name, tensor in weights.items():
        own = first.get(name, name)
        if own in tensors and not torch.equal(tensors[own], tensor):
            raise LmctoolError(
                f"tensors {names[own]!r} and {name!r} are one in the model, but differ in the"
                " checkpoint; a model that doesn't tie them is due"
            )
        tensors.setdefault(own, tensor)
        names.setdefault(own, name)
    return tensors


def everywhere(weights: Weights, module: nn.Module, names: Iterable[str]) -> LazyWeights:
    """Return weights under all of these names, a tied tensor under each of its own.

    What belongs to none of the names is passed on.  A tensor is taken when it is asked for.
    """
    first = first_names(module)
    missing = {name: first[name] for name in names if name not in weights and name in first}
    added = {name: own for name, own in missing.items() if own in weights}
    unused = set(first.values()) - set(names)
    own = {**{name: name for name in weights if name not in unused}, **added}
    return LazyWeights(own, lambda name: weights[own[name]])


def first_names(module: nn.Module) -> dict[str, str]:
    """Return the first name of each tied tensor, by each of its names."""
    order = {name: place for place, name in enumerate(module.state_dict())}
    return {name: min(names, key=order.__getitem__) for name, names in aliases(module).items()}
