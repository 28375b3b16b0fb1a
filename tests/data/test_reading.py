"""The pass in which inputs are read."""

from __future__ import annotations

import hashlib
import tempfile
import tracemalloc
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from torch import Tensor

from lmctool.data.opening import open_split
from lmctool.data.reading import parts, read_inputs
from lmctool.data.spilled_rows import SpilledRows
from lmctool.data.stored.containers import stored_arrays
from lmctool.data.stored_inputs import StoredInputs
from lmctool.errors import LmctoolError
from lmctool.plugin.data_records import Dataset, Examples
from tests.rows import NotedRows

if TYPE_CHECKING:
    from pathlib import Path

    from lmctool.data.split import Split

CPU = torch.device("cpu")
IMAGES = np.random.default_rng(0).integers(0, 256, (50, 3, 4, 4), dtype=np.uint8)
CLASSES = np.arange(50) % 5
ROW = 48
"""Bytes of an image."""
SOME = np.array([1, 2, 3, 7, 20, 21, 49])


def placed(rows: Any, index: Any = SOME, check: Any = lambda _: None) -> Any:
    return read_inputs(rows, index, CPU, "split 'test'", taken=0, check=check)


def opened(rows: Any, limit: int | None = None, targets: Any = CLASSES, **more: Any) -> Split:
    constants = ((0.5, 0.4, 0.3), (0.2, 0.3, 0.4)) if rows.dtype == np.uint8 else ()
    dataset = Dataset({"test": lambda: Examples(rows, targets)}, "here", 5, 1 / 255, *constants)
    return open_split(dataset, "test", limit=limit, seed=0, device=CPU, **more)


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    """Take three images for so many that they stay in a file, two at a time."""
    monkeypatch.setattr("lmctool.data.placement.HELD", 2 * ROW)
    monkeypatch.setattr("lmctool.data.reading.PIECE", 2 * ROW)


