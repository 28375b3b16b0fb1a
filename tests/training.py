"""The training script of the examples, in this process, and the commands of their shell scripts."""

from __future__ import annotations

import contextlib
import importlib.util
import os
import shutil
import subprocess
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner

if TYPE_CHECKING:
    import click
    from click.testing import Result

EXAMPLES = Path(__file__).parents[1] / "examples"
NOTED = '#!/bin/sh\nprintf "%s\\t" "${0##*/}" "$@" >> "$COMMANDS"; echo >> "$COMMANDS"\n'
"""A program that notes how it was called, and does nothing."""


@cache
def script() -> click.Command:
    """Return the command of examples/train.py, which imports what lies beside it."""
    spec = importlib.util.spec_from_file_location("train_under_test", EXAMPLES / "train.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(EXAMPLES)
        spec.loader.exec_module(module)
    command: click.Command = module.main
    return command


def train(folder: Path, *words: str) -> Result:
    """Run the script in a folder with these words of a command line."""
    with contextlib.chdir(folder):
        return CliRunner().invoke(script(), words, catch_exceptions=False)


def commands(script: Path, folder: Path) -> list[list[str]]:
    """Return the words of each command of a script of examples, in its order, running none.

    Args:
        script: the script.
        folder: an empty folder, into which it is copied.
    """
    programs, noted = folder / "programs", folder / "commands"
    programs.mkdir()
    for name in ("python", "lmctool"):
        (programs / name).write_text(NOTED)
        (programs / name).chmod(0o755)
    copied = shutil.copy(script, folder)
    paths = f"{programs}{os.pathsep}{os.environ['PATH']}"
    subprocess.run([copied], env={"PATH": paths, "COMMANDS": str(noted)}, check=True)
    return [line.split("\t")[:-1] for line in noted.read_text().splitlines()]
