"""Two results side by side: as tables, and their curves in one figure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lmctool.errors import LmctoolError
from lmctool.report import curve
from lmctool.report.by_analysis import essence
from lmctool.report.curve_panels import curve_panels, legend_of_figure, shares_of
from lmctool.report.escaped import escaped
from lmctool.report.generic import curve_grid
from lmctool.report.shortened import shortened
from lmctool.results.provenance_diff import KINDS
from lmctool.results.table import Table
from lmctool.results.text import all_digits, number

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from lmctool.report.curve_panels import CurvePanel, NamedLine
    from lmctool.report.notation import Notation
    from lmctool.results.declared_metric import DeclaredMetric
    from lmctool.results.pairing import Pair
    from lmctool.results.provenance_diff import Cause
    from lmctool.results.result import Result
    from lmctool.results.value_diff import Deviation

ABSENT = "missing"
TITLES = {"input": "Inputs that differ", "version": "Versions that differ"}
TITLES |= {"setting": "Settings that differ"}
LONGEST = 200
"""Characters of one setting that are shown."""


def metrics_table(
    pairs: Sequence[Pair],
    title: str,
    known: Notation,
    *,
    everything: bool,
    exact: bool = False,
) -> Table:
    """Return metrics with both values and the difference.

    Args:
        pairs: the metrics of both results.
        title: what stands above the table.
        known: how their numbers are written.
        everything: whether those that are the same, or in one result alone, are shown too.
        exact: whether numbers have all their digits, for programs.
    """
    common = [pair for pair in pairs if pair.one and pair.other]
    differing = [pair for pair in common if not pair.same]
    rows = tuple(
        _row(pair, known.metric(pair.metric), exact)
        for pair in (pairs if everything else differing)
    )
    notes = [f"{len(differing)} of {len(common)} metrics differ"]
    for which, count in (
        ("first", sum(pair.other is None for pair in pairs)),
        ("second", sum(pair.one is None for pair in pairs)),
    ):
        if count:
            notes.append(f"{count} more are only in the {which} result; --all shows them")
    return Table(title, ("metric", "first", "second", "difference", "unit"), rows, tuple(notes))


def causes_tables(causes: Sequence[Cause]) -> list[Table]:
    """Return what differs between two runs, a table for each kind of which anything does."""
    tables = [
        Table(TITLES[kind], (kind, "first", "second"), rows)
        for kind in KINDS
        if (
            rows := tuple(
                (cause.name, _cut(cause.one), _cut(cause.other))
                for cause in causes
                if cause.kind == kind
            )
        )
    ]
    return tables or [Table("Inputs, versions and settings are the same", (), ())]


def deviations_table(deviations: Sequence[Deviation]) -> Table:
    """Return how the arrays that two results both have differ."""
    if not deviations:
        return Table("All values are the same bit for bit", (), ())
    common = [deviation for deviation in deviations if not deviation.alone]
    rows = tuple(
        (
            deviation.path,
            f"{deviation.differing} of {deviation.elements}",
            number(deviation.greatest),
            _where(deviation),
        )
        for deviation in common
    )
    alone = len(deviations) - len(common)
    notes = (f"{alone} more arrays are in one of the two results only",) if alone else ()
    return Table("Arrays that differ", ("array", "values", "at most", "at"), rows, notes)


class Overlay:
    """Draws the curves that two results have in common, one of them dashed."""

    def __init__(self, other: Result, names: tuple[str, str]) -> None:
        """Take the second result and the names of the two."""
        self.other, self.names = escaped(essence(other)), names

    def __call__(self, one: Result, figure: Figure) -> None:
        """Draw the first result's curves and the second's, a panel for each variable and split.

        Raises:
            LmctoolError: they have no curve in common.
        """
        theirs = {_key(each): each for each in curve_panels(curve.find(self.other), apart=True)}
        common = [
            (each, theirs[_key(each)])
            for each in curve_panels(curve.find(essence(one)), apart=True)
            if _key(each) in theirs
        ]
        if not common:
            raise LmctoolError("the results have no curve in common that could be drawn")
        names = [self._name(file, line) for file in self.names for line in common[0][0].lines]
        places = curve_grid(figure, [each for each, _ in common], names)
        for axes, both in zip(places, common, strict=True):
            self._draw(axes, both)
            both[0].label(axes, shares_of(one))
        legend_of_figure(figure)

    def _draw(self, axes: Axes, both: tuple[CurvePanel, CurvePanel]) -> None:
        """Draw the lines of both results, the second's dashed, in one colour each."""
        styles = {line.name: line.style for each in reversed(both) for line in each.lines}
        others: tuple[dict[str, Any], ...] = (
            {"linestyle": "-"},
            {"linestyle": "--", "markerfacecolor": "white"},
        )
        for each, file, other in zip(both, self.names, others, strict=True):
            for line in each.lines:
                style = {**styles[line.name], **other}
                axes.plot(
                    each.curve.positions, line.line.values, label=self._name(file, line), **style
                )

    @staticmethod
    def _name(file: str, line: NamedLine) -> str:
        return ": ".join(filter(None, (shortened(file), line.name)))


def _key(panel: CurvePanel) -> tuple[str, str, str, tuple[str, ...], str]:
    each = panel.curve
    return each.title, each.unit, each.dim, each.dims, panel.title


def _where(deviation: Deviation) -> str:
    return deviation.where or deviation.message.removeprefix(deviation.path).strip()


def _row(pair: Pair, known: DeclaredMetric, exact: bool) -> tuple[str, ...]:
    write, signed = (all_digits, all_digits) if exact else (known.text, known.signed)
    values = (ABSENT if each is None else write(each.value) for each in (pair.one, pair.other))
    unit = "" if pair.unit == "1" else pair.unit
    return (pair.name, *values, signed(pair.difference), unit)


def _cut(text: str) -> str:
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}... ({len(text)} characters)"
