"""A table as CSV or TSV, plain or gzipped: columns of numbers, and one of targets.

``csv:FILE?target=NAME`` is the split test; ``?split=COLUMN`` has the split of each row in a column
of its own.  ``csv:FOLDER`` takes train.csv, test.csv and the like as splits.  The target is a name
or a place, from 0 on or from -1 back; by default it is the column called target, label, class or
y.  All other columns are inputs, in float32: none may hold text, and no value may be missing.
``?header=false`` says that the first line is a row already.

Whole numbers are classes, fractions numbers to predict, texts names of classes;
``?labels=classes|from-1|values`` says which where they could be several.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from lmctool.api import DataFormat, Dataset, Examples, LmctoolError, hookimpl
from lmctool.api.advanced import SPLIT_NAMES, split_name, told_apart
from lmctool_plugins.datasets.table.delimited import MISSING, Table, is_finite, open_table

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path
    from typing import Any

    from numpy.typing import NDArray

    from lmctool.api import Argument

ARGUMENTS = frozenset({"target", "split", "header", "labels"})
TARGETS = ("target", "label", "class", "y")
"""What the column of targets is called where nobody says it, in any case."""
SUFFIXES = (".csv", ".tsv", ".csv.gz", ".tsv.gz")
SHOWN = 12
UNNAMED = "the first column, which has no name, numbers the rows and is left out"
HEADLESS = "the first line is a row: columns are counted from 0"


@dataclass(frozen=True, slots=True)
class Columns:
    """What the columns of a table are.

    Attributes:
        table: the table.
        target: the place of the targets.
        split: the place of the splits, or None.
        inputs: the places of all other columns.
    """

    table: Table
    target: int
    split: int | None
    inputs: tuple[int, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """What the inputs are called."""
        return tuple(self.table.columns[place] for place in self.inputs)


def load(columns: Columns, chosen: NDArray[np.bool_] | None, targets: NDArray[Any]) -> Examples:
    """Return one split: inputs float32 (example, column)."""
    inputs = columns.table.numbers(columns.inputs)
    return Examples(inputs if chosen is None else inputs[chosen], targets)


def open_csv(word: str, location: Path | None, **arguments: Argument) -> Dataset:
    """Return the dataset of a table, or of a folder of tables.

    Raises:
        LmctoolError: no place was named, there is no table or no such column, or targets are
            missing.
    """
    if location is None:
        raise LmctoolError(f"{word!r} needs a file or a folder; pass --data {word}:PATH")
    header = arguments.get("header")
    if not (header is None or isinstance(header, bool)):
        raise LmctoolError(f"?header={header} is neither true nor false")
    tables = {split: open_table(path, header) for split, path in _paths(location).items()}
    found, read_as = _with_targets(tables, arguments)
    by_split = {split: columns.table.texts(columns.target) for split, columns in found.items()}
    chosen: dict[str, NDArray[np.bool_] | None] = dict.fromkeys(by_split)
    (first, *_) = found.values()
    if first.split is not None:
        if len(found) > 1:
            raise LmctoolError(f"'{location}' has a file for each split, which ?split= is not for")
        names = np.array([split_name(text) for text in first.table.texts(first.split)])
        (texts,) = map(np.array, by_split.values())
        chosen = {str(name): names == name for name in np.unique(names)}
        by_split = {split: texts[rows].tolist() for split, rows in chosen.items()}
        found = dict.fromkeys(chosen, first)
    targets = told_apart(_values(by_split, found), f"'{location}'", arguments.get("labels"))
    return Dataset(
        {
            split: partial(load, columns, chosen[split], targets.splits[split])
            for split, columns in found.items()
        },
        str(location),
        targets.classes,
        task=targets.task,
        class_names=targets.names,
        read_as=(*read_as, *targets.read_as),
    )


def detect(path: Path) -> bool:
    """Return whether the path is named as a table, or a folder of tables named as splits."""
    return bool(_tables(path)) if path.is_dir() else _stem(path) is not None


@hookimpl
def lmctool_dataset() -> DataFormat:
    """Add ``--data csv:PATH``."""
    return DataFormat(open_csv, detect, ARGUMENTS)


def _stem(path: Path) -> str | None:
    """Return the name of a table's file without what says that it is one; None for others."""
    ends = [end for end in SUFFIXES if path.name.lower().endswith(end)]
    return path.name[: -len(ends[0])] if ends and path.is_file() else None


