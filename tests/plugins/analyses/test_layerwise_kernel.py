"""Where parts stand, the networks they make, and their shares: closed forms and exact ends."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from lmctool_plugins.analyses.layerwise.kernel import Paths, differing, distinct, positions, shares

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


def paths_of(parts: list[list[float]], full: list[float], rest: str) -> Paths:
    return Paths(
        np.array([0, 0.5, 1]),
        (rest,),
        np.array(parts)[None, None, None],
        np.array(full)[None, None],
    )


def test_the_share_is_nothing_for_a_part_without_effect_and_one_for_the_full_path() -> None:
    paths = paths_of([[1, 1, 1], [2, 2.5, 1], [3, 4, 1]], [3, 4, 1], "b")
    assert shares(paths, "chord", "none").ravel().tolist() == [0, 0.5, 1]


def test_the_share_is_counted_from_the_state_that_the_others_rest_at() -> None:
    parts = [[3, 3.5, 1]]
    from_a = shares(paths_of(parts, [3, 4, 1], "a"), "chord", "none").item()
    from_b = shares(paths_of(parts, [3, 4, 1], "b"), "chord", "none").item()
    assert from_a == pytest.approx(0.5)
    assert from_b == pytest.approx(2.5 / 3)


@pytest.mark.parametrize("cumulative", ["forward", "backward"])
def test_shares_of_cumulative_parts_add_up_to_one(cumulative: Any) -> None:
    curves: list[list[float]] = [[1, 1.4, 1], [1, 1.2, 1], [1, 3, 1]]
    ordered = curves if cumulative == "forward" else curves[::-1]
    found = shares(paths_of(ordered, [1, 3, 1], "b"), "chord", cumulative).ravel()
    assert found.sum() == pytest.approx(1)
    np.testing.assert_allclose(found if cumulative == "forward" else found[::-1], [0.2, -0.1, 0.9])


def test_without_a_barrier_no_part_explains_any_share() -> None:
    assert np.isnan(shares(paths_of([[2, 1.5, 1]], [2, 1.5, 1], "b"), "chord", "none")).all()
