"""One table of a result: that of its analysis, or another one by its name."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lmctool.report import by_analysis
from lmctool.report.escaped import escaped
from lmctool.report.value_tables import named

if TYPE_CHECKING:
    from pathlib import Path

    from lmctool.results.result import Result
    from lmctool.results.table import Table


def chosen_table(result: Result, path: Path | None, name: str | None) -> tuple[Table, Table]:
    """Return a table as a terminal shows it, and with all digits, where its cells are numbers.

    Args:
        result: the result.
        path: its file, if it is in one.
        name: what ``names`` of ``value_tables`` has; None for the table of its analysis.

    Raises:
        LmctoolError: there is no such table, or the result does not hold what its analysis writes.
    """
    if name is not None:
        return named(escaped(result), name)
    shown = by_analysis.table(result, path)
    return shown, shown
