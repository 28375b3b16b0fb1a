"""The HDF5 file of a result: self-describing, and read by every netCDF-4 reader as it stands.

Root attributes: ``analysis``, ``lmctool_schema``, ``lmctool_version`` and ``groups`` (their
paths).  Each axis of each array has a dimension scale: a coordinate, or the indices 0, 1, ...
"""

from __future__ import annotations

import os
from functools import partial
from importlib.metadata import version
from io import BytesIO
from typing import TYPE_CHECKING, Any

import numpy as np

from lmctool.errors import LmctoolError
from lmctool.files.hdf5 import obstacle, open_hdf5
from lmctool.files.input_files import check_input
from lmctool.files.publish import publish
from lmctool.files.untrusted import harm_of
from lmctool.results import attributes, dataset, nexus
from lmctool.results.equality import difference
from lmctool.results.layout import Layout, plan
from lmctool.results.result import Attribute, Group, Result, Variable

if TYPE_CHECKING:
    from pathlib import Path

    import h5py

SCHEMA = 1
INDEX = "index"
GROWTH = 2**22
"""Bytes by which the file grows while it is made."""
UNREADABLE = (OSError, KeyError, ValueError, TypeError, RuntimeError, OverflowError, MemoryError)


def write(result: Result, path: Path, *, force: bool = False) -> None:
    """Write a result, read it back, and publish it at once under ``path``.

    The checkpoint beside a result is not part of its file.  float16 becomes float32; everything
    else is read back bit for bit.

    Raises:
        LmctoolError: the file exists and ``force`` is not given, or it cannot be written.
        ValueError: names, dims or types that no file can hold.
    """
    layout = plan(result)
    with publish(path, force) as draft:
        try:
            draft.write_bytes(_image(layout))
            changed = difference(layout.result, _read(draft))
        except (OSError, RuntimeError) as cause:
            raise LmctoolError(f"result '{path}' cannot be written: {_reason(cause)}") from cause
        if changed:
            raise LmctoolError(f"result '{path}' was not stored faithfully: {changed} differs")


def read(path: Path) -> Result:
    """Read a result, which is an input of the running command.

    Raises:
        LmctoolError: there is no such file, it cannot be read, is no result of lmctool, a newer
            lmctool wrote it, or it is damaged.
    """
    check_input(path, f"result '{path}'")
    return read_own(path)


def read_own(path: Path) -> Result:
    """Read a result that the running command may replace.

    Raises:
        LmctoolError: as ``read``.
    """
    import h5py

    if not os.access(path, os.R_OK):
        raise LmctoolError(f"result '{path}' cannot be read: permission denied")
    try:
        if not h5py.is_hdf5(path):
            raise LmctoolError(f"'{path}' is no HDF5 file, so no result of lmctool")
        if harm := harm_of(partial(_read, path), path.stat().st_size):
            raise LmctoolError(f"result '{path}' is damaged: it {harm}")
        return _read(path)
    except UNREADABLE as cause:
        if reason := obstacle(cause):
            raise LmctoolError(f"result '{path}' cannot be read: {reason}") from cause
        raise LmctoolError(f"result '{path}' is damaged or cut short: {_reason(cause)}") from cause


def pack(result: Result) -> bytes:
    """Return the bytes of a result's file."""
    return _image(plan(result))


def unpack(image: bytes) -> Result:
    """Return the result that ``pack`` made bytes of."""
    return _read(BytesIO(image))


def _reason(cause: BaseException) -> str:
    """Return the message of an error on one line."""
    if isinstance(cause, OSError) and cause.strerror and "\n" not in cause.strerror:
        return cause.strerror
    return " ".join(str(cause).split()).strip("'\"") or type(cause).__name__


def _image(layout: Layout) -> bytes:
    """Return the bytes of the file, made in memory: HDF5 does not survive a full disk."""
    import h5py

    options = {"driver": "core", "backing_store": False, "block_size": GROWTH}
    with h5py.File("result", "w", libver=("earliest", "v110"), track_order=True, **options) as file:
        attributes.write(file, "analysis", layout.result.analysis)
        attributes.write(file, "lmctool_schema", SCHEMA)
        attributes.write(file, "lmctool_version", version("lmctool"))
        attributes.write(file, "groups", list(layout.result.groups))
        for name in layout.result.groups:
            _open(file, name)
        for name, group in layout.result.groups.items():
            _write_group(file[name], group)
        for (name, dim), length in layout.indexes.items():
            scale = dataset.create(file[name], dim, np.arange(length, dtype=np.int64))
            scale.attrs.update({"units": "1", "long_name": f"index of {dim}"})
            scale.attrs[attributes.ROLE] = INDEX
        _attach_scales(file, layout)
        nexus.mark(file, layout.result)
        file.flush()
        image: bytes = file.id.get_file_image()
        return image


def _open(file: h5py.File, path: str) -> None:
    """Create a group and its parents; h5py alone would not track the order of the parents."""
    group: Any = file
    for name in path.split("/"):
        group = group[name] if name in group else group.create_group(name, track_order=True)


def _write_group(group: h5py.Group, content: Group) -> None:
    for name, value in content.attributes.items():
        attributes.write(group, name, value)
    for name, variable in content.variables.items():
        dataset.write(group, name, variable)


def _attach_scales(file: h5py.File, layout: Layout) -> None:
    for (path, dim), home in layout.homes.items():
        if home == path:
            file[path][dim].make_scale(dim)
    for path, group in layout.result.groups.items():
        for name, variable in group.variables.items():
            for axis, dim in enumerate(variable.dims):
                if name != dim:
                    scale = file[layout.homes[path, dim]][dim]
                    file[path][name].dims[axis].attach_scale(scale)


def _read(path: Path | BytesIO) -> Result:
    with open_hdf5(path) as file:
        if "lmctool_schema" not in file.attrs or "analysis" not in file.attrs:
            raise LmctoolError(f"'{path}' is an HDF5 file, but no result of lmctool")
        schema = int(file.attrs["lmctool_schema"])
        if schema > SCHEMA:
            raise LmctoolError(
                f"result '{path}' has schema {schema}, but this lmctool reads up to {SCHEMA};"
                " install a newer lmctool"
            )
        paths = _read_group(file).attributes.get("groups", [])
        if not isinstance(paths, list):
            raise ValueError("its list of groups is no list")
        groups = {str(name): _read_group(_descend(file, str(name))) for name in paths}
        return Result(str(file.attrs["analysis"]), groups)


def _descend(file: h5py.File, path: str) -> Any:
    group: Any = file
    for name in path.split("/"):
        group = _child(group, name)
    return group


def _child(group: h5py.Group, name: str) -> Any:
    """Return what a group itself holds: a link of an untrusted file may lead to other files."""
    import h5py

    if not isinstance(group, h5py.Group):
        raise ValueError(f"{group.name} is no group")
    if not isinstance(group.get(name, getlink=True), h5py.HardLink):
        raise ValueError(f"{group.name} holds no {name!r} of its own")
    return group[name]


def _read_group(group: h5py.Group) -> Group:
    import h5py

    variables: dict[str, Variable] = {}
    others: dict[str, Attribute] = attributes.read(group)
    for name in group:
        item = _child(group, name)
        if not isinstance(item, h5py.Dataset):
            continue
        role = item.attrs.get(attributes.ROLE)
        if role is None:
            variables[name] = dataset.read(item)
        elif role != INDEX:
            others[name] = attributes.read_long(item)
    return Group(variables, others)
