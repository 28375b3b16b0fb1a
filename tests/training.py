"""The training script of the examples, in this process."""

from __future__ import annotations

import contextlib
import importlib.util
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner

if TYPE_CHECKING:
    import click
    from click.testing import Result

EXAMPLES = Path(__file__).parents[1] / "examples"


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