def _tables(folder: Path) -> dict[str, Path]:
    """Return the tables of a folder that are named as splits, by split."""
    found: dict[str, Path] = {}
    for path in sorted(folder.iterdir()):
        stem = _stem(path)
        if stem is not None and stem.lower() in SPLIT_NAMES:
            split = split_name(stem)
            if split in found:
                raise LmctoolError(f"'{found[split]}' and '{path}' are both split {split!r}")
            found[split] = path
    return found


def _paths(location: Path) -> dict[str, Path]:
    """Return the file of each split."""
    if not location.is_dir():
        return {"test": location}
    found = _tables(location)
    if not found:
        raise LmctoolError(f"'{location}' holds no train.csv, test.csv or the like")
    return found


def _with_targets(
    tables: Mapping[str, Table], arguments: Mapping[str, Argument]
) -> tuple[dict[str, Columns], list[str]]:
    """Return the columns of each table that has targets, and what is to be said of them.

    Raises:
        LmctoolError: no table has them, or tables differ in their inputs.
    """
    found, errors, read_as = {}, [], []
    for split, table in tables.items():
        try:
            found[split] = _columns(table, arguments)
        except LmctoolError as error:
            errors.append(error)
            read_as.append(f"split {split!r} is left out: {error}")
    if not found:
        raise errors[0]
    (first, *others) = found.values()
    for other in others:
        if other.names != first.names:
            one = next(iter(set(other.names) ^ set(first.names)), "the order of their columns")
            raise LmctoolError(
                f"'{first.table.path}' and '{other.table.path}' differ in their inputs: {one}"
            )
    if first.table.columns[0] == "":
        read_as.append(UNNAMED)
    if not first.table.has_header:
        read_as.append(HEADLESS)
    return found, read_as


def _columns(table: Table, arguments: Mapping[str, Argument]) -> Columns:
    """Return what the columns of a table are."""
    target = _place(table, arguments["target"]) if "target" in arguments else _usual(table)
    split = _place(table, arguments["split"]) if "split" in arguments else None
    inputs = [
        place
        for place, name in enumerate(table.columns)
        if place not in {target, split} and (place or name)
    ]
    if not inputs or target == split:
        raise LmctoolError(f"'{table.path}' has no column of inputs beside its targets")
    return Columns(table, target, split, tuple(inputs))


def _place(table: Table, named: Argument) -> int:
    """Return the place of a column that the user names, or counts from 0 on or from -1 back."""
    if str(named) in table.columns:
        return table.columns.index(str(named))
    if type(named) is int and -len(table.columns) <= named < len(table.columns):
        return named % len(table.columns)
    raise LmctoolError(f"'{table.path}' has no column {named!r}; it has {_listed(table.columns)}")


def _usual(table: Table) -> int:
    """Return the place of the only column that is called as targets are."""
    places = [place for place, name in enumerate(table.columns) if name.lower() in TARGETS]
    if len(places) != 1:
        several = f"several columns of targets, {_listed([table.columns[p] for p in places])}"
        none = f"no column called target, label, class or y among {_listed(table.columns)}"
        raise LmctoolError(
            f"'{table.path}' has {several if places else none}; name one with ?target=NAME"
        )
    return places[0]


def _values(
    by_split: Mapping[str, Sequence[str]], found: Mapping[str, Columns]
) -> dict[str, NDArray[Any]]:
    """Return the targets of all splits as whole numbers, as fractions, or as texts.

    Raises:
        LmctoolError: one is missing among numbers.
    """
    texts = {text for values in by_split.values() for text in values}
    others = [text for text in texts if not is_finite(text)]
    if not others:
        whole = all(text.lstrip("+-").isdecimal() and len(text) < 16 for text in texts)
        dtype = np.int64 if whole else np.float64
        return {split: np.array(list(map(float, v))).astype(dtype) for split, v in by_split.items()}
    if len(others) < len(texts) and all(text.lower() in MISSING for text in others):
        for columns in found.values():
            for line, row in columns.table.rows():
                if row[columns.target].strip() in others:
                    raise columns.table.missing(line, columns.target)
    return {split: np.array(values) for split, values in by_split.items()}


def _listed(names: Iterable[str]) -> str:
    names = list(names)
    more = f", ... ({len(names)} columns)" if len(names) > SHOWN else ""
    return ", ".join(map(repr, names[:SHOWN])) + more
