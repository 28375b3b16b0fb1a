"""Code of users and plugins that asks the program to end: never 0, and named."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from lmctool.cli.exit import exit_code
from lmctool.errors import LmctoolError, PluginError
from lmctool.plugin.exits import no_exit
from lmctool.testing import invoke, tiny_pair

if TYPE_CHECKING:
    from tests.cli.conftest import Install

PASSING = ("--require", "interpolate.highest_loss <= 1000")
WORDS = ("interpolate", "a.safetensors", "b.safetensors", "--alphas", "0.5", "--limit", "40", "-q")
NET = """
import sys
from torch import nn
IMPORTED
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = nn.ModuleList([nn.Linear(64, 16), nn.Linear(16, 16)])
        self.classifier = nn.Linear(16, 10)
    def forward(self, x):
        FORWARD
        for layer in self.layers:
            x = layer(x.flatten(1)).relu()
        return self.classifier(x)

def make():
    CALLED
    return Net()
"""
DATA = """
import sys
import numpy as np
from lmctool.api import Dataset, Examples
def load():
    LOADED
def make():
    CALLED
    return Dataset({"test": load, "train": load}, "nowhere", 10)
"""
ALIGNER = '''
"""Align."""
import sys
import click
from lmctool.api import Aligner, hookimpl
def align(run, a, b, **options):
    ALIGNED
def look(context, option, value):
    LOOKED
@hookimpl
def lmctool_aligner():
    """Add --align ending."""
    LOADED
    return Aligner(align, (click.Option(["--look"], default="x", callback=look),))
'''
TASK = '''
"""Score."""
import sys
from lmctool.api import Task, hookimpl
def score(outputs, targets):
    sys.exit(0)
@hookimpl
def lmctool_task():
    """Add --task ending."""
    return Task(score, lambda targets: 0.9)
'''
OBSERVER = '''
"""Observe."""
import sys
from lmctool.api import Observer, hookimpl
def at(*_):
    sys.exit(0)
@hookimpl
def lmctool_observer():
    """Observe."""
    return Observer(MOMENT=at)
'''
ANALYSIS = '''
"""Analyse."""
import sys
import click
from lmctool.api import Analysis, LmctoolError, hookimpl
class AllWell(LmctoolError):
    exit_code = 0
class AlsoWell(click.ClickException):
    exit_code = 0
class Silent(LmctoolError):
    def __str__(self):
        sys.exit(0)
def compute(run):
    RAISE
@hookimpl
def lmctool_analysis():
    """Add lmctool ending."""
    return Analysis(COMPUTE, needs=frozenset())
'''
END = "sys.exit(0)"


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    tiny_pair(tmp_path)


def filled(source: str, **statements: str) -> str:
    """Return a source with statements in the places that have names, and nothing in the others."""
    for place in ("IMPORTED", "FORWARD", "CALLED", "LOADED", "ALIGNED", "LOOKED"):
        source = source.replace(place, statements.get(place, "pass"))
    return source


@pytest.mark.parametrize("end", [END, "sys.exit(3)", "sys.exit()", "raise SystemExit('done')"])
@pytest.mark.parametrize("place", ["IMPORTED", "CALLED", "FORWARD"])
def test_a_model_of_the_user_that_exits_is_named(place: str, end: str) -> None:
    Path("m.py").write_text(filled(NET, **{place: end}))
    done = invoke(*WORDS, *PASSING, "--allow-chance", "--model", "./m.py:make")
    assert done.exit_code == 2, done.output
    assert "asks to exit with" in done.stderr
    assert f"m.py', line {1 + filled(NET, **{place: 'HERE'}).split('HERE')[0].count(chr(10))}" in (
        done.stderr
    )
    assert not Path("interpolate.h5").exists()


@pytest.mark.parametrize("place", ["CALLED", "LOADED"])
def test_data_of_the_user_that_exits_is_named(place: str) -> None:
    Path("d.py").write_text(filled(DATA, **{place: END}))
    done = invoke(*WORDS, *PASSING, "--allow-chance", "--data", "./d.py:make")
    assert done.exit_code == 2, done.output
    assert "d.py', line" in done.stderr


@pytest.mark.parametrize("end", [END, "raise click.exceptions.Exit(0)"])
@pytest.mark.parametrize("place", ["ALIGNED", "LOOKED", "LOADED"])
def test_an_aligner_that_exits_is_named(install: Install, place: str, end: str) -> None:
    install("lmctool.aligners", "ending", filled(ALIGNER, **{place: end}))
    done = invoke(*WORDS, *PASSING, "--allow-chance", "--align", "ending")
    assert done.exit_code == 2, done.output
    assert "ending" in done.stderr


def test_an_option_that_ends_the_context_is_named(install: Install) -> None:
    install("lmctool.aligners", "ending", filled(ALIGNER, LOOKED="context.exit()"))
    done = invoke(*WORDS, "--align", "ending")
    assert done.exit_code == 2
    assert "asks to exit with 0" in done.stderr


def test_a_task_that_exits_is_named(install: Install) -> None:
    install("lmctool.tasks", "ending", TASK)
    done = invoke(*WORDS, *PASSING, "--task", "ending")
    assert done.exit_code == 2, done.output
    assert "ending" in done.stderr


@pytest.mark.parametrize("moment", ["started", "progressed", "finished"])
def test_an_observer_that_exits_is_named(install: Install, moment: str) -> None:
    install("lmctool.observers", "ending", OBSERVER.replace("MOMENT", moment))
    done = invoke(*WORDS, *PASSING, "--allow-chance")
    assert done.exit_code == 2, done.output
    assert "ending" in done.stderr


@pytest.mark.parametrize(
    ("statement", "compute", "code"),
    [
        (END, "compute", 2),
        ("pass", "lambda run: sys.exit(0)", 2),
        ("pass", "sys.exit", 2),
        ("raise click.exceptions.Exit(0)", "compute", 2),
        ("raise AllWell('fine')", "compute", 2),
        ("raise AlsoWell('fine')", "compute", 2),
        ("raise click.Abort", "compute", 130),
        ("raise KeyboardInterrupt", "compute", 130),
        ("raise Silent", "compute", 1),
    ],
)
def test_nothing_that_an_analysis_raises_says_that_all_is_well(
    install: Install, statement: str, compute: str, code: int
) -> None:
    source = ANALYSIS.replace("RAISE", statement).replace("COMPUTE", compute)
    install("lmctool.analyses", "ending", source)
    done = invoke("ending", "a.safetensors", "b.safetensors", "-q")
    assert done.exit_code == code, done.output


def test_a_ci_system_learns_of_an_exit_as_of_any_failure(install: Install) -> None:
    source = ANALYSIS.replace("RAISE", END).replace("COMPUTE", "compute")
    install("lmctool.analyses", "leaving", source)
    done = invoke("leaving", "a.safetensors", "b.safetensors", "-q", "--junit", "v.xml")
    assert done.exit_code == 2
    assert "asks to exit with 0" in Path("v.xml").read_text()


def test_the_program_itself_may_end() -> None:
    for words in (["--help"], ["--version"], ["interpolate", "--help"]):
        assert invoke(*words).exit_code == 0


def test_an_exit_of_code_that_nobody_knows_is_named_by_its_place() -> None:
    with pytest.raises(PluginError, match=r"code of a plugin asks to exit with 3, in .*line \d+"):
        exit_here()


def exit_here() -> None:
    """Exit from this file, which is none of lmctool's."""
    with no_exit():
        raise SystemExit(3)


@pytest.mark.parametrize("code", [0, 1, 3, None, "text"])
def test_an_error_never_has_the_exit_code_of_something_else(code: object) -> None:
    error = LmctoolError("wrong")
    error.exit_code = code  # type: ignore[assignment]

    def run() -> None:
        raise error

    assert exit_code(run, []) == 2


@pytest.mark.parametrize("kind", [BaseException, GeneratorExit])
def test_what_is_no_exception_of_python_is_named_too(kind: type[BaseException]) -> None:
    told = f"'mine.py:make' ends with {kind.__name__}, in '.*py'"
    with pytest.raises(PluginError, match=told), no_exit("'mine.py:make'"):
        raise kind
    with pytest.raises(KeyboardInterrupt), no_exit("'mine.py:make'"):
        raise KeyboardInterrupt
