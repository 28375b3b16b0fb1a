"""The options that say what a run is judged by, and the gates that they give."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from lmctool.errors import LmctoolError, UnjudgedError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from lmctool.gates.baseline import Baseline, Tolerance
    from lmctool.gates.condition import Condition
    from lmctool.gates.gate import Gate
    from lmctool.gates.policy import Rule


TOLERANCE = (
    "How much worse than the baseline a value may be: a number in its own unit, or a percentage of"
    " the earlier value. Nothing unless given."
)


def options() -> list[click.Option]:
    """Return the options of every analysis that gates are made of."""
    return [
        click.Option(
            ["--require"],
            metavar="COND",
            multiple=True,
            callback=_conditions,
            help="Exit with 3 unless the condition holds for each value that it selects:"
            " 'METRIC[DIM=VALUE,...] OP NUMBER[%]', such as 'barrier.error[variant=align] <= 2%'."
            " With 4 if there is none, or it is no number. Repeatable.",
        ),
        click.Option(
            ["--fail-if"],
            metavar="COND",
            multiple=True,
            callback=_conditions,
            help="The same with the opposite condition. Repeatable.",
        ),
        click.Option(
            ["--baseline"],
            metavar="OLD.h5",
            type=click.Path(path_type=Path),
            help="An earlier result that this one must not be worse than, element by element, in"
            " any metric that declares which way is better. With a condition that says"
            " 'baseline', such as 'barrier.error <= baseline + 0.5%', the conditions alone decide."
            " Exit with 4 where the two differ in data, in options or in what was measured.",
        ),
        click.Option(["--tolerance"], metavar="NUMBER[%]", callback=tolerance_of, help=TOLERANCE),
        click.Option(
            ["--junit"],
            metavar="FILE",
            type=click.Path(path_type=Path),
            help="Write what became of each gate as JUnit XML.",
        ),
    ]


def _conditions(
    _: click.Context, option: click.Parameter, texts: Iterable[str]
) -> tuple[Gate, ...]:
    """Read conditions; those of ``--fail-if`` are turned around."""
    from lmctool.gates.condition import parse
    from lmctool.gates.gate import Gate

    found = []
    for text in texts:
        try:
            condition = parse(text)
        except LmctoolError as error:
            raise click.BadParameter(str(error), param=option) from None
        turned = condition.negated() if option.name == "fail_if" else condition
        found.append(Gate(turned))
    return tuple(found)


def tolerance_of(_: click.Context, option: click.Parameter, text: str | None) -> Tolerance | None:
    """Read a number, or a percentage of the earlier value."""
    from lmctool.gates.baseline import read_tolerance

    try:
        return None if text is None else read_tolerance(text)
    except LmctoolError as error:
        raise click.BadParameter(str(error), param=option) from None


def judges(name: str, values: Mapping[str, Any]) -> tuple[tuple[Gate, ...], Baseline | None]:
    """Return the gates of a run and its baseline, from the parsed options of an analysis.

    Raises:
        LmctoolError: the baseline cannot be read, or the options don't fit together.
        UnjudgedError: the baseline is of another analysis.
    """
    gates = (*values["require"], *values["fail_if"])
    path = values["baseline"]
    baselines = read_baselines(() if path is None else (path,))
    for baseline in baselines.values():
        if baseline.analysis != name:
            raise UnjudgedError(
                f"baseline '{path}' is of analysis {baseline.analysis!r}, so {name} cannot be"
                " compared with it"
            )
    rules = standing(baselines, [gate.condition for gate in gates], values["tolerance"])
    return (*gates, *(rule.gate for rule in rules)), baselines.get(name)


def read_baselines(paths: Iterable[Path]) -> dict[str, Baseline]:
    """Return the baselines by their analysis.

    Raises:
        LmctoolError: one cannot be read, or two are of one analysis.
    """
    from lmctool.gates.baseline import read_baseline

    found: dict[str, Baseline] = {}
    for path in paths:
        baseline = read_baseline(path)
        other = found.setdefault(baseline.analysis, baseline)
        if other is not baseline:
            raise LmctoolError(
                f"baselines '{other.source}' and '{path}' are both of analysis"
                f" {baseline.analysis!r}; give one of them"
            )
    return found


def standing(
    baselines: Mapping[str, Baseline],
    conditions: Sequence[Condition],
    allowed: Tolerance | None,
) -> list[Rule]:
    """Return the rules of baselines that no condition speaks of: no metric is worse than there.

    Args:
        baselines: the baselines by their analysis.
        conditions: what the user requires beside them.
        allowed: how much worse a value may be, if the user said so.

    Raises:
        LmctoolError: a condition or a tolerance has no baseline, or the tolerance no use.
    """
    from lmctool.gates.baseline import Tolerance
    from lmctool.gates.policy import Rule, guards

    spoken = next((str(each) for each in conditions if each.factor), None)
    if not baselines and spoken is not None:
        raise LmctoolError(f"'{spoken}' needs a baseline; name an earlier result with --baseline")
    if not baselines and allowed is not None:
        raise LmctoolError("--tolerance needs a baseline; name an earlier result with --baseline")
    if spoken is not None and allowed is not None:
        raise LmctoolError(
            f"--tolerance has no effect on '{spoken}'; write it there, as in 'baseline + 0.5%'"
        )
    return [
        Rule(gate, baseline.analysis)
        for baseline in (() if spoken is not None else baselines.values())
        for gate in guards(baseline, allowed or Tolerance())
    ]


def tell_trouble(name: str, error: Exception, junit: Path | None, *, force: bool) -> None:
    """Tell a CI system why a command came to no verdict, before anything was judged.

    Args:
        name: the command.
        error: what went wrong first; what goes wrong here is passed over.
        junit: where verdicts were to go as JUnit XML, if anywhere.
        force: whether it may be replaced.
    """
    from lmctool.cli import github
    from lmctool.report.junit import write_trouble

    if junit is not None:
        with suppress(LmctoolError):
            write_trouble(name, str(error), junit, force=force)
    github.tell_trouble(f"lmctool {name}", error)
