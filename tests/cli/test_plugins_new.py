"""What lmctool plugins new writes, and which names it takes."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from lmctool.plugin.kinds import KINDS
from lmctool.plugin.new_package import LONGEST, NewPackage, compatible, kind_called
from lmctool.testing import invoke

if TYPE_CHECKING:
    from click.testing import Result

    from lmctool.plugin.kinds import Kind
    from tests.cli.conftest import Install

ROOT = Path(__file__).parents[2]
LONG = "-".join(["a23456789"] * 3)[:LONGEST]
"""A name that is as long as names may be, for lines that must not get too long."""


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return an empty folder, which is the current one."""
    folder = tmp_path / "here"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return folder


def new(*words: str) -> Result:
    """Run the command."""
    return invoke("plugins", "new", *words)


def test_a_kind_is_typed_in_the_singular_or_in_the_plural() -> None:
    assert [kind_called(kind.word) for kind in KINDS] == [*KINDS]
    assert [kind_called(kind.plural) for kind in KINDS] == [*KINDS]


def test_the_whole_package_is_written(here: Path) -> None:
    done = new("by-norm", "aligners")
    assert done.exit_code == 0
    assert done.stdout.splitlines()[0] == (
        "lmctool-by-norm: aligner 'by-norm', in src/lmctool_by_norm/by_norm.py"
    )
    assert {str(p.relative_to(here)) for p in here.rglob("*") if p.is_file()} == {
        "lmctool-by-norm/pyproject.toml",
        "lmctool-by-norm/README.md",
        "lmctool-by-norm/src/lmctool_by_norm/__init__.py",
        "lmctool-by-norm/src/lmctool_by_norm/by_norm.py",
        "lmctool-by-norm/src/lmctool_by_norm/py.typed",
        "lmctool-by-norm/tests/test_by_norm.py",
    }


def test_the_folder_can_be_chosen_and_is_quoted(here: Path) -> None:
    done = new("x", "score", "-o", "my scores")
    assert "    cd 'my scores'\n" in done.stdout
    assert (here / "my scores/src/lmctool_x/x.py").is_file()


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("x", "alinger"), "no kind of plugin is called 'alinger'; did you mean 'aligner'?"),
        (("task", "x"), "no kind of plugin is called 'x'; behind NAME comes analysis, aligner"),
        (("X", "task"), "'X' cannot be the name of a plugin; use lower-case letters"),
        (("a--b", "task"), "cannot be the name of a plugin"),
        (("1a", "task"), "cannot be the name of a plugin"),
        (("../x", "task"), "cannot be the name of a plugin"),
        ((LONG + "a" * LONGEST, "task"), f"{LONGEST} characters at most"),
        (("class", "task"), "no module can be called 'class'"),
        (
            ("weight", "aligner"),
            "aligner 'weight' is installed already, by lmctool; choose another",
        ),
        (("show", "analysis"), "'show' is a command of lmctool itself; choose another name"),
        (("statistics", "analysis"), "lmctool.statistics is a module of lmctool"),
        (("plugins", "task"), "a package 'lmctool_plugins' is installed already"),
        (("x", "task", "-o", "no/x"), "folder 'no' of output 'no/x' does not exist"),
    ],
)
def test_a_name_that_cannot_be_is_told(here: Path, words: tuple[str, ...], told: str) -> None:
    done = new(*words)
    assert done.exit_code == 2 and told in done.stderr
    assert not list(here.iterdir())


def test_a_strangers_plugin_keeps_its_name(here: Path, install: Install) -> None:
    install("lmctool.tasks", "theirs", '"""Theirs."""')
    assert "task 'theirs' is installed already" in new("theirs", "task").stderr
    assert new("theirs", "score").exit_code == 0


def test_nothing_is_overwritten(here: Path) -> None:
    (here / "lmctool-x").mkdir()
    done = new("x", "task")
    assert done.exit_code == 2
    assert done.stderr == "Error: 'lmctool-x' exists; choose another folder with -o\n"
    (here / "link").symlink_to("nowhere")
    assert new("x", "task", "-o", "link").exit_code == 2
    assert not list((here / "lmctool-x").iterdir())


def test_nothing_half_written_stays(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Interrupted(dict[str, str]):
        def items(self) -> Any:
            yield "src/one.py", "1"
            (draft,) = filter(Path.is_dir, here.iterdir())
            assert (draft / "src/one.py").read_text() == "1"
            raise KeyboardInterrupt

    monkeypatch.setattr(NewPackage, "files", lambda _: Interrupted())
    assert new("x", "task").exit_code == 130
    assert not list(here.iterdir())


def test_the_list_alone_can_be_json(here: Path) -> None:
    done = invoke("plugins", "--json", "new", "x", "task")
    assert done.exit_code == 2 and "--json is for the list of plugins alone" in done.stderr
    assert not list(here.iterdir())


def test_help_says_what_there_is() -> None:
    said = " ".join(new("--help").stdout.split())
    assert f"KIND is {', '.join(kind.word for kind in KINDS[:-1])} or {KINDS[-1].word}." in said


@pytest.mark.parametrize(
    ("installed", "range_"),
    [("0.1.0", ">=0.1,<0.2"), ("0.10.dev1", ">=0.10,<0.11"), ("1.4.2", ">=1.4,<2")],
)
def test_the_range_of_versions_is_the_one_that_is_promised(installed: str, range_: str) -> None:
    assert compatible(installed) == range_


@pytest.mark.parametrize("name", ["z", LONG])
@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: str(kind.word))
def test_what_is_written_is_clean_by_our_rules(
    tmp_path: Path, name: str, kind: Kind[object]
) -> None:
    folder = tmp_path / "package"
    NewPackage(name, kind).write(folder)
    ours = ["--no-cache", f"--config={ROOT / 'pyproject.toml'}", "--config=src=['src']"]
    for words in (["check"], ["format", "--check"]):
        command = [sys.executable, "-m", "ruff", *words, *ours]
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.slow
def test_the_types_of_what_is_written_are_right(tmp_path: Path) -> None:
    packages = [NewPackage(f"my-{kind.word}", kind) for kind in KINDS]
    for package in packages:
        package.write(tmp_path / package.distribution)
    sources = [str(tmp_path / package.distribution / "src") for package in packages]
    ours = [f"--config-file={ROOT / 'pyproject.toml'}", f"--cache-dir={ROOT / '.mypy_cache'}"]
    done = subprocess.run(
        [sys.executable, "-m", "mypy", *ours, *sources, *map(str, tmp_path.glob("*/tests"))],
        cwd=tmp_path, env={**os.environ, "MYPYPATH": os.pathsep.join(sources)},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout
