"""Results as frames: every number at its place."""

from __future__ import annotations

import math
from itertools import product

import numpy as np
import pandas as pd
import pytest

from lmctool.errors import LmctoolError
from lmctool.notebook.frame import group_frame, metrics_frame
from lmctool.results.metrics import listed
from lmctool.results.result import Group, Result, Variable
from tests.barrier_result import ALPHA, SPLITS, VARIANTS


def test_a_row_for_each_combination_of_coordinates(barrier_result: Result) -> None:
    frame = group_frame(barrier_result, "barrier/curve")
    assert list(frame.columns) == ["variant", "split", "alpha", "loss", "error"]
    assert len(frame) == 3 * 2 * 11
    loss = barrier_result.groups["barrier/curve"].variables["loss"].values
    for (v, variant), (s, split) in product(enumerate(VARIANTS), enumerate(SPLITS)):
        rows = frame[(frame.variant == variant) & (frame.split == split)]
        np.testing.assert_array_equal(rows["alpha"], ALPHA)
        np.testing.assert_array_equal(rows["loss"], loss[v, s])
    assert frame.attrs == {"left_out": ()}


def test_an_array_over_fewer_dims_is_repeated_whatever_their_order() -> None:
    group = {
        "a": Variable(np.array([10, 20]), ("a",)),
        "wide": Variable(np.arange(6).reshape(2, 3), ("a", "b")),
        "turned": Variable(np.arange(6).reshape(3, 2), ("b", "a")),
        "narrow": Variable(np.array([1.5, 2.5]), ("a",)),
        "one": Variable(np.array(7)),
    }
    frame = group_frame(Result("x", {"g": Group(group)}), "g")
    expected = pd.DataFrame(
        {
            "a": [10, 10, 10, 20, 20, 20],
            "b": [0, 1, 2, 0, 1, 2],
            "wide": range(6),
            "turned": [0, 2, 4, 1, 3, 5],
            "narrow": [1.5] * 3 + [2.5] * 3,
            "one": 7,
        }
    )
    pd.testing.assert_frame_equal(frame, expected, check_dtype=False)


def test_arrays_over_other_dims_are_left_out_and_can_be_had_alone(barrier_result: Result) -> None:
    frame = group_frame(barrier_result, "permutations")
    assert list(frame.columns) == ["group", "correlation"]
    assert frame.attrs["left_out"] == tuple(f"permutation_{number:03}" for number in range(3))
    alone = group_frame(barrier_result, "permutations/permutation_000")
    stored = barrier_result.groups["permutations"].variables["permutation_000"].values
    assert alone["permutation_000"].to_list() == stored.tolist()
    assert alone["unit_000"].to_list() == list(range(16))


def test_coordinates_of_a_parent_and_a_group_of_coordinates_alone() -> None:
    names = Variable(np.array(["x", "y"], dtype=object), ("n",))
    child = Group({"v": Variable(np.array([1.0, 2.0]), ("n",))})
    result = Result("x", {"p": Group({"n": names}), "p/c": child, "empty": Group()})
    assert group_frame(result, "p/c").to_dict("list") == {"n": ["x", "y"], "v": [1.0, 2.0]}
    assert group_frame(result, "p").to_dict("list") == {"n": ["x", "y"]}
    assert group_frame(result, "/empty/").empty


@pytest.mark.parametrize("path", ["barrier/curv", "barrier/curve/los", "loss", ""])
def test_what_is_not_there_is_told(path: str, barrier_result: Result) -> None:
    with pytest.raises(LmctoolError, match=rf"no group '{path}'.* it has barrier/curve, barrier/s"):
        group_frame(barrier_result, path)


def test_metrics_are_rows_with_their_coordinates(barrier_result: Result) -> None:
    frame = metrics_frame(barrier_result)
    assert list(frame.columns) == ["metric", "variant", "split", "value", "unit", "better"]
    for row, metric in zip(frame.to_dict("records"), listed(barrier_result), strict=True):
        assert row["metric"] == metric.name and row["unit"] == metric.unit
        for dim in ("variant", "split"):
            there = row[dim]
            assert there == metric.where.get(dim) or (pd.isna(there) and dim not in metric.where)
        expected = math.nan if metric.value is None else metric.value
        assert row["value"] == expected or math.isnan(row["value"]) == math.isnan(expected)


def test_a_coordinate_called_like_a_column_keeps_its_own() -> None:
    group = {
        "value": Variable(np.array(["x", "y"], dtype=object), ("value",)),
        "v": Variable(np.array([1.0, 2.0]), ("value",), metric="x.v"),
    }
    frame = metrics_frame(Result("x", {"g": Group(group)}))
    assert frame["value_"].to_list() == ["x", "y"]
    assert frame["value"].to_list() == [1.0, 2.0]
