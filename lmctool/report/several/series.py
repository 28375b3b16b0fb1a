"""What results have to draw: lines of their curves, and values of their metrics."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from lmctool.report import curve
from lmctool.report.aggregate import MEAN
from lmctool.report.by_analysis import essence
from lmctool.report.curve import BOUND
from lmctool.report.ends import path_label
from lmctool.report.escaped import escaped
from lmctool.report.notation import Notation
from lmctool.results.metrics import elements
from lmctool.results.provenance import Provenance
from lmctool.results.stored_metrics import shown_metrics
from lmctool.results.text import titled

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from numpy.typing import NDArray

    from lmctool.report.curve import Curve
    from lmctool.results.declared_metric import DeclaredMetric
    from lmctool.results.result import Group, Result
    from lmctool.results.score_metric import ScoreMetric

    Values = NDArray[np.float64]
    Bounds = tuple[Values, Values]

FILE, METRIC = "file", "metric"
"""What a line or a bar can be of in every figure, as well as of a variant and a split; what else
there is are dims of results."""
ALPHA = "alpha"


@dataclass(frozen=True, slots=True)
class Quantity:
    """What values are of.  Results can share axes for what is the same quantity in both.

    Attributes:
        name: the variable of a curve, such as ``error``, or the public name of a metric.
        title: what it is.
        unit: its unit.
        dim: the dim that it is a curve over; empty for a metric.
        label: the name of its axis.
        known: how its numbers are written.
    """

    name: str
    title: str
    unit: str
    dim: str
    label: str = field(compare=False)
    known: DeclaredMetric = field(compare=False)

    def is_called(self, word: str) -> bool:
        """Tell whether a user means it by a word: its name, the last part of that, its title."""
        short = self.name.removesuffix(MEAN) if self.dim else self.name.rpartition(".")[2]
        return word in {self.name, self.title, short}


@dataclass(frozen=True, slots=True)
class Series:
    """A line of a curve, or one value of a metric.

    Attributes:
        quantity: what its values are of.
        where: the file that it is from, and its coordinate in each dim.
        axis: the name of its positions.
        positions: (point,) where on the axis; 0 for a metric.
        values: (point,)
        bounds: (point,) each, the lower and the upper bound of the values, if there are any.
    """

    quantity: Quantity
    where: Mapping[str, str]
    axis: str
    positions: Values
    values: Values
    bounds: Bounds | None = None

    def named(self, dims: Iterable[str]) -> str:
        """Return its coordinates in some dims, those that it has."""
        return ", ".join(filter(None, (self.where.get(dim, "") for dim in dims)))


def curves_of(name: str, result: Result) -> list[Series]:
    """Return every line of every curve of a result.

    Args:
        name: what its file is called.
        result: the result.
    """
    shown = escaped(essence(result))
    known = Notation.of(shown)
    scores = {metric.name: metric for metric in shown_metrics(result)}
    order = {name: place for place, name in enumerate(scores)}
    curves = sorted(
        curve.find(shown),
        key=lambda each: order.get(each.name.removesuffix(MEAN), len(order)),
    )
    return [
        Series(
            _of_curve(each, scores, known.curve(shown, each)),
            {**dict(zip(each.dims, line.labels, strict=True)), FILE: name},
            _axis(each, shown),
            each.positions,
            line.values,
            line.bounds,
        )
        for each in curves
        for line in each.lines
    ]


def metrics_of(name: str, result: Result) -> list[Series]:
    """Return every value of every metric of a result, with its interval, if it has one.

    Args:
        name: what its file is called.
        result: the result.
    """
    shown = escaped(essence(result))
    known = Notation.of(shown)
    found = []
    for path, group in shown.groups.items():
        for key, variable in group.variables.items():
            if BOUND.fullmatch(key) and BOUND.sub(r"\g<name>", key) in group.variables:
                continue
            title = variable.long_name or variable.metric
            label = titled(title, variable.unit)
            own = known.metric(variable.metric)
            quantity = Quantity(variable.metric, title, variable.unit, "", label, own)
            bounds = _bounds(group, key)
            for place, metric in enumerate(elements(shown, path, variable)):
                value = np.array([np.nan if metric.value is None else metric.value])
                where = {**metric.where, FILE: name}
                sides = bounds and (bounds[0][[place]], bounds[1][[place]])
                found.append(Series(quantity, where, "", np.zeros(1), value, sides))
    return found


def _of_curve(each: Curve, scores: Mapping[str, ScoreMetric], known: DeclaredMetric) -> Quantity:
    own = scores.get(each.title)
    label = own.label if own else titled(each.title, each.unit)
    return Quantity(each.name, each.title, each.unit, each.dim, label, known)


def _bounds(group: Group, key: str) -> Bounds | None:
    """Return the bounds of each element of a metric, if the group has them."""
    sides = [group.variables.get(f"{key}_{side}95") for side in ("lower", "upper")]
    shape = group.variables[key].values.shape
    lower, upper = (
        side.values.ravel().astype(np.float64)
        if side is not None and side.values.shape == shape
        else None
        for side in sides
    )
    return None if lower is None or upper is None else (lower, upper)


def _axis(each: Curve, result: Result) -> str:
    """Return what positions are called, along a path by the names of its two networks."""
    if each.dim == ALPHA and len(Provenance.of(result).checkpoints) == 2:
        return path_label(result)
    return titled(each.axis.long_name or each.dim, each.axis.unit)
