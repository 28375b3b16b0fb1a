"""The one tensor that is meant by what a model returns."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import Tensor
from torch.utils._pytree import tree_leaves

from lmctool.errors import LmctoolError


def one_output(value: Any) -> Tensor:
    """Return the outputs of a model as one tensor.

    That is the tensor itself; else what is called ``logits``, by key or by attribute; else the
    first floating tensor of a tuple or list, or the only one of a mapping.

    Raises:
        LmctoolError: none of these is there; says what the model returned.
    """
    if isinstance(value, Tensor):
        return value
    named = value.get("logits") if isinstance(value, Mapping) else getattr(value, "logits", None)
    if isinstance(named, Tensor):
        return named
    parts = [*value.values()] if isinstance(value, Mapping) else value
    floats = [each for each in parts if _floats(each)] if isinstance(parts, list | tuple) else []
    if floats and (len(floats) == 1 or parts is value):
        first: Tensor = floats[0]
        return first
    raise LmctoolError(
        f"the model returned {_described(value)}, and one tensor is needed: return it alone, as"
        " 'logits', or as the first of a tuple"
    )


def output_leaf(value: Any) -> int | None:
    """Return which of the leaves of what a model returns is meant; None if none is."""
    try:
        meant = one_output(value)
    except LmctoolError:
        return None
    return next((n for n, leaf in enumerate(tree_leaves(value)) if leaf is meant), None)


def _floats(value: object) -> bool:
    return isinstance(value, Tensor) and value.is_floating_point()


def _described(value: Any) -> str:
    """Return in words what a model returned."""
    kind = type(value).__name__
    if isinstance(value, Mapping):
        listed = ", ".join(repr(str(key)) for key in [*value][:8])
        return f"{kind!r} with {listed or 'nothing in it'}"
    if isinstance(value, list | tuple):
        return f"{kind!r} of {', '.join(type(part).__name__ for part in value[:8]) or 'nothing'}"
    return repr(kind)
