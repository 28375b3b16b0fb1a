"""Baselines: what counts as worse than before, and what cannot be compared."""

from __future__ import annotations

import json

import pytest

from lmctool.errors import ExitCode, LmctoolError
from lmctool.gates.baseline import Baseline, Tolerance, read_tolerance
from lmctool.gates.condition import parse
from lmctool.gates.gate import Gate, Verdict, exit_code, judge, judge_all
from lmctool.gates.policy import guards
from lmctool.results.metrics import Metric
from lmctool.results.provenance import Provenance
from lmctool.results.result import Group, Result


def metrics(**values: float | None) -> list[Metric]:
    """Return the error of variants, by name."""
    return [Metric("b.error", {"variant": name}, value, "1") for name, value in values.items()]


def baseline(**values: float | None) -> Baseline:
    return Baseline("old.h5", "b", {each.full_name: each for each in metrics(**values)})


def judged(text: str, before: Baseline | None, **now: float | None) -> Verdict:
    return judge(Gate(parse(text)), metrics(**now), baseline=before)


@pytest.mark.parametrize(
    ("text", "status"),
    [
        ("b.error <= baseline", "failed"),
        ("b.error[variant=plain] <= baseline", "passed"),
        ("b.error[variant=align] <= baseline + 0.01", "passed"),
        ("b.error[variant=align] <= baseline + 1%", "passed"),
        ("b.error[variant=align] <= baseline * 1.4", "failed"),
        ("b.error[variant=align] <= baseline * 1.6", "passed"),
        ("b.error[variant=align] <= baseline * 1.4 + 1%", "passed"),
        ("b.error[variant=align] >= baseline - 1%", "passed"),
        ("b.error[variant=plain] == baseline", "passed"),
    ],
)
def test_each_value_is_compared_with_the_one_in_its_place(text: str, status: str) -> None:
    before = baseline(plain=0.25, align=0.02)
    assert judged(text, before, plain=0.25, align=0.03).status == status


def test_the_sentence_says_both_values_and_the_limit() -> None:
    verdict = judged("b.error <= baseline + 0.5%", baseline(align=0.021), align=0.031)
    assert verdict.message == "b.error[variant=align] = 0.031 > 0.026 (baseline 0.021 + 0.005)"


@pytest.mark.parametrize(
    ("before", "now", "expected"),
    [
        (None, {"plain": 1.0}, "has no baseline of its analysis"),
        (baseline(), {"plain": 1.0}, "baseline 'old.h5' has no b.error[variant=plain]"),
        (
            baseline(plain=1.0, align=1.0),
            {"plain": 1.0},
            "b.error[variant=align] of baseline 'old.h5' was not measured",
        ),
        (baseline(plain=None), {"plain": 1.0}, "of baseline 'old.h5' is not a number"),
        (baseline(plain=1.0), {"plain": None}, "b.error[variant=plain] is not a number"),
    ],
)
def test_what_one_of_the_two_lacks_cannot_be_judged(
    before: Baseline | None, now: dict[str, float | None], expected: str
) -> None:
    verdict = judged("b.error <= baseline", before, **now)
    assert verdict.status == "unjudged" and expected in verdict.message
    assert exit_code([verdict]) == ExitCode.UNJUDGED


def test_a_selection_of_what_both_have_can_be_judged() -> None:
    before = baseline(plain=1.0, align=1.0)
    assert judged("b.error[variant=plain] <= baseline", before, plain=1.0).status == "passed"


def result(analysis: str = "b", **attributes: str) -> Result:
    keys = {key.replace("_", "."): value for key, value in attributes.items()}
    return Result(analysis, {"provenance": Group({}, keys)})


OPTIONS = {"points": 5, "also": ["old/c"], "definition": "chord"}
ATTRIBUTES = {
    "split_test_digest": "1f",
    "task": "binary",
    "options": json.dumps(OPTIONS),
    "checkpoint_2_path": "old/c",
}


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({}, ""),
        ({"split_test_digest": "2f"}, "on other data: split.test.digest is 1f there and 2f here"),
        ({"split_train_digest": "3f"}, "split.train.digest is nothing there and 3f here"),
        ({"task": "regression"}, "task is binary there and regression here"),
        (
            {"options": json.dumps(OPTIONS | {"points": 9})},
            "option 'points' is 5 there and 9 here",
        ),
        ({"options": json.dumps(OPTIONS | {"refine": True})}, ""),
        (
            {
                "options": json.dumps(OPTIONS | {"also": ["new/c"]}),
                "checkpoint_2_path": "new/c",
            },
            "",
        ),
        ({"options": "[" * 100_000}, ""),
        ({"seed": "7"}, ""),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_only_results_on_the_same_data_with_the_same_options_are_compared(
    changed: dict[str, str], expected: str
) -> None:
    provenance = Provenance.of(result(**ATTRIBUTES))
    before = Baseline("old.h5", "b", {}, provenance).beside(result(**{**ATTRIBUTES, **changed}))
    assert expected in before.objection and bool(expected) == bool(before.objection)


def test_another_analysis_is_not_compared() -> None:
    before = baseline(plain=1.0).beside(result("c"))
    verdict = judged("b.error <= baseline", before, plain=1.0)
    assert verdict.status == "unjudged"
    assert verdict.message == "baseline 'old.h5' is of analysis 'b', the result of 'c'"


def test_standing_gates_are_of_metrics_that_say_which_way_is_better() -> None:
    measured = [
        Metric("b.error", {"v": "x"}, 0.5, "1", "lower"),
        Metric("b.error", {"v": "y"}, 0.5, "1", "lower"),
        Metric("b.alpha_error", {}, 0.5, "1"),
        Metric("b.accuracy", {}, 0.5, "1", "higher"),
        Metric("b.loss", {}, 3.0, "1"),  # its name says nothing
    ]
    before = Baseline("old.h5", "b", {each.full_name: each for each in measured})
    gates = guards(before, Tolerance(share=0.1))
    assert [gate.title for gate in gates] == [
        "b.error <= baseline * 1.1",
        "b.accuracy >= baseline * 0.9",
    ]
    (error, accuracy) = guards(before, Tolerance(0.005))
    assert error.title == "b.error <= baseline + 0.005"
    assert accuracy.title == "b.accuracy >= baseline - 0.005"
    assert exit_code(judge_all(gates, measured, baseline=before)) == ExitCode.DONE


def test_a_baseline_that_says_of_no_metric_which_way_is_better_is_refused() -> None:
    with pytest.raises(LmctoolError) as caught:
        guards(Baseline("old.h5", "b", {"b.loss": Metric("b.loss", {}, 1.0, "1")}), Tolerance())
    assert str(caught.value) == (
        "baseline 'old.h5' says of no metric which way is better, as results of older versions do"
        " not; make it anew with `lmctool b`, or say it with a condition: --require"
        " 'METRIC <= baseline'"
    )


@pytest.mark.parametrize(
    ("text", "expected"),
    [("0", Tolerance()), (".005", Tolerance(0.005)), (" 5 % ", Tolerance(share=0.05))],
)
def test_a_tolerance_is_a_number_or_a_share(text: str, expected: Tolerance) -> None:
    assert read_tolerance(text) == expected


@pytest.mark.parametrize("text", ["", "-1", "nan", "1e999", "100%", "5%%", "5 points"])
def test_what_is_no_tolerance_is_refused(text: str) -> None:
    with pytest.raises(LmctoolError, match="tolerance"):
        read_tolerance(text)
