"""The provenance of a result as tables."""

from __future__ import annotations

from typing import Any

from lmctool.report.provenance import LONGEST, run, tables
from lmctool.results.result import Group, Result


def made(**said: Any) -> Result:
    """Return a result whose provenance says this, ``__`` standing for a dot."""
    attributes = {name.replace("__", "."): value for name, value in said.items()}
    return Result("x", {"provenance": Group({}, attributes)})


def rows(result: Result) -> dict[str, dict[str, tuple[str, ...]]]:
    """Return the rows of each table of one result by their first cell."""
    return {table.title: {row[0]: row[1:] for row in table.rows} for table in tables([result])}


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


def test_settings_and_versions_stand_apart_and_options_beside_the_command() -> None:
    told = made(
        seed=0,
        versions__torch="2.9",
        options='{"points": 5, "alphas": null, "refine": false}',
        command="lmctool x",
        started="monday",
        finished="tuesday",
    )
    assert rows(told) == {
        "Settings": {"seed": ("0",)},
        "Versions and machine": {"versions.torch": ("2.9",)},
    }
    assert run(told) == {
        "command": "lmctool x",
        "options": "points 5, refine false",
        "run": "monday to tuesday",
    }
    assert run(made(seed=0)) == {}


def test_what_results_have_in_common_is_told_once_and_all_else_with_whose_it_is() -> None:
    results = [
        made(seed=0, dtype="float32", checkpoint__0__digest="12"),
        made(seed=1, dtype="float32", checkpoint__0__digest="12", batch=9),
        made(seed=0, dtype="float32", checkpoint__0__digest="34"),
        made(seed=1, dtype="float32", checkpoint__0__digest="12"),
    ]
    inputs, settings = tables(results)
    assert inputs.columns[-1] == settings.columns[-1] == "results"
    assert inputs.rows == (
        ("checkpoint.0", "", "12", "", "1-2, 4"),
        ("checkpoint.0", "", "34", "", "3"),
    )
    assert settings.rows == (
        ("seed", "0", "1, 3"),
        ("seed", "1", "2, 4"),
        ("dtype", "float32", "all"),
        ("batch", "9", "2"),
    )


def test_a_result_without_provenance_has_no_tables() -> None:
    assert tables([Result("x", {})]) == []


def test_a_long_entry_is_cut_and_says_so() -> None:
    ((_, value),) = tables([made(note="x" * (LONGEST + 1))])[0].rows
    assert value == "x" * LONGEST + f"... ({LONGEST + 1} characters)"
