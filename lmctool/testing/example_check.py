"""What must hold of the examples that the help of an analysis shows."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from lmctool.errors import LmctoolError
from lmctool.plugin.help_page import words
from lmctool.testing.claim import ClaimError

if TYPE_CHECKING:
    from lmctool.plugin.records import Analysis


def check_examples(name: str, analysis: Analysis) -> None:
    """Check that every example is a command; the files that it names need not be there.

    Raises:
        AssertionError: one is not; says why.
    """
    from lmctool.cli.analysis import AnalysisCommand

    for example in analysis.help.examples:
        try:
            line = words(example)
            AnalysisCommand(name, analysis).make_context(name, line, help_option_names=[])
        except (click.UsageError, LmctoolError) as error:
            parameter = getattr(error, "param", None)
            if parameter is not None and isinstance(parameter.type, click.Path):
                continue
            said = error.format_message() if isinstance(error, click.UsageError) else error
            raise ClaimError(
                f"example {example!r} of analysis {name!r} is no command of it: {said}"
            ) from error
