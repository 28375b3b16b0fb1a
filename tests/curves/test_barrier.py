"""The height of a barrier: closed forms, invariances, loops."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from lmctool.curves.barrier import around, barrier
from lmctool.curves.grid import grid
from tests import reference

DEFINITIONS = ["chord", "mean-ends", "max-end"]


def test_the_barrier_of_a_parabola_on_a_slope_is_its_height() -> None:
    alpha = np.linspace(0, 1, 101)
    height, at = barrier(alpha, 4 * alpha * (1 - alpha) + 3 * alpha, "chord")
    assert height == pytest.approx(1)
    assert at == 0.5


def test_a_straight_slope_has_no_chord_barrier_but_half_its_rise_over_the_mean() -> None:
    alpha = np.linspace(0, 1, 11)
    values = 2 + 3 * alpha
    assert barrier(alpha, values, "chord")[0] == pytest.approx(0, abs=1e-15)
    assert barrier(alpha, values, "mean-ends")[0] == pytest.approx(1.5)
    assert barrier(alpha, values, "max-end")[0] == pytest.approx(0)


@given(arrays(np.float64, 7, elements=st.floats(0, 10)))
def test_the_barrier_does_not_depend_on_which_end_is_first(values: np.ndarray) -> None:
    alpha = grid(7, None)
    for definition in DEFINITIONS:
        there, back = (barrier(alpha, v, definition)[0] for v in (values, values[::-1]))
        assert there == pytest.approx(back, abs=1e-12)


@given(arrays(np.float64, 9, elements=st.floats(0, 10)))
def test_the_chord_barrier_is_that_of_loops_and_never_negative(values: np.ndarray) -> None:
    alpha = grid(9, None)
    height, _ = barrier(alpha, values, "chord")
    assert height == pytest.approx(reference.barrier(alpha.tolist(), values.tolist()), abs=1e-12)
    assert height >= 0


def test_refining_divides_the_intervals_beside_a_peak() -> None:
    alphas = around(np.array([0, 0.25, 0.5, 1]), np.array([0.25]))
    np.testing.assert_allclose(alphas, [0.0625, 0.125, 0.1875, 0.3125, 0.375, 0.4375])
    assert len(around(np.array([0, 0.5, 1]), np.array([0.0]))) == 3
