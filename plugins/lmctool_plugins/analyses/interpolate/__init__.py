"""Loss and error along the straight path between two checkpoints, and the shape of each curve.

theta(alpha) = (1 - alpha) A + alpha B, from an initial to a final state (Goodfellow et al. 2015;
Vlaar and Frankle 2022, equation 1) or between any two states.  Each curve is monotone, a plateau
or a barrier, with Delta, the largest rise from any point to a later one, as
``lmctool.curves.shape`` defines them.

``--save-at peak`` writes the network at which the train loss is greatest: the height-of-barrier
initialisation (Vlaar and Frankle 2022, section 4); ``before`` and ``after`` (table A2) are one
point of the grid beside it.
"""

from __future__ import annotations

import click

from lmctool.api import (
    Analysis,
    CheckpointFile,
    HelpPage,
    Lazy,
    grid_options,
    hookimpl,
    partition_options,
)
from lmctool.api.advanced import shape_options
from lmctool_plugins.analyses.interpolate.metrics import METRICS

POINTS = 51
"""The authors take 50 alphas; one more puts 0.5 on the grid."""


@hookimpl
def lmctool_analysis() -> Analysis:
    """Add ``lmctool interpolate``."""
    options = (
        *grid_options(points=POINTS),
        click.Option(
            ["--also"],
            type=CheckpointFile(),
            multiple=True,
            metavar="C",
            help="Also follow the path from C to B, for example from another initialisation"
            " (repeatable).",
        ),
        click.Option(
            ["--save-at"],
            metavar="peak|before|after|ALPHA",
            help="Write a network of the last variant between A and B: at the peak of the train"
            " loss (or of the first split's), one point before or after it, or at ALPHA.",
        ),
        *partition_options(),
        *shape_options(),
    )
    return Analysis(
        Lazy("lmctool_plugins.analyses.interpolate.measure:measure"),
        networks=Lazy("lmctool_plugins.analyses.interpolate.measure:network_count"),
        splits=("train", "test"),
        options=options,
        aligner="optional",
        correction="optional",
        writes="save_at",
        table=Lazy("lmctool_plugins.analyses.interpolate.view:tabulate"),
        figure=Lazy("lmctool_plugins.analyses.interpolate.view:draw"),
        metrics=METRICS,
        derived=Lazy("lmctool_plugins.analyses.interpolate.shape:derived"),
        help=HelpPage(
            (
                "init.safetensors final.safetensors",
                "init.safetensors final.safetensors --save-at peak -o peak"
                "  # writes peak.safetensors",
            ),
            main=("--points", "--save-at"),
            docs="docs/analyses/interpolate.md",
        ),
    )
