"""Summing squares of every tensor, and measuring each part of the network."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from lmctool.api import Group, Result, UnjudgedError, Variable
from lmctool.api.advanced import differing, is_adapter, squared_norms, squared_norms_of_weights
from lmctool_plugins.analyses.distance.kernel import measures, travels
from lmctool_plugins.analyses.distance.left_out import LEFT_OUT, left_out_group, unnamed
from lmctool_plugins.analyses.distance.metrics import LEVELS, MEANINGS
from lmctool_plugins.analyses.distance.metrics import name as public

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from numpy.typing import NDArray

    from lmctool.api import Array, Run


def measure(run: Run, over: str, to: int | None) -> Result:
    """Sum squares tensor by tensor, and measure every part.

    Args:
        run: the run.
        over: ``parameters``, or ``all`` floating tensors.
        to: the index of the origin, if there is one.

    Raises:
        UnjudgedError: no tensor counts, a tensor holds NaN or infinite values, or whole numbers
            differ that are no counter.
    """
    first = run.checkpoints[0]
    _refuse_whole(run, to)
    _refuse_adapters(run)
    if reason := unnamed(run.resources.overlap):
        run.doubt(reason)
    layers = run.resources.parts("layer")
    in_layers = {name for names in layers.values() for name in names}  # tied tensors only once
    stored = _stored_names(run)
    names = [name for name in stored if name in in_layers and name not in run.left_out]
    counting = set(first.parameters if over == "parameters" else first.floating)
    counted = {name for name in names if stored[name] in counting}
    if not counted:
        raise UnjudgedError(f"checkpoint '{first.path}' holds no {over} to measure a distance over")
    variants, squares = _squares(run, names, stored, to)
    attributes = {"over": over, "origin": "none" if to is None else str(run.checkpoints[to].path)}
    groups = {
        "distance/whole": _group(attributes, variants, "", [], _summed(squares, names, [counted]))
    }
    for level in LEVELS:
        chosen = set(names) if level == "kind" else counted
        members = {
            part: chosen.intersection(own) for part, own in run.resources.parts(level).items()
        }
        parts = {part: own for part, own in members.items() if own}
        values = _summed(squares, names, list(parts.values()))
        groups[f"distance/{level}"] = _group(attributes, variants, level, list(parts), values)
    tensors = _group(attributes, variants, "tensor", names, squares)
    counts = np.array([name in counted for name in names])
    more = {"counted": Variable(counts, ("tensor",), long_name="counts in whole, blocks, layers")}
    groups["distance/tensor"] = Group({**tensors.variables, **more}, attributes)
    if run.left_out:
        groups[LEFT_OUT] = left_out_group(run.resources.overlap)
    return Result("distance", groups)


def _stored_names(run: Run) -> dict[str, str]:
    """Return under which name the first checkpoint stores each tensor, untied ones included."""
    stored = {name: name for name in run.checkpoints[0].floating}
    ties = run.resources.ties
    for name, own in [*ties.items(), *((first, name) for name, first in ties.items())]:
        if own in stored:
            stored.setdefault(name, own)
    return stored


def _refuse_whole(run: Run, to: int | None) -> None:
    """Refuse checkpoints whose whole numbers differ, counters apart: no norm is taken of them.

    Raises:
        UnjudgedError: they do; names the first such tensor.
    """
    files = [run.checkpoints[index] for index in ([0, 1] if to is None else [0, 1, to])]
    for name in sorted(files[0].shapes.keys() - set(files[0].floating) - run.left_out):
        if differing([file.mapped(name) for file in files]):
            raise UnjudgedError(
                f"tensor {name!r} is {files[0].dtypes[name]} and differs between the checkpoints,"
                " and whole numbers count for nothing in a distance: dequantise first"
            )


def _refuse_adapters(run: Run) -> None:
    """Refuse LoRA adapters: one update has many pairs A and B, with distances of their own.

    Raises:
        UnjudgedError: there is one.
    """
    for checkpoint in run.checkpoints:
        if is_adapter(checkpoint):
            raise UnjudgedError(
                f"'{checkpoint.path}' is a LoRA adapter, whose factors A and B are no distance"
                " apart that means anything: merge it into its base network first"
            )


def _squares(
    run: Run, names: Sequence[str], stored: Mapping[str, str], to: int | None
) -> tuple[list[str], Array]:
    """Return the variants, and the squared norms (variant, tensor, square)."""
    indices = [0, 1] if to is None else [0, 1, to]
    files = [run.checkpoints[index] for index in indices]
    plain = squared_norms(files, [stored[name] for name in names], run.progress)
    if not run.settings.aligns:
        return ["plain"], plain[None]
    best = run.variants()[-1]
    origin = [] if to is None else [run.frame(run.weights(to))]
    aligned = squared_norms_of_weights([best.a, best.b, *origin], names)
    return ["plain", best.name], np.array([plain, aligned])


def _summed(squares: Array, names: Sequence[str], parts: Sequence[Collection[str]]) -> Array:
    """Return (variant, part, square): the sum over the tensors of each part.

    A tensor is in one part at most, so that each is looked up once, however many parts there are.
    """
    row_of = {name: row for row, part in enumerate(parts) for name in part}
    inside = [place for place, name in enumerate(names) if name in row_of]
    rows = [row_of[names[place]] for place in inside]
    sums = np.zeros((len(parts), len(squares), squares.shape[-1]))
    np.add.at(sums, rows, squares[:, inside].swapaxes(0, 1))
    return sums.swapaxes(0, 1)


def _group(
    attributes: Mapping[str, str], variants: list[str], level: str, parts: list[str], squares: Array
) -> Group:
    """Return every measure over (variant, part), or over (variant) where the level is none."""
    if not level:
        squares = squares[:, 0]
    dims = ("variant", level) if level else ("variant",)
    values_of = measures(squares)
    if squares.shape[-1] > 3:
        values_of |= travels(squares)
    variables = {"variant": _names("variant", variants)}
    if level:
        variables[level] = _names(level, parts)
    if squares.shape[-1] > 3:
        variables["end"] = _names("end", ["a", "b"])
    for name, values in values_of.items():
        over = (*dims, "end") if values.ndim > len(dims) else dims
        metric = public(level, name) if level != "tensor" else ""
        variables[name] = Variable(values, over, "1", MEANINGS[name], metric)
    return Group(variables, dict(attributes))


def _names(dim: str, names: list[str]) -> Variable:
    values: NDArray[Any] = np.array(names, dtype=object)
    return Variable(values, (dim,), long_name=dim)
