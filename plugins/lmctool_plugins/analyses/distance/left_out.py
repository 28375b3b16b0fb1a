"""The tensors that a distance leaves out: which, why, and how much of each network they are."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from lmctool.api import Group, Variable
from lmctool.api.advanced import percent

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from numpy.typing import NDArray

    from lmctool.api.advanced import Overlap

LEFT_OUT = "distance/left_out"
COMPARED = "distance.compared"
LISTED = 8
"""How many tensors the table lists."""


def unnamed(overlap: Overlap) -> str:
    """Return why a distance can carry no verdict; nothing if the user named what has no part in it.

    Tensors without parameters, such as counters, are no reason.
    """
    numbers = [overlap.left_out[name].numbers for name in overlap.misfits]
    counts = [sum(each[place] for each in numbers) for place in range(len(overlap.checkpoints))]
    if not any(counts):
        return ""
    first = next(name for name in overlap.misfits if any(overlap.left_out[name].numbers))
    layer, dot, _ = first.rpartition(".")
    shares = " and ".join(
        f"{percent(count / each.parameter_count)} of '{each.path}'"
        for count, each in zip(counts, overlap.checkpoints, strict=True)
        if count
    )
    return (
        f"the distance leaves out {shares}, what doesn't fit: {first!r}"
        f" ({overlap.left_out[first].reason}{overlap.nearest(first)}) to begin with; no gate judges"
        f" it unless --except {layer + '.*' if dot else first!r} says that this is meant"
    )


def left_out_group(overlap: Overlap) -> Group:
    """Return the tensors that are left out, and the share of each network that is compared."""
    out = overlap.left_out
    ends = ["a", "b", "origin"][: len(overlap.checkpoints)]
    group = Group(
        {
            "left_out": _texts(out, "left_out", "tensor that is not compared"),
            "reason": _texts((e.reason for e in out.values()), "left_out", "why"),
            "excepted": Variable(
                np.array([each.excepted for each in out.values()]),
                ("left_out",),
                long_name="whether --except names it",
            ),
            "network": _texts(ends, "network", "network"),
            "numbers": Variable(
                np.array([each.numbers for each in out.values()]),
                ("left_out", "network"),
                "1",
                "parameters in it",
            ),
            "parameters": Variable(
                np.array([each.parameter_count for each in overlap.checkpoints]),
                ("network",),
                "1",
                "parameters in all",
            ),
        }
    )
    return replace(group, variables={**group.variables, "compared": compared(group.variables)})


def compared(variables: Mapping[str, Variable]) -> Variable:
    """Return the share of each network's parameters that is compared; NaN of none."""
    totals = variables["parameters"].values.astype(np.float64)
    left = totals - variables["numbers"].values.sum(axis=0)
    shares = np.divide(left, totals, out=np.full_like(totals, np.nan), where=totals > 0)
    meaning = "share of the network's parameters that is compared"
    return Variable(shares, ("network",), "1", meaning, COMPARED)


def _texts(words: Iterable[str], dim: str, meaning: str) -> Variable:
    values: NDArray[Any] = np.array(list(words), dtype=object)
    return Variable(values, (dim,), long_name=meaning)


def left_out_notes(group: Group) -> Iterator[str]:
    """Give in words how much a distance is over, and what it leaves out."""
    variables = group.variables
    shares = zip(variables["network"].values, variables["compared"].values, strict=True)
    parts = [f"{percent(share)} of {str(end).upper()}'s parameters" for end, share in shares]
    yield f"over {', '.join(parts)}"
    names, reasons = variables["left_out"].values, variables["reason"].values
    for name, reason in list(zip(names, reasons, strict=True))[:LISTED]:
        yield f"left out: {name} ({reason})"
    if len(names) > LISTED:
        yield f"left out: {len(names) - LISTED} more tensors, all of them in group {LEFT_OUT}"
