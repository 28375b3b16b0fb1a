"""What a result says of the metrics that it has."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import h5py
import numpy as np
import pytest

from lmctool.errors import LmctoolError
from lmctool.results.file import read, write
from lmctool.results.result import Group, Result, Variable
from lmctool.results.score_metric import ERROR, LOSS, STANDARD, ScoreMetric
from lmctool.results.stored_metrics import (
    GROUP,
    MEANINGS,
    metrics_group,
    metrics_of,
    shown_metrics,
)
from lmctool.testing import invoke
from tests import every

if TYPE_CHECKING:
    from pathlib import Path

AUC = ScoreMetric("auc", "1", "area", "{:.4f}", "higher", 0, 1, share=False)
TOP5 = ScoreMetric("top5", "1", "top-5 error", "{:.2%}", "lower", 0, 1, share=True)
SPREAD = ScoreMetric("error", "1", "error (1 - R²)", "{:.2%}", "lower", 0, math.inf, share=True)
METRICS = (LOSS, ERROR, AUC, TOP5)
WHOLE = {"strategy": "module", "score": ["auc", "top5"]}


def result(group: Group | None, **said: Any) -> Result:
    """Return a result with a group of metrics, and what its provenance says."""
    groups = {} if group is None else {GROUP: group}
    return Result("barrier", {**groups, "provenance": Group({}, said)})


def changed(column: str, values: list[Any]) -> Group:
    """Return the group of the metrics above with other values in a column."""
    group = metrics_group(METRICS)
    kind = object if isinstance(values[0], str) else None
    variable = Variable(np.array(values, dtype=kind), ("metric",))
    return replace(group, variables={**group.variables, column: variable})


@pytest.mark.parametrize("metrics", [STANDARD, METRICS, (LOSS, SPREAD)])
def test_a_file_gives_back_the_metrics_that_it_was_given(
    metrics: tuple[ScoreMetric, ...], tmp_path: Path
) -> None:
    write(Result("x", {GROUP: metrics_group(metrics)}), tmp_path / "x.h5")
    assert metrics_of(read(tmp_path / "x.h5")) == metrics


def test_a_result_that_says_nothing_has_loss_and_error() -> None:
    assert metrics_of(Result("x", {})) == STANDARD
    assert metrics_of(result(None, strategy="module")) == STANDARD


def test_tables_show_the_error_before_the_loss() -> None:
    assert shown_metrics(result(metrics_group(METRICS), **WHOLE)) == (ERROR, LOSS, AUC, TOP5)


@pytest.mark.parametrize(
    ("column", "values", "told"),
    [
        ("metric", ["loss", "error"], "not of one length"),
        ("metric", ["error", "loss", "auc", "top5"], "not loss, error and others"),
        ("metric", ["loss", "error", "auc", "auc"], "not loss, error and others"),
        ("metric", ["loss", "error", "auc", "a/b"], "'a/b' is no name"),
        ("metric", ["loss", "error", "auc", ""], "'' is no name"),
        ("better", ["lower", "lower", "up", "lower"], "auc is better neither"),
        ("better", ["lower", "higher", "higher", "lower"], "better the lower"),
        ("low", [-math.inf, 0, math.nan, 0], "auc has no value from nan to 1"),
        ("high", [math.inf, 1, 1, 0], "top5 has no value from 0"),
        ("low", ["0", "x", "0", "0"], "could not convert"),
    ],
)
def test_what_is_no_list_of_metrics_is_told(column: str, values: list[Any], told: str) -> None:
    with pytest.raises(
        LmctoolError, match=f"group 'scores' of the result tells no metrics.*{told}"
    ):
        metrics_of(result(changed(column, values)))


@pytest.mark.parametrize("column", MEANINGS)
def test_a_column_that_is_missing_is_told(column: str) -> None:
    variables = dict(metrics_group(METRICS).variables)
    del variables[column]
    with pytest.raises(LmctoolError, match=f"tells no metrics: '{column}'"):
        metrics_of(result(Group(variables)))


def test_metrics_that_the_run_was_not_asked_for_are_told_and_those_that_are_gone() -> None:
    with pytest.raises(LmctoolError, match="of a run with scores none, but holds auc, top5"):
        metrics_of(result(metrics_group(METRICS), strategy="module"))
    with pytest.raises(LmctoolError, match="of a run with scores auc, top5, but holds none"):
        metrics_of(result(None, **WHOLE))


def test_an_audit_never_passes_by_metrics_that_were_changed(tmp_path: Path) -> None:
    out, policy = tmp_path / "barrier.h5", tmp_path / "policy.toml"
    words = ("--points", "3", *every.FEW, "--score", "ece,auc", "-q")
    done = invoke("barrier", every.A, every.B, *words, "-o", out)
    assert done.exit_code == 0, done.output
    policy.write_text('[[gate]]\nrequire = "barrier.auc <= 0.5"\n')
    assert invoke("audit", out, "--policy", policy).exit_code == 0
    whole = out.read_bytes()

    def audited(path: str, place: Any, value: Any) -> int:
        out.write_bytes(whole)
        with h5py.File(out, "r+") as file:
            file[path][place] = value
        return invoke("audit", out, "--policy", policy).exit_code

    assert audited("barrier/summary/barrier_auc", (0, 0), 0.25) == 4
    assert audited("scores/better", 3, "lower") == 4  # a fall would be no barrier any more
    assert audited("scores/better", 3, "neither") == 2
    assert audited("scores/metric", 3, "error") == 2
    assert audited("scores/low", 3, np.nan) == 2
    out.write_bytes(whole)
    with h5py.File(out, "r+") as file:
        del file["scores"]
    assert invoke("audit", out, "--policy", policy).exit_code == 2
