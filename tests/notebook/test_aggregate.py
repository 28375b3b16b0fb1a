"""lmctool.aggregate: averages of results in memory and in files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from matplotlib.figure import Figure

import lmctool
from lmctool.errors import LmctoolError, UnjudgedError
from lmctool.notebook.result import Result
from lmctool.results.file import write
from lmctool.testing import invoke
from tests.results.aggregate.samples import seed, square


@pytest.fixture
def found() -> list[Result]:
    """Return the results of three seeds, in no file."""
    return [Result(seed(number).result) for number in range(3)]


def test_results_in_memory_have_the_numbers_of_the_command(
    found: list[Result], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    paths = [Path(f"{number}.h5") for number in range(3)]
    for each, path in zip(found, paths, strict=True):
        write(each.record, path)
    assert invoke("aggregate", *paths, "-o", "mean.h5").exit_code == 0
    stored = lmctool.open("mean.h5")
    for mean in (lmctool.aggregate(found), lmctool.aggregate(map(str, paths))):
        for name, value in stored.metrics.items():
            if "result=" not in name:
                np.testing.assert_equal(mean.metrics[name], value)
        digests = [key for key in mean.provenance if key.endswith(".sha256")]
        assert [mean.provenance[key] for key in digests] == (
            [stored.provenance[key] for key in digests]
        )
        assert mean.provenance["key"] == stored.provenance["key"]
    assert "command" not in mean.provenance


def test_a_mean_is_a_result_like_any_other(found: list[Result], tmp_path: Path) -> None:
    mean = lmctool.aggregate(found)
    assert str(mean).startswith("Average of x over 3 results")
    assert mean.require("x.height.mean <= 1") is mean
    with pytest.raises(lmctool.GateError, match=r"x\.height\.mean"):
        mean.require("x.height.mean < 0")
    assert set(mean.save(tmp_path / "mean.h5")) == {"result", "figure"}
    assert len(mean.plot().axes) == 2
    axes = Figure().subplots()
    mean.plot(axes, split="test")
    assert axes.get_ylabel() == "mean of the loss [nat]"
    frame = mean.to_frame("x/summary")
    assert {"height_mean", "height_mean_lower95"} <= set(frame.columns)


def test_over_pairs() -> None:
    mean = lmctool.aggregate([Result(square())], over="pair")
    assert str(mean).startswith("Average of x over 6 pairs of 4 networks")


def test_what_cannot_be_averaged_is_told(found: list[Result], tmp_path: Path) -> None:
    with pytest.raises(LmctoolError, match="'result 1' and 'result 4' are the same evidence"):
        lmctool.aggregate([*found, found[0]])
    wrong: Any = "seed"
    with pytest.raises(LmctoolError, match="over is one of file, pair, not 'seed'"):
        lmctool.aggregate(found, over=wrong)
    with pytest.raises(LmctoolError, match=r"'none.h5' does not exist"):
        lmctool.aggregate(["none.h5"])


def test_a_result_that_contradicts_itself_is_not_averaged(found: list[Result]) -> None:
    mean = lmctool.aggregate(found)
    mean.record.groups["x/summary"].variables["height_mean"].values[:] = 0
    with pytest.raises(UnjudgedError, match="contradicts itself"):
        lmctool.aggregate([mean])
