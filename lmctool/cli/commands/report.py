"""Write one HTML page about results: tables, figures and provenance."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from lmctool.cli.command import Command, OutputFile
from lmctool.cli.gate_options import audit_options
from lmctool.cli.gates import audit_results
from lmctool.cli.stored_result import read_sound
from lmctool.errors import LmctoolError
from lmctool.report.terminal import echo

if TYPE_CHECKING:
    from lmctool.errors import ExitCode
    from lmctool.gates.baseline import Tolerance

SUFFIXES = (".html", ".htm")


@click.command("report", cls=Command)
@click.argument(
    "paths", metavar="RESULT...", nargs=-1, required=True, type=click.Path(path_type=Path)
)
@click.option(
    "-o",
    "--out",
    required=True,
    type=OutputFile(),
    help="Path of the page, which ends in .html.",
)
@audit_options
@click.option("--force", is_flag=True, help="Replace the page if it exists.")
def command(
    paths: tuple[Path, ...],
    out: Path,
    policy: Path | None,
    baselines: tuple[Path, ...],
    tolerance: Tolerance | None,
    force: bool,
) -> ExitCode:
    """Write one HTML page about all RESULTs, which are .h5 files.

    The page needs no other file, no script and no network. With --policy or --baseline the results
    are judged as by lmctool audit, with the same exit code; the page is written in any case.
    """
    from lmctool.cli.verdicts import show_verdicts
    from lmctool.files.publish import publish, refuse_existing
    from lmctool.gates.gate import exit_code
    from lmctool.report.html import page
    from lmctool.report.sections import content

    if out.suffix.lower() not in SUFFIXES:
        raise LmctoolError(f"page '{out}' must end in .html")
    refuse_existing([out], force)
    results = {path: read_sound(path) for path in paths}
    verdicts = audit_results(results, policy, baselines, tolerance)
    shown = content(results)
    for each in shown.sections:
        if isinstance(each.picture, str):
            echo(f"Warning: no figure of '{each.source}': {each.picture}", err=True)
    with publish(out, force) as draft:
        draft.write_text(page(shown, verdicts), encoding="utf-8")
    echo(out)
    show_verdicts(verdicts)
    return exit_code(verdicts)
