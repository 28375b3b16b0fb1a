"""How the numbers of a result are written: a share in per cent, all else as it is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from lmctool.errors import LmctoolError
from lmctool.plugin import registry
from lmctool.plugin.kinds import ANALYSES
from lmctool.results.aggregate.aggregate import averaged_analysis
from lmctool.results.aggregate.declared import declared_of
from lmctool.results.declared_metric import DeclaredMetric
from lmctool.results.stored_metrics import metrics_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lmctool.report.curve import Curve
    from lmctool.results.result import Result, Variable

PLAIN = DeclaredMetric("", "")
"""What nobody says is a share."""


def declared(result: Result) -> Mapping[str, DeclaredMetric]:
    """Return what the result's own analysis declares of its metrics, by name.

    Raises:
        LmctoolError: the result doesn't say which metrics of networks it has.
    """
    averaged = averaged_analysis(result)
    name = averaged or result.analysis
    if name not in registry.names(ANALYSES):
        return {}
    metrics = registry.load(ANALYSES, name).declared(metrics_of(result))
    return declared_of(metrics) if averaged else metrics


@dataclass(frozen=True, slots=True)
class Notation:
    """What the numbers of a result are, as far as it and its analysis say.

    Attributes:
        metrics: the metrics by their public name.
        arrays: the arrays by name: of those that are no metrics the ones that are called like one
            that is, or like a metric of networks.
    """

    metrics: Mapping[str, DeclaredMetric]
    arrays: Mapping[str, DeclaredMetric]

    @classmethod
    def of(cls, result: Result) -> Notation:
        """Return that of a result, in which all is plain where nobody says anything."""
        try:
            metrics = declared(result)
            of_networks = metrics_of(result) if metrics else ()
        except LmctoolError:  # a plugin that cannot be loaded, or a record that says nothing
            return cls({}, {})
        arrays = {metric.name: metric.declared(metric.name, "") for metric in of_networks}
        for group in result.groups.values():
            for name, variable in group.variables.items():
                if variable.metric in metrics:
                    arrays[name] = metrics[variable.metric]
        return cls(metrics, arrays)

    def metric(self, name: str) -> DeclaredMetric:
        """Return what a metric is, by its public name."""
        return self.metrics.get(name, PLAIN)

    def array(self, name: str, variable: Variable) -> DeclaredMetric:
        """Return what the numbers of an array are."""
        if variable.metric:
            return self.metric(variable.metric)
        own = self.arrays.get(name, PLAIN)
        return own if own.unit == variable.unit else PLAIN

    def curve(self, result: Result, curve: Curve) -> DeclaredMetric:
        """Return what the numbers of a curve of a result are."""
        return self.array(curve.name, result.groups[curve.path].variables[curve.name])


def in_words(known: DeclaredMetric, value: float | None) -> str:
    """Return a value with as many digits as a sentence has room for: tables have all.

    >>> in_words(DeclaredMetric("", "", share=True), 0.2807567), in_words(PLAIN, 0.2807567)
    ('28.08 %', '0.2808')
    >>> in_words(PLAIN, 13130)
    '13130'
    """
    if known.in_percent or value is None or abs(value) >= 1000:
        return known.brief(value)
    return known.text(value, ".4g")
