"""The header of a safetensors file, checked before a byte of its tensors is read."""

from __future__ import annotations

import json
from dataclasses import dataclass
from math import prod
from typing import TYPE_CHECKING, Any

from lmctool.checkpoint.diagnosis import HEAD, fault, no_checkpoint
from lmctool.errors import LmctoolError
from lmctool.files.untrusted import is_too_deep

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

LIMIT = 100_000_000
"""The longest header, in bytes, as in the format's own reader."""

MOST_AXES = 64
LONGEST_AXIS = 2**63 - 1

ITEM_SIZE = {
    "BOOL": 1,
    "U8": 1,
    "I8": 1,
    "F8_E4M3": 1,
    "F8_E4M3FNUZ": 1,
    "F8_E5M2": 1,
    "F8_E5M2FNUZ": 1,
    "I16": 2,
    "U16": 2,
    "F16": 2,
    "BF16": 2,
    "I32": 4,
    "U32": 4,
    "F32": 4,
    "I64": 8,
    "U64": 8,
    "F64": 8,
    "C64": 8,
}
"""Bytes of one element, by the format's word for a dtype."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One tensor of a file: ``dtype`` in safetensors' words, bytes ``begin`` to ``end``.

    Offsets count from the first byte after the header.
    """

    dtype: str
    shape: tuple[int, ...]
    begin: int
    end: int


@dataclass(frozen=True, slots=True)
class Header:
    """The header of a safetensors file.

    Attributes:
        entries: the tensors by stored name, in the order of their bytes.
        metadata: the file's metadata, text to text.
        start: where the tensors' bytes begin in the file.
    """

    entries: Mapping[str, Entry]
    metadata: Mapping[str, str]
    start: int


def read_header(path: Path) -> Header:
    """Read and check the header of one safetensors file.

    Nothing is allocated on the header's word alone: every size in it is checked against the
    file's first.

    Raises:
        LmctoolError: the file is missing, truncated, malformed, or something else altogether.
    """
    if sentence := fault(path):
        raise LmctoolError(sentence)
    try:
        size = path.stat().st_size
        with path.open("rb") as file:
            length = _length(path, file.read(HEAD), size)
            file.seek(8)
            text = file.read(length)
    except OSError as cause:
        raise LmctoolError(f"'{path}' cannot be read: {cause.strerror}") from cause
    table = parse_object(path, text, "header")
    metadata = _metadata(path, table.pop("__metadata__", None))
    entries = {name: _entry(path, name, value) for name, value in table.items()}
    entries = dict(sorted(entries.items(), key=lambda item: (item[1].begin, item[1].end)))
    start = 8 + len(text)
    _check_layout(path, entries, size - start, start)
    return Header(entries, metadata, start)


def parse_object(path: Path, text: bytes, what: str) -> dict[str, Any]:
    """Parse a JSON object from an untrusted file, refusing a key that is given twice.

    Raises:
        LmctoolError: it is no UTF-8, no JSON, no object, or has a key twice.
    """

    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        table: dict[str, Any] = {}
        for key, value in pairs:
            # A lone surrogate is valid JSON, but no text: this raises.
            (key + (value if isinstance(value, str) else "")).encode("utf-8")
            if key in table:
                raise LmctoolError(f"'{path}' is malformed: its {what} has {key!r} twice")
            table[key] = value
        return table

    try:
        table = json.loads(text.decode("utf-8"), object_pairs_hook=once)
    except (ValueError, RecursionError) as cause:
        raise LmctoolError(f"'{path}' is malformed: its {what} is not valid JSON") from cause
    if not isinstance(table, dict):
        raise LmctoolError(f"'{path}' is malformed: its {what} is not a JSON object")
    if is_too_deep(table):
        raise LmctoolError(f"'{path}' is malformed: its {what} is nested too deeply")
    return table


def _length(path: Path, head: bytes, size: int) -> int:
    """Return the length of the JSON text, from the first bytes of the file."""
    length = int.from_bytes(head[:8], "little")
    if head[8:9] != b"{":
        raise LmctoolError(no_checkpoint(path, head))
    if length > LIMIT:
        raise LmctoolError(
            f"'{path}' is malformed: it claims a header of {length} bytes, more than {LIMIT}"
        )
    if 8 + length > size:
        raise LmctoolError(_truncated(path, 8 + length, size))
    return length


def _truncated(path: Path, named: int, size: int) -> str:
    return (
        f"'{path}' is truncated: its header names {named} bytes and the file has {size};"
        " copy it again"
    )


def _metadata(path: Path, value: Any) -> dict[str, str]:
    if value is None:
        return {}
    if not isinstance(value, dict) or not all(isinstance(text, str) for text in value.values()):
        raise LmctoolError(f"'{path}' is malformed: its metadata is not a mapping of text to text")
    return value


def _entry(path: Path, name: str, value: Any) -> Entry:
    """Check the header's entry of one tensor, by itself."""
    malformed = LmctoolError(f"'{path}' is malformed: its header does not describe tensor {name!r}")
    if not isinstance(value, dict) or value.keys() != {"dtype", "shape", "data_offsets"}:
        raise malformed
    dtype, shape, offsets = value["dtype"], value["shape"], value["data_offsets"]
    if not (isinstance(dtype, str) and _are_sizes(shape) and _are_sizes(offsets)):
        raise malformed
    if len(offsets) != 2 or len(shape) > MOST_AXES:
        raise malformed
    if dtype not in ITEM_SIZE:
        raise LmctoolError(f"tensor {name!r} of '{path}' has the unknown dtype {dtype!r}")
    begin, end = offsets
    if end - begin != prod(shape) * ITEM_SIZE[dtype]:
        raise LmctoolError(
            f"'{path}' is malformed: tensor {name!r} of dtype {dtype} and shape {tuple(shape)}"
            f" takes {prod(shape) * ITEM_SIZE[dtype]} bytes, not the {end - begin} of its offsets"
        )
    return Entry(dtype, tuple(shape), begin, end)


def _are_sizes(value: Any) -> bool:
    return isinstance(value, list) and all(
        type(item) is int and 0 <= item <= LONGEST_AXIS for item in value
    )


def _check_layout(path: Path, entries: Mapping[str, Entry], room: int, start: int) -> None:
    """Check that the tensors fill the rest of the file, without a gap or an overlap."""
    expected = 0
    for name, entry in entries.items():
        if entry.begin != expected:
            defect = "overlaps another" if entry.begin < expected else "leaves a gap before it"
            raise LmctoolError(f"'{path}' is malformed: tensor {name!r} {defect}")
        expected = entry.end
    if expected > room:
        raise LmctoolError(_truncated(path, start + expected, start + room))
    if expected < room:
        raise LmctoolError(
            f"'{path}' is malformed: {room - expected} bytes follow its last tensor; copy it again"
        )
