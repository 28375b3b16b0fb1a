"""How the analysis that made a result shows it, if it is installed here.

The name of the analysis comes from an untrusted file, so it is only looked up among the installed
words.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from lmctool.errors import LmctoolError
from lmctool.plugin import registry
from lmctool.plugin.kinds import ANALYSES
from lmctool.report.figure import FigureError
from lmctool.report.generic import metrics_table

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from matplotlib.figure import Figure

    from lmctool.plugin.records import Analysis
    from lmctool.results.result import Group, Result
    from lmctool.results.table import Table

MISMATCHES = (LookupError, ValueError, TypeError, AttributeError, ArithmeticError)
"""What an analysis raises on a result without the groups or the shapes that it writes itself."""


def table(result: Result, path: Path | None) -> Table:
    """Return the table of the result's own analysis, or of all metrics where there is none.

    Raises:
        LmctoolError: the result, at ``path`` if it is in a file, does not hold what its analysis
            writes.
    """
    analysis = _analysis(result)
    with mismatch_as_error(result, path):
        return ((analysis and analysis.table) or metrics_table)(result)


def derived(result: Result, path: Path) -> Mapping[str, Group]:
    """Return the groups that follow from the others, as far as the result's own analysis says.

    Raises:
        LmctoolError: the result at ``path`` does not hold what its analysis writes.
    """
    analysis = _analysis(result)
    if analysis is None or analysis.derived is None:
        return {}
    with mismatch_as_error(result, path):
        return analysis.derived(result)


def drawer(result: Result) -> Callable[[Result, Figure], None] | None:
    """Return how the result's own analysis draws it, if it does."""
    analysis = _analysis(result)
    return analysis.figure if analysis else None


def about(result: Result) -> str:
    """Return what the result's analysis is, in the words of its help."""
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


def _analysis(result: Result) -> Analysis | None:
    if result.analysis not in registry.names(ANALYSES):
        return None
    return registry.load(ANALYSES, result.analysis)
