"""Results that are hard to draw: long names, many of everything; made of small ones."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from lmctool.results.coordinates import POSITION
from lmctool.results.result import Group, Result, Variable
from lmctool.results.score_metric import ERROR, LOSS
from lmctool.results.stored_metrics import GROUP, metrics_group

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

VARIANTS = (
    *("plain", "align", "repair", "align+repair"),
    *("reset", "align+reset", "rescale_of_someone", "align+rescale_of_someone"),
)
SPLITS = ("train", "validation", "test", "test_of_another_year")
SCORES = ("top5", "ece", "balanced_error", "auc_of_each_class")
PATHS = "experiments/of-this-spring/with-a-wide-network/lr-0.1-seed-{}/the-last-of-all.safetensors"
"""Files whose short names have 60 letters."""
NUMBERED = {"place": 0, "cluster": 1}
"""Variables that number the places of their dim, from which number on."""


def long_names(count: int) -> list[str]:
    """Return names of layers of 80 letters, which differ in their midst."""
    form = "language_model.encoder.layers.{:03d}.self_attention.output_projection_of_all_heads.w"
    return [form.format(number) for number in range(count)]


def stretched(result: Result, dim: str, names: Sequence[str], within: str = "") -> Result:
    """Return a result with other names along a dim, whose values come again and again.

    Args:
        result: the result.
        dim: the dim, in each group that has its names.
        names: as many as there shall be.
        within: the beginning of the paths of the groups; all groups by default.
    """
    groups = {
        path: replace(group, variables=_along(group.variables, dim, names))
        if path.startswith(within) and _has_names(group, dim)
        else group
        for path, group in result.groups.items()
    }
    return replace(result, groups=groups)


def _has_names(group: Group, dim: str) -> bool:
    return dim in group.variables and group.variables[dim].dims == (dim,)


def _along(
    variables: Mapping[str, Variable], dim: str, names: Sequence[str]
) -> dict[str, Variable]:
    count = len(variables[dim].values)
    places = np.arange(len(names))
    found = {}
    for name, own in variables.items():
        values = own.values
        if name == dim:
            values = np.array(names, dtype=object)
        elif own.dims == (dim,) and (name in NUMBERED or name == dim + POSITION):
            values = places + NUMBERED.get(name, 1)
        else:
            for axis in (axis for axis, each in enumerate(own.dims) if each == dim):
                values = np.take(values, places % count, axis=axis)
        found[name] = replace(own, values=values)
    return found


def with_long_paths(result: Result) -> Result:
    """Return a result of checkpoints whose names have 60 letters."""
    own = result.groups["provenance"]
    attributes = {
        key: PATHS.format(key.split(".")[1]) if is_path(key) else value
        for key, value in own.attributes.items()
    }
    groups = {
        path: Group(group.variables, dict(group.attributes) | {"other": PATHS.format(1)})
        if "other" in group.attributes
        else group
        for path, group in result.groups.items()
    }
    return replace(result, groups=groups | {"provenance": Group(own.variables, attributes)})


def is_path(key: str) -> bool:
    """Tell whether an attribute of the provenance is the path of a checkpoint."""
    return key.startswith("checkpoint.") and key.endswith(".path")


def with_scores(result: Result) -> Result:
    """Return a result with four scores beside loss and error, which have the error's values."""
    own = result.groups["provenance"]
    asked = Group(own.variables, dict(own.attributes) | {"score": list(SCORES)})
    groups = {path: _scored(group) for path, group in result.groups.items()}
    metrics = [LOSS, ERROR, *(replace(ERROR, name=s, label=f"{s} (share)") for s in SCORES)]
    return replace(result, groups=groups | {GROUP: metrics_group(metrics), "provenance": asked})


def _scored(group: Group) -> Group:
    more = {
        name.replace(ERROR.name, score): variable
        for name, variable in group.variables.items()
        if ERROR.name in name.split("_")
        for score in SCORES
    }
    return replace(group, variables={**group.variables, **more})


def of_long_names(result: Result) -> Result:
    """Return a result with eight variants, paths and parts of long names, 60 of these."""
    return with_parts(with_variants(with_long_paths(result)), 60)


def of_many(result: Result) -> Result:
    """Return a result with four splits, and 200 parts of long names."""
    return with_parts(stretched(result, "split", SPLITS), 200)


def with_variants(result: Result) -> Result:
    """Return a result with eight variants."""
    found = stretched(result, "variant", VARIANTS)
    ends = {"repair/scores": ["a", "b"], "merge/scores": ["a", "b"], "trajectory/": ["a", "b"]}
    for path, networks in ends.items():
        found = stretched(found, "network", [*networks, *VARIANTS], path)
    return found


def with_parts(result: Result, count: int) -> Result:
    """Return a result with as many parts, layers or groups of units, or networks of a matrix."""
    names = long_names(count)
    for dim in ("part", "group", "layer", "block", "class"):
        result = stretched(result, dim, names)
    for dim in ("checkpoint", "other"):
        result = stretched(result, dim, names, "matrix/")
    return stretched(result, "network", names, "merge/networks")


HARD: dict[str, Callable[[Result], Result]] = {
    "as it is": lambda result: result,
    "long names": of_long_names,
    "many splits and parts": of_many,
    "many metrics": with_scores,
}
