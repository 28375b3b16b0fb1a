"""What is required of a result."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from lmctool.errors import ExitCode, GateError, LmctoolError, UnjudgedError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from os import PathLike

    from lmctool.notebook.result import Result


def require(
    result: Result,
    conditions: Sequence[str],
    unwanted: Sequence[str],
    baseline: Result | str | PathLike[str] | None,
    tolerance: str | float | None,
) -> None:
    """Judge a result by conditions and by an earlier result.

    Raises:
        UnjudgedError: a condition cannot be judged, even where another one does not hold.
        GateError: a condition does not hold.
        LmctoolError: a condition cannot be read, or decides nothing.
    """
    from lmctool.cli.gates import judge_result
    from lmctool.cli.verdicts import line
    from lmctool.gates.baseline import baseline_of, read_tolerance
    from lmctool.gates.gate import exit_code, written_gate
    from lmctool.notebook.stored import as_result

    gates = [written_gate(text) for text in conditions]
    gates += [written_gate(text, fails=True) for text in unwanted]
    if not gates and baseline is None:
        raise LmctoolError("there is nothing to judge by; give a condition or a baseline")
    earlier = None
    if baseline is not None:
        opened = as_result(baseline)
        earlier = baseline_of(opened.record, opened.path or Path(opened.analysis))
    allowed = None if tolerance is None else read_tolerance(str(tolerance))
    verdicts = judge_result(result.record, gates, earlier, allowed)
    code = exit_code(verdicts)
    if code is ExitCode.DONE:
        return
    kind, status = (
        (UnjudgedError, "unjudged") if code is ExitCode.UNJUDGED else (GateError, "failed")
    )
    raise kind("; ".join(line(each) for each in verdicts if each.status == status))
