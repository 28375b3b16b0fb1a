"""An alignment: the permutation that the chosen aligner finds, or a stored one, with its proof."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click
import numpy as np
import torch

from lmctool import registry
from lmctool.errors import LmctoolError
from lmctool.results.file import pack, unpack
from lmctool.results.permutations import (
    PERMUTATIONS,
    permutation_group,
    permutation_of,
    read_permutation,
)
from lmctool.results.result import Result
from lmctool.symmetry import Permutation, Proof, prove

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from numpy.typing import NDArray
    from torch import Tensor

    from lmctool.results.result import Group
    from lmctool.run import Run
    from lmctool.symmetry import PermutationSpec

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
        permutation = stored(run.settings.apply, run.permutation_spec)
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


def stored(path: Path, spec: PermutationSpec) -> Permutation:
    """Return the permutation of a result, for a model with the same groups.

    Args:
        path: a result that holds one.
        spec: what may be permuted in the model at hand.

    Raises:
        LmctoolError: there is none, or its groups and sizes aren't those of the model.
    """
    found = read_permutation(path)
    if found.sizes != dict(spec.groups) or found.per != dict(spec.per):
        raise LmctoolError(
            f"the permutation of '{path}' doesn't fit the model: {_difference(found.sizes, spec)};"
            " apply it to the same architecture, with the same --spec"
        )
    moves = {name: torch.from_numpy(move) for name, move in found.moves.items()}
    try:
        return Permutation(spec, moves)
    except ValueError as cause:  # what a file says is no bug
        raise LmctoolError(f"result '{path}' holds no sound permutation: {cause}") from cause


def _difference(sizes: Mapping[str, int], spec: PermutationSpec) -> str:
    """Return the first difference between stored groups and those of a spec, in words."""
    for name in dict.fromkeys([*spec.groups, *sizes]):
        told = [
            f"{groups[name]} units" if name in groups else "none such"
            for groups in (sizes, spec.groups)
        ]
        if told[0] != told[1]:
            return f"group {name!r} has {told[0]} in it and {told[1]} in the model"
    return "another group lies outside of an inner one"


def _found(run: Run, a: Weights, b: Weights) -> Permutation:
    """Return what the chosen aligner finds."""
    choice = run.settings.aligner
    if choice is None:
        raise LmctoolError(f"analysis {run.name!r} asked for an alignment without an aligner")
    return matched(run, choice.name, a, b, **choice.options)
