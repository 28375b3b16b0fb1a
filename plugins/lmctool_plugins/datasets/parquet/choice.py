"""Which columns of a table are inputs and targets."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from lmctool.api import LmctoolError
from lmctool.api.advanced import did_you_mean
from lmctool_plugins.datasets.parquet.features import (
    is_image,
    is_list,
    is_number,
    is_scalar,
    is_whole_list,
)

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from lmctool_plugins.datasets.parquet.table import Table

INPUTS = ("image", "img", "pixel_values", "x", "input", "inputs", "input_ids")
TARGETS = ("label", "labels", "target", "targets", "y", "mask", "annotation")
TOKENS = "input_ids"
INDEX = "__index_level_0__"
"""The column in which pandas keeps the index of a table."""
MASK = "attention_mask"


@dataclass(frozen=True, slots=True)
class Choice:
    """The columns of a dataset.

    Attributes:
        x: the inputs: one column, or numbers to stand side by side.
        y: the targets; None for tokens whose targets are the next ones.
        tokens: whether the inputs are token ids.
        mask: whether a mask of padding stands beside them.
        told: what was chosen where it could have been otherwise.
    """

    x: tuple[str, ...]
    y: str | None
    tokens: bool = False
    mask: bool = False
    told: tuple[str, ...] = ()


def chosen(table: Table, x: object, y: object, what: str) -> Choice:
    """Return the columns of inputs and targets.

    Args:
        table: the table.
        x: what the user calls the inputs, or None.
        y: what the user calls the targets, or None.
        what: what to call the table in an error.

    Raises:
        LmctoolError: there is none by such a name, or it can be no input.
    """
    types = table.types
    named = tuple(str(x).split(",")) if x is not None else ()
    for name in (*named, *(() if y is None else (str(y),))):
        if name not in types:
            near = did_you_mean(name, list(types))
            raise LmctoolError(f"{what} has no column {name!r}; {near}it has {_listed(types)}")
    target = str(y) if y is not None else _first(TARGETS, types, named)
    single = _first(INPUTS, types, (target or "",))
    if single is not None and is_number(types[single]):
        single = None  # one of the columns of a table
    inputs = named or ((single,) if single else ())
    if (
        len(inputs) == 1
        and is_whole_list(types[inputs[0]])
        and _are_tokens(inputs[0], target, types)
    ):
        return Choice(inputs, target, tokens=True, mask=MASK in types)
    if target is None:
        raise LmctoolError(
            f"{what} has no column of targets by a usual name ({', '.join(TARGETS[:4])} ...); it"
            f" has {_listed(types)}; say which with ?y=NAME"
        )
    if inputs:
        _check_inputs(inputs, types, what)
        return Choice(inputs, target, told=_others(inputs[0], target, types) if not named else ())
    inputs = tuple(name for name in types if name not in {target, INDEX})
    odd = [name for name in inputs if not is_number(types[name])]
    if odd or not inputs:
        raise LmctoolError(
            f"{what} has no column of inputs by a usual name ({', '.join(INPUTS[:4])} ...), and not"
            f" all others are numbers; it has {_listed(types)}; say which with ?x=NAME or ?x=A,B,C"
        )
    return Choice(inputs, target, told=(f"inputs are the columns {', '.join(inputs)}",))


def _are_tokens(x: str, y: str | None, types: Mapping[str, Any]) -> bool:
    """Tell whether lists of whole numbers are tokens: by their name, or as their targets are."""
    return x == TOKENS or (y is not None and is_whole_list(types[y]))


def _check_inputs(inputs: tuple[str, ...], types: Mapping[str, Any], what: str) -> None:
    """Refuse columns that can be no inputs, alone or side by side."""
    for name in inputs:
        kind = types[name]
        if len(inputs) > 1 and not is_number(kind):
            raise LmctoolError(f"column {name!r} of {what} is {kind}, no number beside others")
        if not (is_image(kind) or is_list(kind) or is_number(kind)):
            hint = "; cut it into tokens first" if is_scalar(kind) else ""
            raise LmctoolError(f"column {name!r} of {what} is {kind}, which is no input{hint}")


def _others(x: str, y: str, types: Mapping[str, Any]) -> tuple[str, ...]:
    """Return what is to be said of columns whose names would do as well."""
    pairs = (("inputs", x, INPUTS), ("targets", y, TARGETS))
    return tuple(
        f"{what} are column {name!r}, not {' or '.join(map(repr, others))}"
        for what, name, names in pairs
        if (others := [other for other in names if other in types and other not in {x, y}])
    )


def _first(names: tuple[str, ...], types: Mapping[str, Any], taken: tuple[str, ...]) -> str | None:
    return next((name for name in names if name in types and name not in taken), None)


def _listed(types: Mapping[str, Any]) -> str:
    return ", ".join(f"{name} ({kind})" for name, kind in types.items())[:300] or "none"
