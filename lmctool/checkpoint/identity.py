"""The identities of checkpoints: of their tensors alone, and of the bytes of their files."""

from __future__ import annotations

import hashlib
import os
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from itertools import chain
from typing import TYPE_CHECKING, NamedTuple

from blake3 import blake3

from lmctool.checkpoint.file_sums import EVERY_TIME, FileSum, appearance, sum_of
from lmctool.checkpoint.memory_location import MemoryLocation
from lmctool.checkpoint.strided_location import StridedLocation
from lmctool.checkpoint.tensor_digest import PIECE, PieceHashes, digest_of
from lmctool.errors import LmctoolError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from io import FileIO
    from pathlib import Path

    from lmctool.checkpoint.file_sums import FileSums
    from lmctool.checkpoint.tensor_location import TensorLocation

READ = 1 << 18
"""Bytes that are read at once: they still lie in a processor's cache when they are hashed."""
MOST_THREADS = 8
LITTLE = 1 << 20
"""Bytes that are hashed before other threads would have begun."""


@dataclass(frozen=True, slots=True)
class Identity:
    """The two identities of a checkpoint.

    Attributes:
        digest: of the tensors by canonical name: their names, dtypes, shapes and bytes; see
            ``tensor_digest``.  Metadata, the order in the file, wrapper prefixes and sharding don't
            change it.
        files: of the bytes of its files.
    """

    digest: str
    files: FileSum


class Span(NamedTuple):
    """Bytes of a file that one tensor takes, or several that share them."""

    file: Path
    begin: int
    size: int

    @property
    def end(self) -> int:
        """The byte after its last."""
        return self.begin + self.size


class Part(NamedTuple):
    """Up to a piece of a tensor's bytes: where they are, of which span, which piece of it."""

    span: Span
    number: int

    @property
    def begin(self) -> int:
        """Its first byte in the file."""
        return self.span.begin + self.number * PIECE

    @property
    def size(self) -> int:
        """How many bytes it has."""
        return min(self.span.size - self.number * PIECE, PIECE)


def identify(
    checkpoints: Sequence[tuple[Sequence[Path], Mapping[str, TensorLocation]]],
    sums: FileSums = EVERY_TIME,
) -> list[Identity]:
    """Hash the tensors of checkpoints, and their files as far as that is wanted.

    Each byte is read once, whatever is made of it, but for tensors that overlap in a file whose
    sum is taken.  Threads take a piece of a tensor each, or a whole file where its sum is taken;
    a thread has one file open and a quarter of a megabyte of it in memory.

    Args:
        checkpoints: of each all files, none of a network in memory; and where each tensor lies in
            them, by canonical name.
        sums: whether the files' own sums are wanted, and who knows them.

    Raises:
        LmctoolError: a file cannot be read any more, or has become shorter.
    """
    known = [sums.known(files) for files, _ in checkpoints]
    seen = [appearance(files) for files, _ in checkpoints]
    unsummed = (files for (files, _), own in zip(checkpoints, known, strict=True) if own is None)
    whole = chain.from_iterable(unsummed)
    reading = _Reading(chain.from_iterable(own.values() for _, own in checkpoints), whole)
    reading.finish()
    found = []
    for (files, locations), own, (key, begun) in zip(checkpoints, known, seen, strict=True):
        if own is None:
            sha256 = sum_of({file.name: reading.sums[file] for file in files})
            sums.keep(files, sha256, key, begun)
            own = FileSum(sha256, "file")
        forms = {n: (part.entry.dtype, part.entry.shape) for n, part in locations.items()}
        pieces = {name: reading.pieces(location) for name, location in locations.items()}
        found.append(Identity(digest_of(forms, pieces), own))
    return found


@dataclass(frozen=True, slots=True)
class _File:
    """An open file, and room for some bytes of it."""

    path: Path
    opened: FileIO
    room: memoryview


