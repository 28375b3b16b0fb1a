"""Two results side by side, as Python code gets them."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lmctool.errors import LmctoolError
from lmctool.notebook.result import Result

if TYPE_CHECKING:
    from collections.abc import Sequence
    from os import PathLike

    import pandas as pd

    from lmctool.notebook.shown_table import ShownTable
    from lmctool.results.pairing import Pair
    from lmctool.results.provenance_diff import Cause
    from lmctool.results.table import Table
    from lmctool.results.value_diff import Deviation


def compare(one: Result | str | PathLike[str], other: Result | str | PathLike[str]) -> Comparison:
    """Compare two results of one analysis, as ``lmctool compare`` does.

    Args:
        one: a result, or the path of one.
        other: a second one.

    Raises:
        LmctoolError: one cannot be read, or they are of two analyses.
    """
    return Comparison(_as_stored(one), _as_stored(other))


class Comparison:
    """Where two results differ, and why they may.

    ``print`` shows what ``lmctool compare`` does; a notebook shows the curves of both, too.

    Attributes:
        one: the first result.
        other: the second.
    """

    def __init__(self, one: Result, other: Result) -> None:
        """Take two results.

        Raises:
            LmctoolError: they are of two analyses.
        """
        if one.analysis != other.analysis:
            raise LmctoolError(
                f"{_place(one, 'the first')} is a result of {one.analysis!r}, but"
                f" {_place(other, 'the second')} is one of {other.analysis!r}; compare two results"
                " of one analysis"
            )
        self.one, self.other = one, other

    @property
    def same(self) -> bool:
        """Whether all values are the same bit for bit."""
        return not self.deviations

    @cached_property
    def metrics(self) -> tuple[Pair, ...]:
        """Each metric with both of its values: ``name``, ``one``, ``other``, ``difference``."""
        from lmctool.results.pairing import pairs

        return tuple(pairs(self.one.record, self.other.record))

    @cached_property
    def causes(self) -> tuple[Cause, ...]:
        """The inputs, versions and settings that differ: ``kind``, ``name``, ``one``, ``other``."""
        from lmctool.results.provenance_diff import causes

        return tuple(causes(self.one.record, self.other.record))

    @cached_property
    def deviations(self) -> tuple[Deviation, ...]:
        """The arrays that differ, each with a sentence: ``path``, ``message``."""
        from lmctool.results.value_diff import deviations

        return tuple(deviations(self.one.record, self.other.record))

    def to_frame(self) -> pd.DataFrame:
        """Return a row for each metric: both values, the second less the first, and its unit.

        NaN stands for what is missing, or is no number.
        """
        from lmctool.notebook.extras import library

        columns = {
            "metric": [pair.name for pair in self.metrics],
            "one": [pair.one and pair.one.value for pair in self.metrics],
            "other": [pair.other and pair.other.value for pair in self.metrics],
            "difference": [pair.difference for pair in self.metrics],
            "unit": [pair.unit for pair in self.metrics],
            "better": [pair.better for pair in self.metrics],
        }
        frame: pd.DataFrame = library("pandas").DataFrame(columns)
        numbers = ["one", "other", "difference"]
        return frame.astype(dict.fromkeys(numbers, "float64"))

    def tables(self, *, everything: bool = False) -> tuple[ShownTable, ...]:
        """Return what differs: metrics, then inputs, versions and settings, then arrays.

        Args:
            everything: show the metrics that are the same, too, or that one result has alone.
        """
        from lmctool.notebook.shown_table import ShownTable

        return tuple(map(ShownTable, self._tables(everything)))

    def plot(self, ax: Any = None, *, size: tuple[float, float] | None = None, **style: Any) -> Any:
        """Draw the curves that both have, those of the second dashed.

        Args:
            ax: as for ``Result.plot``.
            size: likewise.
            style: likewise.

        Returns:
            The figure, or ``ax``.

        Raises:
            LmctoolError: they have no curve in common, or it cannot be drawn so.
        """
        from lmctool.notebook.drawing import drawn

        return drawn(self.one.record, self._overlay(), ax, (None, None), size, style)

    def __str__(self) -> str:
        """Return what the command shows."""
        return "\n\n".join(map(str, self.tables()))

    def __repr__(self) -> str:
        """Return what is compared, and whether it is the same."""
        told = "the same" if self.same else f"{len(self.deviations)} arrays differ"
        return f"<lmctool.Comparison of two results of {self.one.analysis}: {told}>"

    def _repr_html_(self) -> str:
        """Return its tables and its figure for a notebook."""
        from lmctool.notebook.drawing import image
        from lmctool.report.html import fragment

        found = "All values are the same." if self.same else "The two differ."
        figure = image(self.one.record, self._overlay(), found)
        return fragment(self._tables(everything=False), (), figure)

    def _tables(self, everything: bool) -> Sequence[Table]:
        from lmctool.report.comparison import causes_tables, deviations_table, metrics_table
        from lmctool.report.notation import Notation

        first, second = _place(self.one, "first"), _place(self.other, "second")
        title = f"{self.one.analysis}: {first} and {second}"
        return [
            metrics_table(self.metrics, title, Notation.of(self.one.record), everything=everything),
            *causes_tables(self.causes),
            deviations_table(self.deviations),
        ]

    def _overlay(self) -> Any:
        from lmctool.files.short_names import short_names
        from lmctool.report.comparison import Overlay
        from lmctool.report.terminal import printable

        paths = [each.path or Path(w) for each, w in ((self.one, "first"), (self.other, "second"))]
        first, second = map(printable, short_names(paths))
        return Overlay(self.other.record, (first, second))


def _place(result: Result, which: str) -> str:
    """Return where a result is, and which of the two it is."""
    return which if result.path is None else f"'{result.path}' ({which})"


def _as_stored(result: Result | str | PathLike[str]) -> Result:
    """Return a result; one in a file is taken as it is, to see what was changed in it."""
    from lmctool.results.file import read

    if isinstance(result, Result):
        return result
    return Result(read(Path(result)), Path(result))
