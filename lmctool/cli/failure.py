"""A command that fails before it judges anything, as CI systems see it."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from lmctool.cli import github
from lmctool.errors import LmctoolError, machine_failure

if TYPE_CHECKING:
    from pathlib import Path


def report_failure(name: str, error: Exception, junit: Path | None, *, force: bool) -> None:
    """Report to a CI system why a command came to no verdict.

    Args:
        name: the command.
        error: the first error; one that happens here is passed over.
        junit: where verdicts were to go as JUnit XML, if anywhere.
        force: whether it may be replaced.
    """
    from lmctool.report.junit import write_trouble

    if junit is not None:
        with suppress(LmctoolError):
            write_trouble(name, machine_failure(error) or str(error), junit, force=force)
    github.report_failure(f"lmctool {name}", error)
