"""What the numbers of a result are read in: shares in per cent, all else as it is."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from lmctool.report import curve
from lmctool.report.notation import Notation
from lmctool.report.sparkline import curves
from lmctool.report.value_tables import tables
from lmctool.results.result import Group, Result, Variable
from lmctool.results.score_metric import ERROR, LOSS
from lmctool.results.stored_metrics import GROUP, metrics_group


@pytest.fixture
def paths() -> Result:
    """An interpolate result with a curve of loss and error, and what follows from them."""
    alpha = np.array([0, 0.25, 1])
    metrics = {"delta_error": 0.25, "delta_loss": 0.5, "alpha_error": 0.75, "level_error": 0.125}
    return Result(
        "interpolate",
        {
            "interpolate/curve": Group(
                {
                    "alpha": Variable(alpha, ("alpha",)),
                    "loss": LOSS.variable(alpha, ("alpha",)),
                    "error": ERROR.variable(alpha, ("alpha",)),
                    "share_of_time": Variable(alpha, ("alpha",)),
                }
            ),
            "interpolate/shape": Group(
                {
                    name: Variable(np.array(value), metric=f"interpolate.{name}")
                    for name, value in metrics.items()
                }
            ),
        },
    )


def cells(result: Result) -> set[str]:
    """Return the cells of all tables of values."""
    return {cell for table in tables(result) for row in table.rows for cell in row}


def test_only_what_the_analysis_calls_a_share_is_in_per_cent(paths: Result) -> None:
    known = Notation.of(paths)
    shown = {
        name: known.metric(f"interpolate.{name}").text(0.25)
        for name in ("delta_error", "highest_error", "delta_loss", "alpha_error", "level_error")
    }
    assert shown == {
        "delta_error": "25 %",
        "highest_error": "25 %",
        "delta_loss": "0.25",
        "alpha_error": "0.25",
        "level_error": "0.25",
    }
    assert {"25 %", "0.5", "0.75", "0.125"} <= cells(paths)


def test_a_curve_is_read_as_the_metric_that_it_is_called_like(paths: Result) -> None:
    known = Notation.of(paths)
    shown = {each.name: known.curve(paths, each).text(0.25) for each in curve.find(paths)}
    assert shown == {"loss": "0.25", "error": "25 %", "share_of_time": "0.25"}
    ends = {table.title: table.rows[0][-2:] for table in curves(paths)}
    assert ends == {
        "loss [nat]": ("0", "1"), "error": ("0.00 %", "100.00 %"), "share_of_time": ("0", "1"),
    }  # fmt: skip


def test_an_array_in_another_unit_is_another_thing(paths: Result) -> None:
    known = Notation.of(paths)
    assert known.array("error", Variable(np.zeros(1), unit="nat")).text(0.25) == "0.25"


def test_an_error_that_is_no_share_is_in_per_cent_where_its_table_is(paths: Result) -> None:
    spread = replace(ERROR, high=np.inf, share=False)
    plain = replace(spread, form="{:.4f}")
    for error, text in ((spread, "150 %"), (plain, "1.5")):
        held = replace(paths, groups={**paths.groups, GROUP: metrics_group((LOSS, error))})
        assert Notation.of(held).metric("interpolate.delta_error").text(1.5) == text


def test_the_gain_of_a_trajectory_is_in_points() -> None:
    gain = Variable(np.array(0.25), metric="trajectory.gain.error")
    result = Result("trajectory", {"trajectory/summary": Group({"gain_error": gain})})
    known = Notation.of(result)
    assert known.metric("trajectory.gain.error").text(0.25) == "+25 points"
    assert known.array("gain_error", Variable(np.zeros(3), ("step",))).text(0.25) == "+25 points"


def test_all_is_plain_where_nobody_says_what_it_is(paths: Result) -> None:
    stranger = replace(paths, analysis="unheard-of")
    broken = replace(paths, groups={**paths.groups, GROUP: Group({})})
    for result in (stranger, broken):
        known = Notation.of(result)
        assert known.metric("interpolate.delta_error").text(0.25) == "0.25"
        assert (
            known.array("error", paths.groups["interpolate/curve"].variables["error"]).text(0.25)
            == "0.25"
        )
