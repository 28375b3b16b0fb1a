"""Make one HTML page of results: tables, figures, numbers and where they come from."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from lmctool.cli.gate_options import judging_options, verdicts
from lmctool.errors import LmctoolError

if TYPE_CHECKING:
    from lmctool.errors import ExitCode
    from lmctool.gates.baseline import Tolerance

SUFFIXES = (".html", ".htm")


@click.command("report")
@click.argument(
    "paths", metavar="RESULT...", nargs=-1, required=True, type=click.Path(path_type=Path)
)
@click.option(
    "-o",
    "--output",
    required=True,
    type=click.Path(path_type=Path),
    help="The page: a file that ends in .html.",
)
@judging_options
@click.option("--force", is_flag=True, help="Replace the page if it exists.")
def command(
    paths: tuple[Path, ...],
    output: Path,
    policy: Path | None,
    baselines: tuple[Path, ...],
    tolerance: Tolerance | None,
    force: bool,
) -> ExitCode:
    """Make one HTML page of each RESULT, an .h5 file.

    The page needs no other file, no script and no network. With --policy or --baseline the results
    are judged as lmctool audit does; the page is written whatever the verdicts are, and the exit
    code is that of audit.
    """
    from lmctool.cli.verdicts import show_verdicts
    from lmctool.files.publish import publish, refuse_existing
    from lmctool.gates.gate import exit_code
    from lmctool.report.html import page
    from lmctool.report.sections import section
    from lmctool.results.file import read

    if output.suffix.lower() not in SUFFIXES:
        raise LmctoolError(f"page '{output}' must end in .html")
    refuse_existing([output], force)
    results = {path: read(path) for path in paths}
    found = verdicts(results, policy, baselines, tolerance)
    sections = [
        section(result, path, position)
        for position, (path, result) in enumerate(results.items(), 1)
    ]
    with publish(output, force) as draft:
        draft.write_text(page(sections, found), encoding="utf-8")
    click.echo(output)
    show_verdicts(found)
    return exit_code(found)
