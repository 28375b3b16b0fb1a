"""The provenance of a result as tables."""

from __future__ import annotations

from typing import Any

from lmctool.report.provenance import LONGEST, input_names, run, tables
from lmctool.results.result import Group, Result


def made(**said: Any) -> Result:
    """Return a result whose provenance says this, ``__`` standing for a dot."""
    attributes = {name.replace("__", "."): value for name, value in said.items()}
    return Result("x", {"provenance": Group({}, attributes)})


def rows(result: Result) -> dict[str, dict[str, tuple[str, ...]]]:
    """Return the rows of each table by their first cell."""
    return {table.title: {row[0]: row[1:] for row in table.rows} for table in tables(result)}


def test_each_input_has_a_row_with_what_it_is_and_its_digests() -> None:
    found = rows(
        made(
            checkpoint__0__path="here/a.safetensors",
            checkpoint__0__sha256="12",
            checkpoint__0__digest="34",
            data="digits",
            data__origin="metadata",
            data__source="embedded",
            split__test__digest="56",
            split__test__examples=40,
            split__test__of=449,
            spec="spec.json",
            spec__sha256="78",
        )
    )
    assert found == {
        "Inputs": {
            "checkpoint.0": ("here/a.safetensors", "34", "12"),
            "data": ("digits, from metadata: embedded", "", ""),
            "split.test": ("40 of 449 examples", "56", ""),
            "spec": ("spec.json", "", "78"),
        }
    }


def test_settings_and_versions_stand_apart_and_options_by_themselves() -> None:
    found = rows(made(seed=0, versions__torch="2.9", options='{"points": 5}', command="lmctool x"))
    assert found == {
        "Settings": {"seed": ("0",), "options.points": ("5",)},
        "Versions and machine": {"versions.torch": ("2.9",)},
    }
    assert run(made(command="lmctool x", seed=0)) == {"command": "lmctool x"}


def test_a_result_without_provenance_has_no_tables() -> None:
    assert tables(Result("x", {})) == []
    assert input_names(Result("x", {})) == ""


def test_inputs_are_named_once_by_their_file_names_and_runs_before_steps() -> None:
    paths = {f"checkpoint__{n}__path": f"d/{name}" for n, name in enumerate("ababcde")}
    assert input_names(made(**paths)) == "a, b, c and 2 more"
    assert input_names(made(**paths, series__0__path="runs/one")) == "one"
    assert input_names(made(result__0__path="a.h5")) == "a.h5"


def test_a_long_entry_is_cut_and_says_so() -> None:
    ((_, value),) = tables(made(note="x" * (LONGEST + 1)))[0].rows
    assert value == "x" * LONGEST + f"... ({LONGEST + 1} characters)"
