"""Columns of token ids: with labels for each position, with one class each, or alone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from lmctool.api import Dataset, Examples, LmctoolError
from lmctool.api.advanced import UNSHIFTED, refuse_padding, token_examples, told_apart, unshifted
from lmctool_plugins.datasets.parquet.choice import MASK
from lmctool_plugins.datasets.parquet.columns import dense
from lmctool_plugins.datasets.parquet.features import features, is_list

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from lmctool_plugins.datasets.parquet.choice import Choice
    from lmctool_plugins.datasets.parquet.table import Table


def token_dataset(
    by_split: Mapping[str, Table], columns: Choice, labels: object, ignore: object
) -> Dataset:
    """Return the dataset of token ids, all of which are read.

    Raises:
        LmctoolError: they are of different lengths, or otherwise unusable.
    """
    first = next(iter(by_split.values()))
    if columns.y is not None and not is_list(first.types[columns.y]):
        return _of_classes(by_split, columns, columns.y, labels, ignore)
    if labels is not None or ignore is not None:
        raise LmctoolError("targets that are tokens have no ?labels= and no ?ignore=")
    examples, told = {}, False
    for split, table in by_split.items():
        ids = dense(table.column(columns.x[0]))
        targets = dense(table.column(columns.y)) if columns.y else None
        mask = dense(table.column(MASK)) if columns.mask else None
        examples[split] = token_examples(ids, targets, mask, f"'{table.path}'")
        told = told or (targets is not None and unshifted(ids, targets))
    return Dataset(
        {split: _giving(each) for split, each in examples.items()},
        "",
        max(_most(array) for each in examples.values() for array in (each.inputs, each.targets)),
        task="causal-lm",
        read_as=(UNSHIFTED,) if told else (),
    )


def _of_classes(
    by_split: Mapping[str, Table], columns: Choice, y: str, labels: object, ignore: object
) -> Dataset:
    """Return sequences with a class each."""
    stored = {split: dense(table.column(y)) for split, table in by_split.items()}
    targets = told_apart(stored, f"column {y!r}", labels, ignore)
    inputs = {}
    for split, table in by_split.items():
        if columns.mask:
            refuse_padding(dense(table.column(MASK)), f"'{table.path}'")
        inputs[split] = dense(table.column(columns.x[0])).astype(np.int64)
    names = features(next(iter(by_split.values()))).names(y)
    return Dataset(
        {split: _giving(Examples(inputs[split], targets.splits[split])) for split in inputs},
        "",
        max(len(names), targets.classes),
        task=targets.task,
        class_names=names or targets.names,
        read_as=targets.read_as,
    )


def _giving(examples: Examples) -> Any:
    return lambda: examples


def _most(array: NDArray[Any]) -> int:
    return int(array.max(initial=-1)) + 1
