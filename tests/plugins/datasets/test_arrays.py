"""Files of arrays named x and y."""

from __future__ import annotations

import pickle
import re
import zipfile
from typing import TYPE_CHECKING

import h5py
import numpy as np
import pytest
from safetensors.numpy import save_file

from lmctool.data.stored import containers
from lmctool.errors import LmctoolError
from lmctool_plugins.datasets.arrays import detect, open_arrays
from tests.data.inputs import inputs_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from numpy.typing import NDArray

X = np.arange(24, dtype=np.float32).reshape(4, 6)
Y = np.array([0, 2, 1, 0])


def write(path: Path, **arrays: NDArray[np.generic]) -> Path:
    """Write arrays in the format that the suffix names; ``__`` in a name makes a group."""
    named = {name.replace("__", "/"): array for name, array in arrays.items()}
    if path.suffix == ".npz":
        np.savez(path, allow_pickle=False, **arrays)
    elif path.suffix == ".safetensors":
        save_file(named, path)
    else:
        with h5py.File(path, "w") as file:
            for name, array in named.items():
                file[name] = array
    return path


@pytest.mark.parametrize("suffix", [".npz", ".safetensors", ".h5"])
def test_x_and_y_are_the_split_test(tmp_path: Path, suffix: str) -> None:
    path = write(tmp_path / f"data{suffix}", x=X, y=Y)
    assert detect(path)
    dataset = open_arrays("arrays", path)
    examples = dataset.splits["test"]()
    assert np.array_equal(inputs_of(dataset), X)
    assert np.array_equal(examples.targets, Y)
    assert (dataset.classes, dataset.scale, dataset.task) == (3, 1.0, "classification")


@pytest.mark.parametrize("form", ["x_{}", "{}_x", "{}__x"])
def test_splits_are_named_in_three_ways(tmp_path: Path, form: str) -> None:
    arrays = {}
    for split in ("train", "test"):
        arrays[form.format(split)] = X
        arrays[form.replace("x", "y").format(split)] = Y
    path = write(tmp_path / "data.h5", **arrays)
    assert set(open_arrays("arrays", path).splits) == {"train", "test"}


def test_bytes_are_scaled_and_fractions_are_a_regression(tmp_path: Path) -> None:
    path = write(tmp_path / "data.npz", x=X.astype(np.uint8), y=Y / 2)
    dataset = open_arrays("arrays", path)
    assert dataset.scale == 1 / 255
    assert (dataset.classes, dataset.task) == (0, "regression")


def test_two_pairs_of_one_split_are_refused(tmp_path: Path) -> None:
    path = write(tmp_path / "data.npz", x=X, y=Y, test_x=X, test_y=Y)
    with pytest.raises(
        LmctoolError, match=r"'test_x' and 'x' of .* could each be x of split 'test'.*\?x=\*_x"
    ):
        open_arrays("arrays", path)


@pytest.mark.parametrize("suffix", [".npz", ".safetensors", ".h5"])
def test_a_file_of_other_arrays_is_no_data(tmp_path: Path, suffix: str) -> None:
    path = write(tmp_path / f"model{suffix}", weight=X, bias=Y)
    with pytest.raises(LmctoolError, match=r"is not data: it has no arrays x and y.*bias, weight"):
        open_arrays("arrays", path)


def test_bytes_in_one_split_only_are_refused(tmp_path: Path) -> None:
    arrays = {"x_train": X.astype(np.uint8), "y_train": Y, "x_test": X, "y_test": Y}
    with pytest.raises(LmctoolError, match="uint8 in some splits"):
        open_arrays("arrays", write(tmp_path / "data.npz", **arrays))


def test_arrays_of_objects_are_refused_unread(save_npz: Callable[..., Path]) -> None:
    path = save_npz(x=np.array([{}, None], dtype=object), y=Y)
    with pytest.raises(LmctoolError, match="an array of objects, 'x'"):
        open_arrays("arrays", path)


def test_an_npy_header_that_claims_terabytes_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "data.npz"
    with zipfile.ZipFile(path, "w") as file, file.open("x.npy", "w") as member:
        header = {"descr": "<f8", "fortran_order": False, "shape": (2**40,)}
        np.lib.format.write_array_header_1_0(member, header)
    with pytest.raises(LmctoolError, match="cannot hold so many"):
        open_arrays("arrays", path)


def test_an_hdf5_array_that_was_never_written_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "data.h5"
    with h5py.File(path, "w") as file:
        file.create_dataset("x", (2**40,), "f8", chunks=(1024,))
        file["y"] = Y
    with pytest.raises(LmctoolError, match="cannot hold so many"):
        open_arrays("arrays", path).splits["test"]()


