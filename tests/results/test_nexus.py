"""The default plot that NeXus readers find."""

from __future__ import annotations

from typing import TYPE_CHECKING

import h5py
import numpy as np
import pytest

from lmctool.results.equality import difference
from lmctool.results.file import read, write
from lmctool.results.nexus import MARKS, default
from lmctool.results.result import Group, Result, Variable

if TYPE_CHECKING:
    from pathlib import Path


def group(*, coordinate: bool = True, points: int = 3, metric: str = "") -> Group:
    """Return a variable over x, which has a coordinate or not."""
    variables = {"y": Variable(np.zeros(points), ("x",), metric=metric)}
    if coordinate:
        variables["x"] = Variable(np.arange(float(points)), ("x",))
    return Group(variables)


def test_the_first_curve_is_the_plot() -> None:
    few = group(points=2, metric="a.few")
    assert default(Result("a", {"a/few": few, "a/curve": group()})) == ("a/curve", "y")
    assert default(Result("a", {"a/few": few})) == ("a/few", "y")
    assert default(Result("a", {"a/bare": group(coordinate=False, metric="a.bare")})) is None
    assert default(Result("a", {})) is None


def test_the_way_to_it_is_marked(barrier_file: Path) -> None:
    with h5py.File(barrier_file) as file:
        assert (file.attrs["NX_class"], file.attrs["default"]) == ("NXroot", "barrier")
        assert dict(file["barrier"].attrs) == {"NX_class": "NXentry", "default": "curve"}
        curve = file["barrier/curve"].attrs
        assert (curve["NX_class"], curve["signal"]) == ("NXdata", "loss")
        assert list(curve["axes"]) == ["variant", "split", "alpha"]


def test_the_marks_are_no_attributes_of_a_result(
    barrier_result: Result, barrier_file: Path
) -> None:
    found = read(barrier_file)
    assert difference(barrier_result, found) is None
    assert not MARKS & found.groups["barrier/curve"].attributes.keys()


@pytest.mark.parametrize("name", sorted(MARKS))
def test_a_result_cannot_take_their_names(name: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=f"attribute '{name}' of 'a' has a name that NeXus gives"):
        write(Result("a", {"a": Group({}, {name: "x"})}), tmp_path / "a.h5")


def test_a_result_without_a_plot_has_no_marks(tmp_path: Path) -> None:
    write(Result("a", {"a": Group({}, {"b": 1})}), tmp_path / "a.h5")
    with h5py.File(tmp_path / "a.h5") as file:
        assert not MARKS & set(file.attrs)
