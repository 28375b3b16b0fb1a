"""Align the second checkpoint's hidden units with the first's, and write it.

The written checkpoint is the same function as the second, proved on real examples; only the
order of its hidden units is another, the one that the aligner matched with the first.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lmctool.api import Analysis, Group, NewCheckpoint, Result, Table, Variable, hookimpl

if TYPE_CHECKING:
    from lmctool.api import Run


def compute(run: Run) -> Result:
    """Align B, and compare the midpoints before and after."""
    import numpy as np

    ends = run.ends
    plain, aligned = run.variants()
    scores = run.evaluate([aligned.b, plain.at(0.5), aligned.at(0.5)])
    names = ["a", "b", "aligned b", "midpoint", "aligned midpoint"]
    variables = {
        "network": Variable(np.array(names, dtype=object), ("network",), long_name="network"),
        "split": Variable(np.array(scores.splits, dtype=object), ("split",), long_name="split"),
    }
    for metric, unit in (("loss", "nat"), ("error", "1")):
        values = np.concatenate([getattr(ends, metric), getattr(scores, metric)], axis=1).T
        variables[metric] = Variable(values, ("network", "split"), unit, metric, f"align.{metric}")
    return Result(
        "align",
        {"align/scores": Group(variables)},
        NewCheckpoint(aligned.b, like=1, metadata={"lmctool.made": "align"}),
    )


def table(result: Result) -> Table:
    """Show how many units moved, what the proof says, and the scores."""
    scores = result.groups["align/scores"].variables
    rows = tuple(
        (
            str(split),
            str(name),
            f"{scores['error'].values[n, s]:.2%}",
            f"{scores['loss'].values[n, s]:.4f}",
        )
        for s, split in enumerate(scores["split"].values)
        for n, name in enumerate(scores["network"].values)
    )
    moved = result.groups["permutations"].variables
    proof = result.groups["proof"].variables
    return Table(
        "Alignment",
        ("split", "network", "error", "loss"),
        rows,
        (
            f"{moved['moved'].values.sum()} of {moved['size'].values.sum()} units moved,"
            f" in {len(moved['size'].values)} groups",
            f"proof: outputs of B and aligned B differ by {proof['difference'].values.max():.2g},"
            f" rounding explains {proof['tolerance'].values.min():.2g}",
        ),
    )


@hookimpl
def lmctool_analysis() -> Analysis:
    """Add ``lmctool align``."""
    return Analysis(compute, aligner="always", writes=True, table=table)
