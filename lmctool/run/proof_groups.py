"""What the proofs of a run showed, as groups of its result."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

import numpy as np

from lmctool.results.alignments import ALIGNMENT, numbers
from lmctool.results.result import Attribute, Group, Variable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lmctool.run.run import Run
    from lmctool.symmetry import Proof

PROOF = "proof"
CANONICAL = "proof/canonical"
FORM = "form"
"""The dim of networks in canonical form."""


def proof_groups(run: Run) -> dict[str, Group]:
    """Return what the proof of every alignment showed, and that of every canonical form."""
    alignments = [each.proof for each in run.alignments.proved]
    groups = {PROOF: _group(alignments, ALIGNMENT, numbers(range(len(alignments))), "f(pi(B))")}
    if forms := list(run.forms.proved.values()):
        names = np.array([str(number) for number in range(len(forms))], dtype=object)
        coordinate = Variable(names, (FORM,), long_name="networks in the order of their proofs")
        groups[CANONICAL] = _group(forms, FORM, coordinate, "B in canonical form")
    return groups


def _group(proofs: Sequence[Proof], dim: str, coordinate: Variable, changed: str) -> Group:
    """Return what some proofs showed, over a dim."""
    rows = [asdict(proof) | {"holds": proof.holds} for proof in proofs]
    meanings = {
        "difference": f"greatest absolute difference of an output of {changed} and f(B)",
        "tolerance": "greatest difference that rounding explains",
        "scale": "greatest absolute output",
        "examples": "examples compared",
        "holds": "whether the two are the same function",
    }
    variables = {dim: coordinate} | {
        key: Variable(np.array([row[key] for row in rows]), (dim,), "1", meaning)
        for key, meaning in meanings.items()
    }
    attributes: dict[str, Attribute] = {"dtype": [proof.dtype for proof in proofs]}
    if any(proof.output for proof in proofs):  # of several the one that differs most
        attributes["output"] = [proof.output for proof in proofs]
    return Group(variables, attributes)
