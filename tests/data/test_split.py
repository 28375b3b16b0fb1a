"""Splits on the device."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch

from lmctool.data.opening import open_split
from lmctool.errors import LmctoolError
from lmctool.plugin.data_records import Dataset, Examples
from lmctool_plugins.datasets.digits import open_digits

if TYPE_CHECKING:
    from lmctool.data.split import Split

CPU = torch.device("cpu")
IMAGES = np.random.default_rng(0).integers(0, 256, (10, 3, 4, 4), dtype=np.uint8)
CLASSES = np.arange(10) % 5
MEAN, STD = (0.5, 0.4, 0.3), (0.2, 0.3, 0.4)


def opened(
    inputs: Any = IMAGES, targets: Any = CLASSES, classes: int = 5, **constants: Any
) -> Split:
    """Open a split of these arrays."""
    dataset = Dataset(
        {"test": lambda: Examples(inputs, targets)}, "here", classes, 1 / 255, MEAN, STD
    )
    return open_split(dataset, "test", limit=None, seed=0, device=CPU, **constants)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_the_model_sees_what_numpy_computes(dtype: torch.dtype) -> None:
    mean, std = (np.array(value).reshape(3, 1, 1) for value in (MEAN, STD))
    expected = (IMAGES / 255 - mean) / std
    seen = torch.cat([inputs for inputs, _ in opened().batches(4, dtype)])
    assert seen.dtype == dtype
    # A few roundings of values up to 5.
    np.testing.assert_allclose(seen.numpy(), expected, atol=5e-6 if dtype.itemsize == 4 else 1e-14)


def test_bytes_stay_bytes_on_the_device() -> None:
    split = opened()
    assert split.inputs.dtype == torch.uint8
    assert split.targets.dtype == torch.int64
    assert torch.equal(split.inputs[:], torch.from_numpy(IMAGES))


def test_given_constants_replace_the_dataset_s() -> None:
    seen = opened(mean=(0.0, 0.0, 0.0), std=(1.0, 1.0, 1.0)).head(2, torch.float64)
    np.testing.assert_allclose(seen.numpy(), IMAGES[:2] / 255)


def test_the_number_of_constants_must_be_the_number_of_channels() -> None:
    with pytest.raises(LmctoolError, match="have 3 channels, but the mean has 1 values"):
        opened(mean=(0.5,))


def test_a_standard_deviation_of_zero_is_refused() -> None:
    with pytest.raises(LmctoolError, match="std is above 0"):
        opened(std=(1.0, 0.0, 1.0))


def test_token_ids_are_neither_scaled_nor_cast() -> None:
    dataset = Dataset(
        {"test": lambda: Examples(np.arange(6).reshape(3, 2), CLASSES[:3])}, "here", 5
    )
    split = open_split(dataset, "test", limit=None, seed=0, device=CPU)
    assert torch.equal(split.head(3, torch.float32), torch.arange(6).reshape(3, 2))


def test_batches_come_in_order_and_cover_the_split() -> None:
    parts = list(opened().batches(4, torch.float32))
    assert [len(targets) for _, targets in parts] == [4, 4, 2]
    assert torch.cat([targets for _, targets in parts]).tolist() == CLASSES.tolist()


def test_batches_of_a_part_are_those_of_the_whole_split_there() -> None:
    split = opened()
    whole = list(split.batches(3, torch.float32))
    for start, stop, there in ((0, 6, whole[:2]), (3, 10, whole[1:]), (6, None, whole[2:])):
        parts = list(split.batches(3, torch.float32, start, stop))
        assert all(map(torch.equal, *([x for x, _ in each] for each in (parts, there))))
        assert [len(targets) for _, targets in parts] == [len(targets) for _, targets in there]


@pytest.mark.parametrize("size", [1, 3, 4, 9, 10, 99])
def test_even_batches_are_those_of_array_split(size: int) -> None:
    count = -(-10 // size)
    expected = [len(part) for part in np.array_split(np.arange(10), count)]
    split = opened()
    parts = list(split.even_batches(size, torch.float32))
    assert [len(inputs) for inputs, _ in parts] == expected
    assert torch.equal(torch.cat([inputs for inputs, _ in parts]), split.head(10, torch.float32))


def test_examples_are_picked_in_the_order_that_is_asked_for() -> None:
    split, places = opened(), torch.tensor([7, 0, 7])
    inputs, targets = split.at(places, torch.float64)
    assert torch.equal(inputs, split.head(10, torch.float64)[places])
    assert targets.tolist() == CLASSES[[7, 0, 7]].tolist()


def test_a_shuffled_round_shows_no_example_twice_and_a_seed_decides_it() -> None:
    split = opened(targets=np.arange(10), classes=10)

    def rounds(seed: int) -> list[list[int]]:
        generator = torch.Generator().manual_seed(seed)
        batches = split.shuffled(3, torch.float32, generator)
        found: list[list[int]] = []
        for (inputs, targets), _ in zip(batches, range(9), strict=False):
            assert torch.equal(inputs, split.head(10, torch.float32)[targets])
            found.append(targets.tolist())
        return found

    one, again, other = rounds(0), rounds(0), rounds(1)
    assert one == again != other
    for begin in (0, 3, 6):
        shown = [each for batch in one[begin : begin + 3] for each in batch]
        assert len(shown) == len(set(shown)) == 9
    assert one[0] != one[3]
    (batch, _), *_ = zip(
        split.shuffled(99, torch.float32, torch.Generator()), range(1), strict=False
    )
    assert len(batch[1]) == 10


def test_a_limit_is_stratified_and_recorded() -> None:
    dataset = open_digits("digits", None)
    split = open_split(dataset, "test", limit=100, seed=0, device=CPU)
    stored = dataset.splits["test"]()
    assert (len(split), split.total) == (100, 449)
    assert np.array_equal(split.inputs[:].numpy(), stored.inputs[split.index])
    exact = np.bincount(stored.targets) * 100 / 449
    assert (np.abs(np.bincount(split.targets.numpy()) - exact) < 1).all()


def test_the_seed_and_the_split_s_name_choose_the_examples() -> None:
    both = dict.fromkeys(("train", "test"), lambda: Examples(IMAGES, CLASSES))
    dataset = Dataset(both, "here", 5)

    def index(name: str, seed: int) -> list[int]:
        split = open_split(dataset, name, limit=5, seed=seed, device=CPU)
        chosen: list[int] = split.index.tolist()
        return chosen

    assert index("test", 0) == index("test", 0)
    assert len({tuple(index(name, seed)) for name in both for seed in range(3)}) > 3


def test_the_digest_changes_with_any_value_and_nothing_else() -> None:
    other = IMAGES.copy()
    other[3, 2, 1, 0] ^= 1
    assert opened().digest == opened(inputs=np.asfortranarray(IMAGES)).digest
    assert opened().digest == opened(targets=CLASSES.astype(">i2")).digest
    assert opened().digest != opened(inputs=other).digest
    assert opened().digest != opened(targets=CLASSES[::-1]).digest


def test_fractions_are_targets_where_there_are_no_classes() -> None:
    split = opened(targets=np.linspace(0, 1, 10), classes=0)
    assert split.targets.dtype == torch.float64


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"targets": CLASSES[:9]}, "has 10 inputs but 9 targets"),
        ({"inputs": IMAGES[:0], "targets": CLASSES[:0]}, "is empty"),
        ({"inputs": np.full((10, 3, 1, 1), np.nan)}, "inputs that are NaN or infinite, 30 of 30"),
        ({"inputs": IMAGES.astype("U3")}, "has inputs of <U3, not one of uint8"),
        ({"inputs": IMAGES.astype(np.int16)}, "has inputs of int16"),
        ({"targets": CLASSES - 1}, "targets from -1 to 3, not 0 to 4"),
        ({"targets": CLASSES + 1}, "targets from 1 to 5, not 0 to 4"),
        ({"targets": CLASSES / 2}, "targets of float64, not classes 0 to 4"),
        ({"targets": CLASSES / np.nan, "classes": 0}, "targets that are NaN"),
        ({"targets": np.array(["a"] * 10), "classes": 0}, "which are no numbers"),
        ({"targets": np.array(3)}, "single values"),
    ],
)
def test_unusable_arrays_are_told_in_one_sentence(change: dict[str, Any], told: str) -> None:
    with pytest.raises(LmctoolError, match=told):
        opened(**change)


def test_an_unknown_split_is_told_with_the_known_ones() -> None:
    with pytest.raises(LmctoolError, match="has no split 'validation'; it has: train, test"):
        open_split(open_digits("digits", None), "validation", limit=None, seed=0, device=CPU)


@pytest.mark.cuda
def test_inputs_too_large_for_the_gpu_come_batch_by_batch(
    monkeypatch: pytest.MonkeyPatch, gpu: torch.device
) -> None:
    dataset = Dataset({"test": lambda: Examples(IMAGES, CLASSES)}, "here", 5, 1 / 255, MEAN, STD)
    held = open_split(dataset, "test", limit=None, seed=0, device=gpu)
    monkeypatch.setattr("lmctool.data.placement.SHARE", 0.0)
    streamed = open_split(dataset, "test", limit=None, seed=0, device=gpu)
    assert streamed.inputs.device.type == "cpu" and streamed.inputs[:].is_pinned()
    pairs = zip(held.batches(3, torch.float32), streamed.batches(3, torch.float32), strict=True)
    for (expected, targets), (inputs, same) in pairs:
        assert torch.equal(inputs, expected) and torch.equal(targets, same)


def test_a_model_that_writes_into_its_inputs_changes_nothing_for_the_next_one() -> None:
    split = opened()
    before = [inputs.clone() for inputs, _ in split.batches(4, torch.float32)]
    for inputs, _ in split.batches(4, torch.float32):
        inputs.mul_(2)
    after = [inputs for inputs, _ in split.batches(4, torch.float32)]
    assert all(map(torch.equal, after, before))


def test_few_inputs_are_normalised_once_and_many_batch_by_batch(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    split = opened()
    (first, _), *_ = split.batches(4, torch.float32)
    (again, _), *_ = split.batches(4, torch.float32)
    assert first.data_ptr() == again.data_ptr()
    monkeypatch.setattr("lmctool.data.split.CACHE", 0)
    (anew, _), *_ = split.batches(4, torch.float32)
    assert anew.data_ptr() != first.data_ptr()
    assert torch.equal(anew, first)
