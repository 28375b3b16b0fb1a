"""What the interpolant of two training runs gains over them, step by step.

At each step t that all runs have, with A_t and B_t their checkpoints,

    theta_t = (1 - alpha) A_t + alpha B_t
    gain_t  = [L(A_t) + L(B_t)] / 2 - L(theta_t)   over the mean of the children
    gain_t  = min(L(A_t), L(B_t)) - L(theta_t)     over the better child

for loss and for error, where a gain in error is a gain in accuracy.  Of more than two runs the
interpolant is the mean of all.  Figures 2 to 4 of Iyer, Dziugaite and Rolnick 2023, "Linear Weight
Interpolation Leads to Transient Performance Gains", where the runs are children of one parent
trained on different SGD noise.
"""

from __future__ import annotations

import click

from lmctool.api import Analysis, Lazy, hookimpl, partition_options
from lmctool.api.advanced import SeriesFolder


@hookimpl
def lmctool_analysis() -> Analysis:
    """Add ``lmctool trajectory``."""
    step = click.IntRange(min=0)
    options = (
        click.Option(
            ["--alpha"],
            type=click.FloatRange(0, 1, min_open=True, max_open=True),
            multiple=True,
            default=(0.5,),
            show_default=True,
            help="Where between two runs the interpolant is (repeatable).",
        ),
        click.Option(
            ["--parent"], type=SeriesFolder(), help="The run before the children were made."
        ),
        click.Option(
            ["--fork"],
            type=step,
            metavar="STEP",
            help="The parent's step that the children's steps are counted from; else where a"
            " checkpoint of the parent is one of theirs, else its last. 0 where they count on.",
        ),
        click.Option(
            ["--then"], type=SeriesFolder(), help="A run that goes on from an interpolant."
        ),
        click.Option(
            ["--then-at"],
            type=step,
            metavar="STEP",
            help="The children's step whose interpolant that was; else the last common one.",
        ),
        *partition_options(),
    )
    return Analysis(
        Lazy("lmctool_plugins.analyses.trajectory.measure:measure"),
        arity=(2, None),
        series=True,
        options=options,
        aligner="optional",
        correction="optional",
        table=Lazy("lmctool_plugins.analyses.trajectory.table:tabulate"),
        figure=Lazy("lmctool_plugins.analyses.trajectory.figure:draw"),
    )
