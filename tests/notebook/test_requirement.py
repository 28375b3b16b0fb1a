"""What is required of a result: the exit codes of the command, as exceptions."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from lmctool.errors import ExitCode, GateError, LmctoolError, UnjudgedError
from lmctool.notebook.result import Result
from lmctool.notebook.stored import open as open_result
from lmctool.results.doubt import Doubt, doubt_group
from lmctool.testing import invoke
from tests.every import A, B

if TYPE_CHECKING:
    from pathlib import Path

PASSES = "barrier.error[variant=align] <= 10%"
FAILS = "barrier.error[variant=align+repair] <= 10%"
NAN = "barrier.loss[variant=plain] < 9"


def test_what_passes_gives_the_result(found: Result) -> None:
    assert found.require(PASSES, "barrier.error[split=test]<20%") is found
    assert found.require(fail_if="barrier.error[split=test] > 20%") is found
    unwanted = ["barrier.error[variant=align] > 20%", "barrier.loss[variant=align] > 1"]
    assert found.require(PASSES, fail_if=unwanted) is found


@pytest.mark.parametrize(
    ("conditions", "options", "kind", "told"),
    [
        (
            [PASSES, FAILS],
            {},
            GateError,
            "barrier.error[variant=align+repair] <= 10%:"
            " barrier.error[variant=align+repair,split=test] = 12.5 % > 10 %",
        ),
        ([FAILS, NAN], {}, UnjudgedError, "barrier.loss[variant=plain,split=train] is not a num"),
        (["barrier.eror <= 1%"], {}, UnjudgedError, "no metric barrier.eror; did you mean barrie"),
        ([], {"fail_if": "barrier.error[split=test] >= 10%"}, GateError, "= 12.5 % >= 10 %"),
        ([], {}, LmctoolError, "there is nothing to judge by; give a condition or a baseline"),
        (["barrier.error"], {}, LmctoolError, "'barrier.error' is no condition; write METRIC"),
        (["barrier.error <= 2"], {}, LmctoolError, "did you mean 2%?"),
        (["barrier.error <= baseline"], {}, LmctoolError, "needs a baseline"),
        ([PASSES], {"tolerance": "5%"}, LmctoolError, "tolerance needs a baseline"),
        ([], {"baseline": "no.h5"}, LmctoolError, "result 'no.h5' does not exist"),
    ],
)
def test_what_does_not_pass_is_told(
    conditions: list[str],
    options: dict[str, Any],
    kind: type[LmctoolError],
    told: str,
    found: Result,
) -> None:
    with pytest.raises(LmctoolError) as error:
        found.require(*conditions, **options)
    assert type(error.value) is kind
    assert told in str(error.value)


def test_the_words_are_those_of_the_command(tmp_path: Path) -> None:
    path, condition = tmp_path / "a.h5", "distance.cosine > 90%"
    done = invoke("distance", A, B, "--require", condition, "-o", path, "-q")
    assert done.exit_code == ExitCode.GATE
    with pytest.raises(GateError) as error:
        open_result(path).require(condition)
    assert error.value.exit_code == ExitCode.GATE
    assert f"failed  {error.value}\n" in done.stdout


def test_a_doubtful_number_is_not_judged(found: Result) -> None:
    doubts = doubt_group([Doubt("it is at chance", {"variant": "align"})])
    groups = {**found.record.groups, "doubts": doubts}
    doubtful = Result(replace(found.record, groups=groups))
    with pytest.raises(UnjudgedError, match="can't be judged: it is at chance"):
        doubtful.require(PASSES)
    assert doubtful.require("barrier.error[variant=align+repair] <= 20%") is doubtful


def with_loss(result: Result, add: float) -> Result:
    """Return a result with other loss barriers, all of them numbers and better the lower."""
    groups = dict(result.record.groups)
    summary = groups["barrier/summary"]
    values = np.nan_to_num(summary.variables["barrier_loss"].values) + add
    loss = replace(summary.variables["barrier_loss"], values=values, better="lower")
    variables = {**summary.variables, "barrier_loss": loss}
    groups["barrier/summary"] = replace(summary, variables=variables)
    return Result(replace(result.record, groups=groups))


def test_a_result_is_compared_with_an_earlier_one(found: Result) -> None:
    later = with_loss(found, 0.1)
    condition = "barrier.loss[variant=align] <= baseline + {}"
    assert later.require(condition.format(0.2), baseline=found) is later
    with pytest.raises(GateError, match=r"barrier\.loss\[variant=align,split=train\] = 0\.3"):
        later.require(condition.format(0.05), baseline=found)
    with pytest.raises(UnjudgedError, match="of baseline 'barrier' is not a number"):
        later.require("barrier.loss <= baseline", baseline=found)


@pytest.mark.parametrize(("tolerance", "passes"), [(None, False), (0.2, True), ("1%", False)])
def test_no_metric_is_worse_than_a_baseline_by_more_than_the_tolerance(
    tolerance: str | float | None, passes: bool, found: Result
) -> None:
    earlier, later = with_loss(found, 0), with_loss(found, 0.1)
    assert earlier.require(baseline=earlier, tolerance=tolerance) is earlier
    if passes:
        assert later.require(baseline=earlier, tolerance=tolerance) is later
    else:
        with pytest.raises(GateError, match=r"barrier\.loss\[variant=plain,split=train\] = 0\.1"):
            later.require(baseline=earlier, tolerance=tolerance)


def test_a_baseline_may_be_a_file(strange: Result, tmp_path: Path) -> None:
    with_loss(strange, 0).save(tmp_path / "old.h5", figure=False)
    with pytest.raises(GateError, match=r"= 0\.1 > 0 \("):
        with_loss(strange, 0.1).require(baseline=tmp_path / "old.h5")
