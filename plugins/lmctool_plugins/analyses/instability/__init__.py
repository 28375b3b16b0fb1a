"""How far siblings that were forked from one network at step k end up apart: its instability.

A network that was trained to step k is copied, and each copy trained to the end on other SGD
noise.  With E the error, or loss, or another score, its instability to that noise is the mean over
pairs of siblings (A, B) of the height of the barrier on the straight path between their ends,

    sup_alpha E((1 - alpha) A + alpha B) - [E(A) + E(B)] / 2

The network is *stable* where the error instability is below ``--stable``: 2 % in Frankle et al.
2020 (arXiv:1912.05671, section 2), who take 30 evenly spaced alphas.  The interval is that of a
jackknife over siblings, with Student's t: pairs share siblings and are not independent (Arvesen
1969).  Two siblings have none.

With ``--align``, two forms of linear connectivity modulo permutation of Sharma et al. 2024
(arXiv:2404.06498): ``align`` is weak, a permutation for each pair; ``strong`` has one permutation
of each sibling for all of its pairs, here into the frame of the fork's first sibling.
"""

from __future__ import annotations

import click

from lmctool.api import Analysis, HelpPage, Lazy, grid_options, hookimpl
from lmctool_plugins.analyses.instability.metrics import METRICS


@hookimpl
def lmctool_analysis() -> Analysis:
    """Add ``lmctool instability``."""
    options = (
        *grid_options(points=30),
        click.Option(
            ["--stable"],
            type=click.FloatRange(0, 1, min_open=True),
            default=0.02,
            show_default=True,
            help="Error instability below which a network is stable, as a share of examples.",
        ),
    )
    return Analysis(
        Lazy("lmctool_plugins.analyses.instability.measure:measure"),
        networks=Lazy("lmctool_plugins.analyses.instability.measure:network_count"),
        arity="n",
        series="siblings",
        options=options,
        aligner="optional",
        correction="optional",
        table=Lazy("lmctool_plugins.analyses.instability.table:tabulate"),
        figure=Lazy("lmctool_plugins.analyses.instability.figure:draw"),
        metrics=METRICS,
        derived=Lazy("lmctool_plugins.analyses.instability.summary:derived"),
        help=HelpPage(
            (
                "fork0 fork500 fork2000  # folders, each with the siblings forked at one step",
                "'k0-*.pt' 'k500-*.pt' --align --points 15",
            ),
            main=("--points", "--stable"),
            docs="docs/analyses/instability.md",
        ),
    )
