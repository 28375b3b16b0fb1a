"""Inputs of a model by the names of its arguments."""

from __future__ import annotations

import inspect
from functools import partial
from typing import TYPE_CHECKING, Any

from lmctool.errors import LmctoolError, did_you_mean

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import nn


def take_by_name(module: nn.Module, names: Sequence[str]) -> None:
    """Let a module take inputs in a given order, some of which are its arguments of other places.

    Args:
        module: the model.
        names: for each input the argument of ``forward`` that it is; empty for the next in order.

    Raises:
        LmctoolError: ``forward`` cannot take them.
    """
    named = [name for name in names if name]
    signature = inspect.signature(module.forward)
    known = [n for n, each in signature.parameters.items() if each.kind != each.VAR_POSITIONAL]
    try:
        for name in named:
            if named.count(name) > 1:
                raise TypeError(f"multiple values for argument {name!r}")
        signature.bind(*[None] * (len(names) - len(named)), **dict.fromkeys(named))
    except TypeError as cause:
        hints = [did_you_mean(name, known) for name in named if name not in known]
        raise LmctoolError(
            f"the model cannot take the inputs that --input describes: {cause};"
            f" {''.join(hints)}its arguments are {', '.join(known) or 'none'}"
        ) from cause
    if named:
        module.register_forward_pre_hook(partial(_by_name, tuple(names)), with_kwargs=True)


def _by_name(
    names: tuple[str, ...], _: nn.Module, inputs: tuple[Any, ...], more: dict[str, Any]
) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """Return inputs as arguments of ``forward``: those by position, and those by name."""
    pairs = list(zip(names, inputs, strict=True))
    return (
        tuple(value for name, value in pairs if not name),
        {**more, **{name: value for name, value in pairs if name}},
    )
