"""Arrays as numpy stores them: one in a file (npy), and several in an archive (npz)."""

from __future__ import annotations

import math
import zipfile
from dataclasses import dataclass
from functools import partial
from typing import IO, TYPE_CHECKING, Any

import numpy as np

from lmctool.data.stored.file_rows import Checksum, ColumnRows, FileRows, read_exactly
from lmctool.data.stored.read_file import ReadFile
from lmctool.data.stored.stored_array import EXPANSION, StoredArray, claim, guarded
from lmctool.data.stored.streamed_rows import StreamedRows
from lmctool.errors import LmctoolError
from lmctool.files.untrusted import most_unpacked

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from lmctool.plugin.data_records import Rows

MAGIC = b"\x93NUMPY"
PACKED = {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}  # as numpy packs; others expand without end
LOCAL = 30
"""Bytes of an archive's own header of a member, before its name."""


@dataclass(frozen=True, slots=True)
class Header:
    """What stands before the values of an array.

    Attributes:
        shape: of the array.
        by_column: whether its first axis is innermost, as Fortran has it.
        dtype: of the values.
        length: the bytes of the header.
    """

    shape: tuple[int, ...]
    by_column: bool
    dtype: np.dtype[Any]
    length: int

    @property
    def size(self) -> int:
        """The bytes of all values."""
        return math.prod(self.shape) * self.dtype.itemsize


def npy_array(path: Path) -> dict[str, StoredArray]:
    """Return the array of an npy file by the file's name.

    Raises:
        LmctoolError: it is one of objects, or claims more than the file can hold.
    """
    file, name = ReadFile(path), path.stem
    with path.open("rb") as stream:
        header = _header(stream, path, name)
    if header.length + header.size > file.size:
        raise claim(path, name, header.shape)
    rows = partial(_rows, file, header.length, header)
    return {name: _stored(path, header, partial(np.load, path, allow_pickle=False), rows)}


def npz_arrays(path: Path) -> dict[str, StoredArray]:
    """Return the arrays of an archive by their names.

    Raises:
        LmctoolError: one is of objects, packed in another way than numpy's, or claims more than the
            file can hold.
    """
    arrays = {}
    file = ReadFile(path)
    with zipfile.ZipFile(path) as archive:
        for member in archive.infolist():
            if not member.filename.endswith(".npy"):
                continue
            name = member.filename.removesuffix(".npy")
            if member.compress_type not in PACKED:
                raise LmctoolError(f"'{path}' packs {name!r} in a way that numpy never does")
            with archive.open(member) as stream:
                header = _header(stream, path, name)
            packed = min(member.compress_size, file.size)
            if header.size > min(member.file_size, packed * EXPANSION, most_unpacked(file.size)):
                raise claim(path, name, header.shape)
            read, rows = partial(_member, path, name), partial(_member_rows, file, member, header)
            arrays[name] = _stored(path, header, read, rows)
    return arrays


def _header(stream: IO[bytes], path: Path, name: str) -> Header:
    version = np.lib.format.read_magic(stream)
    if version == (1, 0):
        shape, by_column, dtype = np.lib.format.read_array_header_1_0(stream)
    else:
        shape, by_column, dtype = np.lib.format.read_array_header_2_0(stream)
    if dtype.hasobject:
        raise LmctoolError(f"'{path}' has an array of objects, {name!r}")
    if min(shape, default=0) < 0:
        raise claim(path, name, shape)
    return Header(shape, by_column, dtype, stream.tell())


def _stored(path: Path, header: Header, read: Any, rows: Any) -> StoredArray:
    read, rows = partial(guarded, path, read), partial(guarded, path, rows)
    return StoredArray(header.shape, str(header.dtype), read, rows if header.shape else read)


def _rows(file: ReadFile, offset: int, header: Header, checksum: Checksum | None = None) -> Rows:
    """Return what reads values that lie in a file as they are."""
    if header.by_column and len(header.shape) > 1:
        return ColumnRows(file, offset, header.shape, header.dtype)
    return FileRows(file, offset, header.shape, header.dtype, checksum)


def _member(path: Path, name: str) -> NDArray[Any]:
    with np.load(path, allow_pickle=False) as file:
        array: NDArray[Any] = file[name]
        return array


def _member_rows(file: ReadFile, member: zipfile.ZipInfo, header: Header) -> Rows | NDArray[Any]:
    """Return what reads an array of an archive: from its place if it is not packed."""
    name = member.filename.removesuffix(".npy")
    if member.compress_type == zipfile.ZIP_STORED:
        start = _start(file, member)
        end = start + header.length + header.size
        if end != start + member.compress_size or end > file.size:
            raise claim(file.path, name, header.shape)
        with file.reading(), file.path.open("rb", buffering=0) as stream:
            begun = read_exactly(stream, start, header.length).tobytes()
        checksum = Checksum(f"{name!r} of '{file.path}'", member.CRC, begun, header.size)
        return _rows(file, start + header.length, header, checksum)
    if header.by_column and len(header.shape) > 1:
        return _member(file.path, name)
    unpack = partial(_unpacked, file.path, member.filename, header.length)
    return StreamedRows(file, unpack, header.shape, header.dtype)


def _start(file: ReadFile, member: zipfile.ZipInfo) -> int:
    """Return where the content of a member begins in its archive."""
    with file.reading(), file.path.open("rb", buffering=0) as stream:
        local = read_exactly(stream, member.header_offset, LOCAL)
    lengths = local[LOCAL - 4 :].view("<u2")
    return member.header_offset + LOCAL + int(lengths.sum())


def _unpacked(path: Path, member: str, skipped: int) -> IO[bytes]:
    """Return the stream of a member's values."""
    with zipfile.ZipFile(path) as archive:
        stream = archive.open(member)
    stream.read(skipped)
    return stream
