"""lmctool rerun: a result's own record is enough to make it again."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from lmctool.results.file import read, write
from lmctool.results.result import Group
from lmctool.testing import invoke
from tools.survival.job import DIGITS


@pytest.fixture(autouse=True)
def in_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in "ab":
        shutil.copy(DIGITS / f"{name}.safetensors", f"{name}.safetensors")


def made(*options: str) -> Path:
    """Make a result, which also writes a document and is judged."""
    words = ("--limit", "50", "--alphas", "0.5", "-q", *options)
    done = invoke("interpolate", "a.safetensors", "b.safetensors", *words)
    assert done.exit_code in {0, 3}, done.output
    return Path("interpolate.h5")


def recording(command: str) -> Path:
    """Make a result that says it was made by this command."""
    result = read(made())
    said = result.groups["provenance"]
    group = Group(said.variables, {**said.attributes, "command": command})
    write(replace(result, groups={**result.groups, "provenance": group}), Path("told.h5"))
    return Path("told.h5")


def test_the_same_inputs_give_the_same_numbers_and_touch_no_file() -> None:
    path = made("--json", "out.json", "--require", "interpolate.highest_error <= 0", "--align")
    before = {file: file.read_bytes() for file in Path().iterdir()}
    done = invoke("rerun", path)
    assert done.exit_code == 0, done.output
    assert done.stdout.endswith(
        "the numbers of 'interpolate.h5' and of the new run agree bit for bit\n"
    )
    assert {file: file.read_bytes() for file in Path().iterdir()} == before


def test_another_checkpoint_under_the_old_name_is_named() -> None:
    path = made()
    shutil.copy("a.safetensors", "b.safetensors")
    done = invoke("rerun", path, "-q")
    assert done.exit_code == 3
    assert "checkpoint.1.digest" in done.stdout
    assert "interpolate/curve/loss" in done.stdout
    assert done.stderr == ""


def test_numbers_that_nothing_recorded_explains_are_told() -> None:
    result = read(made())
    curve = result.groups["interpolate/curve"]
    loss = replace(curve.variables["loss"], values=curve.variables["loss"].values + 1e-9)
    group = Group({**curve.variables, "loss": loss}, curve.attributes)
    write(replace(result, groups={**result.groups, "interpolate/curve": group}), Path("off.h5"))
    done = invoke("rerun", "off.h5", "-q")
    assert done.exit_code == 3
    assert "nothing that it records explains it" in done.stdout
    near = invoke("rerun", "off.h5", "-q", "--tolerance", "1e-8")
    assert near.exit_code == 0
    assert "agree to 1e-08" in near.stdout


def test_a_changed_version_is_named() -> None:
    result = read(made())
    said = result.groups["provenance"]
    group = Group(said.variables, {**said.attributes, "versions.torch": "1.0"})
    write(replace(result, groups={**result.groups, "provenance": group}), Path("old.h5"))
    done = invoke("rerun", "old.h5", "-q")
    assert done.exit_code == 0
    assert "versions.torch" in done.stdout


def test_the_new_result_is_kept_where_asked_and_never_replaces_one() -> None:
    path = made()
    assert invoke("rerun", path, "-q", "-o", "new.h5").exit_code == 0
    assert invoke("compare", path, "new.h5").exit_code == 0
    refused = invoke("rerun", path, "-q", "-o", "new.h5")
    assert refused.exit_code == 2
    assert "output 'new.h5' exists" in refused.stderr


def test_paths_are_looked_for_in_the_folder_that_is_named(tmp_path: Path) -> None:
    path = made()
    (tmp_path / "there").mkdir()
    for name in "ab":
        Path(f"{name}.safetensors").rename(f"there/{name}.safetensors")
    lost = invoke("rerun", path, "-q")
    assert lost.exit_code == 2
    assert "a.safetensors" in lost.stderr
    found = invoke("rerun", path, "-q", "--in", "there", "-o", "new.h5")
    assert found.exit_code == 0, found.output
    assert Path("new.h5").exists()


@pytest.mark.parametrize("option", ["--model", "--data"])
def test_a_recorded_command_imports_no_code_unasked(option: str) -> None:
    Path("code.py").write_text("from pathlib import Path\nPath('ran').touch()\n")
    path = recording(f"lmctool interpolate a.safetensors b.safetensors {option} ./code.py:make")
    done = invoke("rerun", path, "-q")
    assert done.exit_code == 2
    assert f"{option} ./code.py:make" in done.stderr
    assert not Path("ran").exists()
    invoke("rerun", path, "-q", "--trust")
    assert Path("ran").exists()


@pytest.mark.parametrize(
    ("command", "told"),
    [
        ("", "records no command"),
        ("rm -r x", "records no command"),
        ("lmctool 'open quote", "records no command"),
        ("lmctool stamp a.safetensors", "'stamp', which is not installed"),
        ("lmctool nothing a.safetensors", "'nothing', which is not installed"),
        ("lmctool interpolate a.safetensors --no-such", "cannot be run by this version"),
        ("lmctool interpolate a.safetensors", "cannot be run by this version"),
    ],
)
def test_a_command_that_is_none_of_an_analysis_is_refused(command: str, told: str) -> None:
    done = invoke("rerun", recording(command))
    assert done.exit_code == 2
    assert told in done.stderr


def test_a_recorded_output_is_never_written() -> None:
    path = recording(
        "lmctool interpolate a.safetensors b.safetensors --alphas 0.5 --limit 50 --force"
        " -o victim.h5 --json victim.json --junit victim.xml"
    )
    for name in ("victim.h5", "victim.json", "victim.xml"):
        Path(name).write_text("mine")
    assert invoke("rerun", path, "-q").exit_code == 0
    assert all(Path(name).read_text() == "mine" for name in ("victim.h5", "victim.json"))
    assert Path("victim.xml").read_text() == "mine"
