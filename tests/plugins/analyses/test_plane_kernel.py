"""Where points of a plane are, the directions that span one, and the barriers within."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch
from torch import nn

from lmctool.errors import LmctoolError
from lmctool_plugins.analyses.plane.components import components
from lmctool_plugins.analyses.plane.directions import filter_norms, input_groups
from lmctool_plugins.analyses.plane.figure import apart
from lmctool_plugins.analyses.plane.kernel import (
    axis,
    barrier,
    corners,
    inside,
    marked_axis,
    products,
    shares,
)
from lmctool_plugins.analyses.plane.levels import Levels
from lmctool_plugins.analyses.plane.ways import grid_shape

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[np.float64]


def placed(a: Array, b: Array, c: Array) -> Array:
    """Return the coordinates of three vectors."""
    found = corners(products([np.stack([b - a, c - a])]))
    assert found is not None
    return found


def test_an_isosceles_triangle_stands_on_its_base() -> None:
    a, b, c = np.array([[1.0, 0, 0], [0, 1, 0], [0, 0, 1]]) * 2
    side = 2 * np.sqrt(2)
    expected = [[0, 0], [side, 0], [side / 2, side * np.sqrt(3) / 2]]
    np.testing.assert_allclose(placed(a, b, c), expected, rtol=1e-14, atol=1e-14)


def test_coordinates_are_those_of_two_orthonormal_vectors() -> None:
    a, b, c = np.random.default_rng(0).normal(size=(3, 50))
    u = (b - a) / np.linalg.norm(b - a)
    v = (c - a) - ((c - a) @ u) * u
    v /= np.linalg.norm(v)
    expected = [[0, 0], [(b - a) @ u, 0], [(c - a) @ u, (c - a) @ v]]
    np.testing.assert_allclose(placed(a, b, c), expected, rtol=1e-12, atol=1e-12)


def test_coordinates_do_not_change_with_a_rotation() -> None:
    generator = np.random.default_rng(1)
    networks = generator.normal(size=(3, 20))
    rotation, _ = np.linalg.qr(generator.normal(size=(20, 20)))
    np.testing.assert_allclose(placed(*networks @ rotation), placed(*networks), rtol=1e-12)


def test_coordinates_of_exchanged_ends_are_mirrored() -> None:
    a, b, c = np.random.default_rng(2).normal(size=(3, 20))
    one, other = placed(a, b, c), placed(b, a, c)
    np.testing.assert_allclose(other[2], [one[1, 0] - one[2, 0], one[2, 1]], rtol=1e-12)


def test_blocks_of_vectors_give_the_products_of_whole_ones() -> None:
    vectors = np.random.default_rng(3).normal(size=(4, 30))
    parts = products(np.split(vectors, [7, 19], axis=1))
    np.testing.assert_allclose(parts, vectors @ vectors.T, rtol=1e-13)


@pytest.mark.parametrize("third", [[0.0, 0, 0], [1, 2, 3], [2, 4, 6], [-0.5, -1, -1.5]])
def test_three_vectors_on_a_line_have_no_coordinates(third: list[float]) -> None:
    assert corners(products([np.array([[1.0, 2, 3], third])])) is None
    assert corners(products([np.array([third, [1.0, 2, 3]])])) is None


@pytest.mark.parametrize("points", [5, 6, 21, 40, 41])
@pytest.mark.parametrize("mark", [0.1, 1.0, 20.457813])
def test_a_marked_axis_has_0_and_the_mark_and_reaches_around(points: int, mark: float) -> None:
    low, high = -0.3 * mark, 1.4 * mark
    places = marked_axis(low, high, mark, points)
    assert len(places) == points
    assert {0.0, mark} <= set(places.tolist())
    assert places[0] <= low + 1e-9
    assert places[-1] >= high - 1e-9
    steps = np.diff(places)
    np.testing.assert_allclose(steps, steps[0])


def test_a_marked_axis_is_as_fine_as_it_can_be() -> None:
    places = marked_axis(-0.2, 1.2, 1.0, 41)
    assert places[1] - places[0] == pytest.approx(1 / 28)  # 28 steps and 6 on either side
    assert (places[0], places[-1]) == (pytest.approx(-6 / 28), pytest.approx(34 / 28))


def test_an_axis_with_too_few_points_says_how_many_do() -> None:
    with pytest.raises(LmctoolError, match=r"--points 5 are too few .* give 7 or more"):
        marked_axis(-1.5, 3.5, 1.0, 5)
    assert len(marked_axis(-1.5, 3.5, 1.0, 7)) == 7


def test_an_axis_without_a_mark_has_0_and_is_as_fine_as_it_can_be() -> None:
    np.testing.assert_allclose(axis(-1, 1, 5), [-1, -0.5, 0, 0.5, 1])
    places = axis(-0.2, 1, 13)
    assert 0.0 in places
    np.testing.assert_allclose(places, np.arange(-2, 11) * 0.1)
    assert axis(0, 2, 3).tolist() == [0, 1, 2]


def test_shares_of_corners_are_exact_and_give_back_the_place() -> None:
    places = placed(*np.random.default_rng(4).normal(size=(3, 9)))
    np.testing.assert_array_equal(shares(places[:, 0], places[:, 1], places), np.eye(3))
    x, y = np.random.default_rng(5).normal(size=(2, 4, 6))
    own = shares(x, y, places)
    np.testing.assert_allclose(own.sum(axis=-1), 1, rtol=1e-12)
    np.testing.assert_allclose(own @ places, np.stack([x, y], axis=-1), atol=1e-12)


def test_what_lies_within_the_triangle_includes_its_sides() -> None:
    counts = np.array([[1, 0, 0], [0.5, 0.5, 0], [0.2, 0.3, 0.5], [-0.1, 0.6, 0.5]])
    assert inside(counts).tolist() == [True, True, True, False]


def test_barriers_over_the_triangle_by_each_definition() -> None:
    ends = np.array([[1.0, 2.0, 6.0]])
    counts = np.array([[1, 0, 0], [0, 1, 0], [0, 0, 1], [0.5, 0.5, 0], [1 / 3, 1 / 3, 1 / 3]])
    values = np.array([[1.0, 2.0, 6.0, 5.0, 4.0]])
    heights = {
        name: barrier(values, counts, ends, name) for name in ("chord", "mean-ends", "max-end")
    }
    assert {name: float(height[0]) for name, (height, _) in heights.items()} == {
        "chord": 3.5,
        "mean-ends": 3.0,
        "max-end": 0.0,
    }
    assert heights["chord"][1].tolist() == [3]


def test_a_plane_of_values_has_no_barrier_and_a_missing_value_hides_one() -> None:
    ends, (x, y) = np.array([[1.0, 2.0, 6.0]]), np.random.default_rng(6).random((2, 50))
    counts = shares(x, y, np.array([[0, 0], [1.0, 0], [0, 1.0]]))
    counts = np.concatenate([counts[inside(counts)], np.eye(3)])
    flat = ends @ counts.T
    assert barrier(flat, counts, ends, "chord")[0][0] == pytest.approx(0, abs=1e-12)
    flat[0, 1] = np.nan
    assert np.isnan(barrier(flat, counts, ends, "chord")[0]).all()


def test_components_are_those_of_a_singular_value_decomposition() -> None:
    steps = np.random.default_rng(7).normal(size=(6, 40)) * np.arange(6, 0, -1)[:, None]
    found = components(steps @ steps.T)
    assert found is not None
    centred = steps - steps.mean(axis=0)
    _, singular, right = np.linalg.svd(centred, full_matrices=False)
    own = found.weights @ steps
    np.testing.assert_allclose(abs(own @ right[:2].T), np.eye(2), atol=1e-10)
    np.testing.assert_allclose(found.places, steps @ own.T, rtol=1e-9)
    np.testing.assert_allclose(found.explained, singular[:2] ** 2 / (singular**2).sum())
    outside = np.linalg.norm(steps - found.places @ own, axis=1)
    np.testing.assert_allclose(found.outside, outside, rtol=1e-9)
    far = abs(found.places).argmax(axis=0)
    assert (found.places[far, [0, 1]] > 0).all()


def test_steps_within_a_plane_are_wholly_explained_by_it_and_the_origin_is_at_0() -> None:
    plane = np.random.default_rng(8).normal(size=(2, 30))
    steps = np.array([[3.0, 0], [1, 2], [0.5, 1.5], [0, 0]]) @ plane
    found = components(steps @ steps.T)
    assert found is not None
    assert found.explained.sum() == pytest.approx(1)
    assert found.outside.max() < 1e-6 * np.linalg.norm(steps)
    assert found.places[-1].tolist() == [0, 0]


def test_steps_on_a_line_have_no_two_components() -> None:
    line = np.outer([3.0, 2, 1, 0], np.arange(1.0, 9))
    assert components(line @ line.T) is None
    assert components(np.eye(2)) is None
    assert components(np.zeros((4, 4))) is None


def test_norms_are_those_of_the_filters() -> None:
    weight = torch.randn(5, 3, 2, 2, dtype=torch.float64)
    norms = filter_norms(weight)
    assert norms.shape == weight.shape
    torch.testing.assert_close(norms[:, 1, 0, 1], weight.flatten(1).norm(dim=1))


def test_filters_of_a_transposed_convolution_are_those_of_its_outputs() -> None:
    layer = nn.ConvTranspose2d(4, 6, 3, groups=2).double()
    norms = filter_norms(layer.weight.detach(), input_groups(layer))
    for output in range(6):
        group, place = divmod(output, 3)
        own = layer.weight.detach()[2 * group : 2 * group + 2, place]
        there = norms[2 * group : 2 * group + 2, place]
        torch.testing.assert_close(there, own.norm().expand_as(there))
    assert input_groups(nn.Conv2d(4, 6, 3, groups=2)) == 0
    assert input_groups(nn.Linear(4, 6)) == 0


def test_levels_reach_around_the_values_and_are_few() -> None:
    for values in (np.array([0.02, 0.61]), np.array([0.0, 0.3]), np.array([1e-3, 7e5]), np.ones(3)):
        levels = Levels.of(np.append(values, [np.nan, np.inf]))
        assert levels.values[0] <= values.min()
        assert levels.values[-1] >= values.max()
        assert (np.diff(levels.values) > 0).all()
        assert 2 <= len(levels.values) <= 18
    assert Levels.of(np.array([0.02, 0.61])).log
    assert not Levels.of(np.array([0.2, 0.61])).log


def test_labels_of_steps_are_apart_from_one_another_and_from_the_origin() -> None:
    places = np.array([[3.0, 0], [2.9, 0], [2, 0], [1.9, 0.5], [0.1, 0]])
    assert apart(places) == [0, 2, 3]


def test_points_are_one_number_or_two() -> None:
    assert grid_shape("21") == (21, 21)
    assert grid_shape("41X5") == (41, 5)
    for wrong in ("", "x", "2.5", "3x4x5", "-3", "2", "5x2"):
        with pytest.raises(LmctoolError, match="--points"):
            grid_shape(wrong)
