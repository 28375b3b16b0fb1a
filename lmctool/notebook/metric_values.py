"""The metrics of a result by their names."""

from __future__ import annotations

import difflib
import math
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lmctool.results.metrics import Metric
    from lmctool.results.result import Result

NEAR = 3
"""Names that an error suggests."""


class MetricValues(Mapping[str, float]):
    """Each metric of a result by its full name; NaN where it is no finite number.

    A name may give its coordinates in any order, and leave out those in which there is no choice:
    ``barrier.error[split=test,variant=plain]``, or ``barrier.error[variant=plain]`` where there is
    one split.
    """

    def __init__(self, result: Result) -> None:
        """Take the result.

        Raises:
            LmctoolError: two variables of it give the same metric.
        """
        from lmctool.results.metrics import listed

        self._metrics = {metric.full_name: metric for metric in listed(result)}

    def __getitem__(self, name: str) -> float:
        """Return the value of a metric.

        Raises:
            KeyError: the name is of none, or of several.
        """
        metric = self._metrics.get(name) or self._selected(name)
        return math.nan if metric.value is None else metric.value

    def __iter__(self) -> Iterator[str]:
        """Yield the full names."""
        return iter(self._metrics)

    def __len__(self) -> int:
        """Return how many there are."""
        return len(self._metrics)

    def __repr__(self) -> str:
        """Return a line for each of them."""
        width = max(map(len, self), default=0)
        return "\n".join(f"{name:<{width}}  {value:.6g}" for name, value in self.items())

    def _selected(self, name: str) -> Metric:
        """Return the one metric that a name selects.

        Raises:
            KeyError: it selects none, or several.
        """
        from lmctool.errors import LmctoolError
        from lmctool.gates.condition import parse_selection, several

        try:
            metric, where = parse_selection(name)
        except LmctoolError as error:
            raise KeyError(f"{error}{self._near(name)}") from None
        chosen = [
            each
            for each in self._metrics.values()
            if each.name == metric and where.items() <= each.where.items()
        ]
        if not chosen:
            raise KeyError(f"no metric {name}{self._near(name)}")
        if len(chosen) > 1:
            names = several([each.full_name for each in chosen])
            raise KeyError(f"{name} is {len(chosen)} metrics: {names}")
        return chosen[0]

    def _near(self, name: str) -> str:
        near = difflib.get_close_matches(name, self._metrics, n=NEAR, cutoff=0.3)
        return f"; the nearest: {', '.join(near)}" if near else ""
