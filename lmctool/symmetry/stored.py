"""Stored permutations: of an alignment, as a group of a result, and read back from its file."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import torch

from lmctool.errors import LmctoolError
from lmctool.results.alignments import one
from lmctool.results.file import read
from lmctool.results.result import Group, Variable
from lmctool.symmetry.axis_form_text import read_axes, show
from lmctool.symmetry.permutation import Permutation
from lmctool.symmetry.spec import PermutationSpec
from lmctool.symmetry.stacks import stacked_shapes

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from numpy.typing import NDArray
    from torch import Tensor

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


@dataclass(frozen=True, slots=True)
class Tensors:
    """The tensors of the network that a permutation was proved on.

    Attributes:
        shapes: their shapes by name, tied ones under each of their names.
        tied: the first name of each tied tensor, by each of its names.
        untied: the name of the tensor that the model would tie each of these to, and that was
            untied for the network to be permuted.
    """

    shapes: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    tied: Mapping[str, str] = field(default_factory=dict)
    untied: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class WholePermutation:
    """A permutation with all that is needed to apply it, without the model.

    Attributes:
        permutation: it, whose spec has the axes of every tensor, and nothing of any graph.
        tensors: those that a network has to have.
    """

    permutation: Permutation
    tensors: Tensors

    def apply(self, weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Return the weights of a network, permuted."""
        return self.permutation.apply(weights)


NO_TENSORS = Tensors()


def permutation_group(permutation: Permutation, tensors: Tensors = NO_TENSORS) -> Group:
    """Return every group's move, whole, with its size and how many of its units moved.

    Args:
        permutation: the permutation.
        tensors: those of a network that it was proved on, whose axes are stored too.
    """
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
    return Group(variables | _tensor_variables(spec, tensors))


def _tensor_variables(spec: PermutationSpec, tensors: Tensors) -> dict[str, Variable]:
    """Return the shape of each tensor, and what may move on its axes."""
    if not tensors.shapes:
        return {}
    whole = stacked_shapes(spec.stacks, tensors.shapes)
    stacks = {name: whole[name] for name in spec.stacks}
    still = {name: (None,) * len(shape) for name, shape in {**tensors.shapes, **stacks}.items()}
    forms = [spec.tensors.get(tensors.tied.get(name, name)) or still[name] for name in still]
    shapes = ["x".join(map(str, shape)) for shape in (*tensors.shapes.values(), *stacks.values())]
    columns = {
        "tensor": (list(still), "tensor of the network, or the stack of several of a range {a..b}"),
        "shape": (shapes, "its shape"),
        "axes": ([", ".join(map(show, each)) for each in forms], "groups that move on its axes"),
        "tied": ([tensors.tied.get(name, "") for name in still], "first name of the same tensor"),
    }
    if tensors.untied:
        untied = [tensors.untied.get(name, "") for name in still]
        columns["untied"] = (untied, "tensor that the model ties it to")
    return {
        name: Variable(_texts(texts), ("tensor",), long_name=long_name)
        for name, (texts, long_name) in columns.items()
    }


def whole_permutation(group: Group, source: str) -> WholePermutation:
    """Return the permutation that a group holds, with the tensors that it is of.

    Args:
        group: what ``permutation_group`` made.
        source: where it is from, in words.

    Raises:
        LmctoolError: it is malformed, or from before results held the tensors.
    """
    stored = permutation_of(group, source)
    if "axes" not in group.variables:
        raise LmctoolError(
            f"{source} does not say which axes its permutation is of, as results of earlier"
            " versions don't; make it again"
        )
    try:
        columns = [group.variables[name].values for name in ("tensor", "shape", "axes", "tied")]
        rows = [tuple(map(str, row)) for row in zip(*columns, strict=True)]
        shapes = {name: _numbers(shape) for name, shape, _, _ in rows}
        forms = {
            name: read_axes(name, axes.split(", ") if axes else [], shapes[name], stored.sizes)
            for name, _, axes, _ in rows
        }
        tied = {name: first for name, _, _, first in rows if first}
        untied = group.variables["untied"].values if "untied" in group.variables else ()
        ties = {name: str(first) for name, first in zip(shapes, untied, strict=False) if first}
        spec = PermutationSpec(stored.sizes, forms, stored.per)
        moves = {name: torch.from_numpy(move) for name, move in stored.moves.items()}
        own = {name: shape for name, shape in shapes.items() if name not in spec.stacks}
        return WholePermutation(Permutation(spec, moves), Tensors(own, tied, ties))
    except (KeyError, ValueError, TypeError) as cause:
        raise LmctoolError(f"{source} holds a permutation that cannot be read: {cause}") from cause


def _numbers(shape: str) -> tuple[int, ...]:
    return tuple(map(int, shape.split("x"))) if shape else ()


def read_permutation(path: Path) -> StoredPermutation:
    """Read the permutation that a result holds.

    Raises:
        LmctoolError: the file is no result, holds no permutation, or one that is malformed.
    """
    groups = read(path).groups
    if PERMUTATIONS not in groups:
        raise LmctoolError(f"result '{path}' holds no permutation; name one that align wrote")
    return permutation_of(one(groups, PERMUTATIONS), f"result '{path}'")


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
