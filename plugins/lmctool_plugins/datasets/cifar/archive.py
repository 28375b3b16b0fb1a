"""Members of a gzipped tar archive, read one after the other; none is unpacked to the disk.

A member is 512 bytes that name it, and its content, filled up to a multiple of them (POSIX.1-1988,
ustar).  What stands there for other programs, such as longer names, is passed over.
"""

from __future__ import annotations

import gzip
from typing import TYPE_CHECKING

from lmctool.api import LmctoolError
from lmctool.api.advanced import UNREADABLE, check_input, most_unpacked

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator
    from pathlib import Path

BLOCK = 512
PIECE = 1 << 20
"""Bytes that are passed over at once."""
REGULAR = (b"0", b"\0")
"""The types of members that are files."""


def first_folder(path: Path) -> str | None:
    """Return the folder of an archive's first file; None for a file that is no such archive."""
    try:
        check_input(path, f"'{path}'")
        with gzip.open(path) as stream:
            return next((name.partition("/")[0] for name, _ in _members(stream, path)), None)
    except (*UNREADABLE, LmctoolError):
        return None


def read_members(path: Path, wanted: Collection[str], most: int) -> dict[str, bytes]:
    """Return the contents of members by name, in one pass that ends with the last of them.

    Args:
        path: the archive.
        wanted: the names of the members.
        most: bytes that none of them has more of.

    Raises:
        LmctoolError: the archive is damaged, lacks one of them, or one is larger.
    """
    found: dict[str, bytes] = {}
    try:
        with gzip.open(path) as stream:
            for name, size in _members(stream, path):
                if name in wanted:
                    if size > most:
                        raise LmctoolError(f"'{path}' has {size} bytes of '{name}', beyond {most}")
                    found[name] = stream.read(size)
                    if len(found[name]) < size:
                        raise EOFError("it ends within a file")
                if len(found) == len(wanted):
                    return found
    except UNREADABLE as cause:
        raise LmctoolError(f"'{path}' cannot be read: {cause}; copy it again") from cause
    missing = sorted(set(wanted) - set(found))
    raise LmctoolError(f"'{path}' holds no {', '.join(missing)}")


def _members(stream: gzip.GzipFile, path: Path) -> Iterator[tuple[str, int]]:
    """Give the name and the size of each file, with the stream at its content."""
    most = most_unpacked(path.stat().st_size)
    while len(header := stream.read(BLOCK)) == BLOCK and header.strip(b"\0"):
        if not _is_header(header):
            raise LmctoolError(f"'{path}' is damaged: it is no tar archive throughout")
        size = int(header[124:136].rstrip(b" \0") or b"0", 8)
        end = stream.tell() + -(-size // BLOCK) * BLOCK
        if end > most:
            raise LmctoolError(f"'{path}' unpacks to more than {most} bytes, which no data does")
        if header[156:157] in REGULAR:
            yield _name(header), size
        while left := end - stream.tell():
            if not stream.read(min(left, PIECE)):
                raise EOFError("it ends within a file")


def _is_header(block: bytes) -> bool:
    """Tell whether a block names a member, by its checksum and the digits of its size."""
    if len(block) < BLOCK:
        return False
    total = sum(block) - sum(block[148:156]) + 8 * ord(" ")
    try:
        size = int(block[124:136].rstrip(b" \0") or b"0", 8)
        return int(block[148:156].rstrip(b" \0"), 8) == total and size >= 0
    except ValueError:
        return False


def _name(header: bytes) -> str:
    return header[:100].rstrip(b"\0").decode("latin1").removeprefix("./")
