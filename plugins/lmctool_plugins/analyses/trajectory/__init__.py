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

from lmctool.api import Analysis, HelpPage, Lazy, hookimpl, partition_options
from lmctool.api.advanced import SeriesFolder
from lmctool_plugins.analyses.trajectory.metrics import METRICS


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
            help="Position of the interpolant between two runs (repeatable).",
        ),
        click.Option(
            ["--parent"], type=SeriesFolder(), help="Run that the children were forked from."
        ),
        click.Option(
            ["--fork"],
            type=step,
            metavar="STEP",
            help="Step of the parent at which the children start; 0 if their steps continue the"
            " parent's. By default the step of a checkpoint that they share, or else the parent's"
            " last.",
        ),
        click.Option(
            ["--then"],
            type=SeriesFolder(),
            help="Run that was trained further from an interpolant.",
        ),
        click.Option(
            ["--then-at"],
            type=step,
            metavar="STEP",
            help="Step of the children at which that run starts; by default the last common one.",
        ),
        *partition_options(),
    )
    return Analysis(
        Lazy("lmctool_plugins.analyses.trajectory.measure:measure"),
        networks=Lazy("lmctool_plugins.analyses.trajectory.measure:network_count"),
        arity=(2, None),
        series="steps",
        options=options,
        aligner="optional",
        correction="optional",
        table=Lazy("lmctool_plugins.analyses.trajectory.table:tabulate"),
        figure=Lazy("lmctool_plugins.analyses.trajectory.figure:draw"),
        metrics=METRICS,
        derived=Lazy("lmctool_plugins.analyses.trajectory.summary:derived"),
        help=HelpPage(
            (
                "run-a run-b  # folders with the checkpoints of two trainings, step by step",
                "'run-a/*.pt' 'run-b/*.pt' --alpha 0.25 --alpha 0.5",
            ),
            main=("--alpha", "--parent"),
            docs="docs/analyses/trajectory.md",
        ),
    )
