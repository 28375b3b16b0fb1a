"""Lanczos, traces, densities and ascents on matrices whose spectra are known."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch
from torch import Tensor

from lmctool_plugins.analyses.sharpness.ball import highest
from lmctool_plugins.analyses.sharpness.density import places, smoothed
from lmctool_plugins.analyses.sharpness.lanczos import Ritz, lanczos
from lmctool_plugins.analyses.sharpness.trace import LEAST, estimate, samples

if TYPE_CHECKING:
    from collections.abc import Callable

SIZE = 64


def symmetric(eigenvalues: Tensor, seed: int = 0) -> Tensor:
    """Return a matrix of random eigenvectors that has these eigenvalues."""
    generator = torch.Generator().manual_seed(seed)
    size = len(eigenvalues)
    turn, _ = torch.linalg.qr(torch.randn(size, size, generator=generator, dtype=torch.float64))
    matrix: Tensor = turn @ torch.diag(eigenvalues) @ turn.T
    return matrix


def signs(size: int, seed: int = 0) -> Callable[[], Tensor]:
    """Return what draws vectors of random signs."""
    generator = torch.Generator().manual_seed(seed)
    return lambda: 2.0 * torch.randint(0, 2, (size,), generator=generator).double() - 1


def ritz_of(matrix: Tensor, steps: int, seed: int = 0) -> Ritz:
    draw = signs(len(matrix), seed)
    return lanczos(matrix.mv, draw(), steps, draw)


def test_as_many_steps_as_dimensions_give_the_whole_spectrum() -> None:
    known = torch.linspace(-3, 9, SIZE, dtype=torch.float64)
    found = ritz_of(symmetric(known), 1000)
    np.testing.assert_allclose(found.values, known.numpy(), atol=1e-12)
    assert found.weights.sum() == pytest.approx(1)


def test_a_few_steps_find_both_ends_and_their_residuals_bound_the_error() -> None:
    known = torch.cat([torch.zeros(300), torch.tensor([-2.0, 5.0, 9.0, 10.0])]).double()
    known[:300] = torch.linspace(-0.1, 0.1, 300, dtype=torch.float64)
    matrix = symmetric(known)
    found = ritz_of(matrix, 14)
    values, residuals = found.largest(matrix.mv, 3)
    errors = np.abs(values - [10, 9, 5])
    assert (errors <= residuals + 1e-12).all() and residuals.max() < 1e-3
    lowest, residual = found.lowest(matrix.mv, 1e-3)
    assert lowest == pytest.approx(-2, abs=residual + 1e-12)
    np.testing.assert_allclose(residuals, found.residuals[::-1][:3], atol=1e-9)


def test_a_lowest_value_that_has_not_converged_is_none() -> None:
    matrix = symmetric(torch.linspace(-1, 9, SIZE, dtype=torch.float64))
    lowest, residual = ritz_of(matrix, 3).lowest(matrix.mv, 1e-3)
    assert math.isnan(lowest) and residual > 9e-3


def test_an_eigenvalue_of_three_dimensions_is_found_three_times() -> None:
    known = torch.tensor([4.0, 4.0, 4.0, 1.0, 0.0, 0.0, 0.0, 0.0], dtype=torch.float64)
    found = ritz_of(symmetric(known), 8)
    np.testing.assert_allclose(found.values, known.sort().values.numpy(), atol=1e-12)


def test_ranks_beyond_the_dimensions_are_none() -> None:
    matrix = symmetric(torch.tensor([1.0, 2.0], dtype=torch.float64))
    values, residuals = ritz_of(matrix, 60).largest(matrix.mv, 4)
    np.testing.assert_allclose(values, [2, 1, np.nan, np.nan])
    assert np.isnan(residuals[2:]).all()


def test_a_matrix_of_zeros_has_zeros() -> None:
    found = ritz_of(torch.zeros(5, 5, dtype=torch.float64), 60)
    assert found.values.tolist() == [0.0] * 5
    assert found.converged(3, 1e-3)


def test_a_product_that_is_no_number_gives_none() -> None:
    draw = signs(5)
    found = lanczos(lambda vector: vector * math.nan, draw(), 4, draw)
    values, _ = found.largest(lambda vector: vector * math.nan, 2)
    assert np.isnan(values).all() and math.isnan(found.lowest(lambda v: v, 1e-3)[0])
    assert np.isnan(places(found.values[None])[0]).all()
    drawn = samples(lambda vector: vector * math.nan, draw, 20, 0.05)
    assert all(map(math.isnan, estimate(drawn)))


def test_the_density_has_the_moments_of_the_matrix() -> None:
    # over all rows of a Hadamard matrix, signs that are orthogonal, the mean of v'Hv is exact
    rows = torch.ones(1, 1, dtype=torch.float64)
    while len(rows) < SIZE:
        rows = torch.cat([torch.cat([rows, rows], 1), torch.cat([rows, -rows], 1)])
    matrix = symmetric(torch.linspace(-1, 3, SIZE, dtype=torch.float64) ** 3)
    found = [lanczos(matrix.mv, row, 6, signs(SIZE)) for row in rows]
    nodes, weights = (np.stack([getattr(f, n) for f in found]) for n in ("values", "weights"))
    mean = (nodes * weights).sum() / SIZE
    square = (nodes**2 * weights).sum() / SIZE
    assert mean == pytest.approx(float(matrix.trace()) / SIZE, rel=1e-12)
    assert square == pytest.approx(float(matrix.square().sum()) / SIZE, rel=1e-12)
    at, sigma = places(nodes)
    density = smoothed(nodes, weights, at, sigma)
    assert np.trapezoid(density, at) == pytest.approx(1, abs=1e-4)
    assert np.trapezoid(density * at, at) == pytest.approx(mean, abs=1e-3 * np.ptp(nodes))
    spread = np.trapezoid(density * at**2, at)
    assert spread == pytest.approx(square + sigma**2, rel=1e-3)


def test_probes_without_a_node_do_not_thin_the_density() -> None:
    nodes, weights = np.array([[0.0, 2.0], [1.0, np.nan]]), np.array([[0.5, 0.5], [1, np.nan]])
    at, sigma = places(nodes)
    assert np.trapezoid(smoothed(nodes, weights, at, sigma), at) == pytest.approx(1, abs=1e-4)


def test_the_trace_of_a_diagonal_matrix_needs_one_sample_and_no_luck() -> None:
    diagonal = torch.arange(10.0, dtype=torch.float64)
    found = samples(lambda vector: diagonal * vector, signs(10), 100, 0.05)
    assert found.tolist() == [45.0] * LEAST
    assert estimate(found) == (45.0, 0.0)


def test_the_trace_lies_within_its_standard_errors_and_stops_when_they_are_small() -> None:
    matrix = symmetric(torch.linspace(0, 5, SIZE, dtype=torch.float64))
    found = samples(matrix.mv, signs(SIZE), 1000, 0.02)
    mean, error = estimate(found)
    assert LEAST <= len(found) < 1000 and error <= 0.02 * mean
    assert abs(mean - float(matrix.trace())) < 4 * error
    off = matrix - torch.diag(matrix.diagonal())
    spread = math.sqrt(2 * float(off.square().sum()))  # Hutchinson: variance 2 sum_i!=j H_ij^2
    assert error == pytest.approx(spread / math.sqrt(len(found)), rel=0.35)


def test_samples_that_were_not_needed_do_not_count() -> None:
    assert estimate(np.array([1.0, 3.0, np.nan])) == (2.0, 1.0)
    assert math.isnan(estimate(np.array([np.nan]))[0])


def test_the_ascent_finds_the_top_of_a_slope_and_one_step_is_that_of_sam() -> None:
    slope = torch.tensor([3.0, 4.0], dtype=torch.float64)
    seen: list[Tensor] = []

    def scores(offset: Tensor) -> tuple[float, float]:
        seen.append(offset)
        return float(slope @ offset), 0.5

    found = highest(scores, lambda _: slope, torch.ones(2, dtype=torch.float64), 0.1, 1)
    assert found[0] == pytest.approx(0.5) and found[1] == 0.5  # radius |g|
    np.testing.assert_allclose(seen[0], [0.06, 0.08])


def test_more_steps_come_to_the_steepest_direction_of_a_bowl() -> None:
    curvature = torch.tensor([1.0, 10.0], dtype=torch.float64)
    slope = torch.tensor([0.1, 0.01], dtype=torch.float64)  # begins along the flat direction

    def scores(offset: Tensor) -> tuple[float, float]:
        return float(slope @ offset + curvature @ offset.square() / 2), 0.0

    def gradient(offset: Tensor) -> Tensor:
        return slope + curvature * offset

    scale = torch.ones(2, dtype=torch.float64)
    one, many = (highest(scores, gradient, scale, 1.0, steps)[0] for steps in (1, 30))
    assert one == pytest.approx(0.644, abs=0.02)
    assert many == pytest.approx(5.01, abs=0.01)  # curvature / 2 + slope, along the second axis


def test_there_is_no_rise_without_a_gradient() -> None:
    flat = torch.zeros(3)
    assert math.isnan(highest(lambda _: (1.0, 0.0), lambda _: flat, flat + 1, 0.1, 3)[0])
