"""PyTorch's files, where ``torch.save`` wrote tensors: read in place, executing nothing.

Since 1.6 such a file is a zip archive of a pickle and of storages, which are stored as they are;
before that pickles and storages followed one another.  Either way a tensor is a range of bytes.
"""

from __future__ import annotations

import json
from functools import partial
from math import prod
from typing import TYPE_CHECKING, Any, BinaryIO
from zipfile import ZIP_STORED, BadZipFile, ZipFile

from lmctool.checkpoint.diagnosis import IS_ZIP, other_archive
from lmctool.checkpoint.header import LONGEST_AXIS, MOST_AXES, Entry
from lmctool.checkpoint.state_pickle import (
    DTYPES,
    StateUnpickler,
    Storage,
    item_size,
    refuse_unreadable,
)
from lmctool.checkpoint.strided_location import StridedLocation, is_contiguous, span
from lmctool.checkpoint.tensor_location import TensorFile, TensorLocation
from lmctool.errors import LmctoolError
from lmctool.files.untrusted import harm_of, most_unpacked

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path
    from zipfile import ZipInfo

    from lmctool.checkpoint.state_pickle import StoredTensor

    Place = Callable[[str], tuple[int, int]]
    Choose = Callable[[Any], tuple[dict[str, StoredTensor], tuple[str, ...]]]

MAGIC = 0x1950A86A20F9469CFC6C
"""What a file from before 1.6 begins with."""
TRAINING = "lmctool.training"
"""The metadata entry whose JSON object has the ``step`` of a checkpoint."""
COUNTERS = {"iteration": "step", "step": "step", "global_step": "step", "epoch": "epoch"}
"""What the metadata calls that which a file counts at its top level; the last one holds."""
LOCAL_HEADER = 30
"""Bytes of the header of an archive's member, before its name."""


def read_pytorch_file(path: Path, choose: Choose) -> TensorFile:
    """Find tensors of a file that ``torch.save`` wrote.

    Args:
        path: the file, whose first bytes are those of a zip archive or of a pickle.
        choose: returns those that are meant by name, and the names of all else, of what the
            file's pickle holds; see ``state_dict.choose``.

    Raises:
        LmctoolError: the file is damaged, there is nothing to choose, or a tensor is no plain
            array.
    """
    work = partial(_read, path, choose)
    # a pickle can ask for 64 GB, or for the hash of what takes years to walk through
    if harm := harm_of(work, path.stat().st_size):
        raise LmctoolError(f"'{path}' is damaged: it {harm}")
    return work()


def _read(path: Path, choose: Choose) -> TensorFile:
    try:
        with path.open("rb") as file:
            archived = file.read(len(IS_ZIP)) == IS_ZIP
            file.seek(0)
            content, place = _archived(path, file) if archived else _in_sequence(path, file)
            tensors, left_out = choose(content)
            size = path.stat().st_size
            inside = _inside(path, size, place)
            locations = {name: _location(path, name, tensors[name], inside) for name in tensors}
    except LmctoolError:
        raise
    except OSError as cause:
        raise LmctoolError(f"'{path}' cannot be read: {cause.strerror}") from cause
    except Exception as cause:  # a damaged pickle fails in any way it likes
        raise LmctoolError(
            f"'{path}' is damaged, or is no PyTorch file of tensors; copy it again"
        ) from cause
    claimed = sum(each.entry.end - each.entry.begin for each in locations.values())
    if claimed > most_unpacked(size):
        raise LmctoolError(f"'{path}' has {size} bytes, but claims tensors of {claimed}")
    return TensorFile(locations, _metadata(content), left_out)


def _archived(path: Path, file: BinaryIO) -> tuple[Any, Place]:
    """Return what the pickle of an archive holds, and where the storages are."""
    with ZipFile(file) as archive:
        members = {member.filename: member for member in archive.infolist()}
    if sentence := other_archive(path, members):
        raise LmctoolError(sentence)
    pickled = next(name for name in members if name.endswith("/data.pkl"))
    folder = pickled.removesuffix("data.pkl")
    order = members.get(f"{folder}byteorder")
    if order and _bytes(path, file, order) != b"little":
        raise _big_endian(path)
    file.seek(_range(path, file, members[pickled])[0])

    def place(key: str) -> tuple[int, int]:
        return _range(path, file, members[f"{folder}data/{key}"])

    return StateUnpickler(file).load(), place


