"""Why two results may differ."""

from __future__ import annotations

import json
from typing import Any

from lmctool.results.provenance_diff import Cause, causes
from lmctool.results.result import Group, Result


def made(**said: Any) -> Result:
    """Return a result whose provenance says this, ``__`` standing for a dot."""
    attributes = {name.replace("__", "."): value for name, value in said.items()}
    return Result("x", {"provenance": Group({}, attributes)})


def test_runs_alike_have_no_causes() -> None:
    assert causes(made(seed=0, options="{}"), made(seed=0, options="{}")) == []
    assert causes(Result("x", {}), Result("x", {})) == []


def test_inputs_come_first_then_versions_then_settings() -> None:
    one = made(seed=0, versions__torch="2.9", checkpoint__0__digest="aa")
    other = made(seed=1, versions__torch="2.10", checkpoint__0__digest="bb")
    assert causes(one, other) == [
        Cause("input", "checkpoint.0.digest", "aa", "bb"),
        Cause("version", "versions.torch", "2.9", "2.10"),
        Cause("setting", "seed", "0", "1"),
    ]


def test_a_moved_or_newly_stored_checkpoint_is_the_same_input() -> None:
    said = {"checkpoint.0.path": "a", "checkpoint.0.sha256": "1", "data.source": "here"}
    moved = {"checkpoint.0.path": "b", "checkpoint.0.sha256": "2", "data.source": "there"}
    one = made(**said, started="1", command="x", key="k", spec="a.json", data__origin="metadata")
    other = made(**moved, started="2", command="y", key="l", spec="b.json", data__origin="--data")
    assert causes(one, other) == []


def test_the_content_of_data_results_and_spec_files_is_an_input() -> None:
    names = ("result.0.sha256", "spec.sha256", "split.test.digest", "calibration.digest")
    one, other = made(**dict.fromkeys(names, "aa")), made(**dict.fromkeys(names, "bb"))
    assert [(cause.kind, cause.name) for cause in causes(one, other)] == [
        ("input", name) for name in names
    ]


def test_plugins_and_the_platform_are_versions() -> None:
    found = causes(made(plugins__theirs="1.0", platform__machine="x86_64"), Result("x", {}))
    assert [(cause.kind, cause.name, cause.other) for cause in found] == [
        ("version", "plugins.theirs", "nothing"),
        ("version", "platform.machine", "nothing"),
    ]


def test_each_option_is_a_setting_by_itself() -> None:
    one = made(options=json.dumps({"points": 5, "refine": False}))
    other = made(options=json.dumps({"points": 25, "refine": False, "alphas": None}))
    assert causes(one, other) == [
        Cause("setting", "options.points", "5", "25"),
        Cause("setting", "options.alphas", "nothing", "null"),
    ]


def test_options_that_are_no_table_are_compared_as_text() -> None:
    assert causes(made(options="[" * 5000), made(options="{")) == [
        Cause("setting", "options", "[" * 5000, "{")
    ]
