"""Findings of one pair of networks: which differences count, and how several count together."""

from __future__ import annotations

from math import isnan
from typing import TYPE_CHECKING

from verdict import Finding, Outcome, below

if TYPE_CHECKING:
    from collections.abc import Iterable

NOISE = {"error": 0.005, "loss": 0.01}
"""How far one network's value moves by chance: about half the standard error of an error of 15 %
on 2,000 examples, since both networks of a comparison answer the same ones."""


def lower(first: float, second: float, metric: str = "error") -> Outcome:
    """Tell whether the first value is below the second, by more than chance."""
    return below([first], [second], NOISE[metric])


def every(outcomes: Iterable[Outcome]) -> Outcome:
    """Tell whether all agree: differs where one does, undecided where one is."""
    found = set(outcomes)
    for worst in (Outcome.DIFFERS, Outcome.UNDECIDED):
        if worst in found:
            return worst
    return Outcome.AGREES


def lowers(
    statement: str,
    values: Iterable[tuple[str, float, float]],
    metric: str = "error",
) -> Finding:
    """Return whether in every case the first value is below the second.

    Args:
        statement: of the paper.
        values: what each case begins with, the value that is to be lower, and the other.
        metric: ``error`` or ``loss``.
    """
    cases = list(values)
    shown = "; ".join(f"{name}{against(a, b, metric)}" for name, a, b in cases)
    return Finding(statement, every(lower(a, b, metric) for _, a, b in cases), shown)


def against(first: float, second: float, metric: str = "error") -> str:
    """Return how two values compare.

    >>> against(0.125, 0.5)
    '12.5 % < 50.0 %'
    """
    one, other = told(first, metric), told(second, metric)
    sign = "=" if one == other else "<" if first < second else ">"
    return f"{one} {sign} {other}"


def share(number: float) -> str:
    """Return a share in whole percent, and a dash for NaN.

    >>> share(0.6), share(float("nan"))
    ('60 %', '-')
    """
    return "-" if isnan(number) else f"{number:.0%}".replace("%", " %")


def told(number: float, metric: str = "error") -> str:
    """Return an error in percent, or a loss in nats.

    >>> told(0.125), told(0.5, "loss")
    ('12.5 %', '0.500')
    """
    return f"{100 * number:.1f} %" if metric == "error" else f"{number:.3f}"
