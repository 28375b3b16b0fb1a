"""Moments of values that come in parts."""

from __future__ import annotations

import numpy as np

from lmctool.curves.sample_moments import SampleMoments


def taken(values: np.ndarray, weights: np.ndarray, cuts: list[int]) -> SampleMoments:
    moments = SampleMoments(len(values))
    rows = np.arange(len(values))
    for part in np.split(np.arange(values.shape[1]), cuts):
        moments.add(rows, values[:, part], weights[part])
    return moments


def test_moments_are_those_of_all_values_at_once_however_they_come() -> None:
    values = np.random.default_rng(0).normal(3, 2, (3, 90))
    moments = taken(values, np.ones(90), [10, 11, 60])
    rows = np.arange(3)
    np.testing.assert_allclose(moments.mean(), values.mean(axis=1), rtol=1e-12)
    np.testing.assert_allclose(moments.variance(), values.var(axis=1, ddof=1), rtol=1e-10)
    np.testing.assert_allclose(moments.covariance(rows), np.cov(values), rtol=1e-10)
    furthest = np.abs(values - values.mean(axis=1)[:, None]).max(axis=1)
    np.testing.assert_allclose(moments.furthest(0.0) / 90, furthest / 90, rtol=1e-12)


def test_the_variance_of_a_weighted_mean_is_that_of_its_residuals() -> None:
    rng = np.random.default_rng(1)
    values, weights = rng.random((2, 80)), rng.integers(0, 5, 80).astype(float)
    moments = taken(values, weights, [33])
    mean = (values * weights).sum(axis=1) / weights.sum()
    residuals = weights * (values - mean[:, None]) / weights.mean()
    np.testing.assert_allclose(moments.mean(), mean, rtol=1e-12)
    expected = (residuals**2).sum(axis=1) / 79
    np.testing.assert_allclose(moments.variance(), expected, rtol=1e-10)


def test_a_value_without_weight_counts_for_nothing_whatever_it_is() -> None:
    values = np.array([[1.0, 2.0, np.nan, 3.0]])
    moments = taken(values, np.array([1.0, 1.0, 0.0, 1.0]), [2])
    assert moments.mean() == 2
    assert np.isfinite(moments.variance()).all()


def test_rows_that_end_keep_their_moments() -> None:
    values = np.random.default_rng(2).random((2, 60))
    moments = SampleMoments(2)
    moments.add(np.array([0, 1]), values[:, :20], np.ones(20))
    moments.add(np.array([1]), values[1:, 20:], np.ones(40))
    assert moments.counts.tolist() == [20, 60]
    np.testing.assert_allclose(moments.mean(), [values[0, :20].mean(), values[1].mean()])


def test_what_is_constant_has_no_variance_at_all() -> None:
    moments = taken(np.full((1, 999), 0.1), np.ones(999), [7, 500])
    assert moments.variance() == 0
    assert moments.covariance(np.array([0])) == 0
