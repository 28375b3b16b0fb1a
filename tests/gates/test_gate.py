"""Gates: what a condition says, and what becomes of it."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lmctool.errors import ExitCode, LmctoolError
from lmctool.gates.condition import LONGEST, OPERATORS, Condition, parse
from lmctool.gates.gate import Gate, exit_code, judge, judge_all
from lmctool.results.metrics import Metric

METRICS = [
    Metric("barrier.error", {"variant": "plain", "split": "test"}, 0.28, "1"),
    Metric("barrier.error", {"variant": "align", "split": "test"}, 0.02, "1"),
    Metric("barrier.error", {"variant": "align", "split": "train"}, 0.01, "1"),
    Metric("barrier.loss", {"variant": "plain", "split": "test"}, None, "nat"),
    Metric("distance.l2", {"layer": "conv[0],a"}, 3.0, "1"),
    Metric("matrix.clusters", {}, 2.0, "1"),
]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a.b <= 2", Condition("a.b", {}, "<=", 2)),
        ("a<2%", Condition("a", {}, "<", 0.02)),
        (" a[ x = y , z=1.5 ] != -3e-2 % ", Condition("a", {"x": "y", "z": "1.5"}, "!=", -3e-4)),
        ('a[layer="conv[0],a"] >= .5', Condition("a", {"layer": "conv[0],a"}, ">=", 0.5)),
        ("a[] == 0", Condition("a", {}, "==", 0)),
        ("a.upper95[v=align+repair] > 1.", Condition("a.upper95", {"v": "align+repair"}, ">", 1)),
        ("a <= baseline", Condition("a", {}, "<=", 0, 1)),
        ("a<=baseline*1.05", Condition("a", {}, "<=", 0, 1.05)),
        ("a > baseline - 0.5 %", Condition("a", {}, ">", -0.005, 1)),
        ("baseline < baseline * 2 + 1e-3", Condition("baseline", {}, "<", 1e-3, 2)),
    ],
)  # fmt: skip
def test_a_condition_is_read(text: str, expected: Condition) -> None:
    assert parse(text) == expected
    assert parse(str(expected)) == expected


@pytest.mark.parametrize(
    "text",
    [
        "", "a", "a <=", "<= 2", "a = 2", "a <= nan", "a <= inf", "a <= 2 %%", "a <= 2; b",
        "a[x] < 1", "a[x=] < 1", "a[x=1,x=2] < 1", "a[x=1 < 1", "a x=1] < 1", "1a < 2",
        "a <= 1e999", "a <= baseline + 1e999", "a <= baseline * 1e999", "a <= baseline * 0",
        "a <= baselines", "a <= baseline + ", "a <= baseline 2", "a <= baseline * -1",
        "a <= baseline * 2%", "a <= 2 * baseline", "a <= baseline + 1 + 1",
        "__import__('os').system('true') < 1", "a" * (LONGEST + 1),
    ],
)  # fmt: skip
def test_what_is_none_is_refused_in_one_sentence(text: str) -> None:
    with pytest.raises(LmctoolError) as caught:
        parse(text)
    assert "\n" not in str(caught.value)


@given(st.text(max_size=60))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        condition = parse(text)
    except LmctoolError:
        return
    assert math.isfinite(condition.number)


@given(
    st.dictionaries(st.sampled_from(["variant", "split"]), st.sampled_from(["a+b", "c,d", "x]"])),
    st.sampled_from(sorted(OPERATORS)),
    st.floats(-1e9, 1e9),
    st.sampled_from([0.0, 1.0, 1.05, 1e-7]),
)
def test_a_condition_is_read_back_from_its_own_words(
    where: dict[str, str], operator: str, number: float, factor: float
) -> None:
    condition = Condition("a.b", where, operator, number, factor)
    assert parse(str(condition)) == condition


def status(text: str) -> str:
    return judge(Gate(parse(text)), METRICS).status


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("barrier.error[variant=align] <= 0.02", "passed"),
        ("barrier.error[variant=align] <= 2%", "passed"),
        ("barrier.error[variant=align] < 2%", "failed"),
        ("barrier.error <= 2%", "failed"),
        ("barrier.error[variant=plain,split=train] <= 2%", "unjudged"),
        ("barrier.error[layer=x] <= 2%", "unjudged"),
        ("barrier.loss <= 1", "unjudged"),
        ("barrier.errors <= 1", "unjudged"),
        ('distance.l2[layer="conv[0],a"] == 3', "passed"),
        ("matrix.clusters != 2", "failed"),
    ],
)
def test_every_selected_value_has_to_fulfil_it(text: str, expected: str) -> None:
    assert status(text) == expected


@given(
    st.sampled_from(sorted(OPERATORS)),
    st.floats(-1, 1),
    st.lists(st.none() | st.floats(-1, 1), max_size=4),
)
def test_the_opposite_condition_fails_one_value_exactly_where_the_first_holds(
    operator: str, number: float, values: list[float | None]
) -> None:
    condition = Condition("m", {}, operator, number)
    for value in values:
        metrics = [Metric("m", {}, value, "1")]
        one, other = (judge(Gate(each), metrics) for each in (condition, condition.negated()))
        if value is None:
            assert one.status == other.status == "unjudged"
        else:
            assert {one.status, other.status} == {"passed", "failed"}
    assert condition.negated().negated() == condition


def test_what_is_missing_is_told_with_what_is_there() -> None:
    message = judge(Gate(parse("barrier.eror < 1")), METRICS).message
    assert "did you mean barrier.error?" in message and "matrix.clusters" in message
    message = judge(Gate(parse("barrier.error[split=val] < 1")), METRICS).message
    assert "split is test, train" in message
    assert "nothing was measured" in judge(Gate(parse("a < 1")), []).message


def test_failing_values_are_named_and_many_are_counted() -> None:
    metrics = [Metric("m", {"n": str(n)}, float(n), "1") for n in range(9)]
    message = judge(Gate(parse("m < 2")), metrics).message
    assert message == "m[n=2] = 2 >= 2, m[n=3] = 3 >= 2, m[n=4] = 4 >= 2 and 4 more"


def test_unjudged_beats_failed_and_warnings_never_fail() -> None:
    passed, failed, unjudged = (Gate(parse(f"{name} < 1")) for name in ("a", "b", "c"))
    metrics = [Metric("a", {}, 0, "1"), Metric("b", {}, 2, "1")]
    assert exit_code([]) == ExitCode.DONE
    assert exit_code(judge_all([passed], metrics)) == ExitCode.DONE
    assert exit_code(judge_all([passed, failed], metrics)) == ExitCode.GATE
    assert exit_code(judge_all([passed, failed, unjudged], metrics)) == ExitCode.UNJUDGED
    mild = [Gate(gate.condition, severity="warning") for gate in (failed, unjudged)]
    assert exit_code(judge_all(mild, metrics)) == ExitCode.DONE
