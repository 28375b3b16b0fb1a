"""A result as a tree of xarray's."""

from __future__ import annotations

from io import BytesIO
from typing import TYPE_CHECKING

from lmctool.notebook.extras import library
from lmctool.results.file import pack

if TYPE_CHECKING:
    import xarray as xr

    from lmctool.results.result import Result


def datatree(result: Result) -> xr.DataTree:
    """Return the tree that xarray opens a result's file as, all of it in memory.

    Raises:
        LmctoolError: xarray is not installed, or h5netcdf, by which it reads.
    """
    xarray = library("xarray")
    library("h5netcdf")
    with xarray.open_datatree(BytesIO(pack(result)), engine="h5netcdf") as tree:
        loaded: xr.DataTree = tree.load()
    return loaded
