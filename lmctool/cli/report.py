"""Make one HTML page of results: tables, figures, numbers and where they come from."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from lmctool.errors import LmctoolError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lmctool.errors import ExitCode
    from lmctool.gate import Verdict
    from lmctool.results.result import Result

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
@click.option(
    "--policy",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="Judge the results as lmctool audit does, and show what became of each gate.",
)
@click.option("--force", is_flag=True, help="Replace the page if it exists.")
def command(
    paths: tuple[Path, ...], output: Path, policy: Path | None, force: bool
) -> ExitCode | None:
    """Make one HTML page of each RESULT, an .h5 file.

    The page needs no other file, no script and no network. With --policy it is written whatever the
    verdicts are, and the exit code is that of lmctool audit.
    """
    from lmctool.cli.verdicts import show_verdicts
    from lmctool.gate import exit_code
    from lmctool.publish import publish, refuse_existing
    from lmctool.report.html import page
    from lmctool.report.page import section
    from lmctool.results.file import read

    if output.suffix.lower() not in SUFFIXES:
        raise LmctoolError(f"page '{output}' must end in .html")
    refuse_existing([output], force)
    results = {path: read(path) for path in paths}
    verdicts = [] if policy is None else _judged(policy, results)
    sections = [
        section(result, path, position)
        for position, (path, result) in enumerate(results.items(), 1)
    ]
    with publish(output, force) as draft:
        draft.write_text(page(sections, verdicts), encoding="utf-8")
    click.echo(output)
    show_verdicts(verdicts)
    return None if policy is None else exit_code(verdicts)


def _judged(policy: Path, results: Mapping[Path, Result]) -> list[Verdict]:
    from lmctool.policy import Audited, audit, read_policy
    from lmctool.results.metrics import listed

    audited = [
        Audited(str(path), result.analysis, listed(result)) for path, result in results.items()
    ]
    return audit(read_policy(policy), audited)
