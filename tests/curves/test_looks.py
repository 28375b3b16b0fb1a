"""The looks at a growing share, and how far means over it are off."""

from __future__ import annotations

import numpy as np
import pytest

from lmctool.curves.looks import Looks, bonferroni, correlation, furthest


@pytest.mark.parametrize("total", [1, 249, 250, 263, 264, 1_000, 60_000])
def test_looks_rise_to_all_examples(total: int) -> None:
    counts = Looks.of(total).counts
    assert counts[-1] == total
    assert list(counts) == sorted(set(counts))
    assert all(count < 0.95 * total for count in counts[:-1])


def test_nothing_is_missing_of_the_mean_of_all_examples() -> None:
    looks = Looks.of(1_000)
    missing = looks.missing(np.array([250, 1_000]))
    np.testing.assert_allclose(missing, [1 / 250 - 1 / 1_000, 0], atol=1e-18)


def test_the_missing_part_is_the_variance_of_a_mean_without_replacement() -> None:
    values = np.random.default_rng(0).random(400)
    orders = np.random.default_rng(1).permuted(np.tile(values, (4_000, 1)), axis=1)
    expected = values.var(ddof=1) * Looks((100, 400)).missing(np.array([100]))[0]
    # of 4,000 draws a variance is off by sqrt(2 / 4000) = 2.2 %: five times that
    assert orders[:, :100].mean(axis=1).var() == pytest.approx(expected, rel=0.11)


def test_bonferroni_of_one_comparison_is_the_normal_quantile() -> None:
    assert bonferroni(0.025, 1) == pytest.approx(1.959964, abs=1e-6)
    assert bonferroni(0.05, 2) == pytest.approx(1.959964, abs=1e-6)


@pytest.mark.parametrize(
    ("alike", "expected"),
    [
        ([[1.0]], 1.959964),
        # independent: (2 Phi(c) - 1)^2 = 0.95
        ([[1.0, 0.0], [0.0, 1.0]], 2.236477),
        ([[1.0, 1.0], [1.0, 1.0]], 1.959964),
        ([[1.0, -1.0], [-1.0, 1.0]], 1.959964),
    ],
)
def test_the_furthest_of_normal_variables_is_their_closed_form(
    alike: list[list[float]], expected: float
) -> None:
    drawn = np.random.default_rng(0).standard_normal((200_000, 2))
    # a 95 % quantile of 200,000 draws is off by 0.004 at five standard errors of sqrt(p q / n) / f
    assert furthest(np.array(alike), 0.05, drawn) == pytest.approx(expected, abs=0.03)


def test_no_variable_is_never_far() -> None:
    assert furthest(np.zeros((0, 0)), 0.05, np.zeros((10, 3))) == 0


def test_what_does_not_vary_is_alike_with_nothing() -> None:
    found = correlation(np.array([[4.0, 0.0, 3.0], [0.0, 0.0, 0.0], [3.0, 0.0, 9.0]]))
    np.testing.assert_allclose(found, np.array([[1, 0, 0.5], [0, 1, 0], [0.5, 0, 1]]))