class _Reading:
    """The work of hashing tensors and files, and what came of it.

    Attributes:
        sums: the SHA-256 of each file that is read as a whole.
    """

    def __init__(self, locations: Iterable[TensorLocation], whole: Iterable[Path]) -> None:
        """Share out the work; nothing is read yet."""
        self.sums: dict[Path, str] = {}
        self._hashes: dict[Span, list[bytes]] = {}
        self._apart: dict[int, list[bytes]] = {}
        self._stopped = threading.Event()
        self._bytes = 0
        self._jobs: list[Callable[[], None]] = []
        spans: dict[Span, None] = {}
        for location in locations:
            if isinstance(location, StridedLocation | MemoryLocation):
                self._add_apart(location)
            else:
                spans[_span(location)] = None
        self._add_spans(sorted(spans), dict.fromkeys(whole))

    def pieces(self, location: TensorLocation) -> list[bytes]:
        """Return the hashes of a tensor's pieces."""
        if isinstance(location, StridedLocation | MemoryLocation):
            return self._apart[id(location)]
        return self._hashes[_span(location)]

    def finish(self) -> None:
        """Do all the work, in several threads where it is more than a little."""
        threads = min(os.cpu_count() or 1, MOST_THREADS, len(self._jobs))
        if threads < 2 or self._bytes <= LITTLE:
            for job in self._jobs:
                job()
            return
        with ThreadPoolExecutor(threads) as pool:
            futures = [pool.submit(job) for job in self._jobs]
            try:
                for future in futures:
                    future.result()
            finally:
                self._stopped.set()
                pool.shutdown(cancel_futures=True)

    def _add_apart(self, location: StridedLocation | MemoryLocation) -> None:
        def job() -> None:
            hashes = PieceHashes()
            for piece in location.pieces():
                if self._stopped.is_set():
                    return
                hashes.update(memoryview(piece))
            self._apart[id(location)] = hashes.all()

        if id(location) not in self._apart:
            self._apart[id(location)] = []
            self._bytes += location.entry.end - location.entry.begin
            self._jobs.append(job)

    def _add_spans(self, spans: Iterable[Span], whole: Iterable[Path]) -> None:
        """Share out spans, in the order of their places; those of whole files with the file."""
        within: dict[Path, list[Span]] = {file: [] for file in whole}
        parts: list[Part] = []
        for span in spans:
            count = -(-span.size // PIECE)
            self._hashes[span] = [b""] * count
            before = within.get(span.file)
            if before is not None and (
                not before or span.begin >= before[-1].begin + before[-1].size
            ):
                before.append(span)
            else:
                parts += [Part(span, number) for number in range(count)]
        for file, own in within.items():
            self._bytes += LITTLE  # whose size is not known here
            self._jobs.append(partial(self._read_whole, file, own))
        self._bytes += sum(part.size for part in parts)
        self._jobs += [partial(self._read_parts, group) for group in _groups(parts)]

    def _read_parts(self, parts: Sequence[Part]) -> None:
        """Hash parts of one file."""
        with _opened(parts[0].span.file) as file:
            for part in parts:
                hashed = blake3()
                for data in self._read(file, part.begin, part.size):
                    hashed.update(data)
                self._hashes[part.span][part.number] = hashed.digest()

    def _read_whole(self, path: Path, spans: Sequence[Span]) -> None:
        """Hash a file from its first byte to its last, and the spans of it on the way."""
        whole = hashlib.sha256()
        with _opened(path) as file:
            place = 0
            for span in spans:
                for data in self._read(file, place, span.begin - place):
                    whole.update(data)
                hashes = PieceHashes()
                for data in self._read(file, span.begin, span.size):
                    whole.update(data)
                    hashes.update(data)
                self._hashes[span] = hashes.all()
                place = span.end
            size = os.fstat(file.opened.fileno()).st_size
            for data in self._read(file, place, size - place):
                whole.update(data)
        self.sums[path] = whole.hexdigest()

    def _read(self, file: _File, begin: int, size: int) -> Iterator[memoryview]:
        """Yield bytes of a file; some lie where those before them lay."""
        file.opened.seek(begin)
        while size > 0:
            if self._stopped.is_set():
                return  # another thread has failed, and nobody asks for this any more
            read = file.opened.readinto(file.room[:size])
            if not read:
                raise LmctoolError(f"'{file.path}' was changed while it was being read")
            size -= read
            yield file.room[:read]


def _span(location: TensorLocation) -> Span:
    return Span(location.file, location.offset, location.entry.end - location.entry.begin)


def _groups(parts: Iterable[Part]) -> Iterator[list[Part]]:
    """Yield parts of one file together, as many as have the bytes of a piece."""
    group: list[Part] = []
    size = 0
    for part in parts:
        if group and (size + part.size > PIECE or part.span.file != group[0].span.file):
            yield group
            group, size = [], 0
        group.append(part)
        size += part.size
    if group:
        yield group


@contextmanager
def _opened(path: Path) -> Iterator[_File]:
    """Open a file for reading.

    Raises:
        LmctoolError: it cannot be read.
    """
    try:
        with path.open("rb", buffering=0) as opened:
            yield _File(path, opened, memoryview(bytearray(READ)))
    except OSError as cause:
        raise LmctoolError(f"'{path}' cannot be read: {cause.strerror}") from cause
