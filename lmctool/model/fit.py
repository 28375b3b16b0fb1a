"""A checkpoint under the names of a model, where one reading of its own allows it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lmctool.checkpoint.fit import as_key, as_strip, difference, parts, readings
from lmctool.checkpoint.names import under
from lmctool.errors import LmctoolError
from lmctool.model.shapes import aliases, shapes_of
from lmctool.weights.name_words import some

if TYPE_CHECKING:
    from torch import nn

    from lmctool.checkpoint import Checkpoint
    from lmctool.checkpoint.fit import Reading, Shapes, Tied

MOST_IGNORED = 3
"""Patterns that are offered to leave tensors out; more of them are another network's."""


def fits(checkpoint: Checkpoint, module: nn.Module) -> bool:
    """Tell whether a checkpoint has all that a model needs, under one reading of its names or more.

    What it has besides is not looked at.
    """
    return bool(readings(checkpoint.shapes, shapes_of(module), aliases(module)))


def fitted(checkpoint: Checkpoint, module: nn.Module, model: str) -> Checkpoint:
    """Return a checkpoint under the names of a model; see ``only_reading``."""
    return _read(checkpoint, only_reading(checkpoint, module, model))


def only_reading(checkpoint: Checkpoint, module: nn.Module, model: str) -> Reading:
    """Return the one reading of a checkpoint's names that fits a model.

    Where its own don't fit, a prefix is taken off under which it has all that the model needs and
    nothing else, and what doesn't begin with it is left out; see ``checkpoint.fit.readings``.

    Args:
        checkpoint: the checkpoint.
        module: the model.
        model: what it is called, for the error.

    Raises:
        LmctoolError: it does not fit, or in several ways.
    """
    return reading_of(checkpoint, shapes_of(module), aliases(module), f"model {model}")


def reading_of(checkpoint: Checkpoint, needed: Shapes, tied: Tied, what: str) -> Reading:
    """Return the one reading of a checkpoint's names that has all of some tensors.

    Args:
        checkpoint: the checkpoint.
        needed: name -> shape of the tensors.
        tied: names of these that share a tensor, of which one may stand for all.
        what: what has these tensors, for the error.

    Raises:
        LmctoolError: it does not fit, or in several ways.
    """
    found = readings(checkpoint.shapes, needed, tied)
    if len(found) > 1:
        raise LmctoolError(
            f"'{checkpoint.path}' fits {what} {parts(found)}: choose with"
            f" {' or '.join(map(as_key, found))}"
        )
    if not found or found[0].unneeded:
        differs = difference(checkpoint.shapes, needed, tied)
        option = as_strip(found[0]) if found and not found[0].prefix else ""
        if 0 < option.count("--ignore") <= MOST_IGNORED:
            differs += f"; {option} leaves it out, if it is no part of the network"
        raise LmctoolError(f"'{checkpoint.path}' does not fit {what}: {differs}")
    return found[0]


def _read(checkpoint: Checkpoint, reading: Reading) -> Checkpoint:
    """Return a checkpoint as a reading has it, with a remark on each thing that this changes."""
    remarks = []
    if reading.prefix:
        remarks.append(f"prefix '{reading.prefix}.' is taken off, as the model has none")
    used = set(reading.names.values())
    if left_out := [name for name in checkpoint.names if name not in used]:
        remarks.append(f"left out {some(left_out)}, which the model has not")
    for name, own in reading.names.items():
        if under(own, reading.prefix) != name:
            remarks.append(f"{own!r} is {name!r} of the model, and so on")
            break
    return checkpoint.called(reading.names, *remarks) if remarks else checkpoint
