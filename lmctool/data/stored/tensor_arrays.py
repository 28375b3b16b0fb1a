"""Tensors as arrays of data: those of safetensors files, and of what ``torch.save`` wrote."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from math import prod
from typing import TYPE_CHECKING, Any

import numpy as np

from lmctool.checkpoint.header import read_header
from lmctool.checkpoint.inert import Record
from lmctool.checkpoint.pytorch_file import read_pytorch_file
from lmctool.checkpoint.reading import TORCH_NAMES
from lmctool.checkpoint.state_pickle import StoredTensor
from lmctool.checkpoint.tensor_location import TensorLocation
from lmctool.data.stored.file_rows import FileRows
from lmctool.data.stored.read_file import ReadFile
from lmctool.data.stored.stored_array import StoredArray, guarded

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from numpy.typing import NDArray

    from lmctool.plugin.data_records import Rows

DEEPEST = 4
"""Levels of dictionaries and tuples in which tensors are looked for."""
TENSOR_DATASET = "torch.utils.data.dataset.TensorDataset"
PAIR = ("x", "y")
"""What the two tensors of a pair are called."""


def safetensors_arrays(path: Path) -> dict[str, StoredArray]:
    """Return the tensors of a safetensors file by their names.

    Raises:
        LmctoolError: it is damaged.
    """
    file, header = ReadFile(path), read_header(path)
    return {
        name: _stored(file, TensorLocation(path, name, entry, header.start + entry.begin))
        for name, entry in header.entries.items()
    }


def pytorch_arrays(path: Path) -> dict[str, StoredArray]:
    """Return the tensors that ``torch.save`` wrote, by the names that lead to them.

    Keys of dictionaries within one another are joined by ``/``, two tensors beside one another are
    called x and y, other tensors of a tuple by their places, and one alone as the file.  A
    TensorDataset is its tensors; all else that the file holds is passed over.

    Raises:
        LmctoolError: it is damaged, or a tensor is no plain array.
    """
    file = ReadFile(path)
    found = read_pytorch_file(path, lambda content: (named_tensors(content, path.stem), ()))
    return {name: _stored(file, location) for name, location in found.locations.items()}


def named_tensors(content: Any, alone: str) -> dict[str, StoredTensor]:
    """Return the tensors of what a pickle holds, by the names that lead to them.

    Args:
        content: what it holds.
        alone: what to call a tensor that is all of it.
    """
    return {name or alone: tensor for name, tensor in _walk(content, "", DEEPEST)}


def _walk(value: Any, name: str, deepest: int) -> Iterator[tuple[str, StoredTensor]]:
    if isinstance(value, StoredTensor):
        yield name, value
    elif deepest:
        for key, item in _entries(value):
            yield from _walk(item, f"{name}/{key}" if name else key, deepest - 1)


def _entries(value: Any) -> Iterable[tuple[str, Any]]:
    """Return what is in a dictionary under texts, in a tuple or in a TensorDataset."""
    if isinstance(value, Mapping):
        return [(key, item) for key, item in value.items() if isinstance(key, str)]
    if isinstance(value, Record) and value.called == TENSOR_DATASET:
        value = value.state.get("tensors") if isinstance(value.state, dict) else None
    if not isinstance(value, tuple | list):
        return []
    are_pair = len(value) == 2 and all(isinstance(item, StoredTensor) for item in value)
    return zip(PAIR if are_pair else map(str, range(len(value))), value, strict=True)


def _stored(file: ReadFile, location: TensorLocation) -> StoredArray:
    shape, dtype = location.entry.shape, TORCH_NAMES[location.entry.dtype]
    known = not dtype.startswith(("bfloat", "float8"))
    if known and type(location) is TensorLocation:
        place = (file, location.offset, shape, np.dtype(dtype))
        read, rows = partial(_whole, *place), partial(_rows, *place)
        return StoredArray(
            shape, dtype, partial(guarded, file.path, read), partial(guarded, file.path, rows)
        )
    apart = partial(guarded, file.path, partial(_converted, location, known))
    return StoredArray(shape, dtype if known else "float32", apart, apart)


def _whole(
    file: ReadFile, offset: int, shape: tuple[int, ...], dtype: np.dtype[Any]
) -> NDArray[Any]:
    return np.fromfile(file.path, dtype, prod(shape), offset=offset).reshape(shape)


def _rows(
    file: ReadFile, offset: int, shape: tuple[int, ...], dtype: np.dtype[Any]
) -> Rows | NDArray[Any]:
    return FileRows(file, offset, shape, dtype) if shape else _whole(file, offset, shape, dtype)


def _converted(location: TensorLocation, known: bool) -> NDArray[Any]:
    """Return a tensor whose values lie apart, or are of a dtype that numpy does not know."""
    tensor = location.tensor()
    values: NDArray[Any] = (tensor if known else tensor.float()).numpy()
    return values.copy()
