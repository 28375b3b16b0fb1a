"""Judge stored results by the gates of a policy, or against earlier results."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from lmctool.cli.gate_options import judging_options, verdicts
from lmctool.cli.gates import tell_trouble
from lmctool.errors import LmctoolError

if TYPE_CHECKING:
    from lmctool.errors import ExitCode
    from lmctool.gates.baseline import Tolerance


@click.command("audit")
@click.argument(
    "paths", metavar="RESULT...", nargs=-1, required=True, type=click.Path(path_type=Path)
)
@judging_options
@click.option("--json", "target", metavar="FILE|-", help="Write the verdicts as JSON.")
@click.option(
    "--junit", metavar="FILE", type=click.Path(path_type=Path), help="Write them as JUnit XML too."
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

    Exits with 0 if every gate passes, 3 if one fails, 4 if one cannot be judged: no such result or
    metric, or a value that is no number. Nothing is computed anew.
    """
    from lmctool.cli import github
    from lmctool.cli.verdicts import show_verdicts
    from lmctool.gates.gate import exit_code
    from lmctool.report.json_document import verdict_document, write_json
    from lmctool.report.junit import write_verdicts
    from lmctool.results.file import read

    _check_outputs(None if target in {None, "-"} else Path(str(target)), junit, force)
    try:
        if policy is None and not baselines:
            raise LmctoolError("there is nothing to judge by; give --policy or --baseline")
        results = {path: read(path) for path in paths}
        found = verdicts(results, policy, baselines, tolerance)
    except LmctoolError as error:
        tell_trouble("audit", error, junit, force=force)
        raise
    if target is not None:
        write_json(verdict_document(found), target, force=force)
    if junit is not None:
        write_verdicts(found, junit, force=force)
    github.tell("lmctool audit", found)
    if target != "-":
        show_verdicts(found)
    return exit_code(found)


def _check_outputs(document: Path | None, junit: Path | None, force: bool) -> None:
    """Refuse before any work what could not be written after it."""
    from lmctool.files.publish import refuse_existing

    if document is not None and document == junit:
        raise LmctoolError(f"--junit names '{junit}', as --json does")
    refuse_existing([path for path in (document, junit) if path is not None], force)
