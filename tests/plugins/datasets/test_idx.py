"""MNIST-like folders of IDX files."""

from __future__ import annotations

import gzip
import re
import struct
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from lmctool.errors import LmctoolError
from lmctool.files import untrusted
from lmctool_plugins.datasets import idx
from lmctool_plugins.datasets.idx import idx_file
from tests.data.conftest import write_idx
from tests.rows import whole

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray


def test_both_splits_are_read_with_a_channel_axis(
    idx_folder: Path, images: NDArray[Any], labels: NDArray[Any]
) -> None:
    dataset = idx.open_idx("mnist", idx_folder)
    train, test = dataset.splits["train"](), dataset.splits["test"]()
    assert np.array_equal(whole(train.inputs), images[:, None])
    assert np.array_equal(train.targets, labels)
    assert test.inputs.shape == (5, 1, 28, 28)


def test_the_words_differ_in_their_constants(idx_folder: Path) -> None:
    assert idx.open_idx("mnist", idx_folder).mean == (0.1307,)
    assert idx.open_idx("fashion-mnist", idx_folder).mean == (0.2860,)


def test_a_word_of_another_package_has_no_constants(idx_folder: Path) -> None:
    assert idx.open_idx("kuzushiji", idx_folder).mean == ()


@pytest.fixture
def emnist_folder(tmp_path: Path, images: NDArray[Any]) -> Path:
    """Return a folder with the letters and the digits of EMNIST, the letters packed."""
    folder = tmp_path / "letters"
    folder.mkdir()
    for split, count in (("train", 20), ("test", 5)):
        letters = np.arange(1, count + 1, dtype=np.uint8)
        start = folder / f"emnist-letters-{split}"
        write_idx(start.with_name(f"{start.name}-images-idx3-ubyte.gz"), images[:count])
        write_idx(start.with_name(f"{start.name}-labels-idx1-ubyte.gz"), letters)
    return folder


def test_emnist_keeps_its_images_as_they_are_stored(
    emnist_folder: Path, images: NDArray[Any]
) -> None:
    dataset = idx.open_idx("emnist", emnist_folder)
    test = dataset.splits["test"]()
    assert np.array_equal(whole(test.inputs), images[:5, None])
    assert test.targets.tolist() == [1, 2, 3, 4, 5]
    assert dataset.splits["train"]().targets.max() == 20
    assert (dataset.classes, dataset.mean, dataset.std) == (27, (), ())
    assert dataset.class_names[:2] == ("none", "a")


def test_the_letters_of_emnist_may_count_from_0(emnist_folder: Path) -> None:
    dataset = idx.open_idx("emnist", emnist_folder, labels="from-1", split="letters")
    assert dataset.splits["test"]().targets.tolist() == [0, 1, 2, 3, 4]
    assert (dataset.classes, dataset.class_names[0]) == (26, "a")


def test_one_data_set_of_emnist_is_to_be_said(
    emnist_folder: Path, images: NDArray[Any], labels: NDArray[Any]
) -> None:
    write_idx(emnist_folder / "emnist-digits-test-images-idx3-ubyte", images[:5])
    write_idx(emnist_folder / "emnist-digits-test-labels-idx1-ubyte", labels[:5])
    assert idx.open_idx("emnist", emnist_folder, split="digits").classes == 10
    with pytest.raises(LmctoolError, match=r"has several of EMNIST's .* one of digits, letters"):
        idx.open_idx("emnist", emnist_folder)
    with pytest.raises(LmctoolError, match=r"has no data set 'balanced'; say .* digits, letters"):
        idx.open_idx("emnist", emnist_folder, split="balanced")
    with pytest.raises(LmctoolError, match="labels of EMNIST are no 'values'"):
        idx.open_idx("emnist", emnist_folder, split="digits", labels="values")
    dataset = idx.open_idx("emnist", emnist_folder, split="digits", labels="from-1")
    with pytest.raises(LmctoolError, match=r"has class 0, but .labels=from-1 counts from 1"):
        dataset.splits["test"]()


def test_emnist_s_classes_are_those_of_its_data_sets() -> None:
    counts = {name: len(classes) for name, classes in idx.EMNIST.items()}
    of_digits = {"digits": 10, "mnist": 10}
    assert counts == of_digits | {"balanced": 47, "byclass": 62, "bymerge": 47, "letters": 27}
    for classes in idx.EMNIST.values():
        assert list(classes[1:]) == sorted(set(classes[1:]))


