"""How far two checkpoints lie apart: whole, and per kind, block, layer and tensor.

Of each part, with all its values as one vector (the Frobenius norm of its tensors together):

    l2          ||A - B||
    relative    ||A - B|| / ||A||                  the relative change from A to B
    symmetric   sqrt(||A - B||^2 / (||A|| ||B||))  the same from B to A
    cosine      <A, B> / (||A|| ||B||)
    growth      ||B|| / ||A|| - 1                  the relative change of the norm

Vlaar and Frankle 2022 (arXiv:2106.16004, appendix E, equation 4) tell the distance travelled in
training by a Frobenius norm after Liu et al. 2020 (arXiv:1906.02613).  Which of ``relative`` and
``symmetric`` it is could not be checked, so both are here.

What counts are the parameters: floating tensors but the running statistics of BatchNorm, which are
measured as a kind of their own, and everywhere with ``--over all``.  Whole numbers and masks never
count; where they differ and are no counters, as in quantised networks, nothing is judged.

With ``--align`` B is measured as it is and with its units in A's order; no other permutation that
an aligner might find need be nearer.  ``--to O`` measures A - O and B - O too,
the distance travelled from a common origin, and the cosine between the two.

Tensors that have other shapes in B, or are on one side only, as a head of other classes, are left
out and listed.  Unless ``--except`` names them no gate is judged, for half a distance says little.

Files are mapped a stretch at a time, and every squared norm is within 1e-6 of itself.  Checkpoints
may be larger than memory; with ``--align`` both networks are in memory.
"""

from __future__ import annotations

import click

from lmctool.api import Analysis, CheckpointFile, HelpPage, Lazy, hookimpl
from lmctool_plugins.analyses.distance.metrics import METRICS


@hookimpl
def lmctool_analysis() -> Analysis:
    """Add ``lmctool distance``."""
    options = (
        click.Option(
            ["--over"],
            type=click.Choice(["parameters", "all"]),
            default="parameters",
            show_default=True,
            help="Tensors to count: parameters only, or also BatchNorm running statistics.",
        ),
        click.Option(
            ["--to"],
            type=CheckpointFile(),
            metavar="CKPT",
            help="Also measure the distance of A and B from this checkpoint, such as their init.",
        ),
    )
    return Analysis(
        Lazy("lmctool_plugins.analyses.distance.measure:measure"),
        needs=frozenset(),
        optional=frozenset({"model", "data"}),
        options=options,
        partial="fitting",
        aligner="optional",
        table=Lazy("lmctool_plugins.analyses.distance.view:tabulate"),
        figure=Lazy("lmctool_plugins.analyses.distance.view:draw"),
        metrics=METRICS,
        derived=Lazy("lmctool_plugins.analyses.distance.summary:derived"),
        help=HelpPage(
            (
                "a.safetensors b.safetensors  # needs neither model nor data",
                "a.safetensors b.safetensors --to init.safetensors",
            ),
            docs="docs/analyses/distance.md",
        ),
    )
