"""The metrics of a network on examples, loss, error and others: their units, labels and formats."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, get_args

from lmctool.results.declared_metric import DeclaredMetric, Quantity
from lmctool.results.result import Variable
from lmctool.results.text import spaced

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from lmctool.results.result import Better


def check_quantity(of: str) -> None:
    """Refuse what is no ``Quantity``.

    Raises:
        ValueError: it is another word.
    """
    if of not in get_args(Quantity):
        raise ValueError(f"of={of!r} is none of {', '.join(map(repr, get_args(Quantity)))}")


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
        """Return a value as a table shows it; a dash for none."""
        return "-" if math.isnan(value) else spaced(self.form.format(value))

    def signed(self, difference: float) -> str:
        """Return a difference as a table shows it, of per cent in points; a dash for none."""
        if math.isnan(difference):
            return "-"
        return f"{self.points * difference:+.2f}" if self.percent else f"{difference:+.4f}"

    @property
    def percent(self) -> bool:
        """Whether values are shown in per cent."""
        return self.form.endswith("%}")

    @property
    def points(self) -> int:
        """What a difference is multiplied by to be shown: that of per cent is in points."""
        return 100 if self.percent else 1

    @property
    def of_answers(self) -> bool:
        """Whether an error is a share of answers, each of which is right or wrong."""
        return self.share and self.high == 1

    @property
    def worsening(self) -> str:
        """What it does where a network gets worse: ``rise`` or ``fall``."""
        return "fall" if self.better == "higher" else "rise"

    def as_cost(self, values: NDArray[Any]) -> NDArray[Any]:
        """Return values of which the greater is the worse: what barriers and shapes are made of.

        Of a metric that is better the higher, that is how much is missing to the greatest value
        (or the value with the other sign, where there is no greatest), so that a barrier is how far
        it falls.  Of what this returns it gives the values again, up to rounding.
        """
        if self.better != "higher":
            return values
        return (self.high if math.isfinite(self.high) else 0.0) - values

    def variable(
        self,
        values: NDArray[Any],
        dims: tuple[str, ...],
        long_name: str = "",
        metric: str = "",
        *,
        of: Quantity = "value",
        comparable: bool = True,
    ) -> Variable:
        """Return values in the unit of this metric, such as a curve of it, or how far it rises.

        Args:
            values: numbers in the unit of the metric.
            dims: one name for each axis.
            long_name: what the values are; the metric's own name if empty.
            metric: the public name of the values as metrics; empty for values that are none.
            of: which values these are: ``"value"`` of the metric itself; ``"height"``, how much
                worse than a reference that meets it, such as a barrier, which is better the lower;
                ``"difference"`` of two values, such as a rise.
            comparable: whether one way is better at all; the bounds of an interval have none, nor
                has what one part alone does.

        Raises:
            ValueError: ``of`` is another word.
        """
        check_quantity(of)
        own: Better = "lower" if of == "height" else self.better
        better = own if metric and comparable else ""
        return Variable(values, dims, self.unit, long_name or self.name, metric, better)

    def declared(self, name: str, meaning: str, of: Quantity = "value") -> DeclaredMetric:
        """Declare values in the unit of this metric.

        Args:
            name: their public name.
            meaning: what they are.
            of: which values can be there: ``"value"``, between the metric's own bounds;
                ``"height"``, from 0 up; ``"difference"``, of either sign.

        Raises:
            ValueError: ``of`` is another word.
        """
        check_quantity(of)
        span = self.high - self.low
        low, high = {
            "value": (self.low, self.high),
            "height": (0.0, span),
            "difference": (-span, span),
        }[of]
        return DeclaredMetric(name, meaning, self.unit, low, high, self.share, self.percent, of)


LOSS = ScoreMetric("loss", "nat", "loss (nats)", "{:.4f}", "lower", -math.inf, math.inf, False)
"""The mean loss of an example."""
ERROR = ScoreMetric("error", "1", "error (share of examples)", "{:.2%}", "lower", 0, 1, True)
"""The share of examples that are answered wrongly, which is 1 less the accuracy."""

STANDARD = (LOSS, ERROR)
"""Of networks that tell classes apart, where the user asks for no other."""


def fall_notes(metrics: Sequence[ScoreMetric]) -> tuple[str, ...]:
    """Return a note for a table that shows barriers or rises of metrics that may fall, if any."""
    falling = [metric.name for metric in metrics if metric.better == "higher"]
    if not falling:
        return ()
    return (f"of {' and '.join(falling)} higher is better, so a rise of others is a fall there",)


@dataclass(frozen=True, slots=True)
class DeclaredScores:
    """What an analysis says it can give of each metric of networks: loss, error and others.

    >>> [metric.name for metric in DeclaredScores("end.{}", "{} of a network").expanded(STANDARD)]
    ['end.loss', 'end.error']

    Attributes:
        name: the public name, with {} where the metric's own name goes.
        meaning: what it is, in a few words, likewise.
        of: which values of the metric can be there: ``"value"``, ``"height"`` or ``"difference"``,
            as ``ScoreMetric.declared`` has them.
        low: the least that can be there, where that is a plain number such as an alpha, and no
            value of the metric; else None.
        high: the greatest, likewise.
        every: whether it is there for every metric, or for loss and error alone, which are means
            over examples.
    """

    name: str
    meaning: str
    of: Quantity = "value"
    low: float | None = None
    high: float | None = None
    every: bool = True

    def __post_init__(self) -> None:
        """Refuse values that are none of a metric.

        Raises:
            ValueError: ``of`` is another word.
        """
        check_quantity(self.of)

    def expanded(self, metrics: Sequence[ScoreMetric]) -> tuple[DeclaredMetric, ...]:
        """Return it of each metric of a run: loss, error, and others behind them."""
        return tuple(map(self._of_one, metrics if self.every else metrics[:2]))

    def _of_one(self, metric: ScoreMetric) -> DeclaredMetric:
        name, meaning = (text.format(metric.name) for text in (self.name, self.meaning))
        if self.low is not None and self.high is not None:
            return DeclaredMetric(name, meaning, low=self.low, high=self.high)
        return metric.declared(name, meaning, self.of)


Declaration = DeclaredMetric | DeclaredScores


def declared_by(
    declarations: Sequence[Declaration], metrics: Sequence[ScoreMetric]
) -> dict[str, DeclaredMetric]:
    """Return what is declared of a run by name.

    Args:
        declarations: what an analysis or an aligner declares.
        metrics: what networks are measured by: loss, error, and others behind them.
    """
    return {
        each.name: each
        for declaration in declarations
        for each in (
            declaration.expanded(metrics)
            if isinstance(declaration, DeclaredScores)
            else (declaration,)
        )
    }
