"""An alignment: the permutation that the chosen aligner finds, or a stored one, with its proof."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click
import numpy as np
import torch

from lmctool.errors import LmctoolError
from lmctool.plugin import registry
from lmctool.results.file import pack, unpack
from lmctool.results.result import Result
from lmctool.symmetry import Permutation, Proof, prove
from lmctool.symmetry.stored import (
    PERMUTATIONS,
    load_permutation,
    permutation_group,
    permutation_of,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray
    from torch import Tensor

    from lmctool.results.result import Group
    from lmctool.run.run import Run

    Weights = Mapping[str, Tensor]

PROOF_EXAMPLES = 32


def align(run: Run, a: Weights, b: Weights) -> tuple[Permutation, Proof]:
    """Return the permutation that brings B's units into A's order, proved on examples.

    Raises:
        LmctoolError: no aligner was named, it returns something else than a permutation, or
            the stored permutation that takes its place is of another model.
        UnjudgedError: the permutation changes B's function.
    """
    if run.settings.apply is not None:
        permutation = load_permutation(run.settings.apply, run.permutation_spec)
    else:
        permutation = _found(run, a, b)
    return permutation, prove(run.module, b, permutation, run.example(PROOF_EXAMPLES))


def matched(run: Run, name: str, a: Weights, b: Weights, **options: Any) -> Permutation:
    """Return the permutation that an aligner finds, without a proof.

    So an aligner starts from what another one finds.

    Args:
        run: the run.
        name: the aligner's registered word.
        a: the first network.
        b: the second.
        options: values of the aligner's own options; the others have their defaults.

    Raises:
        LmctoolError: there is no such aligner, or it returns something else than a permutation.
    """
    aligner = registry.load("lmctool.aligners", name)
    defaults = click.Command(name, params=list(aligner.options)).make_context(name, []).params
    chosen = {**defaults, **options}
    data = run.calibration.digest if "data" in aligner.needs and run.data is not None else ""
    with run.units.step("alignment", name, chosen, data) as step:
        unit = step.get("permutation")
        if unit is not None:
            return _unpacked(run, unit["image"])
        before = dict(run.findings)
        permutation = aligner.align(run, a, b, **chosen)
        if not isinstance(permutation, Permutation):
            found = type(permutation).__name__
            raise LmctoolError(f"aligner {name!r} returned {found!r}, not a Permutation")
        new = {path: group for path, group in run.findings.items() if before.get(path) is not group}
        step.keep("permutation", lambda: _packed(permutation, new))
    return permutation


def _packed(permutation: Permutation, findings: Mapping[str, Group]) -> dict[str, NDArray[Any]]:
    """Return a permutation, and what its aligner tells of it, as a unit of a run."""
    groups = {PERMUTATIONS: permutation_group(permutation), **findings}
    return {"image": np.frombuffer(pack(Result("align", groups)), dtype=np.uint8)}


def _unpacked(run: Run, image: NDArray[Any]) -> Permutation:
    """Return the permutation of a unit; what its aligner told of it joins the run's findings."""
    groups = dict(unpack(image.tobytes()).groups)
    found = permutation_of(groups.pop(PERMUTATIONS), "a unit of this run")
    run.findings.update(groups)
    moves = {name: torch.from_numpy(move) for name, move in found.moves.items()}
    return Permutation(run.permutation_spec, moves)


def _found(run: Run, a: Weights, b: Weights) -> Permutation:
    """Return what the chosen aligner finds."""
    choice = run.settings.aligner
    if choice is None:
        raise LmctoolError(f"analysis {run.name!r} asked for an alignment without an aligner")
    return matched(run, choice.name, a, b, **choice.options)
