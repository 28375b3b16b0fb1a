"""CIFAR's python and binary batches."""

from __future__ import annotations

import pickle
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from lmctool.errors import LmctoolError
from lmctool_plugins.datasets.cifar import detect, open_cifar
from tests.rows import whole

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

TEN = [*(f"data_batch_{number}" for number in range(1, 6)), "test_batch"]


def pixels(seed: int) -> NDArray[np.uint8]:
    """Return the rows of three images."""
    return np.random.default_rng(seed).integers(0, 256, (3, 3072), dtype=np.uint8)


def write_python(folder: Path, names: list[str], key: Any) -> None:
    """Write python batches of three images, with labels 0, 1, 2."""
    folder.mkdir(exist_ok=True)
    for seed, name in enumerate(names):
        batch = {b"data": pixels(seed), key: [0, 1, 2]}
        (folder / name).write_bytes(pickle.dumps(batch, 2))


def write_binary(folder: Path, names: list[str], before: bytes) -> None:
    """Write binary batches of three images with these label bytes."""
    for seed, name in enumerate(names):
        records = b"".join(before + row.tobytes() for row in pixels(seed))
        (folder / f"{name}.bin").write_bytes(records)


@pytest.mark.parametrize("key", [b"labels", "labels"])
def test_python_batches_are_joined_in_order(tmp_path: Path, key: Any) -> None:
    write_python(tmp_path / "cifar-10-batches-py", TEN, key)
    dataset = open_cifar("cifar10", tmp_path)
    train = dataset.splits["train"]()
    assert train.inputs.shape == (15, 3, 32, 32)
    assert np.array_equal(whole(train.inputs)[3:6].reshape(3, -1), pixels(1))
    assert train.targets.tolist() == [0, 1, 2] * 5
    assert dataset.splits["test"]().inputs.shape == (3, 3, 32, 32)


def test_cifar100_takes_the_fine_labels(tmp_path: Path) -> None:
    write_python(tmp_path, ["train", "test"], b"fine_labels")
    dataset = open_cifar("cifar100", tmp_path)
    assert dataset.classes == 100
    assert dataset.splits["test"]().targets.tolist() == [0, 1, 2]


def test_binary_batches_hold_the_same_images(tmp_path: Path) -> None:
    write_binary(tmp_path, TEN, b"\x07")
    test = open_cifar("cifar10", tmp_path).splits["test"]()
    assert np.array_equal(whole(test.inputs).reshape(3, -1), pixels(5))
    assert test.targets.tolist() == [7, 7, 7]


def test_binary_records_of_cifar100_end_their_labels_with_the_fine_one(tmp_path: Path) -> None:
    write_binary(tmp_path, ["train", "test"], b"\x03\x63")
    assert open_cifar("cifar100", tmp_path).splits["train"]().targets.tolist() == [99, 99, 99]


def test_a_binary_batch_that_was_cut_is_refused(tmp_path: Path) -> None:
    write_binary(tmp_path, TEN, b"\x07")
    (tmp_path / "test_batch.bin").write_bytes(bytes(3000))
    with pytest.raises(LmctoolError, match="3000 bytes, not a multiple of 3073"):
        open_cifar("cifar10", tmp_path).splits["test"]()


def test_a_batch_with_other_shapes_or_keys_is_refused(tmp_path: Path) -> None:
    for batch, told in (
        ({b"data": pixels(0), b"labels": [1]}, r"shape \(3, 3072\) for 1 labels"),
        ({b"data": [1, 2], b"labels": [1, 2]}, "shape None for 2 labels"),
        ({b"data": pixels(0), b"labels": ["a"]}, "is no batch of images"),
        ({b"pictures": 1}, "it has: pictures"),
    ):
        (tmp_path / "test_batch").write_bytes(pickle.dumps(batch, 2))
        with pytest.raises(LmctoolError, match=told):
            open_cifar("cifar10", tmp_path).splits["test"]()


def test_an_incomplete_training_set_is_no_split(tmp_path: Path) -> None:
    write_python(tmp_path, TEN[1:], b"labels")
    assert list(open_cifar("cifar10", tmp_path).splits) == ["test"]


def test_the_other_dataset_s_folder_is_told(tmp_path: Path) -> None:
    write_python(tmp_path, ["train", "test"], b"fine_labels")
    assert detect(tmp_path)
    with pytest.raises(LmctoolError, match="has none of data_batch_1"):
        open_cifar("cifar10", tmp_path)
