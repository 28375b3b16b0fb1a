"""A share at its limit fulfils it, whatever counts it is made of; a single example decides."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lmctool.curves.barrier import barrier
from lmctool.gates.baseline import Baseline
from lmctool.gates.comparison import Comparison
from lmctool.gates.condition import Condition, parse
from lmctool.gates.gate import Gate, judge
from lmctool.results.metrics import Metric
from lmctool.results.rounding import SHARE, slack
from lmctool.results.score_metric import STANDARD, DeclaredScores, declared_by

DECLARED = declared_by((DeclaredScores("b.{}", "barrier", "height"),), STANDARD)
HALVES = np.array([0.0, 0.5, 1.0])


def compared(text: str, value: float, before: float | None = None) -> Comparison:
    return Comparison.of(parse(text), Metric("b.error", {}, value, "1"), before, DECLARED)


def status(text: str, value: float, before: float | None = None) -> str:
    baseline = Baseline("old.h5", "b", {"b.error": Metric("b.error", {}, before, "1")})
    metrics = [Metric("b.error", {}, value, "1")]
    return judge(Gate(parse(text)), metrics, "", baseline, declared=DECLARED).status


def heights(first: Any, middle: Any, last: Any, count: int) -> Any:
    """Return the barriers of curves of counts, as the analysis computes them."""
    curves = np.stack(np.broadcast_arrays(first, middle, last), axis=-1) / count
    return barrier(HALVES, curves, "chord")[0]


def test_two_of_a_hundred_are_two_percent() -> None:
    (value,) = heights(np.array([3]), np.array([5]), np.array([3]), 100)
    assert value > 0.02  # by rounding
    assert status("b.error <= 2%", value) == status("b.error == 2%", value) == "passed"
    assert status("b.error < 2%", value) == status("b.error != 2%", value) == "failed"


@pytest.mark.parametrize(("count", "step"), [(100, 1), (1000, 40)])
def test_every_count_passes_at_its_limit_and_fails_half_an_example_above(
    count: int, step: int
) -> None:
    """Ends of all counts, or of every 40th, and all middles that lie above them."""
    ends = np.arange(0, count + 1, step)
    first, last, middle = np.meshgrid(ends, ends, np.arange(count + 1), indexing="ij")
    above = (2 * middle >= first + last) & (first <= last)
    first, last, middle = first[above], last[above], middle[above]
    values = heights(first, middle, last, count)
    texts = [f"{50 * k / count:.10g}%" for k in range(2 * count + 1)]
    limits = np.array([parse(f"b.error <= {text}").number for text in texts])
    limits = limits[2 * middle - first - last]
    assert (values > limits).sum() > 1000  # so many verdicts would be wrong
    assert np.abs(values - limits).max() <= slack(SHARE)
    half = 0.5 / count  # the least that a barrier of three points can be worse by
    for value, limit in zip(values[::29].tolist(), limits[::29].tolist(), strict=True):
        assert Condition("b.error", {}, "<=", limit).holds(value, 0, SHARE)
        assert not Condition("b.error", {}, "<=", limit - half).holds(value, 0, SHARE)


@given(st.data(), st.sampled_from([7, 100, 1000, 50_000, 10**9, 10**12]))
def test_random_ends_meet_their_limit_and_one_example_more_does_not(
    data: st.DataObject, count: int
) -> None:
    first, middle, last = (data.draw(st.integers(0, count)) for _ in range(3))
    exact = Fraction(2 * middle - first - last, 2 * count)
    value = (middle / count) - (first / count + 0.5 * (last / count - first / count))
    one = Fraction(1, count)
    for operator, less, equal, more in (
        ("<=", True, True, False), ("<", True, False, False), (">=", False, True, True),
        (">", False, False, True), ("==", False, True, False), ("!=", True, False, True),
    ):  # fmt: skip
        for limit, holds in ((exact + one, less), (exact, equal), (exact - one, more)):
            condition = Condition("b.error", {}, operator, float(limit))
            assert condition.holds(value, 0, 1) is holds


@given(st.integers(0, 1000), st.integers(0, 1000), st.integers(1, 1000))
def test_a_value_that_is_the_baseline_s_is_not_worse(first: int, last: int, middle: int) -> None:
    there, here = (
        middle / 1000 - (one / 1000 + 0.5 * (other / 1000 - one / 1000))
        for one, other in ((first, last), (last, first))
    )
    assert status("b.error <= baseline", here, there) == "passed"
    assert status("b.error < baseline", here, there) == "failed"
    assert status("b.error <= baseline + 0.5%", here + 0.005, there) == "passed"
    assert status("b.error <= baseline + 0.5%", here + 0.006, there) == "failed"


def test_what_is_no_share_is_compared_as_it_is() -> None:
    metrics = [Metric("b.l2", {}, 3e-16, "1")]
    assert judge(Gate(parse("b.l2 == 0")), metrics, declared=DECLARED).status == "failed"
    assert judge(Gate(parse("b.l2 <= 2e-16")), metrics).status == "failed"


@pytest.mark.parametrize(
    ("text", "value", "before", "expected"),
    [
        (
            "b.error <= baseline * 1.05", 0.0061, 0.0028,
            "b.error = 0.61 % > 0.29 % (baseline 0.28 % + 5 %)",
        ),
        (
            "b.error <= baseline + 0.5%", 0.031, 0.021,
            "b.error = 3.1 % > 2.6 % (baseline 2.1 % + 0.5 points)",
        ),
        ("b.error >= baseline * 0.9", 0.5, 0.6, "b.error = 50 % < 54 % (baseline 60 % - 10 %)"),
        ("b.error <= baseline * 3", 0.1, 0.2, "b.error = 10 % <= 60 % (baseline 20 % * 3)"),
        ("b.error <= 2%", 0.02000001, None, "b.error = 2.000001 % > 2 %"),
        ("b.error <= 2%", 0.020000000000000018, None, "b.error = 2 % <= 2 %"),
        ("b.error <= 0", 1e-9, None, "b.error = 0.0000001 % > 0 %"),
        ("b.error == 0", -0.0, None, "b.error = 0 % == 0 %"),
    ],
)  # fmt: skip
def test_a_sentence_has_the_value_and_what_it_missed(
    text: str, value: float, before: float | None, expected: str
) -> None:
    assert compared(text, value, before).text == expected


def test_a_loss_is_told_in_its_own_unit() -> None:
    metric = Metric("b.loss", {}, 0.0612345, "nat")
    condition = parse("b.loss <= 0.06")
    told = Comparison.of(condition, metric, None, DECLARED)
    assert told.text == "b.loss = 0.0612345 > 0.06"


@pytest.mark.parametrize(
    ("operator", "margin"),
    [("<=", -0.25), ("<", -0.25), (">=", 0.25), (">", 0.25), ("==", -0.25), ("!=", 0.25)],
)
def test_a_margin_is_what_is_left(operator: str, margin: float) -> None:
    assert compared(f"b.error {operator} 0.25", 0.5).margin == margin
    assert compared(f"b.error {operator} 0.5", 0.5).margin == 0


def test_a_verdict_has_the_value_that_fails_by_most_or_is_nearest_to_it() -> None:
    metrics = [Metric("b.error", {"n": str(n)}, n / 10, "1") for n in (1, 3, 2)]
    failed = judge(Gate(parse("b.error <= 5%")), metrics).worst
    passed = judge(Gate(parse("b.error <= 50%")), metrics).worst
    assert failed is not None and passed is not None
    assert failed.metric == passed.metric == "b.error[n=3]"
    assert judge(Gate(parse("b.none <= 5%")), metrics).worst is None
