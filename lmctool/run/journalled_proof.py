"""The proof of a change of a network as an entry of the journal: none is proved twice in a run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from lmctool.symmetry import Proof

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from numpy.typing import NDArray

    from lmctool.results.journal import Entry

PROOF = "proof"
"""The kind of these entries."""
NUMBERS = ("difference", "tolerance", "scale")
EXAMPLES, WORDS = "examples", ("dtype", "output")


def journalled(entry: Entry, prove: Callable[[], Proof]) -> Proof:
    """Return a proof: that of the journal, or else a new one.

    Args:
        entry: names the network, what is done to it, and the examples.
        prove: compares the network with its changed self; it raises where they differ, which is
            not kept.
    """
    if entry.arrays is not None:
        return _read(entry.arrays)
    proof = prove()
    entry.keep(lambda: _arrays(proof))
    return proof


def _arrays(proof: Proof) -> dict[str, NDArray[Any]]:
    numbers = {name: np.array(getattr(proof, name), dtype=np.float64) for name in NUMBERS}
    words = {name: np.array(getattr(proof, name), dtype=np.str_) for name in WORDS}
    return {**numbers, EXAMPLES: np.array(proof.examples), **words}


def _read(arrays: Mapping[str, NDArray[Any]]) -> Proof:
    difference, tolerance, scale = (float(arrays[name]) for name in NUMBERS)
    dtype, output = (str(arrays[name]) for name in WORDS)
    return Proof(difference, tolerance, scale, int(arrays[EXAMPLES]), dtype, output)
