"""Two results side by side: each metric with both of its values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lmctool.results.metrics import listed
from lmctool.results.provenance_diff import causes
from lmctool.results.value_diff import deviations

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from lmctool.results.metrics import Metric
    from lmctool.results.result import Result

SCHEMA = "lmctool.compare/1"


@dataclass(frozen=True, slots=True)
class Pair:
    """One metric of two results.

    Attributes:
        name: its full name, such as ``barrier.error[variant=plain,split=test]``.
        one: the metric in the first result; None where that has none of this name.
        other: the metric in the second.
    """

    name: str
    one: Metric | None
    other: Metric | None

    @property
    def difference(self) -> float | None:
        """The second value less the first; None where one is missing or no number."""
        if self.one is None or self.other is None:
            return None
        if self.one.value is None or self.other.value is None:
            return None
        return self.other.value - self.one.value

    @property
    def same(self) -> bool:
        """Whether both have it, with one value; what is no number is the same in both."""
        if self.one is None or self.other is None:
            return False
        return self.one.value == self.other.value

    @property
    def unit(self) -> str:
        """The unit of its values."""
        there = self.one or self.other
        return there.unit if there else "1"


def pairs(one: Result, other: Result) -> list[Pair]:
    """Return every metric of two results, in the order of the first.

    Raises:
        LmctoolError: two variables of one result give the same metric.
    """
    left, right = ({metric.full_name: metric for metric in listed(each)} for each in (one, other))
    return [Pair(name, left.get(name), right.get(name)) for name in dict.fromkeys([*left, *right])]


def comparison_document(
    one: Result, other: Result, paths: tuple[Path, Path], files: Mapping[str, Path]
) -> dict[str, Any]:
    """Return the JSON form of a comparison.

    Args:
        one: the first result.
        other: the second, of the same analysis.
        paths: where they are.
        files: the files that were made, by role.

    Returns:
        ``schema``, ``analysis``, ``results`` (their paths), ``metrics`` (by full name: ``one``,
        ``other`` and ``difference``, null where there is no number, and ``unit``), ``causes``
        (inputs, versions and settings that differ), ``deviations`` (variables that differ bit for
        bit) and ``files``.
    """
    return {
        "schema": SCHEMA,
        "analysis": one.analysis,
        "results": [str(path) for path in paths],
        "metrics": {pair.name: _values(pair) for pair in pairs(one, other)},
        "causes": [
            {"kind": cause.kind, "name": cause.name, "one": cause.one, "other": cause.other}
            for cause in causes(one, other)
        ],
        "deviations": [
            {"variable": each.path, "elements": each.elements, "differing": each.differing}
            | {"told": each.message}
            for each in deviations(one, other)
        ],
        "files": {role: str(path) for role, path in files.items()},
    }


def _values(pair: Pair) -> dict[str, float | str | None]:
    return {
        "one": pair.one.value if pair.one else None,
        "other": pair.other.value if pair.other else None,
        "difference": pair.difference,
        "unit": pair.unit,
    }
