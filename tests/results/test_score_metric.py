"""Loss and error as variables and as text."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest

from lmctool.results.score_metric import ERROR, LOSS, DeclaredScores, ScoreMetric, fall_notes

if TYPE_CHECKING:
    from collections.abc import Callable

AUC = ScoreMetric("auc", "1", "area", "{:.4f}", "higher", 0, 1, share=False)


def test_a_metric_has_its_unit_and_says_which_way_is_better() -> None:
    rise = LOSS.variable(np.array([0.5]), ("split",), "barrier of the loss", "barrier.loss")
    assert (rise.unit, rise.better) == ("nat", "lower")
    assert (rise.long_name, rise.metric) == ("barrier of the loss", "barrier.loss")


def test_values_that_are_no_metric_have_no_better_way() -> None:
    curve = ERROR.variable(np.array([0.5, 0.25]), ("alpha",))
    assert (curve.unit, curve.long_name, curve.metric, curve.better) == ("1", "error", "", "")


def test_a_table_shows_loss_as_a_number_and_error_as_a_percentage() -> None:
    assert (LOSS.text(0.123456), ERROR.text(0.123456)) == ("0.1235", "12.35 %")


def test_a_table_shows_a_dash_for_what_is_no_number() -> None:
    assert (LOSS.text(math.nan), ERROR.text(math.nan), ERROR.signed(math.nan)) == ("-", "-", "-")


def test_a_difference_of_per_cent_is_shown_in_points() -> None:
    assert (LOSS.signed(0.5), ERROR.signed(-0.0123)) == ("+0.5000", "-1.23")
    assert (LOSS.points, ERROR.points) == (1, 100)


def test_a_note_says_which_metrics_fall_where_others_rise() -> None:
    assert (ERROR.worsening, AUC.worsening) == ("rise", "fall")
    assert fall_notes((LOSS, ERROR)) == ()
    assert fall_notes((LOSS, ERROR, AUC)) == (
        "of auc higher is better, so a rise of others is a fall there",
    )


def test_an_error_above_one_is_of_no_answers() -> None:
    assert ERROR.of_answers
    assert not replace(ERROR, high=math.inf).of_answers
    assert not replace(ERROR, share=False).of_answers


@pytest.mark.parametrize(
    "made",
    [
        lambda of: LOSS.declared("flatness.loss", "rise of the loss", of),
        lambda of: LOSS.variable(np.zeros(1), ("split",), of=of),
        lambda of: DeclaredScores("flatness.{}", "rise of the {}", of),
    ],
)
def test_which_values_are_there_is_one_of_three_words(made: Callable[[str], object]) -> None:
    for of in ("value", "height", "difference"):
        made(of)
    with pytest.raises(ValueError, match="of='rise' is none of 'value', 'height', 'difference'"):
        made("rise")
