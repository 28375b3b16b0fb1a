"""Loss and error as variables and as text."""

from __future__ import annotations

import numpy as np

from lmctool.results.score_metric import ERROR, LOSS


def test_a_metric_has_its_unit_and_says_which_way_is_better() -> None:
    rise = LOSS.variable(np.array([0.5]), ("split",), "barrier of the loss", "barrier.loss")
    assert (rise.unit, rise.better) == ("nat", "lower")
    assert (rise.long_name, rise.metric) == ("barrier of the loss", "barrier.loss")


def test_values_that_are_no_metric_have_no_better_way() -> None:
    curve = ERROR.variable(np.array([0.5, 0.25]), ("alpha",))
    assert (curve.unit, curve.long_name, curve.metric, curve.better) == ("1", "error", "", "")


def test_a_table_shows_loss_as_a_number_and_error_as_a_percentage() -> None:
    assert (LOSS.text(0.123456), ERROR.text(0.123456)) == ("0.1235", "12.35%")
