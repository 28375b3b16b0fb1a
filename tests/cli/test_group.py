"""The group of all commands, and how a real process ends."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import textwrap
from typing import TYPE_CHECKING

import pytest

from lmctool.plugin import registry
from lmctool.plugin.kinds import ANALYSES
from lmctool.testing import invoke

if TYPE_CHECKING:
    from pathlib import Path

    from tests.cli.conftest import Install


def start(code: str, *words: str) -> subprocess.Popen[str]:
    """Start the command line as a process of its own, after some code."""
    script = f"{textwrap.dedent(code)}\nfrom lmctool.cli import main\nmain()"
    return subprocess.Popen(
        [sys.executable, "-c", script, *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        encoding="utf-8",
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        preexec_fn=listening,
    )


def listening() -> None:
    """Let a child be interrupted, also where a shell in the background ignores it for all."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def test_help_lists_every_analysis_and_every_command_with_its_line() -> None:
    shown = " ".join(invoke("--help").stdout.split())
    for name in registry.names(ANALYSES):
        assert f"{name} {registry.summary(ANALYSES, name).rstrip('.')}" in shown
    for name in ("inspect", "show", "plot", "plugins", "convert", "stamp"):
        assert f" {name} " in shown


@pytest.mark.parametrize("name", ["inspect", "show", "plot", "plugins", "convert", "stamp"])
def test_every_command_has_help(name: str) -> None:
    done = invoke(name, "--help")
    assert done.exit_code == 0
    assert done.stdout.startswith(f"Usage: main {name}")


def test_an_unknown_command_is_told_with_the_nearest_one() -> None:
    done = invoke("barier")
    assert done.exit_code == 2
    assert "no command is called 'barier'; did you mean 'barrier'?" in done.stderr


def test_version_is_that_of_the_distribution() -> None:
    assert invoke("--version").stdout == "lmctool 0.1.0\n"


def test_a_broken_plugin_leaves_help_and_the_others_alone(install: Install) -> None:
    install("lmctool.analyses", "broken", '"""Breaks."""\nraise RuntimeError("on import")')
    assert re.search(r"broken +Breaks\n", invoke("--help").stdout)
    assert invoke("barrier", "--help").exit_code == 0
    done = invoke("broken", "--help")
    assert done.exit_code == 2
    assert "cannot be used: RuntimeError: on import" in done.stderr


def test_an_analysis_cannot_take_the_name_of_a_command_of_the_host(install: Install) -> None:
    install("lmctool.analyses", "show", '"""Not this one."""')
    assert "Not this one" not in invoke("--help").stdout
    assert "'show' is a command of lmctool itself" in invoke("plugins").stdout


def test_debug_shows_the_traceback_of_an_error(tmp_path: Path) -> None:
    absent = tmp_path / "absent.safetensors"
    assert "Traceback" not in invoke("inspect", absent).stderr
    assert "Traceback" in invoke("--debug", "inspect", absent).stderr


def test_words_of_a_file_cannot_steer_the_terminal(tmp_path: Path) -> None:
    done = invoke("inspect", tmp_path / "\x1b[2J")
    assert done.exit_code == 2
    assert "\x1b" not in done.stderr


SLOW = """
import lmctool.cli.commands.plugins, time
def slow():
    print("ready", flush=True)
    while True:
        time.sleep(0.1)
    yield
lmctool.cli.commands.plugins._plugins = slow
"""


@pytest.mark.parametrize(
    ("number", "code", "word"),
    [(signal.SIGINT, 130, "Interrupted"), (signal.SIGTERM, 143, "Terminated")],
)
def test_a_signal_ends_a_process_with_its_own_exit_code(
    number: signal.Signals, code: int, word: str
) -> None:
    process = start(SLOW, "plugins")
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    process.send_signal(number)
    _, told = process.communicate()
    assert process.returncode == code
    assert told.strip() == f"{word}; nothing was written"


def test_a_closed_pipe_is_no_cause_for_noise() -> None:
    process = start("", "--help")
    assert process.stdout is not None
    process.stdout.close()
    assert process.stderr is not None
    assert process.stderr.read() == ""
    process.stderr.close()
    process.wait()


@pytest.mark.parametrize(
    ("words", "code"),
    [(["--help"], 0), (["barrier", "x", "y"], 2), (["barrier"], 2), (["barrier", "-h"], 0)],
)
def test_a_real_process_has_the_exit_code(words: list[str], code: int) -> None:
    process = start("", *words)
    process.communicate()
    assert process.returncode == code
