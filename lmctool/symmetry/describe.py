"""A permutation spec as a table for people."""

from __future__ import annotations

import json
import re
from collections import Counter
from dataclasses import dataclass
from math import prod
from typing import TYPE_CHECKING

import torch

from lmctool.results.table import Table
from lmctool.results.text import percent
from lmctool.symmetry.axis_form import AxisForm, Concat, Fixed, Interleaving, Product
from lmctool.symmetry.axis_form_text import show
from lmctool.symmetry.propagate import UNOWNED
from lmctool.symmetry.stacks import stacked_shapes

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lmctool.graph.graph import Graph
    from lmctool.symmetry.spec import PermutationSpec

BY_NATURE = re.compile("output|input|looked up|nothing reads|position")
"""Reasons of axes that hold no hidden units: classes, pixels, words, places."""
NAMED = 3
"""How many buffers a note names."""


def describe(spec: PermutationSpec, graph: Graph) -> Table:
    """Return what may be permuted in a model: each tensor's axes, and why the others are fixed.

    Args:
        spec: the spec of the model.
        graph: the model's graph.
    """
    shapes = stacked_shapes(spec.stacks, graph.shapes)
    rows = []
    for name, axes in spec.tensors.items():
        reasons = {
            f"{axis}: {reason}"
            for axis in range(len(axes))
            if (reason := spec.fixed.get((name, axis), ""))
        }
        shape = "x".join(map(str, shapes[name])) or "scalar"
        forms = ", ".join(show(form) for form in axes)
        rows.append((name, shape, forms, "; ".join(sorted(reasons))))
    return Table(
        "Permutation symmetry",
        ("tensor", "shape", "axes", "fixed axes"),
        tuple(rows),
        tuple(_notes(spec, graph)),
    )


def _notes(spec: PermutationSpec, graph: Graph) -> Iterator[str]:
    shapes = stacked_shapes(spec.stacks, graph.shapes)
    units = hidden_units(spec, graph)
    sizes = ", ".join(
        f"{name} {size}" + (f" in each of {spec.per[name]}" if name in spec.per else "")
        for name, size in spec.groups.items()
    )
    if not spec.groups:
        yield f"no unit may be permuted, of {units.total} hidden units that there are"
    else:
        yield f"{len(spec.groups)} groups, {units.movable} units that may be permuted: {sizes}"
        share = percent(units.movable / units.total, 1)
        yield f"that is {share} of the {units.total} hidden units there are"
    if units.fixed:
        told = (f"{count} ({why})" for why, count in units.fixed.most_common())
        yield f"left out: {', '.join(told)}"
    if units.fixed[UNOWNED]:
        buffers = _buffers_that_stay(spec, graph)
        named = ", ".join(map(json.dumps, buffers[:NAMED])) + ", ..." * (len(buffers) > NAMED)
        yield (
            "a buffer that holds a number for each unit, as a mask of weights does, goes along with"
            f" them if the spec file says so (--spec): [rules] move = [{named}]"
        )
    covered = sum(prod(shapes[name]) for name, axes in spec.tensors.items() if any(axes))
    total = sum(prod(shape) for shape in shapes.values()) or 1
    yield (
        f"tensors that move hold {percent(covered / total, 1)} of all values;"
        " _ is fixed, (a _4) flattened, a+b concatenated, a|b in turns,"
        " {0 4 a; b} for each 4 rows of axis 0"
    )
    if graph.tracer == "dispatch":
        yield "its path depends on the data: this is the path that the example took"


def _buffers_that_stay(spec: PermutationSpec, graph: Graph) -> list[str]:
    """Return the buffers, but for those of whole numbers, that fix what they meet."""
    return [
        name
        for node in graph.nodes
        if (name := graph.tensors.get(node.name, "")) in graph.buffers
        and UNOWNED in {spec.fixed.get((name, axis)) for axis in range(len(graph.shapes[name]))}
        and (node.meta["val"].is_floating_point() or node.meta["val"].dtype == torch.bool)
    ]


@dataclass(frozen=True, slots=True)
class HiddenUnits:
    """How many hidden units a model has; heads, and the units within a head, count once each.

    Attributes:
        movable: how many may be permuted.
        fixed: how many may not, by reason, counted at each weight that writes them.
    """

    movable: int
    fixed: Counter[str]

    @property
    def total(self) -> int:
        """How many there are."""
        return self.movable + self.fixed.total()


def hidden_units(spec: PermutationSpec, graph: Graph) -> HiddenUnits:
    """Count the hidden units that may move, and those that may not, by reason.

    Those that may not are the rows of every parameter with two or more axes, but for those that
    are outputs, looked up by index, or positions.  One stream counts once for each of its writers.

    Args:
        spec: the spec of a model.
        graph: the graph of the model.
    """
    counted: Counter[str] = Counter()
    shapes = stacked_shapes(spec.stacks, graph.shapes)
    for name, forms in spec.tensors.items():
        if len(forms) < 2 or name in graph.buffers or name in graph.aliases:
            continue
        reason = spec.fixed.get((name, 0))
        if reason is None:
            counted["a part of an axis is fixed"] += sum(_fixed_parts(forms[0]))
        elif not BY_NATURE.search(reason):
            counted[re.sub(r" \([^)]*:\d+\)$", "", reason)] += shapes[name][0]
    return HiddenUnits(sum(spec.groups.values()), +counted)


def _fixed_parts(form: AxisForm | None) -> Iterator[int]:
    match form:
        case Fixed(size):
            yield size
        case Product(parts) | Concat(parts) | Interleaving(parts):
            for part in parts:
                yield from _fixed_parts(part)
