"""lmctool rerun: a result's own record is enough to make it again."""

from __future__ import annotations

import contextlib
import shutil
from dataclasses import replace
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import pytest
import torch

from lmctool.cli.commands import rerun
from lmctool.evaluate import evaluator
from lmctool.evaluate.strategy import Strategy, made
from lmctool.plugin.settings import Repetition
from lmctool.results.file import read, write
from lmctool.results.provenance import Provenance
from lmctool.results.result import Group
from lmctool.testing import invoke
from tools.survival.job import DIGITS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lmctool.evaluate.functional import Network


@pytest.fixture(autouse=True)
def in_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in "ab":
        shutil.copy(DIGITS / f"{name}.safetensors", f"{name}.safetensors")


WORDS = (
    *("interpolate", "a.safetensors", "b.safetensors"),
    *("--limit", "50", "--alphas", "0.5", "-q"),
)


def made_by(*options: str) -> Path:
    """Make a result, which also writes a document and is judged."""
    done = invoke(*WORDS, *options)
    assert done.exit_code in {0, 3}, done.output
    return Path("interpolate.h5")


@cache
def usual() -> bytes:
    """Return the file of a result that was made without options, in a folder as every test has."""
    with TemporaryDirectory() as folder, contextlib.chdir(folder):
        for name in "ab":
            shutil.copy(DIGITS / f"{name}.safetensors", f"{name}.safetensors")
        return made_by().read_bytes()


def usual_result() -> Path:
    """Put the result that was made without options here."""
    Path("interpolate.h5").write_bytes(usual())
    return Path("interpolate.h5")


def recording(command: str) -> Path:
    """Make a result that says it was made by this command."""
    result = read(usual_result())
    said = result.groups["provenance"]
    group = Group(said.variables, {**said.attributes, "command": command})
    write(replace(result, groups={**result.groups, "provenance": group}), Path("told.h5"))
    return Path("told.h5")


def test_the_same_inputs_give_the_same_numbers_and_touch_no_file() -> None:
    path = made_by("--json", "out.json", "--require", "interpolate.highest_error <= 0", "--align")
    before = {file: file.read_bytes() for file in Path().iterdir()}
    done = invoke("rerun", path)
    assert done.exit_code == 0, done.output
    assert done.stdout.endswith(
        "the numbers of 'interpolate.h5' and of the new run agree bit for bit\n"
    )
    assert {file: file.read_bytes() for file in Path().iterdir()} == before


def test_another_checkpoint_under_the_old_name_is_named() -> None:
    path = usual_result()
    shutil.copy("a.safetensors", "b.safetensors")
    done = invoke("rerun", path, "-q")
    assert done.exit_code == 3
    assert "checkpoint.1.digest" in done.stdout
    assert "interpolate/curve/loss" in done.stdout
    assert done.stderr == ""


def test_numbers_that_nothing_recorded_explains_are_told() -> None:
    result = read(usual_result())
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
    result = read(usual_result())
    said = result.groups["provenance"]
    group = Group(said.variables, {**said.attributes, "versions.torch": "1.0"})
    write(replace(result, groups={**result.groups, "provenance": group}), Path("old.h5"))
    done = invoke("rerun", "old.h5", "-q")
    assert done.exit_code == 0
    assert "versions.torch" in done.stdout


def test_the_new_result_is_kept_where_asked_and_never_replaces_one() -> None:
    path = usual_result()
    assert invoke("rerun", path, "-q", "-o", "new.h5").exit_code == 0
    assert invoke("compare", path, "new.h5").exit_code == 0
    refused = invoke("rerun", path, "-q", "-o", "new.h5")
    assert refused.exit_code == 2
    assert "output 'new.h5' exists" in refused.stderr


def test_paths_are_looked_for_in_the_folder_that_is_named(tmp_path: Path) -> None:
    path = usual_result()
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
        (
            "lmctool.barrier(<MLP>, <MLP>, align=True)",
            "was made in Python by lmctool.barrier(<MLP>",
        ),
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


def saying(path: Path, **said: object) -> Path:
    """Write a result whose provenance says something else, and return its path."""
    result = read(path)
    group = result.groups["provenance"]
    attributes: dict[str, Any] = {**group.attributes, **said}
    said_so = Group(group.variables, attributes)
    write(replace(result, groups={**result.groups, "provenance": said_so}), Path("said.h5"))
    return Path("said.h5")


def settings(path: Path) -> Mapping[str, Any]:
    return Provenance.of(read(path)).settings


def test_the_recorded_strategy_and_batch_size_are_repeated_and_not_found_anew(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def found(network: Network, *_: object) -> Strategy:
        return made(network, "module", torch.contiguous_format, 7)

    monkeypatch.setattr(evaluator, "fastest", found)
    path = made_by("--strategy", "measure")
    monkeypatch.setattr(evaluator, "fastest", lambda *_: pytest.fail("measured again"))
    done = invoke("rerun", path, "-o", "new.h5")
    assert done.exit_code == 0, done.output
    assert "agree bit for bit" in done.stdout
    assert "anew" not in done.stderr
    for result in (path, Path("new.h5")):
        assert settings(result)["strategy"] == "module, contiguous"
        assert settings(result)["batch_size"] == 7
    again = ("--strategy", "measure", "-o", "new.h5", "--resume")
    assert invoke(*WORDS, *again).exit_code == 0  # it is the result of this very command


def test_on_another_kind_of_device_they_are_chosen_anew_and_that_is_told() -> None:
    path = usual_result()
    said = {"device": "cuda:0", "strategy": "graphs, contiguous", "batch_size": 5}
    done = invoke("rerun", saying(path, **said), "-o", "new.h5")
    assert done.exit_code == 0, done.output
    assert "the recorded run was on 'cuda' and this one is on 'cpu'" in done.stderr
    for key in ("strategy", "batch_size"):
        assert settings(Path("new.h5"))[key] == settings(path)[key]


@pytest.mark.parametrize(
    "said",
    [{"batch_size": 0}, {"batch_size": -3}, {"batch_size": 2.5}, {"batch_size": "many"},
     {"batch_size": [4]}, {"strategy": 1}, {"device": [1]}, {"strategy": None}],
    ids=str,
)  # fmt: skip
def test_a_record_that_says_something_else_is_not_repeated(said: dict[str, Any]) -> None:
    attributes: dict[str, Any] = {
        "device": "cuda:1",
        "strategy": "graphs, contiguous",
        "batch_size": 4,
    }
    assert rerun._repetition(attributes) == Repetition("cuda", "graphs, contiguous", 4)
    other = {key: value for key, value in (attributes | said).items() if value is not None}
    assert rerun._repetition(other) is None
