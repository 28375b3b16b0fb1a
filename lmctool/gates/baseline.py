"""Baselines: an earlier result that a later one must not be worse than."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from lmctool.errors import LmctoolError, UnjudgedError
from lmctool.gates.condition import Condition, several
from lmctool.results.doubt import Doubt, doubts_of
from lmctool.results.metrics import Metric, listed
from lmctool.results.provenance import Provenance

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from lmctool.results.result import Attribute, Result

_TOLERANCE = re.compile(r"\s*((?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)\s*(%?)\s*")


@dataclass(frozen=True, slots=True)
class Tolerance:
    """How much worse a value may be.

    Attributes:
        number: in the unit of the metric.
        share: of the earlier value.
    """

    number: float = 0.0
    share: float = 0.0


@dataclass(frozen=True, slots=True)
class Baseline:
    """An earlier result, as later ones are compared with it.

    Attributes:
        source: where it is.
        analysis: what made it.
        metrics: its numbers by full name.
        provenance: where it comes from.
        objection: why a result cannot be compared with it; empty if it can.
        doubts: why some of its numbers can carry no verdict.
    """

    source: str
    analysis: str
    metrics: Mapping[str, Metric]
    provenance: Provenance = field(default_factory=Provenance)
    objection: str = ""
    doubts: Sequence[Doubt] = ()

    def beside(self, result: Result) -> Baseline:
        """Return the same with what there is to object to comparing this result with it."""
        return replace(self, objection=self._objection(result, Provenance.of(result)))

    def before(self, condition: Condition, chosen: Sequence[Metric]) -> list[float]:
        """Return its value at the place of each number that a condition selects.

        Raises:
            UnjudgedError: results are not comparable, one of them has a number that the other
                lacks, or a number of the earlier one is none, or doubtful.
        """
        if self.objection:
            raise UnjudgedError(self.objection)
        names = [metric.full_name for metric in chosen]
        lacking = [name for name in names if name not in self.metrics]
        if lacking:
            raise UnjudgedError(f"baseline '{self.source}' has no {several(lacking)}")
        earlier = {name for name, metric in self.metrics.items() if condition.selects(metric)}
        gone = sorted(earlier - set(names))
        if gone:
            raise UnjudgedError(f"{several(gone)} of baseline '{self.source}' was not measured")
        values = [self.metrics[name].value for name in names]
        numbers = [value for value in values if value is not None]
        if len(numbers) < len(values):
            broken = [name for name, value in zip(names, values, strict=True) if value is None]
            raise UnjudgedError(f"{several(broken)} of baseline '{self.source}' is not a number")
        for doubt in self.doubts:
            covered = [name for name in names if doubt.covers(self.metrics[name])]
            if covered:
                raise UnjudgedError(
                    f"{several(covered)} of baseline '{self.source}' can't be compared with:"
                    f" {doubt.reason}"
                )
        return numbers

    def _objection(self, result: Result, provenance: Provenance) -> str:
        if result.analysis != self.analysis:
            return (
                f"baseline '{self.source}' is of analysis {self.analysis!r}, the result of"
                f" {result.analysis!r}"
            )
        there, here = _data(self.provenance), _data(provenance)
        for key in sorted(there.keys() | here.keys()):
            if there.get(key) != here.get(key):
                return (
                    f"baseline '{self.source}' was measured on other data: {key} is"
                    f" {there.get(key, 'nothing')} there and"
                    f" {here.get(key, 'nothing')} here"
                )
        then, now = self.provenance.own_options(), provenance.own_options()
        for name in sorted(then.keys() & now.keys()):
            one, other = json.dumps(then[name]), json.dumps(now[name])
            if one != other:
                return (
                    f"baseline '{self.source}' was measured in another way: option {name!r} is"
                    f" {one} there and {other} here"
                )
        return ""


def baseline_of(result: Result, path: Path) -> Baseline:
    """Return the baseline that a result is.

    Args:
        result: the earlier result.
        path: where it is.
    """
    metrics = {metric.full_name: metric for metric in listed(result)}
    provenance = Provenance.of(result)
    return Baseline(str(path), result.analysis, metrics, provenance, doubts=doubts_of(result))


def read_tolerance(text: str) -> Tolerance:
    """Return the tolerance that a text says: a number, or a percentage of the earlier value.

    Raises:
        LmctoolError: it is none.
    """
    match = _TOLERANCE.fullmatch(text)
    value = float(match[1]) if match else float("inf")
    if match is None or value == float("inf"):
        raise LmctoolError(f"{text!r} is no tolerance; write a number such as 0.005, or 5%")
    if match[2] and value >= 100:
        raise LmctoolError(f"a tolerance of {text.strip()} is none; it must be below 100%")
    return Tolerance(share=value / 100) if match[2] else Tolerance(value)


def _data(provenance: Provenance) -> dict[str, Attribute]:
    """Return what a run measured on: its task and the digests of its splits, by key."""
    task = provenance.settings.get("task")
    digests = {f"split.{name}.digest": split.digest for name, split in provenance.splits.items()}
    return {key: value for key, value in {"task": task, **digests}.items() if value is not None}
