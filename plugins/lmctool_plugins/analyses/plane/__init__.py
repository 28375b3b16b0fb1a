"""Loss and error over a plane in weight space, with checkpoints or a training run in it.

Through three checkpoints A, B and C (Garipov et al. 2018, arXiv:1802.10026, appendix), with
u = B - A and v = C - A less its part along u, over the parameters:

    theta(x, y) = A + x u / ||u|| + y v / ||v||

so that x and y are distances; with ``--align`` C is B in the order of A's units.  ``--random`` has
two random directions in the place of both (Li et al. 2018, arXiv:1712.09913, section 4): every
filter d_ij of a direction is scaled to the norm of the network's own,

    d_ij <- d_ij ||theta_ij|| / ||d_ij||

and vectors, as biases and the parameters of norms are, get no direction.  ``--run`` takes the first
two principal components of theta_step - A over the steps of a run (there, section 7).

The corners are the checkpoints themselves, and of points beyond them --batchnorm says what running
statistics are.
"""

from __future__ import annotations

import click

from lmctool.api import Analysis, HelpPage, Lazy, definition_option, hookimpl
from lmctool.api.advanced import SeriesFolder
from lmctool_plugins.analyses.plane.metrics import METRICS


@hookimpl
def lmctool_analysis() -> Analysis:
    """Add ``lmctool plane``."""
    options = (
        click.Option(
            ["--random"],
            is_flag=True,
            help="Around A along two random directions, filter by filter as long as A's weights;"
            " --seed sets the seed.",
        ),
        click.Option(
            ["--run", "path"],
            type=SeriesFolder(),
            help="Through A along the first two principal components of this run's steps.",
        ),
        click.Option(
            ["--points"],
            metavar="N|NxM",
            default="21",
            show_default=True,
            help="Points of the grid along x and y, or N along both.",
        ),
        click.Option(
            ["--margin"],
            type=click.FloatRange(min=0),
            metavar="SHARE",
            help="Room around the checkpoints or the run, as a share of their width and height;"
            " 0.2 by default.",
        ),
        click.Option(
            ["--reach"],
            type=click.FloatRange(min=0, min_open=True),
            help="How far --random goes along each direction, in its length; 1 by default.",
        ),
        definition_option(),
        click.Option(
            ["--surface"], is_flag=True, help="Draw surfaces in three dimensions, not contours."
        ),
    )
    return Analysis(
        Lazy("lmctool_plugins.analyses.plane.measure:measure"),
        networks=Lazy("lmctool_plugins.analyses.plane.measure:network_count"),
        arity=(1, 3),
        options=options,
        aligner="optional",
        table=Lazy("lmctool_plugins.analyses.plane.table:tabulate"),
        figure=Lazy("lmctool_plugins.analyses.plane.figure:draw"),
        metrics=METRICS,
        derived=Lazy("lmctool_plugins.analyses.plane.summary:derived"),
        help=HelpPage(
            (
                "a.safetensors b.safetensors c.safetensors",
                "a.safetensors b.safetensors --align  # the third corner is B in A's order",
                "a.safetensors --random --seed 1 --points 41",
                "final.safetensors --run checkpoints/  # with the run's path",
            ),
            main=("--random", "--run", "--points"),
            docs="docs/analyses/plane.md",
        ),
    )
