"""Judge stored results by the gates of a policy."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from lmctool.errors import ExitCode


@click.command("audit")
@click.argument(
    "paths", metavar="RESULT...", nargs=-1, required=True, type=click.Path(path_type=Path)
)
@click.option(
    "--policy",
    metavar="FILE",
    required=True,
    type=click.Path(path_type=Path),
    help="A TOML file of gates: [[gate]] with require or fail-if, and if you like name, reason,"
    " severity (error or warning) and analysis.",
)
@click.option("--json", "target", metavar="FILE|-", help="Write the verdicts as JSON.")
@click.option(
    "--junit", metavar="FILE", type=click.Path(path_type=Path), help="Write them as JUnit XML too."
)
@click.option("--force", is_flag=True, help="Replace these files if they exist.")
def command(
    paths: tuple[Path, ...], policy: Path, target: str | None, junit: Path | None, force: bool
) -> ExitCode:
    """Judge each RESULT, an .h5 file, by the gates of a policy.

    Exits with 0 if every gate passes, 3 if one fails, 4 if one cannot be judged: no such result or
    metric, or a value that is no number. Nothing is computed anew.
    """
    from lmctool.cli import github
    from lmctool.cli.verdicts import show_verdicts
    from lmctool.gate import exit_code
    from lmctool.policy import Audited, audit, read_policy
    from lmctool.report.junit import write_verdicts
    from lmctool.results.document import verdict_document, write_json
    from lmctool.results.file import read
    from lmctool.results.metrics import listed

    rules = read_policy(policy)
    results = []
    for path in paths:
        result = read(path)
        results.append(Audited(str(path), result.analysis, listed(result)))
    verdicts = audit(rules, results)
    if target is not None:
        write_json(verdict_document(verdicts), target, force=force)
    if junit is not None:
        write_verdicts(verdicts, junit, force=force)
    github.tell("lmctool audit", verdicts)
    if target != "-":
        show_verdicts(verdicts)
    return exit_code(verdicts)
