"""Arrays in files, read in pieces: the same values as numpy has, and no more of the file."""

from __future__ import annotations

import os
import re
import zipfile
from typing import TYPE_CHECKING, Any

import h5py
import numpy as np
import pytest
from safetensors.numpy import save_file

from lmctool.data.stored.containers import container_kind, stored_arrays
from lmctool.data.stored.file_rows import ColumnRows, FileRows
from lmctool.data.stored.hdf5_arrays import ChunkedRows
from lmctool.data.stored.streamed_rows import StreamedRows
from lmctool.errors import LmctoolError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from numpy.typing import NDArray

X = np.random.default_rng(0).normal(size=(40, 3, 2, 5)).astype(np.float32)
PICKS = [np.array(places) for places in ([0], [39], [3, 4, 5, 20, 39], [7, 9, 11])]
PICKS.append(np.arange(40))


def npy(path: Path, array: NDArray[Any]) -> None:
    np.save(path.with_suffix(".npy"), array)
    path.with_suffix(".npy").rename(path)


def npz(path: Path, array: NDArray[Any]) -> None:
    with path.open("wb") as file:
        np.savez(file, before=np.arange(7), x=array, y=np.arange(len(array)))


def packed_npz(path: Path, array: NDArray[Any]) -> None:
    with path.open("wb") as file:
        np.savez_compressed(file, x=array, y=np.arange(len(array)))


def safetensors(path: Path, array: NDArray[Any]) -> None:
    save_file({"a": np.arange(3), "x": np.ascontiguousarray(array), "y": np.arange(9)}, path)


def hdf5(**packing: Any) -> Callable[[Path, NDArray[Any]], None]:
    def write(path: Path, array: NDArray[Any]) -> None:
        with h5py.File(path, "w") as file:
            file["before"] = np.arange(5)
            file.create_dataset("x", data=array, **packing)

    return write


FILES: dict[str, tuple[Callable[[Path, NDArray[Any]], None], type]] = {
    "npy": (npy, FileRows),
    "npz": (npz, FileRows),
    "packed npz": (packed_npz, StreamedRows),
    "safetensors": (safetensors, FileRows),
    "hdf5": (hdf5(), FileRows),
    "hdf5 in chunks": (hdf5(chunks=(7, 3, 1, 5)), ChunkedRows),
    "packed hdf5": (hdf5(chunks=(7, 3, 2, 5), compression="gzip", shuffle=True), ChunkedRows),
}
WRITERS = pytest.mark.parametrize(("write", "kind"), FILES.values(), ids=list(FILES))


def rows_of(write: Callable[[Path, NDArray[Any]], None], array: NDArray[Any], path: Path) -> Any:
    write(path, array)
    (stored,) = (each for name, each in stored_arrays(path).items() if name == "x")
    assert np.array_equal(stored.read(), array)
    return stored.rows()


@WRITERS
@pytest.mark.parametrize("dtype", [np.uint8, ">f4", np.float64, np.int64])
def test_rows_are_those_of_the_array(write: Any, kind: Any, dtype: Any, tmp_path: Path) -> None:
    array = (10 * X).astype(dtype)
    if write is safetensors:
        array = array.astype(array.dtype.newbyteorder("="))
    rows = rows_of(write, array, tmp_path / "x")
    assert type(rows) is kind
    assert (rows.shape, rows.dtype, len(rows)) == (array.shape, array.dtype, 40)
    assert rows.costly == (kind is not FileRows)
    for places in [*PICKS, PICKS[0]]:  # what comes later may lie before what was read
        assert np.array_equal(rows[places], array[places])


@pytest.mark.parametrize("write", [npy, npz], ids=["npy", "npz"])
def test_an_array_whose_first_axis_is_innermost_is_read_in_pieces(
    write: Any, tmp_path: Path
) -> None:
    array = np.asfortranarray(X)
    rows = rows_of(write, array, tmp_path / "x")
    assert type(rows) is ColumnRows
    assert rows.costly
    for places in PICKS:
        assert np.array_equal(rows[places], X[places])


def test_one_that_is_packed_too_is_read_whole(tmp_path: Path) -> None:
    rows = rows_of(packed_npz, np.asfortranarray(X), tmp_path / "x")
    assert type(rows) is np.ndarray
    assert np.array_equal(rows, X)


@pytest.mark.parametrize("suffix", ["npy", "npz", "safetensors", "h5"])
def test_a_single_value_has_no_rows(suffix: str, tmp_path: Path) -> None:
    path, value = tmp_path / f"x.{suffix}", np.array(1.5)
    if suffix == "npy":
        np.save(path, value)
    elif suffix == "npz":
        np.savez(path, x=value)
    elif suffix == "safetensors":
        save_file({"x": value}, path)
    else:
        hdf5()(path, value)
    assert np.array_equal(np.asarray(stored_arrays(path)["x"].rows()), value)


def test_names_of_an_hdf5_file_are_read_whole(tmp_path: Path) -> None:
    path = tmp_path / "data.h5"
    with h5py.File(path, "w") as file:
        file["x"] = ["a", "b"]
        file["y"] = np.array([True, False])
    held = stored_arrays(path)
    assert [type(held[name].rows()) for name in "xy"] == [np.ndarray, np.ndarray]


