"""Barrier of loss and error on the straight line between two checkpoints.

theta(alpha) = (1 - alpha) A + alpha B.  The barrier is the greatest rise over a reference:

    chord      L(theta) - [(1 - alpha) L(A) + alpha L(B)]   Entezari et al. 2022, arXiv:2110.06296;
                                                            Jordan et al. 2023, equation 1
    mean-ends  L(theta) - [L(A) + L(B)] / 2                 Frankle et al. 2020, arXiv:1912.05671
    max-end    L(theta) - max(L(A), L(B))

over the grid of alphas, which bounds the true barrier from below.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from lmctool.api import Analysis, hookimpl

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from lmctool.api import Result, Run, Table


def compute(run: Run, **options: Any) -> Result:
    """Evaluate every variant of the path, and its barriers."""
    from lmctool_plugins.barrier.measure import measure  # numpy comes in here, not for --help

    return measure(run, **options)


def table(result: Result) -> Table:
    """Show ends, midpoint, barrier, and what each step takes off the barrier."""
    from lmctool_plugins.barrier.view import tabulate

    return tabulate(result)


def figure(result: Result, figure: Figure) -> None:
    """Draw every variant's curve, its barrier as an arrow, the reference, and the values."""
    from lmctool_plugins.barrier.view import draw

    draw(result, figure)


@hookimpl
def lmctool_analysis() -> Analysis:
    """Add ``lmctool barrier``."""
    options = (
        click.Option(
            ["--points"],
            type=click.IntRange(min=3),
            default=25,
            show_default=True,
            help="Points on the path, both ends included.",
        ),
        click.Option(["--alphas"], metavar="A,A,…", help="These alphas, with 0 and 1, instead."),
        click.Option(
            ["--refine"], is_flag=True, help="Evaluate more points beside each curve's peak."
        ),
        click.Option(
            ["--definition"],
            type=click.Choice(["chord", "mean-ends", "max-end"]),
            default="chord",
            show_default=True,
            help="What the barrier rises over.",
        ),
    )
    return Analysis(
        compute,
        options=options,
        aligner="optional",
        correction="optional",
        table=table,
        figure=figure,
    )
