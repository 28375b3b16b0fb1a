"""Metrics, and the JSON document that holds them."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from lmctool.errors import LmctoolError
from lmctool.report.json_document import document, write_json
from lmctool.results.file import read
from lmctool.results.metrics import metrics
from lmctool.results.result import Group, Result, Variable


def test_names_carry_coordinates_in_the_order_of_dims(barrier_result: Result) -> None:
    found = metrics(barrier_result)
    assert found["barrier.error[variant=align+repair,split=test]"] == 0.125
    assert found["barrier.loss[variant=plain,split=train]"] is None
    assert found["proof.difference"] == 1e-7
    assert len(found) == 13


def test_the_file_gives_the_same_metrics(barrier_result: Result, barrier_file: Path) -> None:
    assert metrics(read(barrier_file)) == metrics(barrier_result)


def test_coordinates_come_from_parents_and_are_short() -> None:
    values = np.array([1.0, np.inf, 3.0], np.float32)
    parent = Group({"alpha": Variable(np.array([0, 0.1, 1], np.float32), ("alpha",))})
    child = Group(
        {"v": Variable(values, ("alpha",), metric="m"), "w": Variable(values, ("n",), metric="n")}
    )
    assert metrics(Result("x", {"a": parent, "a/b": child})) == {
        "m[alpha=0]": 1.0,
        "m[alpha=0.1]": None,
        "m[alpha=1]": 3.0,
        "n[n=0]": 1.0,
        "n[n=1]": None,
        "n[n=2]": 3.0,
    }


def test_one_name_for_two_numbers_is_refused() -> None:
    group = Group({"v": Variable(np.array(1.0), metric="m")})
    with pytest.raises(LmctoolError, match="'m' twice"):
        metrics(Result("x", {"a": group, "b": group}))


def test_the_document_is_strict_json(barrier_result: Result, tmp_path: Path) -> None:
    written = document(barrier_result, {"result": Path("barrier.h5")})
    write_json(written, str(tmp_path / "out.json"))
    back = json.loads((tmp_path / "out.json").read_text(), parse_constant=pytest.fail)
    assert back == written
    assert back["schema"] == "lmctool.result/2"
    assert back["files"] == {"result": "barrier.h5"}
    assert back["provenance"]["nan"] is None
    assert back["metrics"]["barrier.loss[variant=plain,split=train]"] is None


def test_the_document_goes_to_stdout(capsys: pytest.CaptureFixture[str]) -> None:
    write_json(document(Result("x", {}), {}), "-")
    assert json.loads(capsys.readouterr().out)["metrics"] == {}


def test_an_existing_document_needs_force(tmp_path: Path) -> None:
    target = tmp_path / "out.json"
    write_json({"a": 1}, str(target))
    with pytest.raises(LmctoolError, match="exists"):
        write_json({"a": 2}, str(target))
    write_json({"a": 3}, str(target), force=True)
    assert json.loads(target.read_text()) == {"a": 3}
