"""The options that write a table as CSV, LaTeX or Markdown."""

from __future__ import annotations

from dataclasses import dataclass
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from lmctool.cli.command import OutputFile
from lmctool.errors import LmctoolError
from lmctool.report.terminal import echo

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from lmctool.results.table import Table

Function = TypeVar("Function", bound="Callable[..., Any]")
FORMS = {"csv": "CSV, with all digits of its numbers", "latex": "LaTeX", "markdown": "Markdown"}
STDOUT = "-"


@dataclass(frozen=True, slots=True)
class TableOutputs:
    """Where a table goes.

    Attributes:
        targets: a file or ``-``, for stdout, by form: ``csv``, ``latex``, ``markdown``.
    """

    targets: Mapping[str, str]

    @property
    def paths(self) -> list[Path]:
        """The files."""
        return [Path(target) for target in self.targets.values() if target != STDOUT]

    @property
    def on_stdout(self) -> bool:
        """Whether stdout is for a table alone."""
        return STDOUT in self.targets.values()

    def check(self, document: str | None = None) -> None:
        """Refuse to print two things on stdout.

        Args:
            document: where a JSON document goes.

        Raises:
            LmctoolError: more than one goes to stdout.
        """
        both = {**self.targets, **({"json": document} if document else {})}
        printed = [f"--{form} -" for form, target in both.items() if target == STDOUT]
        if len(printed) > 1:
            raise LmctoolError(f"{' and '.join(printed)} both print on stdout; give a file for one")

    def refuse_existing(self, *, force: bool) -> None:
        """Refuse files that cannot be written, before anything is.

        Raises:
            LmctoolError: one exists and ``force`` is not given, or it cannot be written.
        """
        from lmctool.files.publish import refuse_existing

        refuse_existing(self.paths, force)

    def write(self, shown: Table, exact: Table | None = None, *, force: bool) -> None:
        """Write a table wherever it goes.

        Args:
            shown: the table as a terminal shows it.
            exact: the same with all digits of its numbers, for CSV; None where its numbers have
                no more.
            force: whether existing files may be replaced.

        Raises:
            LmctoolError: a file exists and ``force`` is not given, or it cannot be written.
        """
        from lmctool.files.publish import write_bytes
        from lmctool.report.exported_table import exported

        for form, target in self.targets.items():
            text = exported(form, shown, exact or shown)
            if target == STDOUT:
                echo(text.rstrip("\n"))
            else:
                write_bytes(Path(target), text.encode(), force)


def table_options(command: Function) -> Function:
    """Add the options to a command, which gets ``tables``."""

    @wraps(command)
    def with_tables(**values: Any) -> Any:
        targets = {form: values.pop(form) for form in FORMS}
        given = {form: target for form, target in targets.items() if target is not None}
        tables = TableOutputs(given)
        tables.check(values.get("target"))
        return command(**values, tables=tables)

    for form, name in reversed(FORMS.items()):
        option = click.option(
            f"--{form}",
            metavar="FILE|-",
            type=OutputFile(dash=True),
            help=f"Also write the table as {name}; - prints that alone on stdout.",
        )
        with_tables = option(with_tables)
    return with_tables  # type: ignore[return-value]