def test_links_to_other_hdf5_files_are_not_followed(tmp_path: Path) -> None:
    write(tmp_path / "secret.h5", x=X)
    path = write(tmp_path / "data.h5", y=Y)
    with h5py.File(path, "a") as file:
        file["x"] = h5py.ExternalLink("secret.h5", "x")
    with pytest.raises(LmctoolError, match="is not data"):
        open_arrays("arrays", path)


def test_arrays_kept_in_other_files_are_refused(tmp_path: Path) -> None:
    path, raw = tmp_path / "data.h5", tmp_path / "secret"
    raw.write_bytes(bytes(32))
    with h5py.File(path, "w") as file:
        file.create_dataset("x", (4,), "f8", external=[(str(raw), 0, 32)])
        file["y"] = Y
    with pytest.raises(LmctoolError, match="in other files, which are not followed"):
        open_arrays("arrays", path).splits["test"]()


def test_damaged_files_are_told_in_one_sentence(tmp_path: Path) -> None:
    for suffix in (".npz", ".safetensors", ".h5"):
        path = write(tmp_path / f"data{suffix}", x=X, y=Y)
        path.write_bytes(path.read_bytes()[:-60])
        with pytest.raises(
            LmctoolError, match=f"'{re.escape(str(path))}' (cannot be read|is neither|is truncated)"
        ):
            open_arrays("arrays", path)


def test_content_tells_the_kind_whatever_the_name(tmp_path: Path) -> None:
    path = write(tmp_path / "data.npz", x=X, y=Y).rename(tmp_path / "data.txt")
    assert containers.container_kind(path) == "npz"
    (tmp_path / "model.npz").write_bytes(pickle.dumps({"x": 1}))
    assert not detect(tmp_path / "model.npz")
    assert not detect(tmp_path)


def test_the_word_alone_needs_a_file() -> None:
    with pytest.raises(LmctoolError, match="pass --data arrays:PATH"):
        open_arrays("arrays", None)


@pytest.mark.parametrize("method", [zipfile.ZIP_LZMA, zipfile.ZIP_BZIP2], ids=["lzma", "bzip2"])
def test_a_member_that_numpy_would_not_pack_is_refused(tmp_path: Path, method: int) -> None:
    path = tmp_path / "data.npz"
    with zipfile.ZipFile(path, "w", method) as file, file.open("x.npy", "w") as member:
        np.lib.format.write_array(member, X)
    with pytest.raises(LmctoolError, match="packs 'x' in a way that numpy never does"):
        open_arrays("arrays", path)


def test_an_archive_that_lies_about_its_members_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "data.npz"
    with zipfile.ZipFile(path, "w") as file, file.open("x.npy", "w") as member:
        header = {"descr": "<f8", "fortran_order": False, "shape": (2**28,)}
        np.lib.format.write_array_header_1_0(member, header)
    content = bytearray(path.read_bytes())
    entry = content.index(b"PK\x01\x02")
    content[entry + 20 : entry + 28] = b"\xf0\xff\xff\xff" * 2  # its sizes, packed and not
    path.write_bytes(content)
    # a newer zipfile sees by itself that the entries would overlap
    with pytest.raises(LmctoolError, match=r"cannot hold so many|Overlapped entries"):
        open_arrays("arrays", path)


def test_a_damaged_archive_is_no_archive(tmp_path: Path) -> None:
    path = write(tmp_path / "data.npz", x=X, y=Y)
    content = bytearray(path.read_bytes())
    entry = content.index(b"PK\x01\x02")
    content[entry + 6] = 0xFF  # the version that is needed to unpack it
    path.write_bytes(content)
    with pytest.raises(LmctoolError, match="is neither npy nor npz,"):
        open_arrays("arrays", path)


def test_damage_that_hangs_the_library_of_hdf5_is_told(tmp_path: Path) -> None:
    path = write(tmp_path / "data.h5", x=X, y=Y)
    with h5py.File(path, "a") as file:
        file["texts"] = ["a", "b"]
    content = bytearray(path.read_bytes())
    heap = content.index(b"GCOL")  # its first text, of a length after which the next is itself
    content[heap + 24 : heap + 32] = (2**64 - 16).to_bytes(8, "little")
    path.write_bytes(content)
    held = containers.stored_arrays(path)
    assert np.array_equal(held["x"].read(), X)
    with pytest.raises(LmctoolError, match=r"is damaged|cannot be read"):
        held["texts"].read()
