"""A permutation spec as a table for people."""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING

from lmctool.graph.capture import capture
from lmctool.report.table import Table
from lmctool.symmetry.derive import derive
from lmctool.symmetry.spec import show

if TYPE_CHECKING:
    from torch import Tensor, nn


def describe(module: nn.Module, example: Tensor) -> Table:
    """Return what may be permuted in a model: each tensor's axes, and why the others are fixed.

    Args:
        module: the model.
        example: (2 or more, ...) a batch of inputs.
    """
    spec = derive(capture(module, example))
    shapes = {name: tuple(tensor.shape) for name, tensor in module.state_dict().items()}
    rows = []
    for name, axes in spec.tensors.items():
        reasons = {
            f"{axis}: {reason}"
            for axis in range(len(axes))
            if (reason := spec.fixed.get((name, axis), ""))
        }
        shape = "x".join(map(str, shapes.get(name, ()))) or "scalar"
        forms = ", ".join(show(form) for form in axes)
        rows.append((name, shape, forms, "; ".join(sorted(reasons))))
    units = sum(spec.groups.values())
    covered = sum(prod(shapes[name]) for name, axes in spec.tensors.items() if any(axes))
    total = sum(prod(shape) for shape in shapes.values()) or 1
    sizes = ", ".join(f"{name} {size}" for name, size in spec.groups.items())
    return Table(
        "Permutation symmetry",
        ("tensor", "shape", "axes", "fixed axes"),
        tuple(rows),
        (
            f"{len(spec.groups)} groups, {units} units that may be permuted: {sizes}",
            f"tensors that move hold {covered / total:.1%} of all values;"
            " _ is fixed, (a _4) flattened, a+b concatenated",
        ),
    )
