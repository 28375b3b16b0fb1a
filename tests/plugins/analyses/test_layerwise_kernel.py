"""Where parts stand, the networks they make, and their shares: closed forms and exact ends."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from lmctool.curves.barrier import barrier
from lmctool_plugins.analyses.layerwise.kernel import Paths, differing, distinct, positions, shares

if TYPE_CHECKING:
    from numpy.typing import NDArray

ALPHA = np.array([0, 0.25, 0.5, 0.75, 1])


def test_one_part_moves_and_the_others_rest() -> None:
    places = positions(2, np.array([0, 0.5, 1]), 1.0, "none")
    assert places[0].tolist() == [[0, 1, 1], [0.5, 1, 1], [1, 1, 1]]
    assert places[1].tolist() == [[1, 0, 1], [1, 0.5, 1], [1, 1, 1]]
    assert positions(2, np.array([0, 0.5, 1]), 0.0, "none")[1, 1].tolist() == [0, 0.5, 0]


def test_cumulative_parts_move_with_those_before_or_behind() -> None:
    half = np.array([0.5])
    forward, backward = (positions(3, half, 1.0, way)[:, 0] for way in ("forward", "backward"))
    assert forward.tolist() == [[0.5, 1, 1, 1], [0.5, 0.5, 1, 1], [0.5, 0.5, 0.5, 1]]
    assert backward.tolist() == [[0.5, 0.5, 0.5, 1], [1, 0.5, 0.5, 1], [1, 1, 0.5, 1]]


def test_networks_that_curves_share_are_listed_once() -> None:
    curves = positions(2, np.array([0, 0.5, 1]), 1.0, "none").reshape(-1, 3)
    networks, member = distinct(curves, np.array([True, True, False]))
    assert len(networks) == 5  # two parts at 0 and 0.5, and the common end
    np.testing.assert_array_equal(networks[member], curves)
    assert member[2] == member[5]


def test_a_part_that_does_not_differ_makes_no_new_networks() -> None:
    a = {"x": torch.ones(2), "y": torch.zeros(2)}
    differ = differing(a, {"x": torch.ones(2), "y": torch.ones(2)}, [["x"], ["y"], []])
    assert differ.tolist() == [False, True, False]
    networks, member = distinct(positions(2, ALPHA, 1.0, "none").reshape(-1, 3), differ)
    assert len(networks) == len(ALPHA)
    assert member[: len(ALPHA)].tolist() == [0] * len(ALPHA)


def paths_of(parts: Any, full: Any, alpha: Any = (0, 0.5, 1), rest: str = "b") -> Paths:
    """Return curves of one variant on one split."""
    own = np.array(parts, dtype=np.float64)[None, None, None]
    whole = np.array(full, dtype=np.float64)[None, None]
    return Paths(np.array(alpha, dtype=np.float64), (rest,), own, whole, np.array([np.nan]))


def share_of(paths: Paths, cumulative: Any = "none", definition: str = "chord") -> list[float]:
    found: list[float] = shares(paths, definition, cumulative, 0.01).ravel().tolist()
    return found


def test_the_share_is_nothing_for_a_part_without_effect_and_one_for_the_full_path() -> None:
    assert share_of(paths_of([[1, 1, 1], [2, 2.5, 1], [3, 4, 1]], [1, 4, 1])) == [0, 0.5, 1]


def test_parts_that_add_up_have_shares_that_do() -> None:
    # each part alone bends the loss by its own height; alpha* is 0.2, far from the rest at B
    alpha = np.linspace(0, 1, 11)
    bend = alpha * (1 - alpha) ** 4
    heights = np.array([3.0, 1.0, 0.5, -0.5])
    paths = paths_of(0.1 + heights[:, None] * bend, 0.1 + heights.sum() * bend, alpha)
    np.testing.assert_allclose(share_of(paths), heights / heights.sum(), rtol=1e-12)
    np.testing.assert_allclose(np.sum(share_of(paths)), 1, rtol=1e-12)


@pytest.mark.parametrize("rest", ["a", "b"])
def test_between_unequal_ends_the_rise_from_the_rest_is_no_barrier(rest: str) -> None:
    # 1 nat above a chord whose ends differ by ``apart``: the rise is 1 - apart / 2 from a, which
    # all but vanishes, and 1 + apart / 2 from b
    for apart, exists in ((0.19, True), (0.21, False), (1.9999, False), (8, False)):
        full = [1 + apart, 2 + apart / 2, 1]
        share = share_of(paths_of([[1, 1.5, 1]], full, rest=rest))[0]
        assert np.isnan(share) != exists


@given(
    arrays(np.float64, (4, 5), elements=st.floats(0, 20)),
    st.sampled_from(["chord", "mean-ends", "max-end"]),
    st.sampled_from(["none", "forward", "backward"]),
    st.sampled_from(["a", "b"]),
)
def test_a_share_is_one_of_the_barrier_or_missing(
    curves: NDArray[np.float64], definition: str, cumulative: str, rest: str
) -> None:
    curves[0, -1] = curves[0, 0] * 1.01
    found = np.array(share_of(paths_of(curves[1:], curves[0], ALPHA, rest), cumulative, definition))
    height, at = barrier(ALPHA, curves[0], definition)
    place, end = ALPHA.tolist().index(at), {"a": 0, "b": -1}[rest]
    rise = float(curves[0, place] - curves[0, end])
    if height <= 0.01 or abs(rise - height) > 0.1 * height:
        assert np.isnan(found).all()
        return
    rises = [float(row[place] - curves[0, end]) for row in curves[1:]]
    before = {"none": [0.0] * 3, "forward": [0.0, *rises[:-1]], "backward": [*rises[1:], 0.0]}
    for share, one, other in zip(found, rises, before[cumulative], strict=True):
        expected = (one - other) / rise
        assert np.isnan(share) if abs(expected) > 1 + 1e-6 else share == pytest.approx(expected)


@pytest.mark.parametrize("cumulative", ["forward", "backward"])
def test_shares_of_cumulative_parts_add_up_to_one(cumulative: Any) -> None:
    curves: list[list[float]] = [[1, 1.4, 1], [1, 1.2, 1], [1, 3, 1]]
    ordered = curves if cumulative == "forward" else curves[::-1]
    found = np.array(share_of(paths_of(ordered, [1, 3, 1]), cumulative))
    assert found.sum() == pytest.approx(1)
    np.testing.assert_allclose(found if cumulative == "forward" else found[::-1], [0.2, -0.1, 0.9])


def test_without_a_barrier_no_part_explains_any_share() -> None:
    assert np.isnan(share_of(paths_of([[2, 1.5, 1]], [2, 1.5, 1]))).all()
    # the whole path's 0.001 nats are no barrier; over them the part's 0.041 would be 4,100 %
    assert np.isnan(share_of(paths_of([[1, 1.041, 1]], [1, 1.001, 1]))).all()


def test_a_part_that_rises_above_the_whole_path_has_no_share_of_its_barrier() -> None:
    assert np.isnan(share_of(paths_of([[1, 9.2, 1], [1, 0.7, 1]], [1, 1.2, 1]))).all()
