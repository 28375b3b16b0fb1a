"""Stacks: tensors of one shape as one, with an axis in front that tells them apart.

Tensors of a mixture's experts are named alike but for the expert's number.  Their stack is named
by the range of the numbers: ``experts.{0..7}.w1.weight`` is ``experts.0.w1.weight`` to
``experts.7.w1.weight``.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING

import torch

from lmctool.weights.arithmetic import LazyWeights

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from torch import Tensor

RANGE = re.compile(r"\{(\d+)\.\.(\d+)\}")
NUMBER = re.compile(r"\d+")


@lru_cache(maxsize=100_000)
def members(name: str) -> tuple[str, ...]:
    """Return the names of the tensors of a stack, in their order; none of another tensor's name.

    >>> members("experts.{0..2}.bias")
    ('experts.0.bias', 'experts.1.bias', 'experts.2.bias')
    """
    found = RANGE.search(name)
    if found is None:
        return ()
    before, after = name[: found.start()], name[found.end() :]
    return tuple(f"{before}{number}{after}" for number in range(int(found[1]), int(found[2]) + 1))


def stack_name(names: Sequence[str]) -> str | None:
    """Return the name of a stack of tensors, or None if a range of numbers isn't what differs.

    >>> stack_name(["layers.1.experts.0.bias", "layers.1.experts.1.bias"])
    'layers.1.experts.{0..1}.bias'
    """
    if len(names) < 2:
        return None
    for place in NUMBER.finditer(names[0]):
        before, after = names[0][: place.start()], names[0][place.end() :]
        name = f"{before}{{{place[0]}..{int(place[0]) + len(names) - 1}}}{after}"
        if members(name) == tuple(names):
            return name
    return None


def stacks_of(names: Iterable[str]) -> dict[str, tuple[str, ...]]:
    """Return the names of the tensors of each stack among tensors, by its own name."""
    return {name: inside for name in names if (inside := members(name))}


def stacked_shapes(
    stacks: Mapping[str, tuple[str, ...]], shapes: Mapping[str, tuple[int, ...]]
) -> dict[str, tuple[int, ...]]:
    """Return the shapes of tensors, with each stack in place of its members."""
    inside = {member for each in stacks.values() for member in each}
    whole = {name: (len(each), *shapes[each[0]]) for name, each in stacks.items()}
    return {name: shape for name, shape in shapes.items() if name not in inside} | whole


def stacked(
    stacks: Mapping[str, tuple[str, ...]], weights: Mapping[str, Tensor]
) -> Mapping[str, Tensor]:
    """Return weights with each stack in place of its members, made whenever it is asked for."""
    if not stacks:
        return weights
    inside = {member for each in stacks.values() for member in each}
    names = [*(name for name in weights if name not in inside), *stacks]

    def made(name: str) -> Tensor:
        if name in stacks:
            return torch.stack([weights[member] for member in stacks[name]])
        return weights[name]

    return LazyWeights(names, made)
