"""Gates that cannot mean what they say are refused before anything is measured."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from lmctool.errors import LmctoolError
from lmctool.gates.baseline import Tolerance
from lmctool.gates.condition import parse
from lmctool.gates.gate import Gate
from lmctool.gates.policy import guards
from lmctool.gates.sense import check_limits, check_names
from lmctool.results.declared_metric import DeclaredMetric
from lmctool.results.metrics import Metric
from lmctool.results.score_metric import (
    ERROR,
    LOSS,
    STANDARD,
    DeclaredScores,
    ScoreMetric,
    declared_by,
)
from tests.gates.test_baseline import baseline

DECLARED = declared_by(
    (
        DeclaredScores("b.{}", "{} of a network"),
        DeclaredScores("b.rise_{}", "rise of the {}", "difference"),
        DeclaredScores("b.barrier_{}", "barrier of the {}", "height"),
        DeclaredMetric("b.cosine", "cosine", low=-1, high=1),
        DeclaredMetric("b.mass", "mass"),
    ),
    STANDARD,
)


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("b.error <= 2", "2%"), ("b.error < 1.5", "1.5%"), ("b.error <= 1", "1%"),
        ("b.error <= 200%", "2%"), ("b.error >= 2", "2%"), ("b.error == 2", "2%"),
        ("b.error != 2", "2%"), ("b.error <= -2", "-2%"), ("b.error >= 0", ""),
        ("b.error > -0.1", ""), ("b.error <= 500", ""), ("b.rise_error <= 3", "3%"),
        ("b.rise_error >= -1", "-1%"), ("b.barrier_loss >= 0", ""), ("b.barrier_loss > -1", ""),
        ("b.cosine <= 1", ""), ("b.cosine >= -2", ""), ("b.error <= baseline + 5", "5%"),
        ("b.error <= baseline * 1.05 + 1", "1%"), ("b.error >= baseline - 1", "-1%"),
        ("b.barrier_loss >= baseline * 2 - 1e400", None),
    ],
)  # fmt: skip
def test_a_limit_that_decides_nothing_is_refused(text: str, hint: str | None) -> None:
    if hint is None:
        with pytest.raises(LmctoolError):
            parse(text)
        return
    with pytest.raises(LmctoolError) as caught:
        check_limits([Gate(parse(text), written=text)], DECLARED)
    assert f"'{text}' is decided whatever is measured" in str(caught.value)
    asked = f"did you mean {hint}?"
    assert str(caught.value).endswith(asked) if hint else "did you mean" not in str(caught.value)


@pytest.mark.parametrize(
    "text",
    [
        "b.error <= 2%", "b.error <= 99.9%", "b.error < 1", "b.error > 0", "b.error == 0",
        "b.error != 0", "b.error >= 1", "b.error <= 0", "b.error <= -1", "b.loss <= 2",
        "b.loss >= 0", "b.loss <= 1e9", "b.rise_error >= 0", "b.rise_error <= 0.5",
        "b.barrier_loss > 0", "b.cosine >= -0.5", "b.mass <= 2", "b.mass >= 0", "b.none <= 2",
        "b.error <= baseline", "b.error <= baseline * 1.05", "b.error <= baseline + 5%",
        "b.error >= baseline * 0.9", "b.barrier_loss <= baseline + 2", "b.mass <= baseline + 2",
    ],
)  # fmt: skip
def test_a_limit_that_a_value_can_miss_is_taken(text: str) -> None:
    check_limits([Gate(parse(text))], DECLARED)


def test_the_opposite_is_refused_in_the_words_of_the_user() -> None:
    text = "b.error > 2"
    gate = Gate(parse(text).negated(), kind="fail-if", written=text)
    with pytest.raises(LmctoolError, match=r"so fail-if 'b\.error > 2' is decided"):
        check_limits([gate], DECLARED)


def test_a_tolerance_of_five_is_not_five_percent() -> None:
    metrics = {"b.error": Metric("b.error", {}, 0.5, "1", "lower")}
    earlier = baseline().__class__("old.h5", "b", metrics)
    with pytest.raises(LmctoolError, match=r"--tolerance.*did you mean 5%\?"):
        check_limits(guards(earlier, Tolerance(5)), DECLARED)
    check_limits(guards(earlier, Tolerance(share=0.05)), DECLARED)
    check_limits(guards(earlier, Tolerance(0.05)), DECLARED)


def test_a_name_that_is_not_declared_is_refused_with_the_nearest() -> None:
    with pytest.raises(LmctoolError) as caught:
        check_names([Gate(parse("b.eror <= 2%"))], DECLARED, "b", {})
    assert str(caught.value) == (
        "b has no metric 'b.eror'; did you mean 'b.error'? `lmctool metrics --of b` lists what it"
        " has"
    )
    check_names([Gate(parse("b.error <= 2%"))], DECLARED, "b", {})


def test_a_name_that_a_score_would_bring_is_refused_with_that_score() -> None:
    with pytest.raises(LmctoolError, match=r"b measures 'b.ece' where --score names ece; give"):
        check_names([Gate(parse("b.ece <= 2%"))], DECLARED, "b", {"b.ece": "ece"})


def test_a_share_that_may_be_above_one_may_be_required_to_be() -> None:
    error = replace(ERROR, high=math.inf)  # such as 1 - R2
    declared = declared_by((DeclaredScores("b.{}", "{} of a network"),), (LOSS, error))
    check_limits([Gate(parse("b.error <= 150%"))], declared)
    with pytest.raises(LmctoolError, match="decided whatever is measured"):
        check_limits([Gate(parse("b.error >= 0"))], declared)


def test_heights_and_differences_span_the_range_of_a_metric() -> None:
    correlation = ScoreMetric("r", "1", "correlation", "{:.4f}", "higher", -1, 1, False)
    ranges = {
        of: (metric.low, metric.high)
        for of in ("value", "height", "difference")
        for metric in [correlation.declared("b.r", "r", of)]
    }
    assert ranges == {"value": (-1, 1), "height": (0, 2), "difference": (-2, 2)}
