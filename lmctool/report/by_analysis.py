"""How the analysis that made a result shows it, if it is installed here, or an average.

The name of the analysis comes from an untrusted file, so it is only looked up among the installed
words.
"""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lmctool.errors import LmctoolError
from lmctool.plugin import registry
from lmctool.plugin.kinds import ANALYSES
from lmctool.plugin.lazy import Lazy
from lmctool.report.figure import FigureError
from lmctool.report.generic import metrics_table
from lmctool.results.aggregate.aggregate import averages_alone
from lmctool.results.aggregate.aggregate import derived as derived_of_average
from lmctool.results.aggregate.eligible import AGGREGATE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from matplotlib.figure import Figure

    from lmctool.plugin.records import Analysis
    from lmctool.results.result import Group, Result
    from lmctool.results.table import Table

MISMATCHES = (LookupError, ValueError, TypeError, AttributeError, ArithmeticError)
"""What an analysis raises on a result without the groups or the shapes that it writes itself."""


@dataclass(frozen=True, slots=True)
class View:
    """How a result that no analysis made is shown, in the words of ``Analysis``."""

    table: Callable[[Result], Table]
    figure: Callable[[Result, Figure], None]
    derived: Callable[[Result], Mapping[str, Group]]


AVERAGE = View(
    Lazy("lmctool.report.aggregate:tabulate"),
    Lazy("lmctool.report.aggregate_figure:draw"),
    derived_of_average,
)


def table(result: Result, path: Path | None) -> Table:
    """Return the table of the result's own analysis, or of all metrics where there is none.

    Raises:
        LmctoolError: the result, at ``path`` if it is in a file, does not hold what its analysis
            writes.
    """
    view = _view(result)
    with mismatch_as_error(result, path):
        return ((view and view.table) or metrics_table)(result)


def derived(result: Result, path: Path) -> Mapping[str, Group]:
    """Return the groups that follow from the others, as far as the result's own analysis says.

    Raises:
        LmctoolError: the result at ``path`` does not hold what its analysis writes.
    """
    view = _view(result)
    if view is None or view.derived is None:
        return {}
    with mismatch_as_error(result, path):
        return view.derived(result)


def drawer(result: Result) -> Callable[[Result, Figure], None] | None:
    """Return how the result's own analysis draws it, if it does."""
    view = _view(result)
    return view.figure if view else None


def essence(result: Result) -> Result:
    """Return a result without what a terminal has no room for: what each result of many has."""
    return averages_alone(result) if result.analysis == AGGREGATE else result


def about(result: Result) -> str:
    """Return what the result's analysis is, in the words of its help."""
    if result.analysis == AGGREGATE:
        return "Means over several results of one analysis, and how sure they are."
    if result.analysis in registry.names(ANALYSES):
        return registry.summary(ANALYSES, result.analysis)
    return f"Analysis {result.analysis!r} is not installed here; shown is what any result has."


@contextmanager
def mismatch_as_error(result: Result, path: Path | None) -> Iterator[None]:
    """Raise an error about the result, or its file, where an analysis fails on a result.

    Raises:
        LmctoolError: the body raised one of ``MISMATCHES``, or a figure's drawing function did.
    """
    try:
        yield
    except (*MISMATCHES, FigureError) as error:
        cause = error.__cause__ if isinstance(error, FigureError) else error
        if not isinstance(cause, MISMATCHES):
            raise
        where = "the result" if path is None else f"result '{path}'"
        raise LmctoolError(
            f"{where} does not hold what analysis {result.analysis!r} writes: {cause!r}"
        ) from error


def _view(result: Result) -> Analysis | View | None:
    if result.analysis == AGGREGATE:
        return AVERAGE
    if result.analysis not in registry.names(ANALYSES):
        return None
    return registry.load(ANALYSES, result.analysis)