@pytest.mark.parametrize("size", [1, 7, 8, 9, 21, 1000])
def test_parts_cover_all_in_order_an_example_at_least(
    size: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lmctool.data.reading.PIECE", size)
    found = list(parts((10, 2, 2), 2))
    assert [place for part in found for place in range(10)[part]] == list(range(10))
    assert all(part.stop - part.start <= max(1, size // 8) for part in found)


@pytest.mark.parametrize("costly", [False, True])
@pytest.mark.parametrize("dtype", [np.uint8, ">f4", np.float64, np.int64])
def test_the_digest_is_that_of_the_whole_array(
    dtype: Any, costly: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    array = IMAGES.astype(dtype)
    native = array[SOME].astype(array.dtype.newbyteorder("="))
    expected = hashlib.sha256(f"{native.dtype.str} {native.shape} ".encode() + native.tobytes())
    for piece, held in ((1 << 24, 1 << 28), (ROW, 1 << 28), (5 * ROW, 0)):
        monkeypatch.setattr("lmctool.data.reading.PIECE", piece)
        monkeypatch.setattr("lmctool.data.placement.HELD", held)
        for rows in (array, np.asfortranarray(array), NotedRows(array, costly=costly)):
            inputs, digest = placed(rows)
            assert digest.hexdigest() == expected.hexdigest()
            assert torch.equal(inputs[:], torch.from_numpy(native))


def test_few_are_held_and_read_once() -> None:
    rows = NotedRows(IMAGES)
    inputs, _ = placed(rows)
    assert isinstance(inputs, Tensor)
    assert rows.asked == [SOME.tolist()]


@pytest.mark.usefixtures("few")
def test_many_stay_where_they_are_and_are_read_batch_by_batch() -> None:
    rows = NotedRows(IMAGES)
    inputs, _ = placed(rows)
    assert isinstance(inputs, StoredInputs)
    assert rows.asked == [[1, 2], [3, 7], [20, 21], [49]]
    inputs[3:6]
    assert rows.asked[4:] == [[7, 20, 21]]


@pytest.mark.usefixtures("few")
def test_many_that_take_work_are_read_once_and_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    rows = NotedRows(IMAGES, costly=True)
    inputs, _ = placed(rows)
    assert isinstance(inputs, StoredInputs)
    assert torch.equal(inputs[2:5], torch.from_numpy(IMAGES[SOME[2:5]]))
    assert rows.asked == [[1, 2], [3, 7], [20, 21], [49]]
    assert not list(tmp_path.iterdir())


@pytest.mark.usefixtures("few")
def test_an_array_is_held_however_large_it_is() -> None:
    assert isinstance(placed(IMAGES)[0], Tensor)


@pytest.mark.usefixtures("few")
@pytest.mark.parametrize("costly", [False, True])
@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_values_that_are_not_finite_are_counted_over_all_pieces(costly: bool, bad: float) -> None:
    array = IMAGES.astype(np.float32)
    array[[1, 20, 21], 0, 0, 0] = bad
    array[30] = bad  # not chosen
    with pytest.raises(LmctoolError, match=f"NaN or infinite, 3 of {7 * ROW}$"):
        placed(NotedRows(array, costly=costly))


@pytest.mark.usefixtures("few")
def test_each_piece_is_shown_to_the_model_once() -> None:
    seen: list[Tensor] = []
    placed(NotedRows(IMAGES), check=seen.append)
    assert [len(piece) for piece in seen] == [2, 2, 2, 1]
    assert torch.equal(torch.cat(seen), torch.from_numpy(IMAGES[SOME]))


@pytest.mark.usefixtures("few")
@pytest.mark.parametrize("costly", [False, True])
@pytest.mark.parametrize("size", [1, 7, 50, 99])
def test_batches_are_those_of_an_array_to_the_bit(size: int, costly: bool) -> None:
    here, there = opened(IMAGES), opened(NotedRows(IMAGES, costly=costly))
    assert here.digest == there.digest
    for name in ("batches", "even_batches"):
        pairs = (getattr(split, name)(size, torch.float32) for split in (here, there))
        for (inputs, targets), (same, those) in zip(*pairs, strict=True):
            assert torch.equal(inputs, same)
            assert torch.equal(targets, those)
    assert torch.equal(here.head(3, torch.float64), there.head(3, torch.float64))


@pytest.mark.usefixtures("few")
@pytest.mark.parametrize("limit", [1, 4, 49])
def test_of_a_limit_only_the_chosen_are_read(limit: int) -> None:
    rows = NotedRows(IMAGES)
    split = opened(rows, limit)
    assert sorted(place for piece in rows.asked for place in piece) == split.index.tolist()
    assert split.digest == opened(IMAGES, limit).digest
    assert torch.equal(split.inputs[:], opened(IMAGES, limit).inputs[:])


@pytest.mark.usefixtures("few")
def test_pieces_are_all_that_is_stored_in_order() -> None:
    for rows, count in ((IMAGES, 1), (NotedRows(IMAGES), 25)):
        inputs, targets = zip(*opened(rows).pieces(), strict=True)
        assert len(inputs) == count
        assert torch.equal(torch.cat(inputs), torch.from_numpy(IMAGES))
        assert torch.cat(targets).tolist() == CLASSES.tolist()


@pytest.mark.usefixtures("few")
def test_a_temporary_file_ends_with_a_failure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    made: list[SpilledRows] = []
    write = SpilledRows.write

    def stopped(self: SpilledRows, examples: Any) -> None:
        made.append(self)
        write(self, examples)
        if len(made) == 2:
            raise KeyboardInterrupt

    monkeypatch.setattr(SpilledRows, "write", stopped)
    with pytest.raises(KeyboardInterrupt):
        placed(NotedRows(IMAGES, costly=True))
    assert not list(tmp_path.iterdir())


def test_which_examples_were_chosen_is_told_where_some_are_left_out() -> None:
    assert opened(IMAGES).told == ""
    assert opened(IMAGES, 20).told == (
        "split 'test': 20 of 50 examples, chosen in the proportions of the classes"
    )
    assert opened(IMAGES, 2).told.endswith("; 3 of the classes have none among them")
    masks = np.tile(CLASSES[:, None], (1, 4))
    assert opened(IMAGES, 20, masks).told == "split 'test': 20 of 50 examples, chosen at random"


@pytest.mark.parametrize(
    ("size", "index"),
    [(400_000_000, np.arange(0, 130_000, 1300)), (64_000_000, np.arange(20_000))],
    ids=["a limit", "all"],
)
def test_memory_is_that_of_a_piece_however_large_the_file(
    size: int, index: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lmctool.data.placement.HELD", 0)
    monkeypatch.setattr("lmctool.data.reading.PIECE", 1 << 20)
    with (tmp_path / "x.npy").open("wb") as file:  # full of holes, which read as zeros
        header = {"descr": "|u1", "fortran_order": False, "shape": (size // 3072, 3, 32, 32)}
        np.lib.format.write_array_header_1_0(file, header)
        file.truncate(file.tell() + size // 3072 * 3072)
    tracemalloc.start()
    try:
        inputs, _ = placed(stored_arrays(tmp_path / "x.npy")["x"].rows(), index)
        assert not inputs[5:9].any()
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 4 << 20
