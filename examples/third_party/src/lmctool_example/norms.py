"""L2 norm of every tensor of every checkpoint.

It needs neither a model nor data: it reads the weights alone.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from lmctool.api import Analysis, Group, Result, Table, Variable, hookimpl

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from lmctool.api import Run, Weights


def norms(weights: Weights) -> dict[str, float]:
    """Return the L2 norm of each floating tensor, summed in float64."""
    return {
        name: float(tensor.double().norm())
        for name, tensor in weights.items()
        if tensor.is_floating_point()
    }


def compute(run: Run) -> Result:
    """Take the norms of every checkpoint; a tensor that one lacks has NaN there."""
    import numpy as np

    networks = [norms(run.weights(index)) for index in range(len(run.checkpoints))]
    names = list(dict.fromkeys(name for one in networks for name in one))
    values = np.array([[one.get(name, math.nan) for name in names] for one in networks])
    paths = [str(checkpoint.path) for checkpoint in run.checkpoints]
    over = ("checkpoint", "tensor")
    variables = {
        "checkpoint": Variable(
            np.array(paths, dtype=object), ("checkpoint",), long_name="checkpoint"
        ),
        "tensor": Variable(np.array(names, dtype=object), ("tensor",), long_name="tensor"),
        "norm": Variable(values, over, long_name="L2 norm", metric="norms.l2"),
    }
    return Result("norms", {"norms": Group(variables)})


def table(result: Result) -> Table:
    """Show one row per tensor and one column per checkpoint."""
    shown = result.groups["norms"].variables
    columns = ("tensor", *(str(path) for path in shown["checkpoint"].values))
    rows = tuple(
        (str(name), *(f"{value:.4f}" for value in shown["norm"].values[:, position]))
        for position, name in enumerate(shown["tensor"].values)
    )
    return Table("L2 norms", columns, rows)


def figure(result: Result, figure: Figure) -> None:
    """Draw the norms of each checkpoint over the tensors."""
    shown = result.groups["norms"].variables
    axes = figure.subplots()
    places = range(len(shown["tensor"].values))
    for path, values in zip(shown["checkpoint"].values, shown["norm"].values, strict=True):
        axes.plot(places, values, marker="o", label=str(path))
    axes.set_xticks(places, [str(name) for name in shown["tensor"].values], rotation=90)
    axes.set_ylabel("L2 norm")
    axes.legend()


@hookimpl
def lmctool_analysis() -> Analysis:
    """Add ``lmctool norms``."""
    return Analysis(compute, arity="n", needs=frozenset(), table=table, figure=figure)
