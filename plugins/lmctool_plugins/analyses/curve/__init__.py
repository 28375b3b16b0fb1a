"""Train a curve of low loss between two checkpoints, and hold it against the straight line.

A path phi(alpha) = sum_k c_k(alpha) P_k has the ends for its first and its last point and bends
between them, which are trained so that the loss is low all along it (Garipov et al. 2018,
arXiv:1802.10026, section 3; found at the same time by Draxler et al. 2018, arXiv:1803.00885):

    l(bends) = E over alpha ~ U(0, 1) of L(phi(alpha))

Each step draws an alpha and a batch of calibration examples, and follows the gradient at that
point.  ``bezier`` with one bend is (1 - alpha)^2 A + 2 alpha (1 - alpha) P_1 + alpha^2 B, with more
bends a Bezier curve of higher degree; ``chain`` is a polygonal chain.  The bends start on the
straight line, and are written as checkpoints.  BatchNorm statistics on the curve are those of the
calibration examples, taken anew at every point between the ends.
"""

from __future__ import annotations

import click

from lmctool.api import Analysis, HelpPage, Lazy, definition_option, grid_options, hookimpl
from lmctool.api.advanced import shape_options
from lmctool_plugins.analyses.curve.metrics import METRICS

STEPS, RATE, BATCH = 600, 0.1, 128
"""Chosen on pairs of an MLP, a VGG11 and a ResNet20; docs/analyses/curve.md has the numbers."""


@hookimpl
def lmctool_analysis() -> Analysis:
    """Add ``lmctool curve``."""
    options = (
        click.Option(
            ["--kind"],
            type=click.Choice(["bezier", "chain"]),
            default="bezier",
            show_default=True,
            help="Form of the curve: a Bezier curve, or a polygonal chain.",
        ),
        click.Option(
            ["--bends"],
            type=click.IntRange(min=1),
            default=1,
            show_default=True,
            help="Number of points between the ends that are trained; each is written.",
        ),
        click.Option(
            ["--curve-steps"],
            type=click.IntRange(min=1),
            default=STEPS,
            show_default=True,
            help="Number of steps of the training.",
        ),
        click.Option(
            ["--curve-lr"],
            type=click.FloatRange(0, min_open=True),
            default=RATE,
            show_default=True,
            help="Greatest learning rate of the training.",
        ),
        click.Option(
            ["--curve-batch"],
            type=click.IntRange(min=2),
            default=BATCH,
            show_default=True,
            help="Calibration examples in each step.",
        ),
        *grid_options(),
        definition_option(),
        *shape_options(),
    )
    return Analysis(
        Lazy("lmctool_plugins.analyses.curve.measure:measure"),
        networks=Lazy("lmctool_plugins.analyses.curve.measure:network_count"),
        options=options,
        aligner="optional",
        calibrates=True,
        writes=True,
        beside=Lazy("lmctool_plugins.analyses.curve.measure:beside"),
        table=Lazy("lmctool_plugins.analyses.curve.table:tabulate"),
        figure=Lazy("lmctool_plugins.analyses.curve.figure:draw"),
        metrics=METRICS,
        derived=Lazy("lmctool_plugins.analyses.curve.summary:derived"),
        help=HelpPage(
            (
                "a.safetensors b.safetensors -o curve  # writes the bend to curve.safetensors",
                "a.safetensors b.safetensors --align --kind chain --curve-steps 2000"
                " --require 'curve.barrier.error[path=curve] <= 0.5%'",
            ),
            main=("--kind", "--bends", "--curve-steps", "--curve-lr"),
            docs="docs/analyses/curve.md",
        ),
    )
