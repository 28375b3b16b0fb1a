"""How narrow the interval of a barrier is to be, in the words that the user types."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, get_args

import click

from lmctool.errors import LmctoolError

if TYPE_CHECKING:
    from lmctool.results.score_metric import ScoreMetric

Mean = Literal["error", "loss"]
"""The metrics that are means over examples, of which a share of the examples tells something."""


@dataclass(frozen=True, slots=True)
class Within:
    """What half the width of a 95 % interval of a barrier is at most.

    Attributes:
        metric: of which barrier.
        width: the greatest half width, in the unit of the metric; per cent are hundredths.
        percent: whether it was given in per cent.
    """

    metric: Mean
    width: float
    percent: bool = False

    @classmethod
    def of(cls, text: str) -> Within:
        """Return what ``[METRIC:]WIDTH[%]`` says; without a metric it is the error.

        Raises:
            LmctoolError: it says nothing of the kind.
        """
        metric, colon, number = text.strip().rpartition(":")
        metric = metric if colon else "error"
        percent = number.endswith("%")
        try:
            width = float(number.removesuffix("%")) / (100 if percent else 1)
        except ValueError:
            width = math.nan
        if metric not in get_args(Mean) or not 0 < width < math.inf:
            raise LmctoolError(
                f"--within {text!r} is no width of an interval; write one of the error, such as"
                " 0.5%, or one of the loss, such as loss:0.02"
            )
        found = cls("loss" if metric == "loss" else "error", width, percent)
        if percent and metric == "loss":
            raise LmctoolError(
                f"--within {text!r} has per cent of a loss, which is no share; write it in the"
                " loss's unit, such as loss:0.02"
            )
        return found

    def check(self, metric: ScoreMetric) -> None:
        """Refuse per cent of a metric that is no share of examples.

        Raises:
            LmctoolError: it is none.
        """
        if self.percent and not metric.share:
            raise LmctoolError(
                f"--within {100 * self.width:g}% has per cent of an error that is no share here"
                f" ({metric.label}); write it in that unit, such as error:0.01"
            )

    def __str__(self) -> str:
        """Return the text that says it."""
        width = f"{100 * self.width:.6g}%" if self.percent else f"{self.width:.6g}"
        return f"{self.metric}:{width}"


def within_option() -> click.Option:
    """Return the option ``--within``, as ``Within.of`` takes its value."""
    return click.Option(
        ["--within"],
        metavar="[error:|loss:]WIDTH",
        callback=_checked,
        help="Look at a growing share of the examples only until half the width of the 95 %"
        " interval of each barrier is at most this: 0.5% of error, or loss:0.02.",
    )


def _checked(_: click.Context, option: click.Parameter, text: str | None) -> str | None:
    if text is not None:
        try:
            Within.of(text)
        except LmctoolError as error:
            raise click.BadParameter(str(error), param=option) from None
    return text
