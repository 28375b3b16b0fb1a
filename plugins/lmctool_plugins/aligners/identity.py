"""Leave every hidden unit where it is: the control that alignment is measured against."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lmctool.api import Aligner, hookimpl

if TYPE_CHECKING:
    from lmctool.api import Permutation, Run, Weights


def align(run: Run, a: Weights, b: Weights) -> Permutation:
    """Return the permutation that moves nothing."""
    from lmctool.api import Permutation

    return Permutation(run.permutation_spec, {})


@hookimpl
def lmctool_aligner() -> Aligner:
    """Add ``--align identity``."""
    return Aligner(align, needs=frozenset({"model"}), metrics=(), partial=True)
