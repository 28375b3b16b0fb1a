"""Judge stored results by the gates of a policy, or against earlier results."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from lmctool.cli.command import Command, OutputFile
from lmctool.cli.failure import report_failure
from lmctool.cli.gate_options import audit_options
from lmctool.cli.gates import audit_results
from lmctool.cli.stored_result import read_sound
from lmctool.errors import LmctoolError

if TYPE_CHECKING:
    from lmctool.errors import ExitCode
    from lmctool.gates.baseline import Tolerance


@click.command("audit", cls=Command)
@click.argument(
    "paths", metavar="RESULT...", nargs=-1, required=True, type=click.Path(path_type=Path)
)
@audit_options
@click.option(
    "--json",
    "target",
    metavar="FILE|-",
    type=OutputFile(dash=True),
    help="Write the verdicts as JSON; - prints them on stdout.",
)
@click.option(
    "--junit",
    metavar="FILE",
    type=OutputFile(),
    help="Write the verdicts as JUnit XML.",
)
@click.option("--force", is_flag=True, help="Replace these files if they exist.")
def command(
    paths: tuple[Path, ...],
    policy: Path | None,
    baselines: tuple[Path, ...],
    tolerance: Tolerance | None,
    target: str | None,
    junit: Path | None,
    force: bool,
) -> ExitCode:
    """Judge each RESULT, an .h5 file, by the gates of a policy, or against earlier results.

    Exits with 0 if every gate passes, with 3 if one fails, and with 4 if one cannot be judged
    because there is no such result or metric, or its value is not a number. Only stored numbers are
    read; no network is evaluated.
    """
    from lmctool.cli import github
    from lmctool.cli.verdicts import show_verdicts
    from lmctool.gates.gate import exit_code
    from lmctool.report.json_document import verdict_document, write_json
    from lmctool.report.junit import write_verdicts

    _check_outputs(None if target in {None, "-"} else Path(str(target)), junit, force)
    try:
        if policy is None and not baselines:
            raise LmctoolError("there is nothing to judge by; give --policy or --baseline")
        results = {path: read_sound(path) for path in paths}
        verdicts = audit_results(results, policy, baselines, tolerance)
    except LmctoolError as error:
        report_failure("audit", error, junit, force=force)
        raise
    if target is not None:
        write_json(verdict_document(verdicts), target, force=force)
    if junit is not None:
        write_verdicts(verdicts, junit, force=force)
    github.summarize("lmctool audit", verdicts)
    if target != "-":
        show_verdicts(verdicts)
    return exit_code(verdicts)


def _check_outputs(document: Path | None, junit: Path | None, force: bool) -> None:
    """Refuse outputs that cannot be written, before any work is done."""
    from lmctool.files.publish import refuse_existing

    if document is not None and document == junit:
        raise LmctoolError(f"--junit names '{junit}', as --json does")
    refuse_existing([path for path in (document, junit) if path is not None], force)
