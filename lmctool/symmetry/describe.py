"""A permutation spec as a table for people."""

from __future__ import annotations

import re
from collections import Counter
from math import prod
from typing import TYPE_CHECKING

from lmctool.results.table import Table
from lmctool.symmetry.axis_form import AxisForm, Concat, Fixed, Interleaving, Product
from lmctool.symmetry.axis_form_text import show

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lmctool.graph.graph import Graph
    from lmctool.symmetry.spec import PermutationSpec

BY_NATURE = re.compile("output|input|looked up|nothing reads|position")
"""Reasons of axes that hold no hidden units: classes, pixels, words, places."""


def describe(spec: PermutationSpec, graph: Graph) -> Table:
    """Return what may be permuted in a model: each tensor's axes, and why the others are fixed.

    Args:
        spec: the spec of the model.
        graph: the model's graph.
    """
    shapes = graph.shapes
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
    shapes = graph.shapes
    units = sum(spec.groups.values())
    left = left_out(spec, graph)
    sizes = ", ".join(
        f"{name} {size}" + (f" in each of {spec.per[name]}" if name in spec.per else "")
        for name, size in spec.groups.items()
    )
    share = units / ((units + left.total()) or 1)
    yield f"{len(spec.groups)} groups, {units} units that may be permuted: {sizes}"
    yield f"that is {share:.1%} of the {units + left.total()} hidden units there are" + (
        "; left out: " + ", ".join(f"{count} ({why})" for why, count in left.most_common())
        if left
        else ""
    )
    covered = sum(prod(shapes[name]) for name, axes in spec.tensors.items() if any(axes))
    total = sum(prod(shape) for shape in shapes.values()) or 1
    yield (
        f"tensors that move hold {covered / total:.1%} of all values;"
        " _ is fixed, (a _4) flattened, a+b concatenated, a|b in turns,"
        " {0 4 a; b} for each 4 rows of axis 0"
    )
    if graph.tracer == "dispatch":
        yield "its path depends on the data: this is the path that the example took"


def left_out(spec: PermutationSpec, graph: Graph) -> Counter[str]:
    """Count the hidden units that cannot move, by reason, at the weights that write them.

    Hidden units are the rows of every parameter with two or more axes, but for those that are
    outputs, looked up by index, or positions.  One stream counts once for each of its writers.

    Args:
        spec: the spec of a model.
        graph: the graph of the model.
    """
    counted: Counter[str] = Counter()
    shapes = graph.shapes
    for name, forms in spec.tensors.items():
        if len(forms) < 2 or name in graph.buffers or name in graph.aliases:
            continue
        reason = spec.fixed.get((name, 0))
        if reason is None:
            counted["a part of an axis is fixed"] += sum(_fixed_parts(forms[0]))
        elif not BY_NATURE.search(reason):
            counted[re.sub(r" \([^)]*:\d+\)$", "", reason)] += shapes[name][0]
    return +counted


def _fixed_parts(form: AxisForm | None) -> Iterator[int]:
    match form:
        case Fixed(size):
            yield size
        case Product(parts) | Concat(parts) | Interleaving(parts):
            for part in parts:
                yield from _fixed_parts(part)
