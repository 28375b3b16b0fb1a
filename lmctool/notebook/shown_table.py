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

    def __init__(self, table: Table, remarks: Sequence[str] = ()) -> None:
        """Take the table, and what is said below its own notes."""
        self._table, self._remarks = table, tuple(remarks)
        self.title, self.columns, self.rows = table.title, table.columns, table.rows
        self.notes = (*table.notes, *remarks)

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
