"""The result file gives back what was written, or one sentence."""

from __future__ import annotations

import re
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import h5py
import numpy as np
import pytest

from lmctool.errors import LmctoolError
from lmctool.results.equality import difference
from lmctool.results.file import read, write
from lmctool.results.result import Group, Result, Variable

if TYPE_CHECKING:
    from pathlib import Path


def test_a_result_comes_back_bit_for_bit(barrier_result: Result, barrier_file: Path) -> None:
    back = read(barrier_file)
    assert difference(barrier_result, back) is None
    assert list(back.groups) == list(barrier_result.groups)
    for path, group in barrier_result.groups.items():
        assert list(back.groups[path].variables) == list(group.variables)


def test_one_result_makes_the_same_bytes_each_time(
    barrier_result: Result, barrier_file: Path, tmp_path: Path
) -> None:
    time.sleep(1.1)  # the clock of HDF5 counts whole seconds
    write(barrier_result, tmp_path / "again.h5")
    assert (tmp_path / "again.h5").read_bytes() == barrier_file.read_bytes()


def test_parents_share_their_scales(tmp_path: Path) -> None:
    values = Variable(np.zeros((2, 3)), ("split", "step"))
    splits = Variable(np.array(["train", "test"], dtype=object), ("split",))
    result = Result(
        "x", {"top/inner": Group({"y": values}), "top": Group({"split": splits, "x": values})}
    )
    write(result, tmp_path / "x.h5")
    assert difference(result, read(tmp_path / "x.h5")) is None
    with h5py.File(tmp_path / "x.h5") as file:
        assert list(file["top/inner"]) == ["y"]
        assert file["top/inner/y"].dims[1][0] == file["top/step"]


def test_large_arrays_are_compressed_and_checksummed(barrier_file: Path) -> None:
    with h5py.File(barrier_file) as file:
        large, small = file["permutations/permutation_001"], file["permutations/permutation_000"]
        assert (large.compression, large.shuffle, large.fletcher32) == ("gzip", True, True)
        assert small.chunks is None


def test_float16_becomes_float32(tmp_path: Path) -> None:
    half = Variable(np.array([0.1, np.nan], np.float16), ("x",))
    write(Result("x", {"g": Group({"v": half})}), tmp_path / "x.h5")
    back = read(tmp_path / "x.h5").groups["g"].variables["v"].values
    assert back.dtype == np.float32
    np.testing.assert_array_equal(back, half.values)


@pytest.mark.parametrize(
    "variables",
    [
        {"v": Variable(np.zeros((2, 2)), ("x", "x"))},
        {"v": Variable(np.zeros(2), ("x",)), "w": Variable(np.zeros(3), ("x",))},
        {"v": Variable(np.zeros(2), ("x", "y"))},
        {"v": Variable(np.zeros(2), ("x",)), "x": Variable(np.zeros(()))},
        {"v": Variable(np.zeros(2, np.complex64), ("x",))},
        {"v": Variable(np.array([b"x", None]), ("x",))},
        {"a/b": Variable(np.zeros(2), ("x",))},
        {"_FillValue": Variable(np.zeros(2), ("x",))},
    ],
)
def test_what_no_file_can_hold_is_refused(variables: dict[str, Variable], tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="'"):
        write(Result("x", {"g": Group(variables)}), tmp_path / "x.h5")
    assert list(tmp_path.iterdir()) == []


def test_what_is_no_text_in_an_array_of_objects_is_told_with_its_place(tmp_path: Path) -> None:
    names = Variable(np.array([["a", "b"], ["c", None]], dtype=object), ("x", "y"))
    told = re.escape(
        "variable 'v' holds a value of type NoneType at [1, 1]; an array of objects can hold text"
    )
    with pytest.raises(ValueError, match=told):
        write(Result("x", {"g": Group({"v": names})}), tmp_path / "x.h5")


def test_a_child_may_not_contradict_its_parent(tmp_path: Path) -> None:
    two, three = (Variable(np.arange(size), ("x",)) for size in (2, 3))
    for child in ({"x": three}, {"v": three}, {"x": Variable(two.values + 1, ("x",))}):
        result = Result("x", {"g": Group({"x": two}), "g/h": Group(child)})
        with pytest.raises(ValueError, match="'g/h'"):
            write(result, tmp_path / "x.h5")


@pytest.mark.parametrize("name", ["nul \0", "lone \ud800"])
def test_odd_text_is_kept_in_attributes_and_refused_in_variables(name: str, tmp_path: Path) -> None:
    result = Result("x", {"g": Group({}, {"one": name, "all": [name, "b"], "big": 2**70})})
    write(result, tmp_path / "x.h5")
    assert difference(result, read(tmp_path / "x.h5")) is None
    names = Variable(np.array([name], dtype=object), ("x",))
    with pytest.raises(LmctoolError, match="no valid Unicode text"):
        write(Result("x", {"g": Group({"n": names})}), tmp_path / "y.h5")


def test_an_existing_file_needs_force(barrier_result: Result, barrier_file: Path) -> None:
    before = barrier_file.read_bytes()
    with pytest.raises(LmctoolError, match="exists"):
        write(barrier_result, barrier_file)
    assert barrier_file.read_bytes() == before
    write(Result("other", {}), barrier_file, force=True)
    assert read(barrier_file) == Result("other", {})


def test_what_was_not_stored_faithfully_is_not_published(
    barrier_result: Result, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lmctool.results.file._read", lambda _: Result("barrier", {}))
    with pytest.raises(LmctoolError, match="not stored faithfully"):
        write(barrier_result, tmp_path / "x.h5")
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_is_one_sentence_and_leaves_nothing(tmp_path: Path) -> None:
    code = (
        "import pathlib, resource, sys, numpy as np; from lmctool.results.file import write;"
        "from lmctool.results.result import *;"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000));"
        "values = Variable(np.random.default_rng(0).random(9000), ('x',));"
        "write(Result('x', {'g': Group({'v': values})}), pathlib.Path(sys.argv[1]))"
    )
    ended = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "x.h5")], capture_output=True, text=True
    )
    assert ended.returncode == 1
    assert ended.stderr.endswith("x.h5' cannot be written: File too large\n")
    assert list(tmp_path.iterdir()) == []
