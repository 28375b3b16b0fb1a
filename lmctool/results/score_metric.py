"""The metrics of a network on examples, loss, error and others: their units, labels and formats."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from lmctool.results.declared_metric import DeclaredMetric
from lmctool.results.result import Variable

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from lmctool.results.result import Better

Quantity = Literal["value", "height", "difference"]
"""A value of a metric, how far it rises above a reference that meets it, or a difference of two."""


@dataclass(frozen=True, slots=True)
class ScoreMetric:
    """A metric of a network on examples.

    Attributes:
        name: its name, and that of its attribute of ``Scores`` and ``Curves``.
        unit: the unit of a ``Variable``.
        label: the name with the unit in words, as on the axis of a figure.
        form: the format of a value in a table.
        better: which way it is better.
        low: the least value that it can have.
        high: the greatest value that it can have.
        share: whether it is a share of examples.
    """

    name: str
    unit: str
    label: str
    form: str
    better: Better
    low: float
    high: float
    share: bool

    def text(self, value: float) -> str:
        """Return a value as a table shows it."""
        return self.form.format(value)

    def variable(
        self,
        values: NDArray[Any],
        dims: tuple[str, ...],
        long_name: str = "",
        metric: str = "",
        *,
        comparable: bool = True,
    ) -> Variable:
        """Return values in the unit of this metric, such as a curve of it, or how far it rises.

        Args:
            values: numbers in the unit of the metric.
            dims: one name for each axis.
            long_name: what the values are; the metric's own name if empty.
            metric: the public name of the values as metrics; empty for values that are none.
            comparable: whether they are better the same way as the metric itself; the bounds of an
                interval are not, nor is what one part alone does.
        """
        better = self.better if metric and comparable else ""
        return Variable(values, dims, self.unit, long_name or self.name, metric, better)

    def declared(self, name: str, meaning: str, of: Quantity = "value") -> DeclaredMetric:
        """Declare values in the unit of this metric.

        Args:
            name: their public name.
            meaning: what they are.
            of: which values can be there.
        """
        low = {"value": self.low, "height": 0.0, "difference": -self.high}[of]
        return DeclaredMetric(name, meaning, self.unit, low, self.high, self.share)


LOSS = ScoreMetric("loss", "nat", "loss (nats)", "{:.4f}", "lower", -math.inf, math.inf, False)
"""The mean loss of an example."""
ERROR = ScoreMetric("error", "1", "error (share of examples)", "{:.2%}", "lower", 0, 1, True)
"""The share of examples that are answered wrongly, which is 1 less the accuracy."""

STANDARD = (LOSS, ERROR)
"""Of networks that tell classes apart, where the user asks for no other."""


def declared_scores(
    name: str, meaning: str, of: Quantity = "value"
) -> tuple[DeclaredMetric, DeclaredMetric]:
    """Declare the same of loss and of error.

    >>> [metric.name for metric in declared_scores("repair.{}", "{} of a network")]
    ['repair.loss', 'repair.error']

    Args:
        name: their public names, with {} where the metric's own name goes.
        meaning: what they are, likewise.
        of: which values can be there.
    """
    loss, error = (
        score.declared(name.format(score.name), meaning.format(score.name), of)
        for score in (LOSS, ERROR)
    )
    return loss, error
