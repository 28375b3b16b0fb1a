"""A table in files of parquet or of Arrow, whose columns are read piece by piece."""

from __future__ import annotations

import warnings
from dataclasses import dataclass, field
from functools import partial
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from lmctool.api import LmctoolError
from lmctool.api.advanced import check_input, most_unpacked

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Piece:
    """A row group or a batch of records.

    Attributes:
        rows: how many it has.
        read: ``read(name)`` returns one column of it, an array of Arrow.
    """

    rows: int
    read: Callable[[str], Any]


@dataclass(frozen=True, slots=True)
class Table:
    """The pieces of one split, one after the other.

    Attributes:
        path: what to call it in an error.
        types: the type of each column by name.
        metadata: what the schema says beside it.
        pieces: row groups or batches of records.
    """

    path: Path
    types: Mapping[str, Any]
    metadata: Mapping[bytes, bytes]
    pieces: tuple[Piece, ...]

    def column(self, name: str) -> Column:
        """Return a column, of which nothing is read yet."""
        return Column(self, name)


@dataclass(slots=True)
class Column:
    """A column of a table; its last piece that was read is kept.

    Attributes:
        table: whose it is.
        name: what it is called.
    """

    table: Table
    name: str
    _last: tuple[int, Any] = field(default=(-1, None), repr=False)

    def __len__(self) -> int:
        """Return the number of rows."""
        return sum(piece.rows for piece in self.table.pieces)

    @property
    def what(self) -> str:
        """What to call it in an error."""
        return f"column {self.name!r} of '{self.table.path}'"

    def at(self, places: NDArray[np.int64]) -> Iterator[Any]:
        """Give the values at rising places, as arrays of Arrow.

        Raises:
            LmctoolError: they cannot be read.
        """
        starts = np.cumsum([0, *(piece.rows for piece in self.table.pieces)])
        cuts = np.searchsorted(places, starts)
        for number, (first, last) in enumerate(pairwise(cuts)):
            if first < last:
                yield self._piece(number).take(places[first:last] - starts[number])

    def whole(self) -> Iterator[Any]:
        """Give all values, as arrays of Arrow."""
        yield from (self._piece(number) for number in range(len(self.table.pieces)))

    def _piece(self, number: int) -> Any:
        if self._last[0] != number:
            self._last = number, self.table.pieces[number].read(self.name)
        return self._last[1]


def open_parquet_files(paths: Sequence[Path], whose: Path) -> Table:
    """Return the table of parquet files, of which only the footers are read.

    Raises:
        LmctoolError: the library isn't installed, a file cannot be read, claims more than it can
            hold, or has other columns than the first.
    """
    return _joined([_guarded(path, partial(_parquet, path)) for path in paths], whose)


def open_arrow_files(paths: Sequence[Path], whose: Path) -> Table:
    """Return the table of files that ``save_to_disk`` writes: streams of Arrow, mapped.

    Raises:
        LmctoolError: as of parquet files.
    """
    return _joined([_guarded(path, partial(_arrow, path)) for path in paths], whose)


def _joined(tables: Sequence[Table], whose: Path) -> Table:
    first = tables[0]
    for other in tables[1:]:
        if other.types != first.types:
            raise LmctoolError(f"'{other.path}' has other columns than '{first.path}'")
    pieces = tuple(piece for table in tables for piece in table.pieces)
    return Table(whose, first.types, first.metadata, pieces)


def _parquet(path: Path) -> Table:
    from pyarrow import parquet

    with parquet.ParquetFile(path) as file:
        footer, schema = file.metadata, file.schema_arrow
    groups = [footer.row_group(number) for number in range(footer.num_row_groups)]
    size = path.stat().st_size
    if max(sum(group.total_byte_size for group in groups), footer.num_rows) > most_unpacked(size):
        raise LmctoolError(f"'{path}' claims more rows than it can hold")

    def read(number: int, name: str) -> Any:
        def column() -> Any:
            with parquet.ParquetFile(path, metadata=footer) as file:
                table = file.read_row_group(number, columns=[name], use_threads=False)
            return _plain(table.column(name), groups[number].num_rows)

        return _guarded(path, column)

    pieces = [Piece(group.num_rows, partial(read, n)) for n, group in enumerate(groups)]
    return Table(path, _types(schema), schema.metadata or {}, tuple(pieces))


def _arrow(path: Path) -> Table:
    import pyarrow

    batches, most = [], most_unpacked(path.stat().st_size)
    with pyarrow.ipc.open_stream(pyarrow.memory_map(str(path))) as stream:
        schema = stream.schema
        for batch in stream:
            batch.validate()
            batches.append(batch)
            most -= batch.nbytes
            if most < 0:
                raise LmctoolError(f"'{path}' claims more rows than it can hold")

    def read(batch: Any, name: str) -> Any:
        def column() -> Any:
            values = _plain(batch.column(name), batch.num_rows)
            values.validate(full=True)  # what lies outside would be read as well
            return values

        return _guarded(path, column)

    pieces = tuple(Piece(batch.num_rows, partial(read, batch)) for batch in batches)
    return Table(path, _types(schema), schema.metadata or {}, pieces)


def _types(schema: Any) -> dict[str, Any]:
    """Return the type of each column; of one that the library extends what it stores."""
    names = schema.names
    if len(set(names)) < len(names):
        raise ValueError("it has two columns of one name")
    return {each.name: getattr(each.type, "storage_type", each.type) for each in schema}


def _plain(column: Any, rows: int) -> Any:
    """Return a column as one array of plain values."""
    array = column.combine_chunks() if hasattr(column, "combine_chunks") else column
    if len(array) != rows:
        raise ValueError(f"it has {len(array)} rows where it says {rows}")
    array = getattr(array, "storage", array)
    return array.dictionary_decode() if hasattr(array, "dictionary_decode") else array


def _guarded(path: Path, read: Callable[[], Any]) -> Any:
    check_input(path, f"'{path}'")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return read()
    except ModuleNotFoundError as cause:
        raise LmctoolError(
            f"'{path}' needs the datasets library: pip install 'lmctool[datasets]'"
        ) from cause
    except LmctoolError:
        raise
    except Exception as cause:  # whatever the library raises of a damaged file
        reason = str(cause).strip().partition("\n")[0] or type(cause).__name__
        raise LmctoolError(f"'{path}' cannot be read: {reason}") from cause
