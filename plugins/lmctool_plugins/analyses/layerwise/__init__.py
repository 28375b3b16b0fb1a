"""Loss and error while one layer at a time goes from A to B, and the layers' share of the barrier.

Layer-wise interpolation (Chatterji et al. 2020, arXiv:1912.00528; Vlaar and Frankle 2022,
equation 2): the tensors of one part are (1 - alpha) A + alpha B, all others rest at B, their
final state, or at A with ``--rest a``.  ``--cumulative`` moves a part together with all parts
before it (``forward``) or behind it (``backward``), so that one of the curves is the full path.

The running statistics of a BatchNorm belong to its layer's part and are interpolated with it.
Integer buffers have no midpoint: a part takes A's, as the full path does, and B's at alpha 1.

The barrier of a curve is how far it lies above the chord between its own ends, or what else
``--definition`` says; its rise, which its shape is judged by, is Delta, from an earlier point.  A
curve that falls all the way and bulges above its chord has a barrier and no rise.

The share of the full path's barrier that part P explains, of loss or error L:

    share(P) = [L(P at alpha*) - L(rest)] / [L(all at alpha*) - L(rest)]

where alpha* is the place of the full path's barrier, L(P at alpha*) has P alone moved there and
L(rest) is the value of the state that the others rest at.  Nothing moved gives 0, all 1; parts
interact, so shares of single parts need not add up to 1.  Of cumulative parts it is the
difference to the parts moved before, and these add up to 1 where every tensor is in a part.

The denominator is the barrier where the ends are equal; else it holds their difference as well,
(1 - alpha*) (L(A) - L(B)) with the rest at B.  So there is no share where it is another than the
barrier by more than a tenth, none of a barrier that is not above ``--least-loss`` or
``--least-error``, and none of a part that rises, or falls, by more than the barrier: what the
others take off again is no share of it.

With ``--within`` the barrier of every part, and of the full path, is told by a share of the
examples of its own, with an interval of its own; all else follows from the estimated curves.
"""

from __future__ import annotations

import click

from lmctool.api import Analysis, HelpPage, Lazy, definition_option, grid_options, hookimpl
from lmctool.api.advanced import shape_options, within_option
from lmctool_plugins.analyses.layerwise.metrics import METRICS


@hookimpl
def lmctool_analysis() -> Analysis:
    """Add ``lmctool layerwise``."""
    options = (
        *grid_options(points=11),
        click.Option(
            ["--by"],
            default="layer",
            show_default=True,
            metavar="layer|block|group|kind|GLOB|REGEX",
            help="Grouping of tensors into parts. A shell pattern, such as 'layer[12]*', makes a"
            " part of each outermost module that it fits; a regular expression of what its first"
            " group, or else the whole, finds in the tensors' names.",
        ),
        click.Option(
            ["--rest"],
            type=click.Choice(["b", "a", "both"]),
            default="b",
            show_default=True,
            help="Checkpoint that all other parts are taken from.",
        ),
        click.Option(
            ["--cumulative"],
            type=click.Choice(["none", "forward", "backward"]),
            default="none",
            show_default=True,
            help="Move each part together with all before it (forward) or after it (backward).",
        ),
        definition_option(),
        within_option(),
        *shape_options(),
    )
    return Analysis(
        Lazy("lmctool_plugins.analyses.layerwise.measure:measure"),
        networks=Lazy("lmctool_plugins.analyses.layerwise.measure:network_count"),
        options=options,
        aligner="optional",
        table=Lazy("lmctool_plugins.analyses.layerwise.table:tabulate"),
        figure=Lazy("lmctool_plugins.analyses.layerwise.figure:draw"),
        metrics=METRICS,
        derived=Lazy("lmctool_plugins.analyses.layerwise.summary:derived"),
        help=HelpPage(
            (
                "init.safetensors final.safetensors --by block",
                "a.safetensors b.safetensors --align --by 'layers.[12]' --points 5"
                "  # of parts whose names fit a pattern",
            ),
            main=("--by", "--points", "--cumulative"),
            docs="docs/analyses/layerwise.md",
        ),
    )
