"""What docs/figures.md shows can be run, and leaves the files that it names."""

from __future__ import annotations

import re
import shlex
import shutil
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from lmctool.cli.commands.plot import command
from lmctool.testing import invoke

if TYPE_CHECKING:
    from collections.abc import Callable

PAGE = (Path(__file__).parents[1] / "docs/figures.md").read_text(encoding="utf-8")
COMMANDS = [
    shlex.split(line)[1:]
    for block in re.findall(r"```sh\n(.*?)```", PAGE, re.DOTALL)
    for line in block.splitlines()
]


@pytest.fixture
def results(made: Callable[[str], Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two results of barrier in the current folder."""
    monkeypatch.chdir(tmp_path)
    for name in ("barrier.h5", "weight.h5"):
        shutil.copy(made("barrier"), name)


@pytest.mark.usefixtures("results")
def test_the_commands_leave_the_files_that_they_name() -> None:
    shown = [words for words in COMMANDS if words[0] not in {"barrier", "plot"}]
    several = [words for words in COMMANDS if "--label" in words]
    assert (len(COMMANDS), len(shown), len(several)) == (12, 5, 1)
    for words in [*shown, *several]:
        done = invoke(*words)
        assert done.exit_code == 0, (words, done.output)
        for flag, target in pairwise(words):
            if flag in {"-o", "--csv", "--latex", "--markdown"}:
                assert Path(target).stat().st_size
    assert invoke("show", "barrier.h5", "--table").stdout.split()[:1] == ["barrier/curve/loss"]


def test_every_option_of_plot_is_told() -> None:
    flags = {option.opts[-1] for option in command.params if option.opts[0].startswith("-")}
    assert {flag for flag in flags if f"`{flag}" not in PAGE and f" {flag} " not in PAGE} == {
        "--out"
    }
