"""Similarity of what two networks and their midpoint compute, layer by layer.

With K and L the matrices of inner products of the examples' features in two layers, and K~ and L~
the same with zeros on the diagonal (Song et al. 2012, JMLR 13; Nguyen, Raghu and Kornblith 2021,
arXiv:2010.15327, equations 2 and 3),

    HSIC(K, L) = [tr(K~ L~) + 1'K~1 1'L~1 / ((n-1)(n-2)) - 2 / (n-2) 1'K~L~1] / (n (n-3))
    CKA        = HSIC(K, L) / sqrt(HSIC(K, K) HSIC(L, L))

HSIC is unbiased, of all n examples at once or as the mean over minibatches.  The features of an
example are all numbers that a layer gives for it (Kornblith et al. 2019, arXiv:1905.00414).  Over
examples and positions, with X and Y (sample, unit), centred, and |.|_* the sum of singular values,

    correlation = mean over units i of corr(X_i, Y_i)
    procrustes  = |X|^2 + |Y|^2 - 2 |X'Y|_*,  where |X| = |Y| = 1

The distance (Ding, Denain and Steinhardt 2021, arXiv:2108.01661) is 0 where an orthogonal map
takes one layer to the other, and 2 where they have nothing in common.
"""

from __future__ import annotations

import click

from lmctool.api import Analysis, HelpPage, Lazy, hookimpl
from lmctool_plugins.analyses.similarity.metrics import METRICS


@hookimpl
def lmctool_analysis() -> Analysis:
    """Add ``lmctool similarity``."""
    options = (
        click.Option(
            ["--layers"],
            metavar="NAME|GLOB|REGEX,…",
            multiple=True,
            help="Layers to compare (repeatable), instead of all: names, shell patterns such as"
            " 'layer1*', or regular expressions that match whole names.",
        ),
        click.Option(
            ["--pool"],
            is_flag=True,
            help="Average each unit over its positions (pixels or tokens) before all else.",
        ),
        click.Option(
            ["--minibatch"],
            type=click.IntRange(min=8),
            metavar="N",
            help="Estimate HSIC on minibatches of at most N examples. By default on all at once"
            " where a network's layers have few features together, else on minibatches of 128.",
        ),
    )
    return Analysis(
        Lazy("lmctool_plugins.analyses.similarity.measure:measure"),
        networks=Lazy("lmctool_plugins.analyses.similarity.networks:network_count"),
        options=options,
        aligner="optional",
        correction="optional",
        table=Lazy("lmctool_plugins.analyses.similarity.table:tabulate"),
        figure=Lazy("lmctool_plugins.analyses.similarity.figure:draw"),
        metrics=METRICS,
        derived=Lazy("lmctool_plugins.analyses.similarity.summary:derived"),
        help=HelpPage(
            (
                "a.safetensors b.safetensors --align",
                "a.safetensors b.safetensors --align --repair --layers 'layer3*'"
                "  # some layers alone",
            ),
            docs="docs/analyses/similarity.md",
        ),
    )
