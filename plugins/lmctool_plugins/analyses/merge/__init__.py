"""Merge two or more checkpoints into one, aligned and repaired on request, and write it.

Unless ``--method`` names another way, the merged network is the weighted mean, tensor by tensor,
with weights that are 1 if not given:

    theta = sum_i w_i P_i(theta_i) / sum_i w_i

Wortsman et al. 2022 (arXiv:2203.05482) call it a uniform soup where all weights are the same and
nothing is permuted.  P_i brings network i's hidden units into one order: that of the first
network, or a common frame (Ainsworth et al. 2022, arXiv:2209.04836, Algorithm 3); either way going
around any cycle of networks moves no unit, which is computed and stored.  Tensors that ``--except``
names, such as heads of other classes, are the first network's.  LoRA adapters are merged by their
updates: the mean of n of rank r has rank n r, and is written so.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from lmctool.api import Analysis, CheckpointFile, HelpPage, Lazy, hookimpl
from lmctool_plugins.analyses.merge.metrics import METRICS

if TYPE_CHECKING:
    from lmctool.api import Settings


def _merges_as_they_are(settings: Settings) -> bool:
    """Tell whether networks are neither aligned nor corrected."""
    corrected = settings.correction is not None or settings.batchnorm != "interpolate"
    return not (settings.aligns or corrected)


@hookimpl
def lmctool_analysis() -> Analysis:
    """Add ``lmctool merge``."""
    options = (
        click.Option(
            ["--weights"],
            metavar="W,W,…",
            help="How much each network counts, one number each: its share in a mean, or with"
            " --base the factor of what it has learned; equal by default.",
        ),
        click.Option(
            ["--alphas"],
            metavar="A,A,…",
            help="Interpolate two networks: 1 - A of the first and A of the second. Of several"
            " alphas the one with the lowest loss on the calibration set is written.",
        ),
        click.Option(
            ["--base"],
            metavar="BASE",
            type=CheckpointFile(),
            help="The checkpoint that the networks were fine-tuned from, for methods that merge"
            " what each has learned since; --align then brings units into its order.",
        ),
        click.Option(
            ["--onto"],
            metavar="NEW_BASE",
            type=CheckpointFile(),
            help="Another network that gets what was learned since --base, through the alignment"
            " of --base to it; needs --align.",
        ),
        click.Option(
            ["--calibrate-temperature"],
            is_flag=True,
            help="Also find the temperature of the merged network's logits that has the least loss"
            " on the calibration set. The weights stay as they are; the result and the checkpoint's"
            " metadata have it.",
        ),
        click.Option(
            ["--frame"],
            type=click.Choice(["first", "common"]),
            default="first",
            show_default=True,
            help="Order of the hidden units that --align permutes to: the first network's, or one"
            " in which three or more networks are closest to their mean.",
        ),
    )
    return Analysis(
        Lazy("lmctool_plugins.analyses.merge.measure:measure"),
        networks=Lazy("lmctool_plugins.analyses.merge.measure:network_count"),
        arity="n",
        needs=frozenset({"model"}),
        optional=frozenset({"data"}),
        bare=_merges_as_they_are,
        partial="excepted",
        options=options,
        aligner="optional",
        correction="optional",
        merge="always",
        calibrates=("alphas", "calibrate_temperature"),
        writes=True,
        table=Lazy("lmctool_plugins.analyses.merge.view:tabulate"),
        figure=Lazy("lmctool_plugins.analyses.merge.view:draw"),
        metrics=METRICS,
        derived=Lazy("lmctool_plugins.analyses.merge.summary:derived"),
        help=HelpPage(
            (
                "a.safetensors b.safetensors --align --repair -o merged"
                "  # writes merged.safetensors",
                "a.safetensors b.safetensors c.safetensors --weights 1,1,2 -o soup",
                "a.safetensors b.safetensors --method ties --base base.safetensors -o merged",
            ),
            main=("--weights", "--alphas", "--base"),
            docs="docs/analyses/merge.md",
        ),
    )
