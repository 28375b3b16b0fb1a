"""Judge stored results by the gates of a policy, or against earlier results."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from lmctool.cli.gates import TOLERANCE, tell_trouble, tolerance_of
from lmctool.errors import LmctoolError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lmctool.baseline import Tolerance
    from lmctool.errors import ExitCode
    from lmctool.gate import Verdict


@click.command("audit")
@click.argument(
    "paths", metavar="RESULT...", nargs=-1, required=True, type=click.Path(path_type=Path)
)
@click.option(
    "--policy",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="A TOML file of gates: [[gate]] with require or fail-if, and if you like name, reason,"
    " severity (error or warning) and analysis.",
)
@click.option(
    "--baseline",
    "baselines",
    metavar="OLD.h5",
    multiple=True,
    type=click.Path(path_type=Path),
    help="An earlier result that results of its analysis must not be worse than: no loss, error or"
    " barrier above what it was there, element by element. Where the policy says 'baseline', it"
    " alone decides. Repeatable.",
)
@click.option("--tolerance", metavar="NUMBER[%]", callback=tolerance_of, help=TOLERANCE)
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
    from lmctool.gate import exit_code
    from lmctool.report.junit import write_verdicts
    from lmctool.results.document import verdict_document, write_json

    _check_outputs(None if target in {None, "-"} else Path(str(target)), junit, force)
    try:
        verdicts = _verdicts(paths, policy, baselines, tolerance)
    except LmctoolError as error:
        tell_trouble("audit", error, junit, force=force)
        raise
    if target is not None:
        write_json(verdict_document(verdicts), target, force=force)
    if junit is not None:
        write_verdicts(verdicts, junit, force=force)
    github.tell("lmctool audit", verdicts)
    if target != "-":
        show_verdicts(verdicts)
    return exit_code(verdicts)


def _check_outputs(document: Path | None, junit: Path | None, force: bool) -> None:
    """Refuse before any work what could not be written after it."""
    from lmctool.publish import refuse_existing

    if document is not None and document == junit:
        raise LmctoolError(f"--junit names '{junit}', as --json does")
    refuse_existing([path for path in (document, junit) if path is not None], force)


def _verdicts(
    paths: Sequence[Path],
    policy: Path | None,
    baselines: Sequence[Path],
    tolerance: Tolerance | None,
) -> list[Verdict]:
    """Return what becomes of every gate on every result."""
    from lmctool.cli.gates import read_baselines, standing
    from lmctool.policy import Audited, audit, read_policy
    from lmctool.results.file import read
    from lmctool.results.metrics import listed

    if policy is None and not baselines:
        raise LmctoolError("there is nothing to judge by; give --policy or --baseline")
    rules = list(read_policy(policy)) if policy is not None else []
    earlier = read_baselines(baselines)
    rules += standing(earlier, [rule.gate.condition for rule in rules], tolerance)
    results = []
    for path in paths:
        result = read(path)
        baseline = earlier.get(result.analysis)
        beside = baseline.beside(result) if baseline else None
        results.append(Audited(str(path), result.analysis, listed(result), beside))
    return audit(rules, results)
