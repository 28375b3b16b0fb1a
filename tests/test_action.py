"""action.yml: what its steps do in a shell, and that no input of it can become code."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING

import pytest

from lmctool.testing import invoke, tiny_pair
from tests.action import ACTION, ROOT, run_step

if TYPE_CHECKING:
    from pathlib import Path

    from tests.action import Done

HOSTILE = "x; touch hacked; $(touch hacked) `touch hacked` *"


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """Return a folder with two checkpoints, and a policy that they fail."""
    folder = tmp_path / "work"
    folder.mkdir()
    tiny_pair(folder, steps=1)
    (folder / "failing.toml").write_text('[[gate]]\nrequire = "distance.cosine >= 0.9"\n')
    return folder


def judge(place: Path, **inputs: str) -> Done:
    return run_step("Judge", inputs, place, {})


def install(place: Path, **inputs: str) -> tuple[Done, list[list[str]]]:
    """Run the step that installs; return what became of it, and the words of each command."""
    stub, log = place.parent / "bin/python", place.parent / "log"
    stub.parent.mkdir()
    stub.write_text(f'#!/bin/sh\nprintf "%s\\n" "$@" end >> "{log}"\n')
    stub.chmod(0o755)
    log.touch()
    path = f"{stub.parent}{os.pathsep}{os.environ['PATH']}"
    given = {key.replace("_", "-"): value for key, value in inputs.items()}
    done = run_step("Install", given, place, {"PATH": path})
    return done, [part.split("\n")[:-1] for part in log.read_text().split("end\n")[:-1]]


def test_no_input_is_part_of_a_script() -> None:
    used: set[str] = set()
    for step in ACTION["runs"]["steps"]:
        assert "${{" not in step.get("run", "")
        for value in {**step.get("env", {}), **step.get("with", {})}.values():
            used |= set(re.findall(r"^\$\{\{ inputs\.([\w-]+) \}\}$", value))
    assert used == set(ACTION["inputs"])
    for name, output in ACTION["outputs"].items():
        assert output["value"] == f"${{{{ steps.judge.outputs.{name} }}}}"


def test_torch_comes_from_the_index_that_is_named_and_lmctool_from_the_action(place: Path) -> None:
    done, (torch, own) = install(place, torch_index="file:///mirror", pip_arguments="--no-deps -q")
    pip = ["-m", "pip", "install", "-c", str(ROOT / "constraints.txt"), "--no-deps", "-q"]
    assert done.code == 0, done.said
    assert torch == [*pip, "--index-url", "file:///mirror", "torch"]
    assert own == [*pip, str(ROOT)]


def test_a_hostile_name_is_a_word_to_pip(place: Path) -> None:
    done, (torch, own) = install(place, torch_index=HOSTILE, lmctool=HOSTILE, pip_arguments=HOSTILE)
    assert done.code == 0, done.said
    assert torch[5:] == [*HOSTILE.split(), "--index-url", HOSTILE, "torch"]
    assert own[-1] == HOSTILE
    assert not (place / "hacked").exists()


def test_without_an_index_nothing_is_installed(place: Path) -> None:
    done, commands = install(place)
    assert (done.code, commands) == (2, [])
    assert "::error title=lmctool::torch-index is empty" in done.said


def test_stored_results_are_judged_and_a_failure_is_reported(place: Path) -> None:
    ends = (str(place / "a.safetensors"), str(place / "b.safetensors"))
    for name in ("one", "other"):
        assert invoke("distance", *ends, "-o", place / f"{name}.h5", "-q").exit_code == 0
    done = judge(place, results="o*.h5", policy="failing.toml", folder="kept")
    assert (done.code, done.outputs["verdict"]) == (3, "failed"), done.said
    assert "lmctool audit --policy failing.toml" in done.said and "one.h5 other.h5" in done.said
    assert (place / done.outputs["report"]).is_file()


def test_a_hostile_command_runs_nothing_but_lmctool(place: Path) -> None:
    command = f"distance a.safetensors b.safetensors -o {HOSTILE}"
    done = judge(place, command=command, results=HOSTILE, policy=HOSTILE)
    assert done.outputs == {"exit-code": "2", "verdict": "error", "report": ""}
    assert done.code == 2 and not (place / "hacked").exists()


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("command", "distance 'a", "No closing quotation"),
        ("folder", "a\nverdict=passed", "folder has to be a single line"),
    ],
)
def test_an_input_that_makes_no_sense_is_told(
    place: Path, name: str, value: str, told: str
) -> None:
    done = judge(place, **{name: value})
    assert (done.code, done.outputs["verdict"]) == (2, "error")
    assert f"::error title=lmctool::{told}" in done.said
