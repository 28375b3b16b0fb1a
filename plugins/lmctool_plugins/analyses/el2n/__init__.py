"""EL2N score of each example, and how networks do on splits by score.

    score(x, y) = || softmax(f(x)) - onehot(y) ||_2      Paul et al. 2021, arXiv:2107.07075

averaged over the checkpoints, which are best several runs at one early step.  It is 0 where an
example is answered rightly and with certainty, sqrt(2) where wrongly and with certainty.  The
examples are divided into equal splits from the lowest scores to the highest (Iyer et al.,
figure 4), on which a pair of networks and the network between them may be compared.
"""

from __future__ import annotations

import click

from lmctool.api import Analysis, CheckpointFile, HelpPage, Lazy, hookimpl
from lmctool_plugins.analyses.el2n.metrics import METRICS


@hookimpl
def lmctool_analysis() -> Analysis:
    """Add ``lmctool el2n``."""
    options = (
        click.Option(
            ["--splits", "count"],
            type=click.IntRange(min=2),
            metavar="N",
            default=4,
            show_default=True,
            help="Number of equal splits of the examples by score.",
        ),
        click.Option(
            ["--pair"],
            type=CheckpointFile(),
            nargs=2,
            metavar="A B",
            help="Evaluate A, B and the network halfway between them on each split.",
        ),
    )
    return Analysis(
        Lazy("lmctool_plugins.analyses.el2n.measure:measure"),
        networks=Lazy("lmctool_plugins.analyses.el2n.measure:network_count"),
        arity="n",
        splits=("train",),
        options=options,
        aligner="optional",
        correction="optional",
        table=Lazy("lmctool_plugins.analyses.el2n.view:tabulate"),
        figure=Lazy("lmctool_plugins.analyses.el2n.view:draw"),
        metrics=METRICS,
        derived=Lazy("lmctool_plugins.analyses.el2n.summary:derived"),
        help=HelpPage(
            (
                "seed0.safetensors seed1.safetensors seed2.safetensors -o scores.h5",
                "a.safetensors b.safetensors --pair a.safetensors b.safetensors --align --repair"
                "  # where on hard examples the barrier stands",
            ),
            docs="docs/analyses/el2n.md",
        ),
    )
