"""Runs on data that stay in their file: the numbers of data in memory, and what is told of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import h5py
import numpy as np
import pytest

from lmctool.data.stored_inputs import StoredInputs
from lmctool.results.file import read
from lmctool.results.provenance import Provenance
from lmctool.results.value_diff import deviations
from lmctool.testing import invoke
from lmctool_plugins.datasets import digits
from tests.every import A, B

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

FEW = ("--points", "3", "--allow-chance", "--calib-size", "90", "--calib-batch", "40", "-q")


def arrays() -> dict[str, Any]:
    stored = {split: digits.load(split == "train") for split in ("train", "test")}
    named = {f"x_{split}": each.inputs for split, each in stored.items()}
    return named | {f"y_{split}": each.targets for split, each in stored.items()}


def npz(path: Path) -> None:
    np.savez(path, **arrays())


def packed(path: Path) -> None:
    np.savez_compressed(path, **arrays())


def hdf5(path: Path) -> None:
    with h5py.File(path, "w") as file:
        for name, values in arrays().items():
            file.create_dataset(name, data=values, chunks=True, compression="gzip")


FILES: dict[str, tuple[Callable[[Path], None], tuple[str, ...]]] = {
    "npz": (npz, ("--align", "--repair")),
    "packed.npz": (packed, ()),
    "h5": (hdf5, ()),
}
"""What writes each kind of file, and what is asked of it beside a barrier."""


@pytest.fixture
def in_files(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let inputs stay in their file, and be read a few at a time, however few they are."""
    monkeypatch.setattr("lmctool.data.placement.HELD", 0)
    monkeypatch.setattr("lmctool.data.reading.PIECE", 5000)


def measured(folder: Path, name: str, *words: str) -> Any:
    out = folder / f"{name}.h5"
    done = invoke("barrier", A, B, *words, "-o", out)
    assert done.exit_code == 0, done.output
    return read(out)


@pytest.mark.parametrize("suffix", FILES)
def test_numbers_are_those_of_data_in_memory(
    suffix: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    write, more = FILES[suffix]
    write(tmp_path / f"data.{suffix}")
    words = ("--data", str(tmp_path / f"data.{suffix}"), *FEW, *more)
    held = measured(tmp_path, "held", *words)
    request.getfixturevalue("in_files")
    stored = measured(tmp_path, "stored", *words)
    assert not [each for each in deviations(held, stored) if each.greatest]
    assert Provenance.of(held).splits == Provenance.of(stored).splits
    assert Provenance.of(held).key == Provenance.of(stored).key


def test_how_examples_were_chosen_is_told_once_and_recorded(tmp_path: Path) -> None:
    words = ("barrier", A, B, "--points", "3", "--limit", "40", "--split", "test,train")
    done = invoke(*words, "--align", "weight", "-o", tmp_path / "r.h5")
    assert done.exit_code == 0, done.output
    told = "40 of 449 examples, chosen in the proportions of the classes"
    assert done.stderr.count(f"split 'test': {told}") == 1
    assert done.stderr.count("split 'train': 40 of 1348 examples") == 1
    splits = Provenance.of(read(tmp_path / "r.h5")).splits
    assert {name: each.subset for name, each in splits.items()} == {
        "test": "stratified",
        "train": "stratified",
    }


def test_nothing_is_said_where_all_are_used(tmp_path: Path) -> None:
    done = invoke("barrier", A, B, "--points", "3", "-o", tmp_path / "r.h5")
    assert "chosen" not in done.output
    assert Provenance.of(read(tmp_path / "r.h5")).splits["test"].subset is None


@pytest.mark.usefixtures("in_files")
@pytest.mark.parametrize("harm", ["shrinks", "grows"])
def test_a_file_that_changes_during_a_run_is_told(
    harm: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "data.npz"
    npz(path)
    content = path.read_bytes()
    inner: Callable[..., Any] = StoredInputs.__getitem__
    batches: list[object] = []

    def changing(self: StoredInputs, key: Any) -> Any:
        batches.append(key)
        if len(batches) == 4:
            path.write_bytes(content[:20_000] if harm == "shrinks" else content + b"0")
        return inner(self, key)

    monkeypatch.setattr(StoredInputs, "__getitem__", changing)
    done = invoke("barrier", A, B, "--data", path, *FEW, "-o", tmp_path / "r.h5")
    assert done.exit_code == 2
    assert f"Error: '{path}' was changed while it was being read; run this again" in done.stderr
    assert not (tmp_path / "r.h5").exists()
