"""Variance of the networks between two checkpoints, layer by layer, over that of the ends.

The variance ratio of a layer (Jordan et al. 2023, arXiv:2211.08403, section 3.1): with v the sum
over its units of their variances across examples, in the network at alpha and in both ends,

    ratio = v_alpha / ((v_1 + v_2) / 2)

Variance collapse is a ratio that falls with depth.  In the first layer it follows from the
correlation of matched units (equation 5): 0.5 + 0.5 corr at alpha 0.5 where their standard
deviations are equal, so 0.7 at a correlation of 0.4.  What the ends' units predict so for each
layer is given beside the ratio, and so is REPAIR's goal, ((1 - alpha) s_1 + alpha s_2)^2 summed.

Variances are those REPAIR takes: of preactivations over examples and positions, unbiased in each
batch of ``--calib-batch``, averaged over the calibration examples.
"""

from __future__ import annotations

import click

from lmctool.api import Analysis, HelpPage, Lazy, hookimpl
from lmctool_plugins.analyses.variance.metrics import METRICS


@hookimpl
def lmctool_analysis() -> Analysis:
    """Add ``lmctool variance``."""
    options = (
        click.Option(
            ["--alphas"],
            metavar="A,A,…",
            default="0.5",
            show_default=True,
            help="Positions of the networks between A (0) and B (1).",
        ),
        click.Option(
            ["--at"],
            type=click.Choice(["layers", "blocks", "both"]),
            default="layers",
            show_default=True,
            help="Measure preactivations of layers, outputs of residual blocks, or both.",
        ),
        click.Option(
            ["--layer"],
            metavar="NAME",
            help="Also store and draw each channel of this layer or block: its name, or a shell"
            " pattern of it alone, such as '*.conv2'.",
        ),
    )
    return Analysis(
        Lazy("lmctool_plugins.analyses.variance.measure:measure"),
        options=options,
        aligner="optional",
        correction="optional",
        calibrates=True,
        table=Lazy("lmctool_plugins.analyses.variance.table:tabulate"),
        figure=Lazy("lmctool_plugins.analyses.variance.figure:draw"),
        metrics=METRICS,
        help=HelpPage(
            (
                "a.safetensors b.safetensors --align --repair",
                "a.safetensors b.safetensors --align --layer layers.1"
                "  # each channel of one layer too",
            ),
            docs="docs/analyses/variance.md",
        ),
    )
