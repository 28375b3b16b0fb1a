"""Other programs read what every analysis writes: each group, variable, coordinate, attribute."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import netCDF4
import numpy as np
import pytest
import xarray
from nexusformat.nexus import nxload

from lmctool.plugin import registry
from lmctool.plugin.kinds import ANALYSES
from lmctool.results.equality import difference
from lmctool.results.file import read

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from lmctool.results.result import Group, Result, Variable

every_analysis = pytest.mark.parametrize("name", registry.names(ANALYSES))


def held(result: Result) -> Iterator[tuple[str, Group, str, Variable]]:
    """Yield every variable of a result with its group."""
    for path, group in result.groups.items():
        for name, variable in group.variables.items():
            yield path, group, name, variable


def same(found: Any, variable: Variable) -> None:
    """Check what a reader found, whose text may be bytes."""
    values = np.ma.filled(found, np.nan) if variable.values.dtype.kind == "f" else np.asarray(found)
    if variable.values.dtype.kind == "O":
        texts = [v.decode() if isinstance(v, bytes) else str(v) for v in np.atleast_1d(values).flat]
        assert texts == [str(value) for value in variable.values.flat]
    else:
        np.testing.assert_array_equal(np.reshape(values, variable.values.shape), variable.values)


@every_analysis
def test_xarray_reads_every_variable_over_its_coordinates(
    name: str, made: Callable[[str], Path]
) -> None:
    path = made(name)
    with xarray.open_datatree(path, engine="h5netcdf") as tree:
        tree.load()
        for place, group, variable_name, variable in held(read(path)):
            opened = tree[f"{place}/{variable_name}"]
            assert opened.dims == variable.dims
            same(opened.values, variable)
            for dim in variable.dims:
                if dim in group.variables:
                    same(opened[dim].values, group.variables[dim])


@every_analysis
def test_netcdf_reads_every_variable_and_attribute(name: str, made: Callable[[str], Path]) -> None:
    path = made(name)
    with netCDF4.Dataset(path) as file:
        for place, group, variable_name, variable in held(read(path)):
            opened = file[place][variable_name]
            assert opened.dimensions == variable.dims
            same(opened[...], variable)
            assert opened.long_name == variable.long_name
            there = set(file[place].ncattrs()) | set(file[place].variables)
            assert set(group.attributes) <= there


# nexusformat 2.0 itself sets the shape of an array, which NumPy 2.5 warns of
@pytest.mark.filterwarnings("ignore:Setting the shape on a NumPy array:DeprecationWarning")
@every_analysis
def test_nexusformat_reads_every_variable(name: str, made: Callable[[str], Path]) -> None:
    path = made(name)
    root = nxload(str(path))
    for place, _, variable_name, variable in held(read(path)):
        same(root[f"{place}/{variable_name}"].nxdata, variable)


@every_analysis
def test_nexusformat_has_a_default_plot(name: str, made: Callable[[str], Path]) -> None:
    plotted = nxload(str(made(name))).plottable_data
    path = plotted.nxpath.strip("/")
    variable = read(made(name)).groups[path].variables[plotted.nxsignal.nxname]
    assert tuple(axis.nxname for axis in plotted.nxaxes) == variable.dims


@every_analysis
def test_we_read_what_we_wrote(name: str, made: Callable[[str], Path], tmp_path: Path) -> None:
    from lmctool.results.file import write

    result = read(made(name))
    write(result, tmp_path / "again.h5")
    assert difference(result, read(tmp_path / "again.h5")) is None
    assert "provenance" in result.groups


def test_permutations_and_their_proof_are_among_them(made: Callable[[str], Path]) -> None:
    for name in ("align", "barrier", "merge"):
        groups = read(made(name)).groups
        assert {"permutations", "proof"} <= groups.keys()
