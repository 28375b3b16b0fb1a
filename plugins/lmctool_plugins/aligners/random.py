"""Permute hidden units at random, from the run's seed: the control that knows nothing.

With ``--groups all`` a random element of every linear group acts on them besides.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import click

from lmctool.api import Aligner, hookimpl

if TYPE_CHECKING:
    from lmctool.api import Run, Transform, Weights

    Groups = Literal["permutation", "all"]


def align(run: Run, a: Weights, b: Weights, groups: Groups = "permutation") -> Transform:
    """Return a random transform: a permutation of every group, drawn uniformly, or more.

    Args:
        run: the run.
        a: the first network.
        b: the second.
        groups: which groups it is of.
    """
    from lmctool.api import LinearTransform, Permutation

    generator = run.generator("random")
    if groups == "all":
        return LinearTransform.random(run.linear_spec, generator)
    return Permutation.random(run.permutation_spec, generator)


def in_canonical_form(groups: Groups = "permutation") -> bool:
    """Tell whether networks have to be in canonical form."""
    return groups == "all"


@hookimpl
def lmctool_aligner() -> Aligner:
    """Add ``--align random``."""
    groups = click.Option(
        ["--groups"],
        type=click.Choice(["permutation", "all"]),
        default="permutation",
        show_default=True,
        help="Draw a permutation, or an element of every group: rotations and scales, too.",
    )
    return Aligner(
        align,
        options=(groups,),
        needs=frozenset({"model"}),
        metrics=(),
        partial=True,
        canonical=in_canonical_form,
    )
