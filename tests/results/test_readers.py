"""Other programs read the result file as it stands."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import h5py
import netCDF4
import numpy as np
import pytest
import xarray

from lmctool.results.equality import difference
from lmctool.results.file import read

if TYPE_CHECKING:
    from pathlib import Path

    from lmctool.results.result import Result


def test_h5py_finds_a_scale_on_every_axis(barrier_file: Path) -> None:
    def check(name: str, item: Any) -> None:
        if isinstance(item, h5py.Dataset) and not item.is_scale:
            assert [len(axis) for axis in item.dims] == [1] * item.ndim, name

    with h5py.File(barrier_file) as file:
        file.visititems(check)
        assert file["barrier/curve/loss"].attrs["unit"] == "nat"
        assert file["barrier/curve/loss"].attrs["units"] == "1"
        assert file.attrs["analysis"] == "barrier"


def test_xarray_opens_every_group(barrier_result: Result, barrier_file: Path) -> None:
    for path, group in barrier_result.groups.items():
        with xarray.open_dataset(barrier_file, engine="h5netcdf", group=path) as opened:
            opened.load()
            for name, variable in group.variables.items():
                assert opened[name].dims == variable.dims
                np.testing.assert_array_equal(opened[name].values, variable.values)
    with xarray.open_dataset(barrier_file, engine="h5netcdf", group="barrier/curve") as curve:
        assert float(curve.loss.sel(variant="align", split="test", alpha=0.5)) == pytest.approx(1.1)


def test_xarray_opens_the_whole_tree(barrier_result: Result, barrier_file: Path) -> None:
    with xarray.open_datatree(barrier_file, engine="h5netcdf") as tree:
        tree.load()
        assert set(tree.groups) == {"/", "/barrier"} | {
            f"/{path}" for path in barrier_result.groups
        }


def test_netcdf_c_reads_every_variable(barrier_result: Result, barrier_file: Path) -> None:
    with netCDF4.Dataset(barrier_file) as file:
        for path, group in barrier_result.groups.items():
            for name, variable in group.variables.items():
                opened = file[path][name]
                assert opened.dimensions == variable.dims
                values = np.ma.filled(opened[:], np.nan) if opened.dtype == float else opened[:]
                np.testing.assert_array_equal(values, variable.values)
            for name in file[path].ncattrs():
                file[path].getncattr(name)


def test_netcdf_c_can_append_and_we_still_read_it(
    barrier_result: Result, barrier_file: Path
) -> None:
    with netCDF4.Dataset(barrier_file, "a") as file:
        file["barrier/curve/loss"].comment = "checked"
        file.reviewer = "someone"
    assert difference(barrier_result, read(barrier_file)) is None
    with netCDF4.Dataset(barrier_file) as file:
        assert file["barrier/curve/loss"].comment == "checked"
