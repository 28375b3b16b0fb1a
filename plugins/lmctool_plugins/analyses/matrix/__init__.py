"""Barriers and distances between every two of several checkpoints, and the clusters they form.

Each pair is measured once, from the checkpoint that is named first to the other, so both matrices
are symmetric, with 0 on the diagonal; an aligner brings the later checkpoint into the order of the
earlier.  Barriers are those of ``lmctool barrier``, of loss and error, for every variant; distances
are the L2 norm of A - B over the parameters, and sqrt(||A - B||^2 / (||A|| ||B||)).

Clusters are those of hierarchical clustering with average linkage on the error barrier of the last
variant on the first split, negative barriers taken as 0: two clusters become one as long as the
mean barrier over the pairs between them is at most ``--connected``.  Frankle et al. 2020
(arXiv:1912.05671) call two networks connected when the error rises by less than 2 % over the mean
of the ends (``--definition mean-ends``, 30 points); 0.02 is that threshold.  So a cluster may hold
a pair above it, and a pair below it may be in two clusters: both are counted.

With ``--within`` every pair is measured on a share of the examples of its own, and has an interval
of its own; the clusters are those of the estimates.
"""

from __future__ import annotations

import click

from lmctool.api import Analysis, HelpPage, Lazy, definition_option, grid_options, hookimpl
from lmctool.api.advanced import within_option
from lmctool_plugins.analyses.matrix.metrics import METRICS


@hookimpl
def lmctool_analysis() -> Analysis:
    """Add ``lmctool matrix``."""
    options = (
        *grid_options(points=5),
        definition_option(),
        within_option(),
        click.Option(
            ["--connected"],
            type=click.FloatRange(min=0),
            default=0.02,
            show_default=True,
            help="Greatest error barrier of connected networks, as a share of examples.",
        ),
    )
    return Analysis(
        Lazy("lmctool_plugins.analyses.matrix.measure:measure"),
        networks=Lazy("lmctool_plugins.analyses.matrix.measure:network_count"),
        arity=(2, None),
        options=options,
        aligner="optional",
        correction="optional",
        table=Lazy("lmctool_plugins.analyses.matrix.table:tabulate"),
        figure=Lazy("lmctool_plugins.analyses.matrix.figure:draw"),
        metrics=METRICS,
        derived=Lazy("lmctool_plugins.analyses.matrix.summary:derived"),
        help=HelpPage(
            (
                "seed0.safetensors seed1.safetensors seed2.safetensors",
                "seed0.safetensors seed1.safetensors --align --repair -o aligned.h5",
            ),
            main=("--points", "--connected"),
            docs="docs/analyses/matrix.md",
        ),
    )