def test_the_root_of_torchvision_is_known(idx_folder: Path, emnist_folder: Path) -> None:
    root = idx_folder.parent / "root"
    for name, folder in (("KMNIST", idx_folder), ("EMNIST", emnist_folder)):
        (root / name).mkdir(parents=True)
        folder.rename(root / name / "raw")
    kmnist = idx.open_idx("kmnist", root)
    assert kmnist.source == str(root / "KMNIST/raw")
    assert (kmnist.classes, kmnist.mean, idx.constants("kmnist")) == (10, (), ((), ()))
    assert idx.open_idx("emnist", root).source == str(root / "EMNIST/raw")
    assert idx.detect(root) == {"kmnist", "emnist"}
    assert idx.detect(root / "KMNIST") == idx.detect(root / "KMNIST/raw") == {"kmnist"}
    assert idx.detect(root / "EMNIST/raw") == {"emnist"}
    with pytest.raises(LmctoolError, match="'mnist' was not found: no pair of IDX files in"):
        idx.open_idx("mnist", root)


def test_only_emnist_has_several_data_sets(idx_folder: Path) -> None:
    with pytest.raises(LmctoolError, match="data 'mnist' has no argument 'split'; it has none"):
        idx.open_idx("mnist", idx_folder, split="letters")


def test_a_header_that_claims_terabytes_is_refused_before_reading(tmp_path: Path) -> None:
    path = tmp_path / "images"
    path.write_bytes(struct.pack(">4B3I", 0, 0, 8, 3, 2**31, 2**16, 2**16))
    with pytest.raises(LmctoolError, match="is damaged: its header names 2147483648 x 65536"):
        idx_file.read(path, 3)
    packed = tmp_path / "images.gz"
    packed.write_bytes(gzip.compress(path.read_bytes()))
    with pytest.raises(LmctoolError, match="is damaged"):
        idx_file.read(packed, 3)


@pytest.mark.parametrize("change", [-1, 1])
def test_a_body_of_another_length_is_refused(tmp_path: Path, change: int) -> None:
    path = tmp_path / "labels"
    path.write_bytes(struct.pack(">4BI", 0, 0, 8, 1, 10) + bytes(10 + change))
    with pytest.raises(LmctoolError, match="holds fewer" if change < 0 else "holds more"):
        idx_file.read(path, 1)


def test_another_number_of_axes_or_another_type_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "labels"
    for head in (b"\0\0\x08\x03", b"\0\0\x0d\x01", b"<htm", b""):
        path.write_bytes(head + bytes(12))
        with pytest.raises(LmctoolError, match="is not an IDX file of bytes with 1 axes"):
            idx_file.read(path, 1)


def test_a_cut_gzip_is_refused(idx_folder: Path) -> None:
    path = idx_folder / "train-images-idx3-ubyte.gz"
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(LmctoolError, match="cannot be read"):
        idx_file.read(path, 3)


def test_a_missing_folder_is_told_with_the_three_ways_to_name_it() -> None:
    with pytest.raises(
        LmctoolError, match=r"--data mnist:FOLDER.*lmctool.toml.*LMCTOOL_DATA/mnist"
    ):
        idx.open_idx("mnist", None)


def test_a_folder_without_idx_files_is_told(tmp_path: Path) -> None:
    with pytest.raises(LmctoolError, match=f"no pair of IDX files in '{re.escape(str(tmp_path))}'"):
        idx.open_idx("mnist", tmp_path)


def test_the_system_s_folder_is_found(idx_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    places = (idx_folder / "none", idx_folder)
    monkeypatch.setitem(idx.SYSTEM, "fashion-mnist", places)
    assert idx.open_idx("fashion-mnist", None).source == str(idx_folder)


def test_a_packed_file_that_unpacks_beyond_measure_is_refused(
    tmp_path: Path, images: NDArray[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(untrusted, "ROOM", 1000)
    path = tmp_path / "images.gz"
    path.write_bytes(gzip.compress(struct.pack(">4B3I", 0, 0, 8, 3, 20, 28, 280) + bytes(156_800)))
    with pytest.raises(LmctoolError, match="is damaged"):
        idx_file.read(path, 3)


@pytest.mark.parametrize("change", [-1, 1])
def test_a_packed_body_of_another_length_is_refused(tmp_path: Path, change: int) -> None:
    path = tmp_path / "labels.gz"
    content = struct.pack(">4BI", 0, 0, 8, 1, 10) + bytes(10 + change)
    path.write_bytes(gzip.compress(content))
    with pytest.raises(LmctoolError, match="ends within" if change < 0 else "it holds more"):
        idx_file.read(path, 1)


def test_a_bit_that_flipped_in_a_packed_file_is_seen(idx_folder: Path) -> None:
    path = idx_folder / "train-labels-idx1-ubyte.gz"
    content = bytearray(path.read_bytes())
    content[-8] ^= 1  # the checksum of what it holds
    path.write_bytes(content)
    with pytest.raises(LmctoolError, match="cannot be read: CRC check failed"):
        idx_file.read(path, 1)
