"""Which tensors of an unpickled file are the state dict that is meant."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from lmctool.checkpoint.inert import Record
from lmctool.checkpoint.notes import listed
from lmctool.checkpoint.state_pickle import StoredTensor
from lmctool.errors import LmctoolError, NoStateDictError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

Value = TypeVar("Value")

WHOLE = "."
"""The key of the file's top level itself."""
DEEPEST = 4
"""Levels of dictionaries in which a state dict is looked for."""


def choose(
    content: Any, key: str | None, path: Path
) -> tuple[dict[str, StoredTensor], tuple[str, ...]]:
    """Return the tensors of a state dict by name, and the dotted names of all else.

    A state dict is a dictionary that has tensors under texts, or a module that was saved whole,
    whose persistent tensors are found as its own ``state_dict`` would.  Where one dictionary has
    floating tensors of one axis or more and others have single numbers or counters, it is the one.

    Args:
        content: what the file's pickle holds.
        key: where the state dict is: dotted where it lies deeper, ``"."`` for the top, or the first
            part of the names of one that holds several networks; None for the only one.
        path: the file, for errors.

    Raises:
        NoStateDictError: there is none.
        LmctoolError: there are several, none where ``key`` points, or the pickle is no dictionary.
    """
    if not _is_table(content):
        raise NoStateDictError(f"'{path}' holds {_kind(content)} where a state dict is due")
    found = _candidates(content)
    offer = _offer(content, found)
    steps, prefix = _steps(content, key, found, path)
    left_out: list[str] = []
    place = ""
    for step in steps:
        left_out += [f"{place}{other}" for other in _entries(content) if other != step]
        content, place = _entries(content)[step], f"{place}{step}."
    tensors = _tensors(content)
    chosen = below(tensors, prefix)
    if not chosen:
        raise LmctoolError(f"entry {key!r} of '{path}' is no state dict; {offer}")
    names = {prefix + name for name in chosen}
    own = _entries(content) or tensors
    return chosen, (*(f"{place}{name}" for name in own if name not in names), *left_out)


def below(tensors: Mapping[str, Value], prefix: str) -> dict[str, Value]:
    """Return what has names that begin with a prefix, by the rest of the name."""
    begun = {name: value for name, value in tensors.items() if name.startswith(prefix)}
    return {name.removeprefix(prefix): value for name, value in begun.items() if name != prefix}


def within(tensors: Mapping[str, Value], key: str | None, path: Path) -> dict[str, Value]:
    """Return what a key chooses of a flat state dict.

    Raises:
        LmctoolError: no name begins with the key.
    """
    if key is None or key == WHOLE:
        return dict(tensors)
    chosen = below(tensors, f"{key}.")
    if not chosen:
        raise LmctoolError(
            f"'{path}' has no entry {key!r}; its names begin with {listed(_heads(tensors))}"
        )
    return chosen


def _steps(
    content: Any, key: str | None, found: Sequence[tuple[str, ...]], path: Path
) -> tuple[tuple[str, ...], str]:
    """Return the entries that lead to the dictionary that is meant, and a prefix of its names."""
    only = found[0] if len(found) == 1 else None
    if key == WHOLE:
        return (), ""
    if key is None:
        if only is None:
            several = "several state dicts" if found else "no state dict"
            error = LmctoolError if found else NoStateDictError
            raise error(f"'{path}' holds {several}; {_offer(content, found)}")
        return only, ""
    steps = _followed(content, key)
    if steps is None and only is not None:
        inner = content
        for step in only:
            inner = _entries(inner)[step]
        within_only = _followed(inner, key)
        steps = within_only and ((*only, *within_only[0]), within_only[1])
    if steps is None:
        raise LmctoolError(f"'{path}' has no entry {key!r}; {_offer(content, found)}")
    return steps


def _followed(value: Any, key: str) -> tuple[tuple[str, ...], str] | None:
    """Return the entries that a dotted key leads through, and what is left of it as a prefix."""
    parts = key.split(".")
    for count in range(len(parts), 0, -1):
        step, rest = ".".join(parts[:count]), ".".join(parts[count:])
        if step in _entries(value):
            inner = _followed(_entries(value)[step], rest) if rest else ((), "")
            if inner is not None:
                return (step, *inner[0]), inner[1]
    return ((), f"{key}.") if below(_tensors(value), f"{key}.") else None


def _candidates(content: Any) -> list[tuple[str, ...]]:
    """Return the entries that lead to each state dict: of the outermost levels that have any."""
    level: dict[tuple[str, ...], Any] = {(): content}
    found: dict[tuple[str, ...], bool] = {}
    for depth in range(DEEPEST):
        found |= {steps: _has_weights(value) for steps, value in level.items() if _tensors(value)}
        if depth and any(found.values()):
            break
        level = {
            (*steps, name): inner
            for steps, value in level.items()
            for name, inner in _entries(value).items()
            if isinstance(name, str) and _is_table(inner)
        }
    return [steps for steps, has_weights in found.items() if has_weights] or list(found)


def _has_weights(value: Any) -> bool:
    """Tell whether a dictionary has a floating tensor of one axis or more."""
    return any(
        tensor.unreadable or (tensor.shape and "float" in str(tensor.dtype))
        for tensor in _tensors(value).values()
    )


def _is_table(value: Any) -> bool:
    return isinstance(value, Mapping) or (
        isinstance(value, Record) and (bool(value.entries) or _is_module(value))
    )


def _entries(value: Any) -> Mapping[Any, Any]:
    """Return the entries of a dictionary, or of an object like one; none of anything else."""
    if isinstance(value, Mapping):
        return value
    return value.entries if isinstance(value, Record) else {}


def _tensors(value: Any) -> dict[str, StoredTensor]:
    """Return the tensors that a dictionary holds under texts, or those of a whole module."""
    if _is_module(value):
        return dict(_module_tensors(value.state, ""))
    items = _entries(value).items()
    return {
        name: item
        for name, item in items
        if isinstance(name, str) and isinstance(item, StoredTensor)
    }


def _is_module(value: Any) -> bool:
    return isinstance(value, Record) and _is_state(value.state)


def _is_state(state: Any) -> bool:
    tables = ("_parameters", "_buffers", "_modules")
    return isinstance(state, dict) and all(isinstance(state.get(name), dict) for name in tables)


def _module_tensors(state: Mapping[str, Any], prefix: str) -> Iterable[tuple[str, StoredTensor]]:
    """Yield a module's parameters and persistent buffers, then those of the modules in it."""
    transient = state.get("_non_persistent_buffers_set", ())
    for name, tensor in (*state["_parameters"].items(), *state["_buffers"].items()):
        if isinstance(tensor, StoredTensor) and name not in transient:
            yield f"{prefix}{name}", tensor
    for name, module in state["_modules"].items():
        if _is_module(module):
            yield from _module_tensors(module.state, f"{prefix}{name}.")


def _offer(content: Any, found: Sequence[tuple[str, ...]]) -> str:
    """Return in words which keys there are."""
    if not found:
        return f"its top-level entries are {listed(tuple(map(str, _entries(content)))) or 'none'}"
    return f"--key can be {listed(['.'.join(steps) or WHOLE for steps in found])}"


def _heads(names: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(name.partition(".")[0] for name in names))


def _kind(content: Any) -> str:
    if isinstance(content, StoredTensor):
        return "a tensor"
    return f"a {content.called if isinstance(content, Record) else type(content).__name__}"
