"""TOML files of people, which may be of any size and say anything."""

from __future__ import annotations

import tomllib
from functools import partial
from typing import TYPE_CHECKING, Any

from lmctool.errors import LmctoolError
from lmctool.files.input_files import check_input
from lmctool.files.untrusted import harm_of, is_too_deep

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

LARGEST = 1 << 20
"""Bytes of a file that are read."""
BITS = 64
"""Of a whole number."""


def read_toml(path: Path, what: str) -> dict[str, Any]:
    """Return what a file says.

    Args:
        path: the file.
        what: what to call it in an error, such as ``policy 'audit.toml'``.

    Raises:
        LmctoolError: it cannot be read, is larger than 1 MiB, or no TOML; a whole number of more
            than 64 bits is none (a hexadecimal one can be too long for Python to print).
    """
    check_input(path, what)
    try:
        with path.open("rb") as file:
            content = file.read(LARGEST + 1)
    except OSError as cause:
        raise LmctoolError(f"{what} cannot be read: {cause.strerror}") from cause
    if len(content) > LARGEST:
        raise LmctoolError(f"{what} is larger than {LARGEST >> 20} MiB")
    try:
        text = content.decode("utf-8")
        # a key of 10,000 dots takes tomllib hours
        if harm := harm_of(partial(tomllib.loads, text), len(content)):
            raise LmctoolError(f"{what} is no sound TOML: it {harm}")
        table = tomllib.loads(text)
    except (ValueError, RecursionError) as cause:
        raise LmctoolError(f"{what} cannot be read as TOML: {cause}") from cause
    if is_too_deep(table):
        raise LmctoolError(f"{what} has tables or lists too deep in each other")
    if any(number.bit_length() > BITS for number in _whole_numbers(table)):
        raise LmctoolError(f"{what} has a whole number of more than {BITS} bits")
    return table


def _whole_numbers(value: object) -> Iterator[int]:
    """Give every whole number within a value that is not too deep."""
    if isinstance(value, int):
        yield value
    elif isinstance(value, dict | list):
        for inner in value.values() if isinstance(value, dict) else value:
            yield from _whole_numbers(inner)
