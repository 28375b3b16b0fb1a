"""Delimited text, plain or gzipped: its header, and its columns as numbers or texts."""

from __future__ import annotations

import csv
import gzip
from array import array
from dataclasses import dataclass
from math import isfinite
from typing import TYPE_CHECKING

import numpy as np

from lmctool.api import LmctoolError
from lmctool.api.advanced import UNREADABLE, check_input

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path
    from typing import IO

    from numpy.typing import NDArray

DELIMITERS = ("\t", ";", ",")
"""What separates cells: of these the one that is most in the first line."""
MISSING = {"", "na", "n/a", "nan", "null", "none", "?"}
"""What stands where a value is missing, in lower case."""
LONGEST_NAME = 256
LONGEST = 1 << 24
"""Characters of a line; a file of longer ones is no table."""
ROOM, RATIO = 16 << 20, 50
"""A packed table may unpack to so many bytes, and to so many times its own beyond."""


@dataclass(frozen=True, slots=True)
class Table:
    """A file of delimited text.

    Attributes:
        path: the file.
        delimiter: what separates its cells.
        columns: what its columns are called; their places, where the file says nothing.
        has_header: whether the first line says what they are called.
    """

    path: Path
    delimiter: str
    columns: tuple[str, ...]
    has_header: bool

    def rows(self) -> Iterator[tuple[int, list[str]]]:
        """Give the cells of each row and the number of the line that it ends in.

        Raises:
            LmctoolError: the file cannot be read, or a row has more or fewer cells than columns.
        """
        cells = _cells(self.path, self.delimiter)
        if self.has_header:
            next(cells)
        for line, row in cells:
            if len(row) != len(self.columns):
                raise LmctoolError(
                    f"'{self.path}' has {len(row)} cells in line {line}, but"
                    f" {len(self.columns)} columns"
                )
            yield line, row

    def texts(self, column: int) -> list[str]:
        """Return the cells of a column, without the blanks around them.

        Raises:
            LmctoolError: one is empty, or too long for a name.
        """
        found = []
        for line, row in self.rows():
            found.append(row[column].strip())
            if not found[-1]:
                raise self.missing(line, column)
            if len(found[-1]) > LONGEST_NAME:
                raise LmctoolError(
                    f"column {self.columns[column]!r} of '{self.path}' holds {len(found[-1])}"
                    f" characters in line {line}, which are no name"
                )
        return found

    def numbers(self, columns: Sequence[int]) -> NDArray[np.float32]:
        """Return columns as numbers: (row, column) float32.

        Raises:
            LmctoolError: a cell is no finite number.
        """
        found = array("f")
        for line, row in self.rows():
            try:
                found.extend([float(row[column]) for column in columns])
            except (ValueError, OverflowError):
                raise self._no_number(line, row, columns) from None
        values = np.frombuffer(found, np.float32).reshape(-1, len(columns))
        if not np.isfinite(values).all():
            raise self._not_finite(columns)
        return values

    def missing(self, line: int, column: int) -> LmctoolError:
        """Return what is said of a cell without a value."""
        return LmctoolError(
            f"'{self.path}' has no value of {self.columns[column]!r} in line {line}; leave such"
            " rows out, or fill them in"
        )

    def _no_number(self, line: int, row: Sequence[str], columns: Sequence[int]) -> LmctoolError:
        """Return what is said of the first cell of a row that is no number."""
        column = next(place for place in columns if not _is_number(row[place]))
        text = row[column].strip()
        if text.lower() in MISSING:
            return self.missing(line, column)
        return LmctoolError(
            f"column {self.columns[column]!r} of '{self.path}' holds text, {text[:40]!r} in line"
            f" {line}; leave it out of the file, or write numbers in its place"
        )

    def _not_finite(self, columns: Sequence[int]) -> LmctoolError:
        """Return what is said of the first number that is not finite, or not in float32."""
        most = float(np.finfo(np.float32).max)
        line, column, text = next(
            (line, column, row[column].strip())
            for line, row in self.rows()
            for column in columns
            if not abs(float(row[column])) <= most
        )
        if text.lower() in MISSING:
            return self.missing(line, column)
        return LmctoolError(
            f"'{self.path}' has {text[:40]!r} as {self.columns[column]!r} in line {line}, which is"
            " no finite number of float32"
        )


