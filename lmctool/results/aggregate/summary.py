"""What numbers side by side sum up to, as variables beside them.

Of a metric ``barrier.error`` there are ``barrier.error.mean``, ``.std`` and the bounds
``.mean.lower95`` and ``.mean.upper95``, named as bounds are everywhere; of two variants
``barrier.error.difference``, its bounds and ``.difference.p``.  They are metrics by themselves, for
a condition that leaves a dim open takes every value along it: one on the mean has to leave the
standard deviation alone.
"""

from __future__ import annotations

import re
from dataclasses import replace
from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np

from lmctool.results.aggregate.statistics import statistics
from lmctool.results.result import Group, Variable

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from lmctool.results.array import Array
    from lmctool.results.result import Better

VARIANT, VARIANTS = "variant", "variants"
TO = " to "
"""What stands between two variants that are compared."""
BOUND = re.compile(r".+_(lower|upper)\d+")
"""Bounds of intervals over examples, of which a mean would be a bound of nothing."""


def summarised(
    groups: Mapping[str, Group], dim: str, networks: int | None = None
) -> dict[str, Group]:
    """Return by path what the numbers side by side sum up to.

    Args:
        groups: what ``side_by_side`` returns, or holds these among others.
        dim: the dim of results or of pairs.
        networks: as ``statistics`` takes it.
    """
    return {
        path: Group(
            {
                key: own
                for name, variable in group.variables.items()
                if of_each(name, variable, dim) and not BOUND.fullmatch(name)
                for key, own in _statistics(group, name, variable, networks)
            }
        )
        for path, group in groups.items()
    }


def of_each(name: str, variable: Variable, dim: str) -> bool:
    """Tell whether a variable holds a number of each result or pair."""
    return variable.dims[:1] == (dim,) and name != dim


def _statistics(
    group: Group, name: str, variable: Variable, networks: int | None
) -> Iterator[tuple[str, Variable]]:
    """Yield what one array sums up to, by name."""
    dims, what = variable.dims[1:], variable.long_name or name
    found = statistics(variable.values, networks)

    def made(values: Array, key: str, meaning: str, better: Better = "") -> Variable:
        public = f"{variable.metric}.{key}" if variable.metric else ""
        return replace(
            variable,
            values=values,
            dims=dims,
            long_name=f"{meaning} {what}",
            metric=public,
            better=better if public else "",
        )

    yield f"{name}_mean", made(found.mean, "mean", "mean of the", variable.better)
    for side in ("lower", "upper"):
        yield (
            f"{name}_mean_{side}95",
            made(getattr(found, side), f"mean.{side}95", f"{side} 95 % bound of the mean of the"),
        )
    yield f"{name}_std", made(found.std, "std", "standard deviation of the")
    variants = group.variables.get(VARIANT)
    if variable.metric and variants is not None and VARIANT in dims and len(variants.values) > 1:
        yield from _differences(name, variable, variants, networks)


def _differences(
    name: str, variable: Variable, variants: Variable, networks: int | None
) -> Iterator[tuple[str, Variable]]:
    """Yield what the differences of each two variants sum up to, the later less the earlier.

    The two are of the same results, so the test is a paired one.
    """
    axis = variable.dims.index(VARIANT)
    rows = np.moveaxis(variable.values, axis, 1)
    couples = list(combinations(range(rows.shape[1]), 2))
    first, later = (rows[:, list(indices)] for indices in zip(*couples, strict=True))
    with np.errstate(invalid="ignore"):
        found = statistics(later - first, networks)
    names = np.array([f"{variants.values[i]}{TO}{variants.values[j]}" for i, j in couples], object)
    yield VARIANTS, Variable(names, (VARIANTS,), long_name="variants that are compared")
    dims = (VARIANTS, *(dim for dim in variable.dims[1:] if dim != VARIANT))
    what = f"mean difference of variants in the {variable.long_name or name}"
    for key, values, meaning, unit in (
        ("", found.mean, what, variable.unit),
        ("lower95", found.lower, f"lower 95 % bound of the {what}", variable.unit),
        ("upper95", found.upper, f"upper 95 % bound of the {what}", variable.unit),
        ("p", found.p, f"p of the {what}", "1"),
    ):
        public = ".".join(filter(None, (variable.metric, "difference", key)))
        own = "_".join(filter(None, (name, "difference", key)))
        yield own, Variable(values, dims, unit, meaning, public)
