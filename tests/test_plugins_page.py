"""The authors' guide: every file of it is written, every command of it is run."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest

from lmctool.plugin.kinds import EXECUTORS, KINDS

PAGE = (Path(__file__).parents[1] / "docs/plugins.md").read_text(encoding="utf-8")
FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
FILE = re.compile(r"^`([\w./-]+)`:\n\n```\w+\n(.*?)^```$", re.DOTALL | re.MULTILINE)
FILES = {found[1]: found[2] for found in FILE.finditer(PAGE)}
MINUTES = re.compile(r"(?<=s) \(\d+:\d\d:\d\d\)$", re.MULTILINE)
"""What pytest adds where tests take longer than a minute."""
NUMBER = re.compile(r"[-+]?\d+(\.\d+)?(e[-+]?\d+)?")


class Command(NamedTuple):
    """A command of the page, and what it is said to print."""

    words: str
    shown: str


def commands() -> list[Command]:
    """Return the commands in the order of the page."""
    found = []
    for language, text in FENCE.findall(PAGE):
        if language == "console":
            for part in re.split(r"^\$ ", text, flags=re.MULTILINE)[1:]:
                words, _, shown = part.partition("\n")
                found.append(Command(words, shown))
    return found


def agree(shown: str, printed: str) -> bool:
    """Tell whether two words are the same, but for what another machine may round or need."""
    if not (NUMBER.search(shown) and NUMBER.search(printed)):
        return shown == printed
    if NUMBER.sub("#", shown) != NUMBER.sub("#", printed):
        return False
    if re.fullmatch(r"[\d.]+s", shown):  # how long it took
        return True
    one, other = (
        [float(number[0]) for number in NUMBER.finditer(word)] for word in (shown, printed)
    )
    slack = 3.0 if "%" in shown or shown.isdigit() else 0.1
    return one == pytest.approx(other, rel=0.2, abs=slack)


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with the page's files, and lmctool's checkout nowhere in it."""
    folder = tmp_path_factory.mktemp("mine")
    for name, text in FILES.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return folder


def environment(folder: Path) -> dict[str, str]:
    """Return an environment in which pip takes nothing from an index and installs beside us."""
    here = Path(sys.executable).parent
    site = folder.parent / f"{folder.name}-site"
    return {
        **{key: value for key, value in os.environ.items() if not key.startswith("LMCTOOL")},
        "PATH": f"{here}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": str(site),
        "PIP_TARGET": str(site),
        "PIP_NO_INDEX": "1",
        "PIP_NO_DEPS": "1",
        "PIP_NO_BUILD_ISOLATION": "0",  # of an option that says no, pip takes this for yes
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
        "OMP_NUM_THREADS": "1",
        "COLUMNS": "120",
    }


def test_the_page_has_one_of_each_kind_of_plugin() -> None:
    text = "".join(FILES.values())
    for kind in set(KINDS) - {EXECUTORS}:  # nothing asks an executor to run anything yet
        assert f'entry-points."{kind.group}"' in FILES["pyproject.toml"]
        assert f"def {kind.hook}()" in text
    assert {name for name in FILES if not name.startswith("src/")} == {
        "pyproject.toml",
        "tests/test_mine.py",
    }


def test_every_block_is_a_file_or_commands() -> None:
    others = [text for language, text in FENCE.findall(PAGE) if language != "console"]
    assert others == list(FILES.values())


def test_every_command_prints_what_the_page_shows(package: Path) -> None:
    shutil.rmtree(package / "dist", ignore_errors=True)
    for command in commands():
        done = subprocess.run(
            ["bash", "-eo", "pipefail", "-c", command.words],
            cwd=package, env=environment(package), capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, f"{command.words}\n{done.stdout}\n{done.stderr}"
        shown, printed = command.shown.split(), MINUTES.sub("", done.stdout).split()
        assert len(shown) == len(printed), f"{command.words}\n{done.stdout}"
        for one, other in zip(shown, printed, strict=True):
            assert agree(one, other), f"{command.words}: {one!r} is {other!r} in\n{done.stdout}"


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ("signs", "signs", True),
        ("signs", "sign", False),
        ("12.30%", "13.10%", True),
        ("12.30%", "23.10%", False),
        ("3.21s", "14.02s", True),
        ("0.5", "0.9", False),
        ("a-1.0.whl", "b-1.0.whl", False),
        ("23", "21", True),
        ("tests", "1", False),
    ],
)
def test_words_agree_but_for_what_a_machine_may_change(
    one: str, other: str, expected: bool
) -> None:
    assert agree(one, other) == expected


def test_the_snippets_are_clean(package: Path) -> None:
    ruff = [sys.executable, "-m", "ruff"]
    for words in (["check"], ["format", "--check"]):
        command = [*ruff, *words, "--quiet", "--isolated", "--line-length=100", "src", "tests"]
        done = subprocess.run(command, cwd=package, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout
