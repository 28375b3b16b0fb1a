"""Completion in shells."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys

import pytest

from lmctool.testing import invoke


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_script_calls_lmctool_back(shell: str) -> None:
    done = invoke("completion", shell)
    assert done.exit_code == 0, done.output
    assert f"_LMCTOOL_COMPLETE={shell}_complete" in done.stdout


def test_an_unknown_shell_is_refused() -> None:
    assert invoke("completion", "tcsh").exit_code == 2


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("lmctool barr", "barrier"),
        ("lmctool aud", "audit"),
        ("lmctool barrier --requ", "--require"),
    ],
)
def test_words_are_completed(words: str, expected: str) -> None:
    setting = {
        "_LMCTOOL_COMPLETE": "bash_complete",
        "COMP_WORDS": words,
        "COMP_CWORD": str(words.count(" ")),
    }
    code = "from lmctool.cli import main; main(prog_name='lmctool')"
    done = subprocess.run(
        [sys.executable, "-c", code], env=os.environ | setting, capture_output=True, text=True,
        check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert expected in {line.partition(",")[2] for line in done.stdout.splitlines()}


@pytest.mark.skipif(shutil.which("bash") is None, reason="needs bash, which runs the script")
def test_bash_takes_the_script() -> None:
    script = invoke("completion", "bash").stdout
    done = subprocess.run(
        ["bash", "-c", f"{script}\ncomplete -p lmctool"], capture_output=True, text=True, check=True
    )
    assert "_lmctool_completion" in done.stdout
