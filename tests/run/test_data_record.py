"""What data was taken for is told once, recorded, and part of what makes a run the same."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from lmctool.api import Dataset, Examples
from lmctool.results.file import read
from lmctool.results.provenance import Provenance
from lmctool.run.records import MOST_NAMES, class_names
from lmctool.testing import invoke, tiny_pair

CODE = """
from pathlib import Path
import numpy as np
from lmctool.api import Dataset, Examples

def make():
    inputs = np.random.default_rng(0).random((40, 64), dtype=np.float32)
    load = lambda: Examples(inputs, np.arange(40) % 10)
    told, *names = Path("told.txt").read_text().split(",")
    return Dataset({"test": load}, "made", 10, read_as=(told,), class_names=tuple(names))
"""
TOLD = "its rows are columns,zero,one,two,three,four,five,six,seven,eight,nine"
COMMAND = (
    "interpolate",
    "a.safetensors",
    "b.safetensors",
    "--points",
    "3",
    "--allow-chance",
    "--split",
    "test",
)
MADE = (*COMMAND, "--data", "./made.py:make", "-o", "out.h5")


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    tiny_pair(tmp_path)
    Path("made.py").write_text(CODE)
    Path("told.txt").write_text(TOLD)


def test_what_data_was_read_as_is_told_once_and_recorded_with_its_classes() -> None:
    done = invoke(*MADE)
    assert done.exit_code == 0, done.output
    assert done.stderr.count("its rows are columns") == 1
    record = Provenance.of(read(Path("out.h5"))).data
    assert record is not None
    assert record.read_as == ["its rows are columns"]
    assert record.class_names is not None
    assert list(record.class_names[:3]) == ["zero", "one", "two"]


@pytest.mark.parametrize(("was", "is_now"), [("read_as", "rows were"), ("class_names", "one,null")])
def test_a_run_of_data_read_otherwise_is_not_gone_on_with(was: str, is_now: str) -> None:
    assert invoke(*MADE).exit_code == 0
    assert invoke(*MADE, "--resume").exit_code == 0
    before = {"read_as": "rows are", "class_names": "zero,one"}[was]
    Path("told.txt").write_text(TOLD.replace(before, is_now))
    done = invoke(*MADE, "--resume")
    assert done.exit_code == 2
    assert f"data.{was} was [" in done.stderr


def test_data_that_says_nothing_adds_nothing_to_the_record() -> None:
    assert invoke(*COMMAND, "-o", "out.h5").exit_code == 0
    attributes = Provenance.of(read(Path("out.h5"))).attributes()
    assert [key for key in attributes if key.startswith("data")] == [
        "data",
        "data.origin",
        "data.source",
    ]


def test_of_very_many_classes_the_digest_tells_the_order() -> None:
    names = tuple(map(str, range(MOST_NAMES + 1)))
    examples = Examples(np.zeros((1, 1)), np.zeros(1, np.int64))
    dataset = Dataset({"test": lambda: examples}, "", len(names), class_names=names)
    (record,) = class_names(dataset)
    assert record.startswith(f"{MOST_NAMES + 1} names of sha256 ")
    assert class_names(replace(dataset, class_names=names[::-1])) != [record]
    assert class_names(replace(dataset, class_names=names[1:])) == list(names[1:])
