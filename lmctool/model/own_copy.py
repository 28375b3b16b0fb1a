"""A copy of a module of the caller's: it computes the same, and nobody is told of it."""

from __future__ import annotations

import copy
import dis
from collections import OrderedDict
from functools import partial
from types import FunctionType
from typing import TYPE_CHECKING, Any

from torch import nn

from lmctool.errors import LmctoolError
from lmctool.graph.module import detach

if TYPE_CHECKING:
    from types import CodeType

    Hooks = OrderedDict[int, Any]

HOOKS = ("_forward_hooks", "_forward_pre_hooks")
"""Where a module keeps what is called with each forward pass, and may change it."""
UNUSED_HOOKS = ("_backward_hooks", "_backward_pre_hooks")
REMEDY = "pass model= with a function that makes the network"


def own_copy(module: nn.Module, what: str, *, whole: bool = False) -> nn.Module:
    """Return a copy that shares nothing with a module of the caller's.

    Hooks that only look on, such as those that collect activations, are left out, and so are those
    of the backward pass; what torch hooks on itself (weight norm, pruning) and methods of the
    network's own parts are copied with it.

    Args:
        module: it is left as it is.
        what: what it is called, for errors.
        whole: with all hooks, as belongs to what a function has just made.

    Raises:
        LmctoolError: it cannot be copied, or has what may change its function and not that of a
            copy: a hook that returns something or writes, or a function in place of ``forward``.
    """
    memo: dict[int, Any] = {}
    kept = [] if whole else _own_hooks(module, what)
    for table, _ in kept:
        memo[id(table)] = OrderedDict()
    try:
        for part in module.modules():
            detach(vars(part), memo)
        new = copy.deepcopy(module, memo)
        for table, hooks in kept:
            memo[id(table)].update(copy.deepcopy(hooks, memo))
    except Exception as cause:  # whatever the module holds
        raise LmctoolError(
            f"{what} cannot be copied ({type(cause).__name__}: {cause}); pass its state dict, and"
            " model= with a function that makes it"
        ) from cause
    return new


def _own_hooks(module: nn.Module, what: str) -> list[tuple[Hooks, Hooks]]:
    """Return every table of hooks in a module, and what of it belongs to the network.

    Raises:
        LmctoolError: another may change what the network computes.
    """
    found: list[tuple[Hooks, Hooks]] = []
    network = set(map(id, module.modules()))
    for name, part in module.named_modules():
        layer = f"{name!r} of {what}" if name else what
        if isinstance(vars(part).get("forward"), FunctionType):
            raise LmctoolError(
                f"'forward' of {layer} was replaced by a function, which a copy would share;"
                f" {REMEDY}"
            )
        for table in (getattr(part, word) for word in HOOKS):
            hooks = OrderedDict((n, hook) for n, hook in table.items() if _belongs(hook, network))
            if not all(_looks_on(hook) for n, hook in table.items() if n not in hooks):
                raise LmctoolError(
                    f"a hook on {layer} returns a value or writes, so that it may change what the"
                    f" network computes: remove it meanwhile, or {REMEDY}"
                )
            found.append((table, hooks))
        found += [(getattr(part, word), OrderedDict()) for word in UNUSED_HOOKS]
    return found


def _belongs(hook: Any, network: set[int]) -> bool:
    """Tell whether a hook is a part of the network: torch's own, or a method of a part of it."""
    owner = getattr(hook, "__self__", hook)
    kinds = (kind.__module__.partition(".")[0] for kind in type(owner).__mro__)
    return id(owner) in network or ("torch" in kinds and not isinstance(owner, nn.Module))


def _looks_on(hook: Any) -> bool:
    """Tell from its code that a hook returns nothing, and writes into no module and no tensor."""
    while isinstance(hook, partial):
        hook = hook.func
    function = getattr(hook, "__func__", hook)
    called = function if isinstance(function, FunctionType) else vars(type(hook)).get("__call__")
    code: CodeType | None = getattr(called, "__code__", None)
    if code is None:
        return False
    steps = list(dis.get_instructions(code))
    names = [name for name in code.co_names if not name.startswith("_")]
    return not (
        "setattr" in names
        or any(name.endswith("_") for name in names)
        or any(map(_writes_or_returns, [None, *steps], steps))
    )


def _writes_or_returns(before: dis.Instruction | None, step: dis.Instruction) -> bool:
    """Tell whether a step returns something, or sets an attribute of anything but ``self``."""
    if step.opname == "RETURN_CONST":
        return step.argval is not None
    if step.opname == "RETURN_VALUE":
        is_none = before is not None and before.opname.startswith("LOAD_CONST")
        return step.is_jump_target or not (is_none and before and before.argval is None)
    return step.opname == "STORE_ATTR" and (before is None or before.argval != "self")