def open_table(path: Path, header: bool | None) -> Table:
    """Return a file of delimited text, of which the first line alone is read.

    Args:
        path: the file.
        header: whether its first line says what the columns are called; None to tell by it: names
            of columns are no numbers, but for those that count them.

    Raises:
        LmctoolError: it cannot be read, or its columns have no names that tell them apart.
    """
    check_input(path, f"'{path}'")
    if _is_packed(path):
        _check_size(path)
    first = next(_lines(path), "")
    delimiter = max(DELIMITERS, key=first.count)
    cells = next((row for _, row in _cells(path, delimiter)), [])
    if not cells:
        raise LmctoolError(f"'{path}' is empty: it has no header")
    names = tuple(cell.strip() for cell in cells)
    if header is None:
        header = _is_header(path, names)
    if not header:
        return Table(path, delimiter, tuple(map(str, range(len(names)))), has_header=False)
    twice = [name for place, name in enumerate(names) if name in names[:place]]
    if twice:
        raise LmctoolError(f"'{path}' has several columns {twice[0]!r}; rename all but one")
    if "" in names[1:]:
        raise LmctoolError(f"column {names.index('', 1)} of '{path}', from 0, has no name")
    return Table(path, delimiter, names, has_header=True)


def _is_header(path: Path, names: Sequence[str]) -> bool:
    """Tell whether the cells of a first line are names of columns."""
    numbers = [name for name in names if _is_number(name)]
    if numbers == [str(place) for place in range(len(numbers))]:
        return True
    if len(numbers) == len(names):
        return False
    text = next(name for name in names if name not in numbers)
    raise LmctoolError(
        f"the first line of '{path}' has numbers ({numbers[0]!r}) beside texts ({text[:40]!r});"
        " say with ?header=true or ?header=false whether it is a header"
    )


def is_finite(text: str) -> bool:
    """Tell whether a text is a finite number."""
    return _is_number(text) and isfinite(float(text))


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _cells(path: Path, delimiter: str) -> Iterator[tuple[int, list[str]]]:
    """Give the cells of each row that is not blank, and the number of the line it ends in."""
    reader = csv.reader(_lines(path), delimiter=delimiter, strict=True)
    try:
        for row in reader:
            if row:
                yield reader.line_num, row
    except csv.Error as cause:
        raise LmctoolError(f"'{path}', line {reader.line_num}: {cause}") from cause


def _lines(path: Path) -> Iterator[str]:
    """Give the lines of a text, unpacked where it is gzipped."""
    try:
        with _opened(path) as file:
            while line := file.readline(LONGEST):
                if len(line) == LONGEST:
                    raise LmctoolError(f"'{path}' is no table: it has a line of {LONGEST} letters")
                yield line
    except UnicodeDecodeError as cause:
        raise LmctoolError(f"'{path}' is no UTF-8 text: {cause.reason}") from cause
    except UNREADABLE as cause:
        raise LmctoolError(f"'{path}' cannot be read: {cause}") from cause


def _opened(path: Path) -> IO[str]:
    if _is_packed(path):
        return gzip.open(path, "rt", encoding="utf-8-sig", newline="")
    return path.open(encoding="utf-8-sig", newline="")


def _is_packed(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(2) == b"\x1f\x8b"


def _check_size(path: Path) -> None:
    """Check that a packed file unpacks to no more than a table does, before it is taken apart."""
    left = ROOM + RATIO * path.stat().st_size
    try:
        with gzip.open(path) as file:
            while left >= 0 and (piece := file.read(LONGEST)):
                left -= len(piece)
    except UNREADABLE as cause:
        raise LmctoolError(f"'{path}' cannot be read: {cause}") from cause
    if left < 0:
        raise LmctoolError(
            f"'{path}' unpacks to more than {RATIO} times its size; if it is a table, unpack it"
            " with gunzip"
        )
