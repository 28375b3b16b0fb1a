"""What follows from the norms of a distance result: ratios and cosines, and the whole."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from lmctool.api import Group, Variable
from lmctool_plugins.analyses.distance.kernel import of_norms, travels_of_norms
from lmctool_plugins.analyses.distance.left_out import LEFT_OUT, compared
from lmctool_plugins.analyses.distance.metrics import LEVELS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lmctool.api import Array, Result

    Variables = Mapping[str, Variable]

NORMS = ("l2", "norm_a", "norm_b", "norm_origin", "travelled")


def ratios(norms: Mapping[str, Array]) -> dict[str, Array]:
    """Return every measure that follows from norms, and these themselves.

    Raises:
        ValueError: the norms are not of the same parts.
    """
    a, b, apart = norms["norm_a"], norms["norm_b"], norms["l2"]
    shapes = {own.shape[: a.ndim] for own in norms.values()}
    if shapes != {a.shape} or norms.get("travelled", a).ndim > a.ndim + 1:
        raise ValueError(f"norms have shapes {sorted(shapes)}")
    measures = of_norms(a, b, apart)
    if "norm_origin" in norms:
        ends = np.stack([a, b], axis=-1)
        measures |= travels_of_norms(ends, apart, norms["norm_origin"], norms["travelled"])
    return measures


def derived(result: Result) -> dict[str, Group]:
    """Return the measures of every part from its norms, and of the whole from its tensors.

    Where tensors are left out, also the share that is compared.
    """
    groups = {
        path: _measured(result.groups[path].variables, _norms(result.groups[path].variables))
        for path in (f"distance/{level}" for level in (*LEVELS, "tensor"))
        if path in result.groups
    }
    tensors = result.groups["distance/tensor"].variables
    counted = tensors["counted"].values.astype(bool)
    whole = {
        name: np.sqrt((values[:, counted] ** 2).sum(axis=1))
        for name, values in _norms(tensors).items()
    }
    groups["distance/whole"] = _measured(result.groups["distance/whole"].variables, whole)
    if LEFT_OUT in result.groups:
        groups[LEFT_OUT] = Group({"compared": compared(result.groups[LEFT_OUT].variables)})
    return groups


def _norms(variables: Variables) -> dict[str, Array]:
    return {name: variables[name].values for name in NORMS if name in variables}


def _measured(stored: Variables, norms: Mapping[str, Array]) -> Group:
    return Group(
        {
            name: Variable(values, stored[name].dims)
            for name, values in ratios(norms).items()
            if name in stored
        }
    )
