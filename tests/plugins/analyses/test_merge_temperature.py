"""The temperature of the least loss: closed forms, invariances, and where there is none."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import pytest
from scipy.special import log_softmax

from lmctool_plugins.analyses.merge.temperature import best_temperature

if TYPE_CHECKING:
    from numpy.typing import NDArray


def answers(count: int = 4000) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Return logits, and classes that come as often as their probabilities say."""
    shares = np.array([0.1, 0.2, 0.7])
    logits = np.tile(np.log(shares), (count, 1))
    return logits, np.repeat([0, 1, 2], (shares * count).round().astype(int))


@pytest.mark.parametrize("factor", [1e-3, 0.5, 1.0, 3.7, 1e4])
def test_logits_that_are_c_times_too_great_have_the_temperature_c(factor: float) -> None:
    logits, classes = answers()
    assert best_temperature(factor * logits, classes) == pytest.approx(factor, rel=1e-9)


def test_of_two_classes_it_is_the_difference_over_the_log_odds() -> None:
    logits = np.tile([0.0, 5.0], (100, 1))
    classes = (np.arange(100) < 80).astype(int)
    assert best_temperature(logits, classes) == pytest.approx(5 / math.log(4), rel=1e-9)


def test_no_other_temperature_has_less_loss() -> None:
    numbers = np.random.default_rng(0)
    logits, classes = 4 * numbers.standard_normal((300, 5)), numbers.integers(0, 5, 300)
    logits[np.arange(300), classes] += 2

    def loss(temperature: float) -> float:
        return -float(log_softmax(logits / temperature, axis=1)[np.arange(300), classes].mean())

    best = best_temperature(logits, classes)
    for other in best * np.array([0.5, 0.9, 0.999, 1.001, 1.1, 2]):
        assert loss(other) > loss(best)


def test_what_is_added_to_all_logits_of_an_item_changes_nothing() -> None:
    logits, classes = answers()
    shifted = logits + np.random.default_rng(0).standard_normal((len(logits), 1))
    assert best_temperature(shifted, classes) == pytest.approx(1, rel=1e-9)


@pytest.mark.parametrize(
    ("logits", "why"),
    [
        ([[2.0, 0.0], [0.0, 1.0]], "every answer is right"),
        ([[0.0, 2.0], [1.0, 0.0]], "every answer is wrong"),
        ([[0.0, 0.0], [0.0, 0.0]], "no answer is any"),
        ([[math.nan, 0.0], [0.0, 1.0]], "an answer is no number"),
    ],
)
def test_there_is_none_where(logits: list[list[float]], why: str) -> None:
    assert math.isnan(best_temperature(np.array(logits), np.array([0, 1]))), why
