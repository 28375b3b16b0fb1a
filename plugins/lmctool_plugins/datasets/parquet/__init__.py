"""Parquet files, and folders that Hugging Face's datasets library writes.

``parquet:FILE`` is one split; ``parquet:FOLDER`` has files such as ``train-00000-of-00001.parquet``
or ``test.parquet``, in it or in folders of it, or is what ``save_to_disk`` wrote.  Needs the extra
``datasets``; no script of a dataset is ever run, nothing is downloaded or written.

The inputs are the column image, img, pixel_values, x, input or input_ids, the targets label,
labels, target, targets or y; ``?x=NAME&y=NAME`` names others.  Images are prepared as those of
``images:FOLDER``, with the same arguments; a column of images as targets holds masks.  Where no
column is an input by its name, all numbers but the targets are (``?x=a,b,c`` names some).
``input_ids`` are token ids with their labels and attention_mask, or with one class each.
``?labels=``, ``?ignore=`` and ``?layout=`` say what targets and arrays are, as of ``arrays``.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

from lmctool.api import DataFormat, Dataset, Examples, LmctoolError, hookimpl
from lmctool.api.advanced import preprocessing_of, told_apart
from lmctool_plugins.datasets.parquet.choice import Choice, chosen
from lmctool_plugins.datasets.parquet.columns import ColumnImages, ColumnMasks, dense
from lmctool_plugins.datasets.parquet.features import features, is_image
from lmctool_plugins.datasets.parquet.inputs import inputs_of
from lmctool_plugins.datasets.parquet.layout import holds_tables, tables
from lmctool_plugins.datasets.parquet.tokens import token_dataset

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from numpy.typing import NDArray

    from lmctool_plugins.datasets.parquet.inputs import Inputs
    from lmctool_plugins.datasets.parquet.table import Table


def open_parquet(
    word: str,
    location: Path | None,
    x: object = None,
    y: object = None,
    labels: object = None,
    ignore: object = None,
    layout: object = None,
    **shape: object,
) -> Dataset:
    """Return the dataset of a file or folder.

    Args:
        word: the word that names this format.
        location: the file or folder.
        x: the column of the inputs, or several with commas between.
        y: the column of the targets.
        labels: what targets are, as ``told_apart`` takes it.
        ignore: the class that counts for nothing.
        layout: the order of the axes of arrays, as ``one_layout`` takes it.
        shape: what images become, as ``preprocessing_of`` takes it.

    Raises:
        LmctoolError: nothing was named, it holds no such tables, or columns that are unusable.
    """
    if location is None:
        raise LmctoolError(f"{word!r} needs a file or folder; pass --data {word}:PATH")
    how = preprocessing_of(**shape)
    by_split = tables(location)
    first = next(iter(by_split.values()))
    for table in by_split.values():
        if table.types != first.types:
            raise LmctoolError(f"'{location}' has other columns in some splits than in others")
    columns = chosen(first, x, y, str(location))
    pictured = is_image(first.types[columns.x[0]])
    if how is not None and not pictured:
        named = ", ".join(f"?{name}=" for name in shape)
        raise LmctoolError(f"column {columns.x[0]!r} of '{location}' holds no images for {named}")
    if layout is not None and (pictured or columns.tokens):
        raise LmctoolError(f"column {columns.x[0]!r} of '{location}' holds no arrays for ?layout=")
    masked = columns.y is not None and is_image(first.types[columns.y])
    if masked and not pictured:
        raise LmctoolError(f"column {columns.y!r} of '{location}' holds masks, but of no images")
    if columns.tokens:
        dataset = token_dataset(by_split, columns, labels, ignore)
    elif masked and columns.y is not None:
        dataset = _masked(by_split, columns, columns.y, labels, ignore)
    else:
        inputs = inputs_of(by_split, columns.x, layout)
        dataset = _with_targets(by_split, inputs, str(columns.y), labels, ignore)
    told = (*columns.told, *dataset.read_as)
    return replace(dataset, source=str(location), read_as=told, preprocessing=how)


def _masked(
    by_split: Mapping[str, Table], columns: Choice, y: str, labels: object, ignore: object
) -> Dataset:
    """Return images with masks."""
    if labels is not None or not (ignore is None or type(ignore) is int):
        raise LmctoolError("masks have no ?labels=, and their ?ignore= is a whole number")
    splits = {
        split: partial(_load_masked, table, columns.x[0], y, ignore)
        for split, table in by_split.items()
    }
    return Dataset(splits, "", classes=0, task="segmentation")


def _load_masked(table: Table, x: str, y: str, ignored: Any) -> Examples:
    return Examples(ColumnImages(table.column(x)), ColumnMasks(table.column(y), ignored))


def _with_targets(
    by_split: Mapping[str, Table], inputs: Inputs, y: str, labels: object, ignore: object
) -> Dataset:
    """Return inputs with one target, or a row of them, each."""
    stored = {split: dense(table.column(y)) for split, table in by_split.items()}
    targets = told_apart(stored, f"column {y!r}", labels, ignore)
    first = next(iter(by_split.values()))
    names = features(first).names(y) if labels in {None, "classes"} else ()
    return Dataset(
        {
            split: partial(_load, load, targets.splits[split])
            for split, load in inputs.loaders.items()
        },
        "",
        max(len(names), targets.classes) if targets.classes else 0,
        inputs.scale,
        task=targets.task,
        class_names=names or targets.names,
        read_as=(*inputs.told, *targets.read_as),
    )


def _load(load: Callable[[], Any], targets: NDArray[Any]) -> Examples:
    return Examples(load(), targets)


@hookimpl
def lmctool_dataset() -> DataFormat:
    """Add ``--data parquet:PATH``."""
    shaping = {"resize", "crop", "interpolation", "channels"}
    named = {"x", "y", "labels", "ignore", "layout"}
    return DataFormat(open_parquet, holds_tables, frozenset(shaping | named))
