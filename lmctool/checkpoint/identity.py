"""The identities of a checkpoint: of the bytes of its files, and of its tensors alone."""

from __future__ import annotations

import hashlib
import json
import os
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from lmctool.checkpoint.memory_location import MemoryLocation
from lmctool.checkpoint.strided_location import StridedLocation
from lmctool.errors import LmctoolError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

    from lmctool.checkpoint.tensor_location import TensorLocation

PIECE = 1 << 20
"""Bytes that are hashed at once, by two threads while they lie in a processor's cache."""


class Hash(Protocol):
    """What takes bytes one after the other, as those of hashlib do."""

    def update(self, data: memoryview | bytes, /) -> None:
        """Take more bytes."""


@dataclass(frozen=True, slots=True)
class Identity:
    """The two identities of a checkpoint.

    Attributes:
        sha256: of the file's bytes; of several, of the sorted list of their names and sums; None
            of a network in memory.
        digest: of the tensors by canonical name: their names, dtypes, shapes and bytes.
            Metadata, the order in the file, wrapper prefixes and sharding don't change it.
    """

    sha256: str | None
    digest: str


def identify(files: Iterable[Path], locations: Mapping[str, TensorLocation]) -> Identity:
    """Hash the files and the tensors of a checkpoint.

    A byte is read once where tensors lie in the order of their names, as most programs write
    them, and twice where they don't.  However large they are, a megabyte of it is in memory.

    Args:
        files: all files of the checkpoint; none of a network in memory.
        locations: where each tensor lies in them, by canonical name.

    Raises:
        LmctoolError: a file cannot be read any more, or has become shorter.
    """
    tensors = hashlib.sha256()
    with ExitStack() as stack:
        aside = stack.enter_context(ThreadPoolExecutor(1))
        hashes = {file: _FileHash(file, aside, stack) for file in files}
        for name in sorted(locations):
            location = locations[name]
            about = [name, location.entry.dtype, list(location.entry.shape)]
            tensors.update(json.dumps(about).encode() + b"\n")
            size = location.entry.end - location.entry.begin
            if isinstance(location, StridedLocation | MemoryLocation):
                for piece in location.pieces():
                    tensors.update(piece)
                continue
            hashes[location.file].feed(location.offset, size, tensors)
        sums = {file.name: hashed.finished() for file, hashed in hashes.items()}
    if len(sums) <= 1:
        return Identity(next(iter(sums.values()), None), tensors.hexdigest())
    sums_text = json.dumps(sorted(sums.items())).encode()
    return Identity(hashlib.sha256(sums_text).hexdigest(), tensors.hexdigest())


class _FileHash:
    """One file, hashed from its first byte to its last while parts of it are hashed elsewhere."""

    def __init__(self, path: Path, aside: ThreadPoolExecutor, stack: ExitStack) -> None:
        self.path = path
        self.aside = aside
        self.hash = hashlib.sha256()
        self.done = 0
        self.room = memoryview(bytearray(PIECE))
        try:
            self.file = stack.enter_context(path.open("rb", buffering=0))
        except OSError as cause:
            raise LmctoolError(f"'{path}' cannot be read: {cause.strerror}") from cause

    def feed(self, begin: int, size: int, other: Hash) -> None:
        """Hash a part of the file elsewhere, and here too if that has not been done yet."""
        if begin < self.done:
            for piece in self._pieces(begin, size):
                other.update(piece)
            return
        for piece in self._pieces(self.done, begin - self.done):
            self.hash.update(piece)
        for piece in self._pieces(begin, size):
            here = self.aside.submit(self.hash.update, piece)
            other.update(piece)
            here.result()
        self.done = begin + size

    def finished(self) -> str:
        """Hash the rest of the file here, and return the sum."""
        left = os.fstat(self.file.fileno()).st_size - self.done
        for piece in self._pieces(self.done, left):
            self.hash.update(piece)
        return self.hash.hexdigest()

    def _pieces(self, begin: int, size: int) -> Iterator[memoryview]:
        """Yield the bytes of a part; a piece lies where the one before it lay."""
        try:
            self.file.seek(begin)
            while size > 0:
                read = self.file.readinto(self.room[:size])
                if not read:
                    raise LmctoolError(f"'{self.path}' was changed while it was being read")
                size -= read
                yield self.room[:read]
        except OSError as cause:
            raise LmctoolError(f"'{self.path}' cannot be read: {cause.strerror}") from cause
