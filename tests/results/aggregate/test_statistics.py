"""Mean, standard deviation, interval and paired test, against scipy and closed forms."""

from __future__ import annotations

from itertools import combinations, permutations

import numpy as np
import pytest
from scipy import stats

from lmctool.results.aggregate.statistics import jackknife, statistics

SAMPLES = np.random.default_rng(0).normal(size=(5, 3, 2))


def test_mean_std_interval_and_p_are_those_of_numpy_and_scipy() -> None:
    found = statistics(SAMPLES)
    mean = SAMPLES.mean(axis=0)
    np.testing.assert_allclose(found.mean, mean, rtol=1e-14)
    np.testing.assert_allclose(found.std, SAMPLES.std(axis=0, ddof=1), rtol=1e-14)
    lower, upper = stats.t.interval(0.95, 4, mean, stats.sem(SAMPLES, axis=0))
    np.testing.assert_allclose(found.lower, lower, rtol=1e-12)
    np.testing.assert_allclose(found.upper, upper, rtol=1e-12)
    np.testing.assert_allclose(found.p, stats.ttest_1samp(SAMPLES, 0).pvalue, rtol=1e-12)


def test_a_paired_test_is_that_of_the_differences() -> None:
    one, other = SAMPLES[..., 0], SAMPLES[..., 1]
    paired = stats.ttest_rel(other, one)
    found, between = statistics(other - one), paired.confidence_interval()
    np.testing.assert_allclose(found.p, paired.pvalue, rtol=1e-12)
    np.testing.assert_allclose(found.lower, between.low, rtol=1e-12)
    np.testing.assert_allclose(found.upper, between.high, rtol=1e-12)


def test_no_order_of_results_changes_a_bit() -> None:
    whole = statistics(SAMPLES)
    for order in permutations(range(5)):
        again = statistics(SAMPLES[list(order)])
        for name in ("mean", "std", "lower", "upper", "p"):
            assert getattr(again, name).tobytes() == getattr(whole, name).tobytes()


def test_of_equal_numbers_the_mean_is_that_number_and_nothing_varies() -> None:
    found = statistics(np.full((3, 1), 0.1))  # whose plain mean is 0.10000000000000002
    assert [float(each[0]) for each in (found.mean, found.lower, found.upper)] == [0.1] * 3
    assert found.std == 0


def test_one_result_has_a_mean_alone() -> None:
    found = statistics(SAMPLES[:1])
    np.testing.assert_array_equal(found.mean, SAMPLES[0])
    assert np.isnan([found.std, found.lower, found.upper, found.p]).all()


def test_a_value_that_is_no_number_leaves_none() -> None:
    found = statistics(np.array([[1.0, 1.0], [np.nan, 2.0], [3.0, np.inf]]))
    assert np.isnan([found.mean[0], found.std[0], found.lower[0], found.upper[1]]).all()
    assert found.mean[1] == np.inf


def test_differences_that_are_all_0_have_no_p() -> None:
    assert np.isnan(statistics(np.zeros((4, 1))).p)


def paired_up(
    values: np.ndarray[tuple[int, ...], np.dtype[np.float64]], kernel: str
) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    """Return a function of each two of several values, over (pair, ...)."""
    one, other = (values[list(i)] for i in zip(*combinations(range(len(values)), 2), strict=True))
    return one + other if kernel == "sum" else np.asarray(abs(one - other))


def test_of_sums_of_two_networks_the_jackknife_knows_the_error_of_twice_the_mean() -> None:
    values = SAMPLES[:, 0]
    found, twice = statistics(paired_up(values, "sum"), 5), statistics(2 * values)
    for name in ("mean", "lower", "upper", "p"):
        np.testing.assert_allclose(getattr(found, name), getattr(twice, name), rtol=1e-12)


def test_the_jackknife_leaves_out_one_network_after_the_other() -> None:
    values = SAMPLES[:, 0]
    without = [paired_up(np.delete(values, i, axis=0), "gap").mean(axis=0) for i in range(5)]
    error = np.sqrt(4 / 5 * ((without - np.mean(without, axis=0)) ** 2).sum(axis=0))
    np.testing.assert_allclose(jackknife(paired_up(values, "gap"), 5), error, rtol=1e-12)


def test_intervals_over_pairs_cover_what_intervals_of_independent_pairs_would_miss() -> None:
    values = np.random.default_rng(0).normal(size=(5, 4000))
    for kernel, truth in (("sum", 0.0), ("gap", 2 / np.sqrt(np.pi))):
        pairs = paired_up(values, kernel)
        own, independent = (
            np.mean((found.lower <= truth) & (truth <= found.upper))
            for found in (statistics(pairs, 5), statistics(pairs))
        )
        assert own > 0.9, kernel
        assert independent < 0.8, kernel


def test_two_networks_have_one_pair_and_so_no_interval() -> None:
    found = statistics(SAMPLES[:1], 2)
    np.testing.assert_array_equal(found.mean, SAMPLES[0])
    assert np.isnan([found.lower, found.upper, found.p]).all()


@pytest.mark.parametrize("networks", [-4, 0, 3, 10**9])
def test_pairs_are_those_of_their_networks(networks: int) -> None:
    with pytest.raises(ValueError, match=f"^{networks} networks have"):
        statistics(SAMPLES, networks)
