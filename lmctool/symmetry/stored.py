"""Stored permutations: of an alignment, as a group of a result, and read back from its file."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch

from lmctool.errors import LmctoolError
from lmctool.results.file import read
from lmctool.results.result import Group, Variable
from lmctool.symmetry.permutation import Permutation

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from numpy.typing import NDArray

    from lmctool.symmetry.spec import PermutationSpec

PERMUTATIONS = "permutations"
"""The group of a result that holds them."""


@dataclass(frozen=True, slots=True)
class StoredPermutation:
    """A permutation as a result holds it, before it is known to fit any model.

    Attributes:
        sizes: the size of each group.
        per: the outer group of each inner group.
        moves: for each group (unit,), or (outer unit, unit) for an inner one: the unit that
            goes to each place.
    """

    sizes: Mapping[str, int]
    per: Mapping[str, str]
    moves: Mapping[str, NDArray[np.int64]]


def permutation_group(permutation: Permutation) -> Group:
    """Return every group's move, whole, with its size and how many of its units moved."""
    spec = permutation.spec
    sizes = spec.groups
    units = np.array([spec.units(name) for name in sizes], dtype=np.int64)
    moved = np.array([permutation.moved(name) for name in sizes], dtype=np.int64)
    variables = {
        "group": Variable(_texts(list(sizes)), ("group",), long_name="permutation group"),
        "size": Variable(
            np.array(list(sizes.values()), dtype=np.int64),
            ("group",),
            long_name="units, of an inner group under one unit of its outer group",
        ),
        "units": Variable(units, ("group",), long_name="units in all"),
        "outer": Variable(
            _texts([spec.per.get(name, "") for name in sizes]),
            ("group",),
            long_name="outer group of an inner group",
        ),
        "moved": Variable(moved, ("group",), long_name="units that moved"),
    }
    for number, name in enumerate(sizes):
        move, shape = permutation.moves.get(name), spec.shape(name)
        variables[f"permutation_{number:03d}"] = Variable(
            np.broadcast_to(np.arange(shape[-1]), shape) if move is None else move.numpy(),
            (f"outer_{number:03d}", f"unit_{number:03d}")[-len(shape) :],
            long_name=f"unit of B that goes to each place of {name}",
        )
    return Group(variables)


def read_permutation(path: Path) -> StoredPermutation:
    """Read the permutation that a result holds.

    Raises:
        LmctoolError: the file is no result, holds no permutation, or one that is malformed.
    """
    group = read(path).groups.get(PERMUTATIONS)
    if group is None:
        raise LmctoolError(f"result '{path}' holds no permutation; name one that align wrote")
    return permutation_of(group, f"result '{path}'")


def permutation_of(group: Group, source: str) -> StoredPermutation:
    """Return the permutation that a group holds.

    Args:
        group: what ``permutation_group`` made.
        source: where it is from, in words.

    Raises:
        LmctoolError: it is malformed.
    """
    try:
        variables = group.variables
        names = [str(name) for name in variables["group"].values]
        sizes = dict(zip(names, map(int, variables["size"].values), strict=True))
        outer = variables["outer"].values if "outer" in variables else [""] * len(names)
        per = {name: str(other) for name, other in zip(names, outer, strict=True) if other}
        moves = {
            name: _move(variables[f"permutation_{number:03d}"].values)
            for number, name in enumerate(names)
        }
    except (KeyError, ValueError, TypeError) as cause:
        raise LmctoolError(f"{source} holds a permutation that cannot be read: {cause}") from cause
    return StoredPermutation(sizes, per, moves)


def _move(values: NDArray[np.generic]) -> NDArray[np.int64]:
    if values.dtype.kind not in "iu":
        raise ValueError(f"a move has type {values.dtype}")
    return values.astype(np.int64)


def _texts(words: list[str]) -> NDArray[np.object_]:
    return np.array(words, dtype=object)


def load_permutation(path: Path, spec: PermutationSpec) -> Permutation:
    """Return the permutation of a result, for a model with the same groups.

    Args:
        path: a result that holds one.
        spec: what may be permuted in the model at hand.

    Raises:
        LmctoolError: there is none, or its groups and sizes aren't those of the model.
    """
    permutation = read_permutation(path)
    if permutation.sizes != dict(spec.groups) or permutation.per != dict(spec.per):
        raise LmctoolError(
            f"the permutation of '{path}' doesn't fit the model:"
            f" {_difference(permutation.sizes, spec)};"
            " apply it to the same architecture, with the same --spec"
        )
    moves = {name: torch.from_numpy(move) for name, move in permutation.moves.items()}
    try:
        return Permutation(spec, moves)
    except ValueError as cause:  # what a file says is no bug
        raise LmctoolError(f"result '{path}' holds no sound permutation: {cause}") from cause


def _difference(sizes: Mapping[str, int], spec: PermutationSpec) -> str:
    """Return the first difference between stored groups and those of a spec, in words."""
    for name in dict.fromkeys([*spec.groups, *sizes]):
        in_file, in_model = (
            f"{groups[name]} units" if name in groups else "none such"
            for groups in (sizes, spec.groups)
        )
        if in_file != in_model:
            return f"group {name!r} has {in_file} in it and {in_model} in the model"
    return "another group lies outside of an inner one"
