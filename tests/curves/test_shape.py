"""The shape of a curve: curves made by hand, and the draw-up of loops."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from lmctool.curves.shape import ShapeRule, draw_up, shape_options
from lmctool.results.score_metric import ERROR, LOSS, ScoreMetric

if TYPE_CHECKING:
    from numpy.typing import NDArray

ALPHA = np.linspace(0, 1, 11)
RULE = ShapeRule()


def shape(*values: float, metric: ScoreMetric = LOSS, rule: ShapeRule = RULE) -> str:
    return str(rule.shapes(metric, np.linspace(0, 1, len(values)), np.array(values)))


def largest_rise(values: NDArray[np.float64]) -> float:
    pairs = [(i, j) for j in range(len(values)) for i in range(j)]
    return max(0.0, *(float(values[j] - values[i]) for i, j in pairs))


@given(arrays(np.float64, (2, 7), elements=st.floats(0, 10)))
def test_the_draw_up_is_that_of_loops(values: NDArray[np.float64]) -> None:
    assert draw_up(values).tolist() == [largest_rise(row) for row in values]


def test_a_rise_at_the_last_step_counts() -> None:
    assert draw_up(np.array([3.0, 2, 1, 1.5])) == 0.5
    assert shape(3, 2, 1, 1.5) == "barrier"


def test_a_falling_curve_never_rises() -> None:
    assert draw_up(np.array([3.0, 2, 2, 0])) == 0


def test_the_draw_up_is_from_the_lowest_value_before_not_from_the_ends() -> None:
    assert draw_up(np.array([2.0, 0.5, 1.5, 0])) == 1


@given(arrays(np.float64, 7, elements=st.floats(0, 10)), st.floats(0.1, 10))
def test_the_draw_up_grows_with_the_unit_and_ignores_the_level(
    values: NDArray[np.float64], factor: float
) -> None:
    rise = draw_up(values)
    assert draw_up(factor * values) == pytest.approx(factor * rise, abs=1e-12)
    assert draw_up(values + 5) == pytest.approx(rise, abs=1e-12)


def test_the_three_shapes() -> None:
    assert shape(2.3, 1.5, 1.0, 0.6, 0.3, 0.1) == "monotone"
    assert shape(2.3, 2.3, 2.29, 2.28, 1.0, 0.1) == "plateau"
    assert shape(2.3, 2.0, 2.6, 2.2, 1.0, 0.1) == "barrier"
    assert shape(0.2, 0.9, 1.8, 1.8, 0.9, 0.2) == "barrier"


def test_a_small_rise_on_a_plateau_is_no_barrier() -> None:
    assert shape(0.90, 0.88, 0.92, 0.9, 0.3, 0.05, metric=ERROR) == "plateau"
    assert shape(0.90, 0.88, 0.92, 0.9, 0.3, 0.05, metric=ERROR, rule=ShapeRule(rise=0.01)) == (
        "barrier"
    )


def test_a_rise_of_almost_nothing_is_no_barrier_however_low_it_starts() -> None:
    assert shape(1e-6, 1e-3, 1e-6) == "monotone"
    assert shape(1e-6, 1e-3, 1e-6, rule=ShapeRule(least_loss=1e-4)) == "barrier"
    assert shape(0, 0.004, 0, metric=ERROR) == "monotone"
    assert shape(0, 0.006, 0, metric=ERROR) == "barrier"


def test_a_curve_that_rises_to_a_worse_end_is_a_barrier() -> None:
    assert shape(0.1, 0.2, 0.3) == "barrier"


def test_a_level_curve_is_monotone() -> None:
    assert shape(0.3, 0.3, 0.3) == "monotone"
    assert shape(0, 0, 0) == "monotone"


def test_how_long_a_curve_stays_level() -> None:
    values = np.where(ALPHA <= 0.65, 2.0, 0.0)
    assert RULE.level_until(LOSS, ALPHA, values) == ALPHA[6]
    assert RULE.level_until(LOSS, ALPHA, 2 * (1 - ALPHA)) == ALPHA[1]
    assert RULE.level_until(LOSS, ALPHA, np.full(11, 3.0)) == 1
    dips = values * (np.arange(11) != 2)
    assert RULE.level_until(LOSS, ALPHA, dips) == ALPHA[1]


def test_a_plateau_ends_where_the_rule_says() -> None:
    values = [2.0, 2, 2, 2, 0]  # level until alpha 0.75
    assert shape(*values, rule=ShapeRule(plateau_until=0.75)) == "plateau"
    assert shape(*values, rule=ShapeRule(plateau_until=0.76)) == "monotone"


CHANCE = float(np.log(10))
INITIAL = np.array([3.1, 2.5, 2.32, 2.31, 2.3, 2.3, 2.3, 2.29, 2.2, 1.2, 0.1])
"""The loss from an initial state that is worse than a guess: at chance from 0.2 to 0.8."""


@pytest.mark.parametrize("metric", [LOSS, ERROR])
def test_a_curve_at_chance_until_late_is_a_plateau_wherever_it_starts(metric: ScoreMetric) -> None:
    values = INITIAL / 5 if metric == ERROR else INITIAL
    chance = CHANCE / 5 if metric == ERROR else CHANCE
    assert RULE.shapes(metric, ALPHA, values) == "monotone"
    assert RULE.shapes(metric, ALPHA, values, chance) == "plateau"
    assert RULE.level_until(metric, ALPHA, values, chance) == 0.8
    later = np.minimum(values, values[2])  # starting at chance, it is one by its first value too
    assert RULE.shapes(metric, ALPHA, later) == "plateau"


def test_a_curve_that_falls_through_chance_is_no_plateau() -> None:
    straight = 5 - 4.9 * ALPHA  # at 0.5 it is still above chance, and never stays
    assert RULE.shapes(LOSS, ALPHA, straight, CHANCE) == "monotone"
    late = np.array([5, 4.6, 4.2, 3.8, 3.4, 3, 2.3, 2.3, 2.3, 1, 0.1])
    assert RULE.shapes(LOSS, ALPHA, late, CHANCE) == "monotone"


def test_a_curve_that_ends_at_chance_is_no_plateau() -> None:
    assert RULE.shapes(LOSS, ALPHA, np.maximum(INITIAL, 2.29), CHANCE) == "monotone"


@given(arrays(np.float64, (3, 7), elements=st.floats(0.1, 10)), st.floats(0.1, 10))
def test_chance_changes_nothing_of_curves_that_start_below_it(
    values: NDArray[np.float64], chance: float
) -> None:
    alpha = np.linspace(0, 1, 7)
    below = values[:, 0] <= chance
    for function in (RULE.shapes, RULE.level_until):
        plain, known = (function(LOSS, alpha, values, level) for level in (np.nan, chance))
        assert (plain == known)[below].all()
    wider = RULE.shapes(LOSS, alpha, values, chance) == "plateau"
    assert wider[RULE.shapes(LOSS, alpha, values) == "plateau"].all()


def test_a_curve_with_a_value_that_is_no_number_has_no_known_shape() -> None:
    assert shape(1, math.nan, 0, metric=ERROR) == "unknown"
    assert shape(1, 0.5, 0, metric=ERROR) == "monotone"


def test_the_rule_in_words_names_the_limits_of_the_metrics_that_are_there() -> None:
    squared = replace(LOSS, unit="1")
    spread = replace(ERROR, high=math.inf, share=False)
    assert RULE.notes((LOSS, ERROR))[0].endswith("of more than 0.01 nats or 0.50 %")
    assert RULE.notes((squared, spread))[0].endswith("of more than 0.01")
    assert RULE.notes((squared, ERROR))[0].endswith("of more than 0.01 or 0.50 %")


def test_the_options_give_the_rule_back() -> None:
    defaults: dict[str, Any] = {str(option.name): option.default for option in shape_options()}
    assert ShapeRule(**defaults) == RULE


def test_shapes_of_many_curves_keep_their_axes() -> None:
    values = np.array([[[2.0, 1, 0], [2, 2, 0]], [[1, 2, 1], [0, 0, 0]]])
    shapes = RULE.shapes(LOSS, np.linspace(0, 1, 3), values)
    assert shapes.tolist() == [["monotone", "plateau"], ["barrier", "monotone"]]


SKILL = ScoreMetric("skill", "1", "skill", "{:.4f}", "higher", 0, 1, False)


@given(arrays(np.float64, st.integers(2, 9), elements=st.floats(0, 1)), st.floats(0, 1))
def test_a_metric_that_is_better_the_higher_has_the_shape_of_what_is_missing(
    values: NDArray[np.float64], chance: float
) -> None:
    alpha = np.linspace(0, 1, len(values))
    for function in (RULE.shapes, RULE.level_until):
        missing = function(ERROR, alpha, 1 - values, 1 - chance)
        assert function(SKILL, alpha, values, chance) == missing


def test_a_fall_of_what_is_better_the_higher_is_a_barrier() -> None:
    assert shape(0.9, 0.5, 0.9, metric=SKILL) == "barrier"
    assert shape(0.5, 0.9, 0.95, metric=SKILL) == "monotone"
