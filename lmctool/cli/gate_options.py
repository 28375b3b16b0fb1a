"""The options of gates: those of every analysis, and those of audit and report."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from lmctool.cli.command import OutputFile
from lmctool.errors import LmctoolError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from lmctool.gates.baseline import Tolerance
    from lmctool.gates.gate import Gate

Command = TypeVar("Command", bound="Callable[..., object]")


def options() -> list[click.Option]:
    """Return the options of every analysis that gates are made of."""
    return [
        click.Option(
            ["--require"],
            metavar="COND",
            multiple=True,
            callback=_gates,
            help="Exit with 3 unless the condition holds for each value that it selects:"
            " 'METRIC[DIM=VALUE,...] OP NUMBER[%]', such as 'barrier.error[variant=align] <= 2%'."
            " Exit with 4 if it selects no value, or one that is not a number. Repeatable.",
        ),
        click.Option(
            ["--fail-if"],
            metavar="COND",
            multiple=True,
            callback=_gates,
            help="Exit with 3 if the condition holds for a value that it selects. Repeatable.",
        ),
        click.Option(
            ["--baseline"],
            metavar="OLD.h5",
            type=click.Path(path_type=Path),
            help="An earlier result that this one must not be worse than: every metric that"
            " declares which way is better is compared element by element. A condition may name it"
            " instead, as in 'barrier.error <= baseline + 0.5%'; then only the conditions decide."
            " Exit with 4 if the two results differ in data, in options or in what they measure.",
        ),
        click.Option(["--tolerance"], **TOLERANCE),
        click.Option(
            ["--junit"],
            metavar="FILE",
            type=OutputFile(),
            help="Write the verdict on each gate as JUnit XML.",
        ),
    ]


def audit_options(command: Command) -> Command:
    """Add ``--policy``, ``--baseline`` (as ``baselines``) and ``--tolerance`` to a command."""
    for option in (
        click.option("--tolerance", **TOLERANCE),
        click.option(
            "--baseline",
            "baselines",
            metavar="OLD.h5",
            multiple=True,
            type=click.Path(path_type=Path),
            help="An earlier result that results of the same analysis must not be worse than:"
            " every metric that declares which way is better is compared element by element. If the"
            " policy mentions 'baseline', only the policy decides. Repeatable.",
        ),
        click.option(
            "--policy",
            metavar="FILE",
            type=click.Path(path_type=Path),
            help="A TOML file of gates. Each [[gate]] has require or fail-if, and optionally name,"
            " reason, severity (error or warning) and analysis.",
        ),
    ):
        command = option(command)
    return command


def _gates(_: click.Context, option: click.Parameter, texts: Sequence[str]) -> tuple[Gate, ...]:
    """Parse conditions; those of ``--fail-if`` are negated."""
    if not texts:
        return ()
    from lmctool.gates.gate import written_gate

    try:
        return tuple(written_gate(text, fails=option.name == "fail_if") for text in texts)
    except LmctoolError as error:
        raise click.BadParameter(str(error), param=option) from None


def _tolerance(_: click.Context, option: click.Parameter, text: str | None) -> Tolerance | None:
    """Parse a number, or a percentage of the earlier value."""
    if text is None:
        return None
    from lmctool.gates.baseline import read_tolerance

    try:
        return read_tolerance(text)
    except LmctoolError as error:
        raise click.BadParameter(str(error), param=option) from None


TOLERANCE: dict[str, Any] = {
    "metavar": "NUMBER[%]",
    "callback": _tolerance,
    "help": "How much worse than the baseline a value may be: a number in the metric's own unit,"
    " or a percentage of the earlier value. [default: 0]",
}
