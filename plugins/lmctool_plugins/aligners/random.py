"""Permute hidden units at random, from the run's seed: the control that knows nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lmctool.api import Aligner, hookimpl

if TYPE_CHECKING:
    from lmctool.api import Permutation, Run, Weights


def align(run: Run, a: Weights, b: Weights) -> Permutation:
    """Return a permutation of every group, drawn uniformly."""
    from lmctool.api import Permutation

    return Permutation.random(run.permutation_spec, run.generator("random"))


@hookimpl
def lmctool_aligner() -> Aligner:
    """Add ``--align random``."""
    return Aligner(align, needs=frozenset({"model"}), metrics=(), partial=True)
