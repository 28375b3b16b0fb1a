"""The tensors among what a model returns: all of them, and the one that is scored."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from enum import Enum
from typing import Any, NamedTuple

import torch
from torch import Tensor

from lmctool.errors import LmctoolError, did_you_mean

PLAIN = (
    *(type(None), bool, int, float, complex, str, bytes, Enum, type),
    *(torch.dtype, torch.device, torch.layout, torch.memory_format),
)
"""Kinds of values in which no tensor can be."""
CACHE = "past_key_values"
"""What language models call what they keep of the tokens so far, for their own next call."""
LISTED = 8
"""How many outputs a sentence names."""


class Output(NamedTuple):
    """One tensor that a model returns.

    Attributes:
        name: keys and attributes that lead to it, with dots between; empty for one alone.
        place: the same by the numbers of their places.
        tensor: the tensor.
    """

    name: str
    place: str
    tensor: Tensor


def outputs_of(value: Any, *, whole: bool = False) -> list[Output]:
    """Return every tensor of what a model returns, in their order.

    They are looked for in mappings, sequences and the attributes of other objects.  A cache of keys
    and values is none of them: the network alone reads it, at its next call.

    Args:
        value: what the model returned.
        whole: whether all tensors must be found.

    Raises:
        LmctoolError: something may hold a tensor that cannot be found, such as a function.
    """
    outputs = []
    for name, place, leaf in _leaves(value, (), (), ()):
        if isinstance(leaf, Tensor):
            outputs.append(Output(".".join(name), ".".join(place), leaf))
        elif whole and not isinstance(leaf, PLAIN):
            where = f" as {'.'.join(name)!r}" if name else ""
            raise LmctoolError(
                f"the model returns {type(leaf).__name__!r}{where}, in which no tensors can be"
                " looked for; return tensors, by themselves or in tuples, dicts or dataclasses"
            )
    return outputs


def tensors_of(value: Any) -> tuple[Tensor, ...]:
    """Return every tensor of what a model returns.

    Raises:
        LmctoolError: there is none, or something may hold one that cannot be found.
    """
    outputs = outputs_of(value, whole=True)
    if not outputs:
        raise LmctoolError("the model returns no tensor")
    return tuple(output.tensor for output in outputs)


def scored_output(value: Any, name: str | None = None) -> Tensor:
    """Return the one tensor that is meant by what a model returns.

    Args:
        value: what the model returned.
        name: the name or the place of the output that is meant; None for ``logits``, else the
            first floating tensor that has an axis of examples.

    Raises:
        LmctoolError: there is no such output; says which there are.
    """
    if isinstance(value, Tensor) and name is None:
        return value
    outputs = outputs_of(value)
    return outputs[scored_place(outputs, name)].tensor


def scored_place(outputs: Sequence[Output], name: str | None) -> int:
    """Return which of a model's outputs is meant; see ``scored_output``."""
    if name is not None:
        return _named(outputs, name)
    for place, output in enumerate(outputs):
        if output.name in {"", "logits"}:
            return place
    for place, output in enumerate(outputs):
        if output.tensor.is_floating_point() and output.tensor.ndim:
            return place
    raise LmctoolError(
        f"none of what the model returns can be scored: it returns {_listed(outputs)}, and a tensor"
        " of floats for each example is needed"
    )


def _named(outputs: Sequence[Output], name: str) -> int:
    names = [output.name for output in outputs]
    places = [output.place for output in outputs]
    if names == [""]:
        raise LmctoolError(
            f"the model returns one tensor, so that --output {name} has nothing to choose; leave it"
            " out (the file of the result is -o)"
        )
    if name not in {*names, *places}:
        raise LmctoolError(
            f"the model has no output {name!r}; {did_you_mean(name, names)}it returns"
            f" {_listed(outputs)}"
        )
    place = (names if name in names else places).index(name)
    chosen = outputs[place]
    if not chosen.tensor.is_floating_point() or not chosen.tensor.ndim:
        raise LmctoolError(
            f"output {name!r} of the model is {_described(chosen)}, and floats for each example are"
            " needed; choose another by --output"
        )
    return place


def _leaves(
    value: Any, name: tuple[str, ...], place: tuple[str, ...], within: tuple[int, ...]
) -> Iterator[tuple[tuple[str, ...], tuple[str, ...], Any]]:
    """Give each value that has no parts, with the names and the places that lead to it."""
    if id(value) in within or name[-1:] == (CACHE,) or type(value).__name__.endswith("Cache"):
        return
    parts = _parts(value)
    if parts is None:
        yield name, place, value
        return
    for number, (key, part) in enumerate(parts):
        yield from _leaves(part, (*name, key), (*place, str(number)), (*within, id(value)))


def _parts(value: Any) -> list[tuple[str, Any]] | None:
    """Return the parts of a value by name; None if it has none that can be seen."""
    if isinstance(value, (Tensor, *PLAIN)):
        return None
    if isinstance(value, Mapping):
        return [(str(key), part) for key, part in value.items()]
    if isinstance(value, Sequence):
        names = getattr(value, "_fields", range(len(value)))
        return [(str(key), part) for key, part in zip(names, value, strict=True)]
    if callable(value):
        return None
    return _attributes(value)


def _attributes(value: Any) -> list[tuple[str, Any]] | None:
    """Return the attributes of an object; None if it keeps what it has in another way."""
    own = [vars(kind).get("__slots__", ()) for kind in type(value).__mro__[:-1]]
    slots = [name for names in own for name in ((names,) if isinstance(names, str) else names)]
    if not slots and not hasattr(value, "__dict__"):
        return None
    found = {name: getattr(value, name) for name in slots if hasattr(value, name)}
    found |= vars(value) if hasattr(value, "__dict__") else {}
    found.pop("__dict__", None)
    found.pop("__weakref__", None)
    if "logits" not in found and isinstance(logits := getattr(value, "logits", None), Tensor):
        found["logits"] = logits
    return list(found.items())


def _listed(outputs: Sequence[Output]) -> str:
    """Return in words what a model returns."""
    more = f" and {len(outputs) - LISTED} more" if len(outputs) > LISTED else ""
    return ", ".join(map(_described, outputs[:LISTED])) + more or "no tensor"


def _described(output: Output) -> str:
    """Return in words what one output is."""
    kind = str(output.tensor.dtype).removeprefix("torch.")
    shape = "x".join(map(str, output.tensor.shape)) or "scalar"
    return f"{output.name} ({kind} {shape})".strip()