@WRITERS
def test_a_file_that_changes_while_it_is_read_is_told(
    write: Any, kind: type, tmp_path: Path
) -> None:
    path = tmp_path / "x"
    rows = rows_of(write, X, path)
    assert np.array_equal(rows[PICKS[0]], X[PICKS[0]])
    status = path.stat()
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns + 10**9))
    with pytest.raises(LmctoolError, match=rf"^'{path}' was changed while it was being read"):
        rows[PICKS[1]]


@WRITERS
def test_a_file_that_shrinks_or_is_gone_is_told(write: Any, kind: type, tmp_path: Path) -> None:
    path = tmp_path / "x"
    rows = rows_of(write, X, path)
    os.truncate(path, 300)
    with pytest.raises(LmctoolError, match="was changed while"):
        rows[PICKS[1]]
    path.unlink()
    with pytest.raises(LmctoolError, match=rf"^'{path}' cannot be read: No such file"):
        rows[PICKS[0]]


@pytest.mark.parametrize("write", [npz, packed_npz])
def test_a_bit_that_flipped_in_an_archive_is_seen_once_all_was_read(
    write: Any, tmp_path: Path
) -> None:
    path = tmp_path / "x"
    write(path, np.zeros((40, 500), np.uint8))
    content = bytearray(path.read_bytes())
    place = content.index(b"PK\x01\x02" if write is packed_npz else b"\n" + bytes(100))
    if write is packed_npz:  # its checksum, in the list of members
        content[place + 16] ^= 1
    else:
        content[place + 900] ^= 1
    path.write_bytes(content)
    rows: Any = stored_arrays(path)["x"].rows()
    assert not rows[PICKS[0]].any()
    with pytest.raises(LmctoolError, match=r"checksum is another; copy it again|Bad CRC-32"):
        for start in range(0, 40, 4):
            rows[np.arange(start, start + 4)]


def test_a_member_that_names_more_than_is_its_own_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "x.npz"
    with zipfile.ZipFile(path, "w") as file:
        with file.open("x.npy", "w") as member:
            header = {"descr": "|u1", "fortran_order": False, "shape": (600,)}
            np.lib.format.write_array_header_1_0(member, header)
            member.write(bytes(4))
        file.writestr("other", bytes(5000))
    content = bytearray(path.read_bytes())
    entry = content.index(b"PK\x01\x02")
    content[entry + 24 : entry + 28] = (1000).to_bytes(4, "little")  # its size, unpacked
    path.write_bytes(content)
    with pytest.raises(LmctoolError, match="cannot hold so many"):
        stored_arrays(path)["x"].rows()


def test_axes_below_0_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "x.npy"
    with path.open("wb") as file:
        header = {"descr": "|u1", "fortran_order": False, "shape": (-4, -4)}
        np.lib.format.write_array_header_1_0(file, header)
        file.write(bytes(16))
    with pytest.raises(LmctoolError, match="cannot hold so many"):
        stored_arrays(path)


def test_an_npy_file_is_one_array_of_its_own_name(tmp_path: Path) -> None:
    np.save(tmp_path / "labels.npy", X)
    assert container_kind(tmp_path / "labels.npy") == "npy"
    assert list(stored_arrays(tmp_path / "labels.npy")) == ["labels"]
    np.save(tmp_path / "objects.npy", np.array([{}, None]))
    with pytest.raises(LmctoolError, match="an array of objects, 'objects'"):
        stored_arrays(tmp_path / "objects.npy")
    (tmp_path / "short.npy").write_bytes((tmp_path / "labels.npy").read_bytes()[:-1])
    with pytest.raises(LmctoolError, match="cannot hold so many"):
        stored_arrays(tmp_path / "short.npy")


def test_examples_in_order_are_unpacked_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = rows_of(packed_npz, X, tmp_path / "x")
    opened: list[str] = []
    inner = zipfile.ZipFile.open

    def counted(self: Any, name: Any, *more: Any, **how: Any) -> Any:
        opened.append(str(name))
        return inner(self, name, *more, **how)

    monkeypatch.setattr(zipfile.ZipFile, "open", counted)
    for start in range(0, 40, 8):
        rows[np.arange(start, start + 8)]
    assert opened == ["x.npy"]


def test_each_chunk_is_unpacked_once_where_examples_are_read_in_order(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lmctool.data.stored.hdf5_arrays.BLOCK", 1)
    monkeypatch.setattr("lmctool.data.stored.hdf5_arrays.harm_of", lambda *_: None)
    rows = rows_of(hdf5(chunks=(10, 3, 2, 5), compression="gzip"), X, tmp_path / "x")
    asked: list[Any] = []
    inner = h5py.Dataset.__getitem__

    def noted(self: Any, key: Any, *more: Any) -> Any:
        asked.append(key)
        return inner(self, key, *more)

    monkeypatch.setattr(h5py.Dataset, "__getitem__", noted)
    for start in range(0, 40, 4):
        rows[np.arange(start, start + 4)]
    assert asked == [slice(start, start + 10) for start in range(0, 40, 10)]


def test_damage_that_only_unpacking_shows_is_told(tmp_path: Path) -> None:
    path = tmp_path / "x"
    hdf5(chunks=(40, 3, 2, 5), compression="gzip")(path, X)
    content = path.read_bytes()
    begin = content.index(b"\x78\x5e")  # how zlib begins at this level
    path.write_bytes(content[: begin + 40] + bytes(40) + content[begin + 80 :])
    rows: Any = stored_arrays(path)["x"].rows()
    with pytest.raises(LmctoolError, match=rf"^'{re.escape(str(path))}' cannot be read"):
        rows[PICKS[0]]
