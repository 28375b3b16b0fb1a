"""The command line, in this process."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from click.testing import Result


def invoke(*arguments: str | Path) -> Result:
    """Run the command line in this process.

    Returns:
        click's result: ``exit_code``, ``stdout``, ``stderr``, and ``output`` with both.
    """
    from click.testing import CliRunner

    from lmctool.cli import main

    return CliRunner().invoke(main, [str(argument) for argument in arguments])


def metrics(*arguments: str | Path) -> dict[str, float | None]:
    """Run an analysis in this process, and return its metrics by full name; None is no number.

    Its files lie in a temporary folder unless ``-o`` is among the arguments.

    Raises:
        AssertionError: it does not exit with 0; says what it printed.
    """
    from tempfile import TemporaryDirectory

    with TemporaryDirectory() as folder:
        place = () if {"-o", "--out"} & set(map(str, arguments)) else ("-o", Path(folder, "out"))
        done = invoke(*arguments, *place, "--json", "-")
        if done.exit_code != 0:
            raise AssertionError(f"exit code {done.exit_code}: {done.output}")
    values: dict[str, float | None] = json.loads(done.stdout)["metrics"]
    return values
