"""An alignment: the permutation that the chosen aligner finds, with its proof."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lmctool import registry
from lmctool.errors import LmctoolError
from lmctool.symmetry import Permutation, Proof, prove

if TYPE_CHECKING:
    from collections.abc import Mapping

    from torch import Tensor

    from lmctool.run import Run

    Weights = Mapping[str, Tensor]

PROOF_EXAMPLES = 32


def align(run: Run, a: Weights, b: Weights) -> tuple[Permutation, Proof]:
    """Return the permutation that brings B's units into A's order, proved on real examples.

    Raises:
        LmctoolError: no aligner was named, or it returns something else than a permutation.
        UnjudgedError: the permutation changes B's function.
    """
    choice = run.settings.aligner
    if choice is None:
        raise LmctoolError(f"analysis {run.name!r} asked for an alignment without an aligner")
    permutation = registry.load("lmctool.aligners", choice.name).align(run, a, b, **choice.options)
    if not isinstance(permutation, Permutation):
        found = type(permutation).__name__
        raise LmctoolError(f"aligner {choice.name!r} returned {found!r}, not a Permutation")
    inputs = run.calibration.head(PROOF_EXAMPLES, run.dtype)
    return permutation, prove(run.module, b, permutation, inputs)
