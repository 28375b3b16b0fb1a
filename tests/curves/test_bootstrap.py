"""The bootstrap of means over examples."""

from __future__ import annotations

import numpy as np
import pytest

from lmctool.curves.bootstrap import interval, resampled


def loops(values: list[float], weights: list[float], repeats: int, seed: int) -> list[float]:
    """The same draws, each example counted one by one."""
    count = len(values)
    generator = np.random.default_rng(seed)
    means = []
    for _ in range(repeats):
        drawn = generator.multinomial(count, [1 / count] * count)
        total = share = 0.0
        for times, value, weight in zip(drawn, values, weights, strict=True):
            total += times * weight * value
            share += times * weight
        means.append(total / share)
    return means


def test_the_means_are_those_of_loops() -> None:
    rng = np.random.default_rng(3)
    values, weights = rng.random(9), rng.random(9)
    expected = loops(values.tolist(), weights.tolist(), 70, 5)
    np.testing.assert_allclose(resampled(values, 70, 5, weights), expected, rtol=1e-12)


def test_examples_that_are_all_alike_leave_no_doubt() -> None:
    samples = resampled(np.full((2, 8), 0.25), 100, 0)
    assert samples.shape == (100, 2)
    np.testing.assert_allclose(samples, 0.25, rtol=1e-12)


def test_all_curves_share_their_draws() -> None:
    values = np.random.default_rng(0).random(50)
    samples = resampled(np.stack([values, 3 - values]), 200, 1)
    np.testing.assert_allclose(samples.sum(axis=1), 3, rtol=1e-12)


def test_the_spread_is_the_standard_error_of_a_mean() -> None:
    values = np.random.default_rng(0).normal(size=400)
    samples = resampled(values, 4000, 1)
    assert samples.std() == pytest.approx(values.std() / 20, rel=0.05)  # 4,000 draws: 1.1 %
    lower, upper = interval(samples)
    assert lower < values.mean() < upper
    assert upper - lower == pytest.approx(2 * 1.96 * values.std() / 20, rel=0.07)


def test_an_example_without_weight_counts_for_nothing() -> None:
    values, weights = np.array([1.0, np.nan, 3.0]), np.array([1.0, 0.0, 1.0])
    samples = resampled(values, 40, 0, weights)
    drawn = samples[~np.isnan(samples)]  # all three draws may fall on the one without weight
    assert len(drawn) > 30
    assert drawn.min() >= 1
    assert drawn.max() <= 3


def test_nothing_to_draw_from_is_a_mistake_of_the_caller() -> None:
    with pytest.raises(ValueError, match="mean nothing"):
        resampled(np.empty(0), 10, 0)
