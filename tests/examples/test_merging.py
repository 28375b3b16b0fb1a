"""The script of examples/merging, on three networks of digits that are hardly trained."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import lmctool
from tests.plugins.pairs import save, trained

if TYPE_CHECKING:
    from types import ModuleType

SCRIPT = Path(__file__).parents[2] / "examples/merging/make.py"


@pytest.fixture
def make(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    spec = importlib.util.spec_from_file_location("merging", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, spec.name, module)  # where dataclasses look
    spec.loader.exec_module(module)
    return module


@pytest.mark.slow
def test_the_table_has_a_cell_for_each_method_and_is_made_once(
    make: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for seed, name in enumerate(("one", "two", "base")):
        save(tmp_path / f"{name}.safetensors", "mlp-batch", trained("mlp-batch", seed))
    columns = make.Networks("pair", ("one", "two")), make.Networks("set", ("one", "two"), "base")
    monkeypatch.setattr(make, "COLUMNS", columns)
    chosen = {name: make.METHODS[name] for name in ("mean", "ties", "wise-ft")}
    monkeypatch.setattr(make, "METHODS", chosen)
    monkeypatch.setattr(make, "SHARED", {"data": "digits", "limit": 50, "calib_size": 50})
    bench = make.Bench(tmp_path)
    text = make.table(bench)
    head, rule, *rows = [line.strip("| ").split(" | ") for line in text.splitlines()]
    assert head == ["method", "networks", "pair", "set"]
    assert set(rule) == {"---"}
    assert [row[0] for row in rows] == ["none"] * 3 + [
        f"`{name}`" for name in chosen for _ in make.ROWS
    ]
    cells = {(row[0], row[1]): row[2:] for row in rows}
    assert cells["`ties`", "raw"][0] == make.NONE
    assert all(cell.endswith("%") for cell in cells["`ties`", "raw"][1:])
    mean = lmctool.open(tmp_path / "mean of pair.h5").metrics[
        "merge.error[network=align,split=test]"
    ]
    assert cells["`mean`", "aligned"][0] == f"{mean:.1%}"

    def refuse(*_: Any, **__: Any) -> None:
        raise AssertionError("made again")

    monkeypatch.setattr(lmctool, "merge", refuse)
    assert make.table(bench) == text
