"""Examples that are read in pieces."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from lmctool.data.rows import JoinedRows, MappedRows, examples_at
from lmctool.errors import LmctoolError
from tests.rows import NotedRows, whole

ARRAY = np.arange(60).reshape(10, 3, 2)
PICKS = [[0], [9], [2, 3, 7], list(range(10))]


@pytest.mark.parametrize("places", PICKS)
def test_a_function_of_examples_is_taken_of_those_that_are_read(places: list[int]) -> None:
    inner = NotedRows(ARRAY, costly=True)
    rows = MappedRows(inner, lambda some: np.moveaxis(some, 2, 1).astype(np.float32))
    assert (rows.shape, rows.dtype.name, rows.costly) == ((10, 2, 3), "float32", True)
    assert not inner.asked
    expected = ARRAY.transpose(0, 2, 1)[places]
    assert np.array_equal(rows[np.array(places)], expected)
    assert inner.asked == [places]


@pytest.mark.parametrize("places", PICKS)
def test_arrays_are_read_one_after_the_other(places: list[int]) -> None:
    parts: list[Any] = [ARRAY[:3], NotedRows(ARRAY[3:4]), NotedRows(ARRAY[4:], costly=True)]
    rows = JoinedRows(parts)
    assert (rows.shape, rows.dtype, rows.costly) == (ARRAY.shape, ARRAY.dtype, True)
    assert np.array_equal(rows[np.array(places)], ARRAY[places])
    assert sum(map(len, (each.asked for each in parts[1:]))) <= 2
    assert np.array_equal(whole(rows), ARRAY)


@pytest.mark.parametrize(
    ("given", "told"),
    [
        (ARRAY[:1], "gave int64 of shape (1, 3, 2) where it has int64 of shape (2, 3, 2)"),
        (ARRAY[:2, :1], "gave int64 of shape (2, 1, 2) where"),
        (ARRAY[:2].astype(np.uint8), "gave uint8 of shape (2, 3, 2) where it has int64"),
    ],
)
def test_rows_that_give_something_else_than_they_said_are_refused(given: Any, told: str) -> None:
    class Others(NotedRows):
        def __getitem__(self, places: Any) -> Any:
            return given

    with pytest.raises(LmctoolError) as caught:
        examples_at(Others(ARRAY), np.array([0, 1]), "split 'test'")
    assert str(caught.value).startswith(f"split 'test' {told}")


@pytest.mark.parametrize(
    "array",
    [ARRAY.astype(">i4"), np.asfortranarray(ARRAY), np.broadcast_to(ARRAY[0], ARRAY.shape)],
    ids=["byte order", "order of axes", "one example for all"],
)
def test_what_is_read_is_contiguous_writable_and_native(array: Any) -> None:
    class Views(NotedRows):
        def __getitem__(self, places: Any) -> Any:
            return self.array[places[0] : places[-1] + 1]

    found = examples_at(Views(array), np.arange(2, 5), "split 'test'")
    assert found.flags.c_contiguous
    assert found.flags.writeable
    assert found.dtype.isnative
    assert np.array_equal(found, array[2:5])
