"""Barriers of which a growing share of the examples tells: closed forms and coverage."""

from __future__ import annotations

import numpy as np
import pytest

from lmctool.curves.barrier import barrier
from lmctool.curves.looks import Looks
from lmctool.curves.sampled_barrier import Question, SampledBarrier, differences

ALPHA = np.linspace(0, 1, 5)
DEFINITIONS = ("chord", "mean-ends", "max-end")


def question(total: int, width: float, definition: str = "chord", metric: int = 1) -> Question:
    return Question(ALPHA, definition, Looks.of(total), metric, width, (0.0, 1.0))


def looked_at(
    values: np.ndarray, asked: Question, seed: int, weights: np.ndarray | None = None
) -> SampledBarrier:
    """Look at values (metric, point, example) in a random order until it is enough."""
    order, begin = np.random.default_rng(seed).permutation(values.shape[-1]), 0
    curve = SampledBarrier(asked)
    for end in asked.looks.counts:
        block, begin = order[begin:end], end
        curve.add(values[:, curve.points][..., block], None if weights is None else weights[block])
        if curve.done:
            break
    return curve


def networks(peak: float, total: int, seed: int = 0) -> np.ndarray:
    """Losses and errors (metric, point, example) of networks that err on examples alike."""
    rng = np.random.default_rng(seed)
    hard = np.where(rng.random((5, total)) < 0.3, rng.random((5, total)), rng.random(total))
    height = 0.1 + peak * 4 * ALPHA * (1 - ALPHA)
    errors = (hard < height[:, None]).astype(float)
    losses = height[:, None] * rng.lognormal(0, 1, total) * rng.lognormal(0, 0.3, (5, total))
    return np.stack([losses, errors])


@pytest.mark.parametrize("definition", DEFINITIONS)
def test_the_least_of_the_differences_is_the_rise_over_the_reference(definition: str) -> None:
    values = np.random.default_rng(0).random(5)
    rises = (differences(ALPHA, definition) @ values).min(axis=0)
    assert rises.max() == pytest.approx(barrier(ALPHA, values, definition)[0])


@pytest.mark.parametrize("definition", DEFINITIONS)
def test_all_examples_give_the_barrier_itself(definition: str) -> None:
    values = networks(0.3, 600)
    curve = looked_at(values, question(600, 1e-9, definition), 0)
    expected = barrier(ALPHA, values.mean(axis=-1), definition)[0]
    np.testing.assert_allclose(curve.interval()[:, 1], expected[1], atol=1e-12)
    np.testing.assert_allclose(barrier(ALPHA, curve.curve, definition)[0][1], expected[1])
    assert curve.counts.max() == 600


def test_of_equal_chords_the_interval_is_the_normal_one_of_a_mean() -> None:
    rng = np.random.default_rng(0)
    values = np.zeros((1, 3, 20_000))
    values[0, 1] = rng.normal(1, 0.5, 20_000)
    asked = Question(np.array([0, 0.5, 1]), "chord", Looks.of(20_000), 0, 0.05, (0.0,))
    curve = looked_at(values, asked, 1)
    lower, upper = curve.interval()[:, 0]
    count = curve.counts[1]
    plain = 2.1084 * 0.5 * np.sqrt(1 / count - 1 / 20_000)  # 3.5 % outside
    # what is too rare to be seen adds c^2 d^2 / n to the variance: with d = 3.5 of 0.5, 9 % at 500
    assert plain < (upper - lower) / 2 < 1.1 * plain
    assert (upper + lower) / 2 == pytest.approx(curve.curve[0, 1])


def test_of_errors_that_were_never_seen_the_upper_bound_is_that_of_a_rare_share() -> None:
    curve = looked_at(np.zeros((2, 5, 10_000)), question(10_000, 0.02), 0)
    lower, upper = curve.interval()[:, 1]
    assert lower == 0
    # Wilson's bound of none in n is about c^2 / n, with c between those of one point and of three
    count = curve.counts.max()
    assert 2.1**2 / count * 0.9 < upper < 2.7**2 / count
    assert curve.done
    assert count < 1_000


def test_points_far_below_the_peak_are_looked_at_no_more() -> None:
    curve = looked_at(networks(0.6, 8_000), question(8_000, 0.01), 0)
    assert curve.counts[2] > curve.counts[1] > 0
    assert curve.counts[0] == curve.counts[-1] == curve.counts.max()


@pytest.mark.parametrize("definition", DEFINITIONS)
def test_a_point_that_is_left_out_keeps_its_rise(definition: str) -> None:
    curve = looked_at(networks(0.6, 8_000), question(8_000, 0.01, definition), 0)
    rises = [(differences(ALPHA, definition) @ row).min(axis=0) for row in curve.curve]
    lower, upper = curve.interval()
    assert (lower <= np.max(rises, axis=1) + 1e-12).all()
    assert (np.max(rises, axis=1) <= upper + 1e-12).all()
    assert np.isfinite(curve.curve).all()


def test_weights_of_one_are_no_weights() -> None:
    values = networks(0.2, 3_000)
    plain = looked_at(values, question(3_000, 0.03), 0)
    weighted = looked_at(values, question(3_000, 0.03), 0, np.full(3_000, 2.0))
    np.testing.assert_allclose(plain.interval(), weighted.interval(), atol=1e-12)


@pytest.mark.parametrize(
    ("peak", "definition", "metric", "width"),
    [
        (0.6, "chord", 1, 0.02),
        pytest.param(0.05, "chord", 1, 0.015, marks=pytest.mark.slow),
        (0.002, "chord", 1, 0.02),
        pytest.param(0.0, "mean-ends", 1, 0.02, marks=pytest.mark.slow),
        pytest.param(0.3, "max-end", 1, 0.03, marks=pytest.mark.slow),
        (0.3, "chord", 0, 0.05),
    ],
)
def test_at_least_93_of_100_intervals_hold_the_value_of_all_examples(
    peak: float, definition: str, metric: int, width: float
) -> None:
    values = networks(peak, 4_000, seed=1)
    asked = question(4_000, width, definition, metric)
    expected = barrier(ALPHA, values.mean(axis=-1), definition)[0]
    held, shares = np.zeros(2), []
    for seed in range(200):
        curve = looked_at(values, asked, seed)
        lower, upper = curve.interval()
        held += (lower - 1e-12 <= expected) & (expected <= upper + 1e-12)
        shares.append(curve.counts.max() / 4_000)
    assert (held >= 0.93 * 200).all(), held
    assert np.mean(shares) < 0.9  # so that there was something to be wrong about


@pytest.mark.slow
def test_intervals_of_weighted_means_hold_as_well() -> None:
    values = networks(0.3, 4_000, seed=2)
    weights = np.random.default_rng(3).integers(0, 9, 4_000).astype(float)
    expected = barrier(ALPHA, (values * weights).sum(axis=-1) / weights.sum(), "chord")[0]
    asked, held = question(4_000, 0.04), 0
    for seed in range(200):
        lower, upper = looked_at(values, asked, seed, weights).interval()
        held += bool(lower[1] <= expected[1] <= upper[1])
    assert held >= 0.93 * 200
