"""Put layers of another checkpoint, or fresh ones, into a checkpoint, or try it with every layer.

    theta_l = OTHER_l of the layers that --layers names,  theta_l = CKPT_l of all others

With OTHER the initial state of a trained CKPT this is the start of partial (pre-)training: "T-All
but RI-k" of Vlaar and Frankle 2022 (arXiv:2106.16004, section 4, figure 4) is trained everywhere
but in block k.  ``--evaluate`` puts OTHER's parts in one at a time: the rise of the error is the
re-initialisation robustness of Zhang, Bengio and Singer 2019 (arXiv:1902.01996), and with
``--fresh`` parts their re-randomisation robustness.

Tensors that don't fit OTHER's, as of a head of other classes, stay CKPT's; a part of ``--layers``
that has such is refused unless ``--except`` names them.
"""

from __future__ import annotations

import click

from lmctool.api import Analysis, CheckpointFile, HelpPage, Lazy, hookimpl
from lmctool_plugins.analyses.graft.metrics import METRICS


@hookimpl
def lmctool_analysis() -> Analysis:
    """Add ``lmctool graft``."""
    options = (
        click.Option(
            ["--from", "source"],
            metavar="CKPT",
            type=CheckpointFile(),
            help="Checkpoint to take parts from.",
        ),
        click.Option(
            ["--fresh"],
            is_flag=True,
            help="Take freshly initialised parts instead of a checkpoint's; --seed sets the seed.",
        ),
        click.Option(
            ["--layers"],
            metavar="NAME|GLOB|REGEX,…",
            multiple=True,
            help="Parts to take (repeatable): names of parts, shell patterns such as 'layer1*', or"
            " regular expressions that match whole names. Writes a checkpoint.",
        ),
        click.Option(["--all-but"], is_flag=True, help="Take every part except --layers."),
        click.Option(
            ["--by"],
            metavar="layer|block|group|kind|GLOB|REGEX",
            default="layer",
            show_default=True,
            help="Grouping of tensors into parts. A shell pattern, such as 'layer[12]*', makes a"
            " part of each outermost module that it fits; a regular expression of what its first"
            " group, or else the whole, finds in the tensors' names.",
        ),
        click.Option(
            ["--evaluate"], is_flag=True, help="Evaluate the network with each part taken alone."
        ),
    )
    return Analysis(
        Lazy("lmctool_plugins.analyses.graft.measure:measure"),
        networks=Lazy("lmctool_plugins.analyses.graft.measure:network_count"),
        arity=1,
        needs=frozenset({"model"}),
        optional=frozenset({"data"}),
        bare=lambda settings: bool(settings.others),  # parts come from a file, and no one is fresh
        partial="fitting",
        options=options,
        writes="layers",
        table=Lazy("lmctool_plugins.analyses.graft.view:tabulate"),
        figure=Lazy("lmctool_plugins.analyses.graft.view:draw"),
        metrics=METRICS,
        derived=Lazy("lmctool_plugins.analyses.graft.summary:derived"),
        help=HelpPage(
            (
                "final.safetensors --from init.safetensors --by block --evaluate",
                "final.safetensors --from init.safetensors --layers 'layer1*' -o start"
                "  # writes start.safetensors",
            ),
            main=("--from", "--fresh", "--layers", "--by", "--evaluate"),
            docs="docs/analyses/graft.md",
        ),
    )
