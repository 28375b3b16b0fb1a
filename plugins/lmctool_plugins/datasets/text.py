"""A UTF-8 text file, or a folder of ``*.txt``, cut into sequences of bytes (256 tokens).

``text:PATH`` cuts sequences of 128 bytes, ``text:PATH?length=64`` shorter ones.  The files of a
folder follow one another in the order of their names.  The last tenth of the bytes is the split
test, what is before it the split train; a rest shorter than a sequence is left out.
"""

from __future__ import annotations

import codecs
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from lmctool.api import DataFormat, Dataset, Examples, LmctoolError, hookimpl
from lmctool.api.advanced import MappedRows, check_input

if TYPE_CHECKING:
    from pathlib import Path

TOKENS = 256
LENGTH = 128
TEST = 10  # one byte in so many, the last ones, is test
PEEKED = 65_536  # bytes of a file by which it is recognised as text


def load(files: list[Path], split: str, length: int) -> Examples:
    """Return one split: bytes (example, position) int64, and the byte that follows each.

    Raises:
        LmctoolError: a file is unreadable or no UTF-8 text, or the split holds no sequence.
    """
    whole = b"".join(map(content, files))
    cut = len(whole) - len(whole) // TEST
    ids = np.frombuffer(whole, np.uint8)
    part = ids[:cut] if split == "train" else ids[cut:]
    count = (len(part) - 1) // length
    if count < 1:
        raise LmctoolError(
            f"'{files[0]}' leaves {len(part)} bytes for split {split!r}, too few for a sequence of"
            f" {length} and the byte after it"
        )
    inputs, targets = part[: count * length], part[1 : count * length + 1]
    return Examples(
        MappedRows(inputs.reshape(count, length), lambda some: some.astype(np.int64)),
        targets.reshape(count, length).astype(np.int64),
    )


def content(path: Path) -> bytes:
    """Return the bytes of a text.

    Raises:
        LmctoolError: the file is unreadable, or no UTF-8 text.
    """
    try:
        text = path.read_bytes()
        text.decode("utf-8")
    except UnicodeDecodeError as cause:
        raise LmctoolError(f"'{path}' is no UTF-8 text: {cause.reason} at {cause.start}") from cause
    except OSError as cause:
        raise LmctoolError(f"'{path}' cannot be read: {cause}") from cause
    return text


def open_text(word: str, location: Path | None, length: int = LENGTH) -> Dataset:
    """Return the dataset of a file or folder, in sequences of ``length`` bytes.

    Raises:
        LmctoolError: no path was given, there is no text, one is no regular file, or the length is
            no positive number.
    """
    if location is None:
        raise LmctoolError(f"{word!r} needs a file or folder; pass --data {word}:PATH")
    if not isinstance(length, int) or isinstance(length, bool) or length < 1:
        raise LmctoolError(f"{word!r} has length {length!r}, which is no number from 1 on")
    files = sorted(location.glob("*.txt")) if location.is_dir() else [location]
    if not files:
        raise LmctoolError(f"'{location}' holds no *.txt")
    for file in files:
        check_input(file, f"'{file}'")
    splits = {split: partial(load, files, split, length) for split in ("train", "test")}
    source = f"{location}, {len(files)} file(s), sequences of {length} bytes"
    return Dataset(splits, source, classes=TOKENS, task="causal-lm")


def detect(path: Path) -> bool:
    """Return whether the path is a text named ``*.txt``, or a folder of nothing else."""
    files = list(path.iterdir()) if path.is_dir() else [path]
    return bool(files) and all(file.suffix == ".txt" and _reads_as_text(file) for file in files)


@hookimpl
def lmctool_dataset() -> DataFormat:
    """Add ``--data text:PATH``."""
    return DataFormat(open_text, detect, frozenset({"length"}))


def _reads_as_text(path: Path) -> bool:
    if not path.is_file():
        return False
    with path.open("rb") as file:
        start = file.read(PEEKED)
    try:
        codecs.getincrementaldecoder("utf-8")().decode(start)  # may end within a character
    except UnicodeDecodeError:
        return False
    return bool(start) and b"\0" not in start
