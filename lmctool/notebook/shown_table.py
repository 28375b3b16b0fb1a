"""A table that prints in a terminal, and shows in a notebook."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lmctool.report.html import Image
    from lmctool.results.table import Table


class ShownTable:
    """A table of texts; ``str`` is what the command prints.

    Attributes:
        title: what stands above it.
        columns: the heads.
        rows: a text for each column.
        notes: what stands below it.
    """

    def __init__(
        self, table: Table, remarks: Sequence[str] = (), exact: Table | None = None
    ) -> None:
        """Take the table, what is said below its own notes, and the same with all digits."""
        self._table, self._remarks, self._exact = table, tuple(remarks), exact or table
        self.title, self.columns, self.rows = table.title, table.columns, table.rows
        self.notes = (*table.notes, *remarks)

    def to_csv(self) -> str:
        """Return it as CSV, its numbers with all digits where it is of an array of them."""
        return self._as("csv")

    def to_latex(self) -> str:
        """Return it as a ``tabular`` for LaTeX, with rules of the package booktabs."""
        return self._as("latex")

    def to_markdown(self) -> str:
        """Return it as Markdown."""
        return self._as("markdown")

    def _as(self, form: str) -> str:
        from lmctool.report.exported_table import exported

        return exported(form, self._table, self._exact)

    def html(self, image: Image | str | None = None) -> str:
        """Return it as a part of a page, with a figure below it."""
        from lmctool.report.html import fragment

        return fragment([self._table], self._remarks, image)

    def __str__(self) -> str:
        """Return it as the command prints it: as wide as the terminal, if it is one."""
        from lmctool.report.terminal import as_text, printable

        return "\n".join([as_text(self._table), *map(printable, self._remarks)])

    def __repr__(self) -> str:
        """Return it as the command prints it."""
        return str(self)

    def _repr_html_(self) -> str:
        return self.html()
