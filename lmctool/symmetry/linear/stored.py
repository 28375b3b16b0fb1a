"""Stored linear transforms: of an alignment, as a group of a result, and read back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch

from lmctool.errors import LmctoolError
from lmctool.results.alignments import one
from lmctool.results.file import read
from lmctool.results.result import Group, Variable
from lmctool.symmetry.linear.canonical import canonical
from lmctool.symmetry.linear.stored_spec import GROUP, read_spec, spec_variables
from lmctool.symmetry.linear.transform import LinearTransform, distance, identity_map
from lmctool.symmetry.stored import PERMUTATIONS, Tensors, load_permutation, whole_permutation

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from torch import Tensor

    from lmctool.symmetry.linear.spec import LinearSpec
    from lmctool.weights.arithmetic import Weights

TRANSFORMS = "transforms"
"""The group of a result that holds what linear maps do after its permutations."""


@dataclass(frozen=True, slots=True)
class WholeTransform:
    """A linear transform with all that is needed to apply it, without the model.

    Attributes:
        transform: it, whose spec has nothing of any graph.
        tensors: those that a network has to have.
    """

    transform: LinearTransform
    tensors: Tensors

    def apply(self, weights: Weights) -> dict[str, Tensor]:
        """Return the weights of a network, in canonical form and transformed."""
        return self.transform.apply(canonical(self.transform.spec, weights))


def transform_group(transform: LinearTransform, *, whole: bool = True) -> Group:
    """Return the map of every group, how far it is from the identity, and how it is conditioned.

    Args:
        transform: the transform, whose permutation is stored by itself.
        whole: store where the maps act and the canonical form too, which all alignments of a
            model share.
    """
    groups = transform.spec.groups
    variables: dict[str, Variable] = {}
    if groups:
        maps = {n: transform.maps.get(n, identity_map(group)) for n, group in groups.items()}
        names = np.array(list(groups), dtype=object)
        far = np.array([distance(groups[name], each) for name, each in maps.items()])
        worst = np.array([condition(each) for each in maps.values()])
        variables = {
            "group": Variable(names, ("group",), long_name=GROUP["group"]),
            "distance": Variable(
                far, ("group",), "1", "root mean square of what the maps move a unit by"
            ),
            "condition": Variable(worst, ("group",), "1", "greatest condition number of the maps"),
        }
        for number, matrices in enumerate(maps.values()):
            own = (f"outer_{number:03d}", f"unit_{number:03d}", f"reads_{number:03d}")
            meaning = "map of the units of B to those of A" if matrices.ndim > 2 else "scales"
            dims = own[: matrices.ndim]
            variables[f"map_{number:03d}"] = Variable(matrices.numpy(), dims, "1", meaning)
    return Group(spec_variables(transform.spec) | variables if whole else variables)


def condition(matrices: Tensor) -> float:
    """Return the greatest condition number of matrices (outer unit, unit, unit), or of scales."""
    if matrices.ndim == 2:
        return float((matrices.amax(-1) / matrices.amin(-1)).max())
    return float(torch.linalg.cond(matrices).max())


def holds_transform(path: Path) -> bool:
    """Tell whether a result holds a linear transform.

    Raises:
        LmctoolError: the file is no result.
    """
    return TRANSFORMS in read(path).groups


def stored_maps(group: Group, spec: LinearSpec, source: str) -> dict[str, Tensor]:
    """Return the maps that a group holds, of the groups of a spec.

    Args:
        group: what ``transform_group`` made.
        spec: what keeps the function of the model at hand.
        source: where the group is from, in words.

    Raises:
        LmctoolError: it holds other groups, or is malformed.
    """
    names = [str(name) for name in group.variables["group"].values] if group.variables else []
    if names != list(spec.groups):
        raise LmctoolError(
            f"the transform of {source} doesn't fit the model: it is of groups"
            f" {', '.join(map(repr, names[:3]))}..., and the model has"
            f" {', '.join(map(repr, list(spec.groups)[:3]))}...; apply it to the same architecture"
        )
    try:
        return {
            name: torch.from_numpy(group.variables[f"map_{number:03d}"].values.copy())
            for number, name in enumerate(names)
        }
    except (KeyError, ValueError, TypeError) as cause:
        raise LmctoolError(f"{source} holds a transform that cannot be read: {cause}") from cause


def load_transform(path: Path, spec: LinearSpec) -> LinearTransform:
    """Return the transform of a result, for a model with the same groups.

    Args:
        path: a result that holds one.
        spec: what keeps the function of the model at hand.

    Raises:
        LmctoolError: its groups and sizes aren't those of the model, or it is malformed.
    """
    permutation = load_permutation(path, spec.permutations)
    source = f"result '{path}'"
    maps = stored_maps(one(read(path).groups, TRANSFORMS), spec, source)
    try:
        return LinearTransform(spec, permutation, maps)
    except ValueError as cause:  # what a file says is no bug
        raise LmctoolError(f"{source} holds no sound transform: {cause}") from cause


def whole_transform(groups: Mapping[str, Group], source: str, number: int = 0) -> WholeTransform:
    """Return a transform that a result holds, with the tensors that it is of.

    Args:
        groups: those of the result.
        source: where they are from, in words.
        number: which of several.

    Raises:
        LmctoolError: it is malformed.
    """
    permutations, transforms = (one(groups, place, number) for place in (PERMUTATIONS, TRANSFORMS))
    whole = whole_permutation(permutations, source)
    try:
        variables = groups[TRANSFORMS].variables
        spec = read_spec(variables, whole.permutation.spec, whole.tensors.shapes)
        maps = stored_maps(transforms, spec, source)
        return WholeTransform(LinearTransform(spec, whole.permutation, maps), whole.tensors)
    except (KeyError, ValueError, TypeError, IndexError) as cause:
        raise LmctoolError(f"{source} holds a transform that cannot be read: {cause}") from cause
