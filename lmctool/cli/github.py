"""What a job of GitHub Actions shows: a summary on its page, and annotations."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import click

from lmctool.errors import LmctoolError, machine_failure
from lmctool.files.input_files import is_input
from lmctool.report.terminal import printable

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from lmctool.gates.gate import Verdict
    from lmctool.results.table import Table

MOST = 10
"""Annotations of one step that GitHub shows."""


def summarize(
    title: str, verdicts: Sequence[Verdict], table: Callable[[], Table] | None = None
) -> None:
    """Append a summary to ``$GITHUB_STEP_SUMMARY`` and annotate, where there is such a job.

    Args:
        title: the heading.
        verdicts: the verdicts on the gates.
        table: returns a table to show above them; None for no table.

    Raises:
        LmctoolError: the summary cannot be written.
    """
    summary = os.environ.get("GITHUB_STEP_SUMMARY")
    if summary:
        _append(Path(summary), title, verdicts, table)
    if os.environ.get("GITHUB_ACTIONS") == "true":
        for line in annotation_lines(verdicts):
            click.echo(line, err=True)


def check_summary() -> None:
    """Refuse to append to an input of the running command.

    Raises:
        LmctoolError: the summary is one.
    """
    summary = os.environ.get("GITHUB_STEP_SUMMARY")
    if summary and is_input(Path(summary)):
        raise LmctoolError(
            f"the summary '{summary}' that $GITHUB_STEP_SUMMARY names is an input of this very"
            " command; let it name another file"
        )


def report_failure(title: str, error: Exception) -> None:
    """Say in the summary of such a job why a command came to no verdict.

    A summary that cannot be written is passed over: the first error is the one to report.
    """
    summary = os.environ.get("GITHUB_STEP_SUMMARY")
    if summary:
        from lmctool.report import markdown

        with suppress(LmctoolError):
            told = machine_failure(error) or str(error)
            _write(Path(summary), [f"### {markdown.plain(title)}\n", markdown.plain(told)])


def annotate(title: str, message: str) -> None:
    """Annotate such a job with the error that ended a command."""
    if os.environ.get("GITHUB_ACTIONS") == "true":
        click.echo(_annotation("error", title, message), err=True)


def annotation_lines(verdicts: Sequence[Verdict]) -> list[str]:
    """Return the workflow commands that annotate the gates that did not pass, ten at most.

    Gates that did not pass for one and the same reason are annotated together.
    """
    from lmctool.gates.condition import several

    causes: dict[tuple[str, str], list[str]] = {}
    for each in verdicts:
        if each.status != "passed":
            cause = ("warning" if each.mild else "error", f"{each.status}: {each.message}")
            causes.setdefault(cause, []).append(each.gate.shown)
    return [
        _annotation(level, several(list(dict.fromkeys(titles))), told)
        for (level, told), titles in causes.items()
    ][:MOST]


def _annotation(level: str, title: str, message: str) -> str:
    return f"::{level} title={_escaped(title, ':,')}::{_escaped(message)}"


def _append(
    path: Path, title: str, verdicts: Sequence[Verdict], table: Callable[[], Table] | None
) -> None:
    from lmctool.report import markdown

    parts = [f"### {markdown.plain(title)}\n"]
    parts += [markdown.table(table())] if table else []
    parts += [markdown.verdicts(verdicts)] if verdicts else []
    _write(path, parts)


def _write(path: Path, parts: Sequence[str]) -> None:
    """Append to the summary.

    Raises:
        LmctoolError: it cannot be written, or is an input of the running command.
    """
    check_summary()
    try:
        with path.open("a", encoding="utf-8") as file:
            file.write("\n".join(parts) + "\n")
    except OSError as cause:
        raise LmctoolError(
            f"the summary '{path}' that $GITHUB_STEP_SUMMARY names cannot be written:"
            f" {cause.strerror}"
        ) from cause


def _escaped(text: str, more: str = "") -> str:
    """Return a text as a workflow command takes it."""
    text = "\n".join(map(printable, text.splitlines()))
    for character in f"%\r\n{more}":
        text = text.replace(character, f"%{ord(character):02X}")
    return text
