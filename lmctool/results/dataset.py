"""One variable of a result as an HDF5 dataset, and back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from lmctool.files.hdf5 import check_filters
from lmctool.results.result import Variable

if TYPE_CHECKING:
    import h5py
    from numpy.typing import NDArray

    from lmctool.results.result import Better

CHUNKED_ABOVE = 1000
UDUNITS = frozenset({"1", "s", "ms", "us", "Hz", "J", "W", "percent"})
"""Our units that netCDF's own unit library knows; for others ``units`` is 1."""
TRUTH = "false true"
UNNAMED = "This is a netCDF dimension"
"""How netCDF names a scale that has no values of its own."""
MOST_COMPRESSED = 1100
"""No honest file unpacks to more bytes than this for each byte stored (gzip: 1,032)."""


def write(group: h5py.Group, name: str, variable: Variable) -> h5py.Dataset:
    """Store one variable; its scales are attached later."""
    values = variable.values
    dataset = create(group, name, values.astype(np.int8) if values.dtype == bool else values)
    if values.dtype.kind != "O":
        dataset.attrs["units"] = variable.unit if variable.unit in UDUNITS else "1"
    if values.dtype.kind != "O" or variable.unit != "1":
        dataset.attrs["unit"] = variable.unit
    for key in ("long_name", "metric", "better"):
        if text := getattr(variable, key):
            dataset.attrs[key] = text
    if values.dtype == bool:
        dataset.attrs["flag_values"] = np.array([0, 1], np.int8)
        dataset.attrs["flag_meanings"] = TRUTH
    return dataset


def create(group: h5py.Group, name: str, values: NDArray[Any]) -> h5py.Dataset:
    """Store an array of numbers or strings; a large one is compressed and checksummed."""
    import h5py

    if values.dtype.kind == "O":
        return group.create_dataset(
            name, data=values, dtype=h5py.string_dtype(), shape=values.shape, track_order=True
        )
    if values.size <= CHUNKED_ABOVE:
        return group.create_dataset(name, data=values, track_order=True)
    return group.create_dataset(
        name,
        data=values,
        track_order=True,
        chunks=True,
        compression="gzip",
        compression_opts=4,
        shuffle=True,
        fletcher32=True,
    )


def read(dataset: h5py.Dataset) -> Variable:
    """Return the variable that a dataset holds.

    Raises:
        ValueError: a type or a storage that no result has, or an axis without a scale.
    """
    attributes = dataset.attrs
    values = _values(dataset)
    if attributes.get("flag_meanings") == TRUTH and values.dtype == np.int8:
        values = values.astype(bool)
    return Variable(
        values,
        _dims(dataset),
        unit=str(attributes.get("unit", "1")),
        long_name=str(attributes.get("long_name", "")),
        metric=str(attributes.get("metric", "")),
        better=_better(str(attributes.get("better", ""))),
    )


def _better(text: str) -> Better:
    """Return which way a metric is better.

    Raises:
        ValueError: the file has something else.
    """
    if text not in {"lower", "higher", ""}:
        raise ValueError(f"attribute better of a metric is {text[:60]!r}, not lower or higher")
    return text  # type: ignore[return-value]


def _values(dataset: h5py.Dataset) -> NDArray[Any]:
    """Return the values of a dataset from an untrusted file."""
    import h5py

    if dataset.is_virtual or dataset.external:
        raise ValueError(f"{dataset.name} is stored in another file")
    check_filters(dataset)
    stored = max(dataset.id.get_storage_size(), 1024)
    if dataset.nbytes > MOST_COMPRESSED * stored:
        raise ValueError(f"{dataset.name} claims more values than the file holds")
    if h5py.check_string_dtype(dataset.dtype) is not None:
        return np.asarray(dataset.asstr()[()], dtype=object)
    if dataset.dtype.kind not in "iuf":
        raise ValueError(f"{dataset.name} has type {dataset.dtype}")
    return np.asarray(dataset[()])


def _dims(dataset: h5py.Dataset) -> tuple[str, ...]:
    """Return the names of the scales of a dataset's axes; a scale's own axis has its name."""
    if dataset.is_scale:
        return (_last(str(dataset.name)),)
    if any(len(axis) == 0 for axis in dataset.dims):
        raise ValueError(f"{dataset.name} has an axis without a name")
    return tuple(_scale_name(axis[0]) for axis in dataset.dims)


def _scale_name(scale: h5py.Dataset) -> str:
    """Return the name of a scale that was reached by a reference.

    Its name is read from its attributes: HDF5 searches the whole file for the path of a reference.
    """
    from h5py import h5ds

    name: str = h5ds.get_scale_name(scale.id).decode("utf-8")
    return name if name and not name.startswith(UNNAMED) else _last(str(scale.name))


def _last(path: str) -> str:
    return path.rpartition("/")[2]
