"""Judging stored results: what audit and report are told to judge by, and the verdicts."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import click

from lmctool.cli.gates import TOLERANCE, read_baselines, standing, tolerance_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from lmctool.gates.baseline import Tolerance
    from lmctool.gates.gate import Verdict
    from lmctool.results.result import Result

Command = TypeVar("Command", bound="Callable[..., object]")


def judging_options(command: Command) -> Command:
    """Add ``--policy``, ``--baseline`` (as ``baselines``) and ``--tolerance`` to a command."""
    for option in (
        click.option("--tolerance", metavar="NUMBER[%]", callback=tolerance_of, help=TOLERANCE),
        click.option(
            "--baseline",
            "baselines",
            metavar="OLD.h5",
            multiple=True,
            type=click.Path(path_type=Path),
            help="An earlier result that results of its analysis must not be worse than, element"
            " by element, in any metric that declares which way is better. Where the policy says"
            " 'baseline', it alone decides. Repeatable.",
        ),
        click.option(
            "--policy",
            metavar="FILE",
            type=click.Path(path_type=Path),
            help="A TOML file of gates: [[gate]] with require or fail-if, and if you like name,"
            " reason, severity (error or warning) and analysis.",
        ),
    ):
        command = option(command)
    return command


def verdicts(
    results: Mapping[Path, Result],
    policy: Path | None,
    baselines: Sequence[Path],
    tolerance: Tolerance | None,
) -> list[Verdict]:
    """Return what becomes of every gate on every result.

    Raises:
        LmctoolError: the policy or a baseline cannot be read, or the options don't fit together.
    """
    from lmctool.gates.policy import Audited, audit, read_policy
    from lmctool.results.metrics import listed

    rules = list(read_policy(policy)) if policy is not None else []
    earlier = read_baselines(baselines)
    rules += standing(earlier, [rule.gate.condition for rule in rules], tolerance)
    audited = []
    for path, result in results.items():
        baseline = earlier.get(result.analysis)
        beside = baseline.beside(result) if baseline else None
        audited.append(Audited(str(path), result.analysis, listed(result), beside))
    return audit(rules, audited)
