"""Align the second checkpoint's hidden units with the first's, and write it.

The written checkpoint is the same function as the second, proved on real examples; only the
order of its hidden units is another, the one that the aligner matched with the first.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lmctool.api import Analysis, NewCheckpoint, Result, hookimpl

if TYPE_CHECKING:
    from lmctool.api import Run, Table


def compute(run: Run) -> Result:
    """Align B, and compare the midpoints before and after."""
    from lmctool.api import score_group

    ends = run.ends
    plain, aligned = run.variants()
    scores = run.evaluate([aligned.b, plain.at(0.5), aligned.at(0.5)])
    names = ["a", "b", "aligned b", "midpoint", "aligned midpoint"]
    return Result(
        "align",
        {"align/scores": score_group("align", names, [ends, scores])},
        NewCheckpoint(aligned.b, like=1, metadata={"lmctool.made": "align"}),
    )


def table(result: Result) -> Table:
    """Show how many units moved, what the proof says, and the scores."""
    from lmctool.api import score_table

    moved = result.groups["permutations"].variables
    proof = result.groups["proof"].variables
    return score_table(
        "Alignment",
        result.groups["align/scores"],
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