def _range(path: Path, file: BinaryIO, member: ZipInfo) -> tuple[int, int]:
    """Return the first byte of an archive's member in the file, and how many it has."""
    if member.compress_type != ZIP_STORED:
        raise LmctoolError(
            f"'{path}' was packed anew: its member '{member.filename}' is compressed, which"
            " torch.save never does; load it with torch.load and save it again"
        )
    file.seek(member.header_offset)
    head = file.read(LOCAL_HEADER)
    if len(head) < LOCAL_HEADER or not head.startswith(IS_ZIP):
        raise BadZipFile("a member is not where the directory says")
    names = int.from_bytes(head[26:28], "little") + int.from_bytes(head[28:30], "little")
    return member.header_offset + LOCAL_HEADER + names, member.file_size


def _bytes(path: Path, file: BinaryIO, member: ZipInfo) -> bytes:
    begin, size = _range(path, file, member)
    file.seek(begin)
    return file.read(size)


def _in_sequence(path: Path, file: BinaryIO) -> tuple[Any, Place]:
    """Return what a file from before 1.6 holds, and where the storages are."""
    if StateUnpickler(file).load() != MAGIC:
        raise LmctoolError(
            f"'{path}' is a pickle, but none that torch.save wrote; load it with what wrote it, and"
            " save its tensors with torch.save"
        )
    StateUnpickler(file).load()  # the version of the format, which never changed
    if not StateUnpickler(file).load()["little_endian"]:
        raise _big_endian(path)
    unpickler = StateUnpickler(file)
    content = unpickler.load()
    ranges: dict[str, tuple[int, int]] = {}
    keys = StateUnpickler(file).load()
    end = file.tell()
    for key in keys:
        file.seek(end)
        count = int.from_bytes(file.read(8), "little")
        ranges[key] = end + 8, count * item_size(unpickler.storages[key].dtype)
        end = sum(ranges[key])
    return content, ranges.__getitem__


def _inside(path: Path, size: int, place: Place) -> Place:
    """Return where storages are, of which each has to be within the file."""

    def checked(key: str) -> tuple[int, int]:
        begin, room = place(key)
        if begin + room > size:
            raise LmctoolError(
                f"'{path}' is truncated: it names {begin + room} bytes and has {size};"
                " copy it again"
            )
        return begin, room

    return checked


def _location(path: Path, name: str, tensor: StoredTensor, place: Place) -> TensorLocation:
    """Return where a tensor lies, once all that its pickle says of it is checked."""
    refuse_unreadable(tensor, name, path)
    name.encode()  # a name that is no text raises
    storage, offset, shape, strides = tensor.storage, tensor.offset, tensor.shape, tensor.strides
    sound = isinstance(storage, Storage) and all(
        map(_are_sizes, (shape, strides, (offset, storage.begin)))
    )
    if not sound or len(shape) != len(strides):
        raise LmctoolError(f"'{path}' is malformed: its pickle does not describe tensor {name!r}")
    item = item_size(tensor.dtype)
    begin, room = place(storage.key)
    first = begin + (storage.begin + offset) * item if prod(shape) else begin
    if first + span(shape, strides) * item > begin + room:
        raise LmctoolError(f"'{path}' is malformed: tensor {name!r} is larger than its storage")
    entry = Entry(DTYPES[tensor.dtype], tuple(shape), first, first + prod(shape) * item)
    if is_contiguous(shape, strides):
        return TensorLocation(path, name, entry, first)
    return StridedLocation(path, name, entry, first, tuple(strides))


def _are_sizes(value: Any) -> bool:
    return (
        isinstance(value, tuple)
        and len(value) <= MOST_AXES
        and all(type(item) is int and 0 <= item <= LONGEST_AXIS for item in value)
    )


def _metadata(content: Any) -> dict[str, str]:
    """Return the step and the epoch that a file counts at its top level, as metadata."""
    entries = content if isinstance(content, dict) else {}
    training = {
        word: entries[name] for name, word in COUNTERS.items() if _are_sizes((entries.get(name),))
    }
    return {TRAINING: json.dumps(training)} if training else {}


def _big_endian(path: Path) -> LmctoolError:
    return LmctoolError(
        f"'{path}' was written by a machine that stores numbers the other way round; load it with"
        " torch.load on this one and save it again"
    )
