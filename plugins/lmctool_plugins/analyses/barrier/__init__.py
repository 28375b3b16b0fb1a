"""Barrier of loss and error on the straight line between two checkpoints.

theta(alpha) = (1 - alpha) A + alpha B.  The barrier is the greatest rise over a reference, the
chord between the ends (Entezari et al. 2022, arXiv:2110.06296; Jordan et al. 2023, equation 1)
unless ``--definition`` says another.  On request also: intervals by bootstrap over examples, the
barrier of each class or split by score, of each example, and the baselines of merging on split
data; or, with ``--within``, the barrier of a share of the examples with an interval for all.
"""

from __future__ import annotations

import click

from lmctool.api import (
    Analysis,
    HelpPage,
    Lazy,
    definition_option,
    grid_options,
    hookimpl,
    partition_options,
)
from lmctool.api.advanced import within_option
from lmctool_plugins.analyses.barrier.metrics import METRICS


@hookimpl
def lmctool_analysis() -> Analysis:
    """Add ``lmctool barrier``."""
    options = (
        *grid_options(),
        click.Option(
            ["--refine"], is_flag=True, help="Evaluate more points around each curve's peak."
        ),
        definition_option(),
        within_option(),
        click.Option(
            ["--bootstrap"],
            type=click.IntRange(min=2),
            metavar="N",
            help="Estimate 95 % intervals from N bootstrap samples of the examples.",
        ),
        *partition_options(),
        click.Option(
            ["--per-example"], is_flag=True, help="Store the barrier of each example's own loss."
        ),
        click.Option(
            ["--baselines"],
            is_flag=True,
            help="Compare with the ensemble of A and B, and with each rebalanced over the classes.",
        ),
    )
    return Analysis(
        Lazy("lmctool_plugins.analyses.barrier.measure:measure"),
        networks=Lazy("lmctool_plugins.analyses.barrier.measure:network_count"),
        options=options,
        aligner="optional",
        correction="optional",
        table=Lazy("lmctool_plugins.analyses.barrier.table:tabulate"),
        figure=Lazy("lmctool_plugins.analyses.barrier.figure:draw"),
        metrics=METRICS,
        derived=Lazy("lmctool_plugins.analyses.barrier.summary:derived"),
        help=HelpPage(
            (
                "a.safetensors b.safetensors --align --repair",
                "a.safetensors b.safetensors --data digits --align"
                " --require 'barrier.error[variant=align] <= 2%'  # exit code 3 if it is higher",
            ),
            main=("--points", "--bootstrap", "--within"),
            docs="docs/analyses/barrier.md",
        ),
    )
