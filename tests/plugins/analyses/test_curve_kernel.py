"""The mathematics of a curve, and the descent on its bends."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch

from lmctool_plugins.analyses.curve.descent import MOMENTUM, Descent
from lmctool_plugins.analyses.curve.figure import running_mean
from lmctool_plugins.analyses.curve.kernel import arc_length, coefficients, rate, tenths

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import Tensor

    Array = NDArray[np.float64]

KINDS = pytest.mark.parametrize("kind", ["bezier", "chain"])
BENDS = pytest.mark.parametrize("bends", [1, 2, 5])
PLACES = np.linspace(0, 1, 13)


def random(*shape: int, seed: int = 0) -> Array:
    return np.random.default_rng(seed).normal(size=shape)


def products(points: Array) -> Array:
    """Return the inner products of the steps from each point to the next."""
    steps = np.diff(points, axis=0)
    return steps @ steps.T


@KINDS
@BENDS
def test_both_ends_are_the_ends_alone(kind: str, bends: int) -> None:
    first, last = np.eye(bends + 2)[[0, -1]]
    np.testing.assert_array_equal(coefficients(kind, bends, 0.0), first)
    np.testing.assert_array_equal(coefficients(kind, bends, 1.0), last)


@KINDS
@BENDS
def test_bends_on_the_straight_line_give_the_straight_line(kind: str, bends: int) -> None:
    a, b = random(2, 4)
    points = np.array([a + k / (bends + 1) * (b - a) for k in range(bends + 2)])
    for alpha in PLACES:
        place = coefficients(kind, bends, alpha) @ points
        np.testing.assert_allclose(place, a + alpha * (b - a), atol=1e-14)
    length = arc_length(kind, products(points))
    assert length == pytest.approx(np.linalg.norm(b - a), rel=1e-13)


@KINDS
@BENDS
def test_a_curve_from_the_other_end_is_the_same_curve(kind: str, bends: int) -> None:
    points = random(bends + 2, 3)
    for alpha in PLACES:
        there = coefficients(kind, bends, alpha) @ points
        back = coefficients(kind, bends, 1 - alpha) @ points[::-1]
        np.testing.assert_allclose(back, there, atol=1e-14)
    lengths = [arc_length(kind, products(each)) for each in (points, points[::-1])]
    assert lengths[0] == pytest.approx(lengths[1], rel=1e-13)


def test_a_bezier_curve_of_one_bend_is_that_of_the_paper() -> None:
    a, bend, b = random(3, 4)
    for t in PLACES:
        place = coefficients("bezier", 1, t) @ np.array([a, bend, b])
        np.testing.assert_allclose(place, (1 - t) ** 2 * a + 2 * t * (1 - t) * bend + t**2 * b)


@BENDS
def test_a_bezier_curve_is_that_of_de_casteljau(bends: int) -> None:
    points = random(bends + 2, 4)
    for alpha in PLACES:
        between = points
        while len(between) > 1:
            between = (1 - alpha) * between[:-1] + alpha * between[1:]
        place = coefficients("bezier", bends, alpha) @ points
        np.testing.assert_allclose(place, between[0], atol=1e-14)


@BENDS
def test_a_chain_interpolates_its_points_evenly(bends: int) -> None:
    points = random(bends + 2, 4)
    knots = np.linspace(0, 1, bends + 2)
    for alpha in PLACES:
        place = coefficients("chain", bends, alpha) @ points
        expected = [np.interp(alpha, knots, column) for column in points.T]
        np.testing.assert_allclose(place, expected, atol=1e-14)


def test_the_length_of_a_parabola_is_its_closed_form() -> None:
    points = np.array([[0.0, 0.0], [1.0, 1.0], [2.0, 0.0]])  # y = x - x^2 / 2
    length = math.sqrt(2) + math.asinh(1)
    assert arc_length("bezier", products(points)) == pytest.approx(length, rel=1e-12)
    assert arc_length("chain", products(points)) == pytest.approx(2 * math.sqrt(2), rel=1e-15)


def test_the_length_of_a_curve_is_that_of_many_short_steps() -> None:
    points = random(5, 6)
    places = [coefficients("bezier", 3, alpha) @ points for alpha in np.linspace(0, 1, 4001)]
    short = np.linalg.norm(np.diff(places, axis=0), axis=1).sum()
    assert arc_length("bezier", products(points)) == pytest.approx(short, rel=1e-6)


def test_the_rate_rises_to_the_greatest_and_falls_to_nearly_none() -> None:
    rates = [rate(step, 200, 0.3) for step in range(200)]
    peak = rates.index(max(rates))
    assert max(rates) == 0.3 and 0 < rates[-1] < 1e-4
    assert rates[: peak + 1] == sorted(rates[: peak + 1])
    assert rates[peak:] == sorted(rates[peak:], reverse=True)
    assert rate(0, 1, 0.3) == 0.3


def test_tenths_and_running_means_are_means() -> None:
    loss = np.arange(40.0)
    assert tenths(loss) == (1.5, 37.5)
    assert tenths(loss[:3]) == (0.0, 2.0)
    np.testing.assert_allclose(running_mean(loss, 5), np.convolve(loss, np.ones(5) / 5, "valid"))


class Bowl:
    """A quadratic loss, w H w / 2 - g w, whose gradient is H w - g."""

    def __init__(self) -> None:
        root = torch.from_numpy(random(6, 6, seed=1))
        self.h, self.g = root @ root.T, torch.from_numpy(random(6, seed=2))

    def loss(self, place: Tensor) -> Tensor:
        return place @ self.h @ place / 2 - self.g @ place

    def gradient(self, place: Tensor) -> Tensor:
        return self.h @ place - self.g


def begun(bends: int) -> Descent:
    descent = Descent.begin(bends, *torch.from_numpy(random(2, 6)))
    descent.bends.add_(torch.from_numpy(random(bends, 6, seed=3)))
    return descent


def at(kind: str, bends: int, alpha: float) -> Tensor:
    return torch.from_numpy(coefficients(kind, bends, alpha))


def test_bends_begin_on_the_straight_line_between_ends_that_stay() -> None:
    a, b = torch.from_numpy(random(2, 6))
    descent = Descent.begin(3, a, b)
    for number, bend in enumerate(descent.bends, 1):
        torch.testing.assert_close(bend, a + number / 4 * (b - a))
    descent.step(Bowl().loss, at("bezier", 3, 0.3), 0.1)
    assert torch.equal(descent.points[0], a) and torch.equal(descent.points[-1], b)


@KINDS
@BENDS
def test_a_step_goes_against_the_closed_form_of_the_gradient(kind: str, bends: int) -> None:
    bowl, descent, counts = Bowl(), begun(bends), at(kind, bends, 0.37)
    before, place = descent.bends.clone(), counts @ descent.points
    value = descent.step(bowl.loss, counts, 0.01)
    assert value == bowl.loss(place)
    moved = before - 0.01 * torch.outer(counts[1:-1], bowl.gradient(place))
    torch.testing.assert_close(descent.bends, moved, atol=1e-13, rtol=0)


@KINDS
def test_a_step_goes_against_the_differences_of_the_loss(kind: str) -> None:
    bowl, descent, counts, tiny = Bowl(), begun(2), at(kind, 2, 0.6), 1e-6
    before = descent.bends.clone()

    def loss(bends: Tensor) -> Tensor:
        points = torch.cat([descent.points[:1], bends, descent.points[-1:]])
        return bowl.loss(counts @ points)

    slopes = torch.zeros_like(before)
    for place in np.ndindex(*before.shape):
        step = torch.zeros_like(before)
        step[place] = tiny
        slopes[place] = (loss(before + step) - loss(before - step)) / (2 * tiny)
    descent.step(bowl.loss, counts, 0.01)
    torch.testing.assert_close((before - descent.bends) / 0.01, slopes, atol=1e-7, rtol=0)


def test_a_second_step_keeps_a_share_of_the_first() -> None:
    bowl, descent, counts = Bowl(), begun(1), at("bezier", 1, 0.5)
    start = descent.bends.clone()
    descent.step(bowl.loss, counts, 0.01)
    first, place = start - descent.bends, counts @ descent.points
    between = descent.bends.clone()
    descent.step(bowl.loss, counts, 0.01)
    second = MOMENTUM * first + 0.01 * torch.outer(counts[1:-1], bowl.gradient(place))
    torch.testing.assert_close(between - descent.bends, second, atol=1e-13, rtol=0)
