"""A command of an attack: in a child of this process, or as a program of its own."""

from __future__ import annotations

import io
import os
import re
import signal
import subprocess
import sys
import time
import traceback
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryFile
from typing import TYPE_CHECKING, NoReturn

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import IO

PATIENCE = 30.0
"""Seconds after which a command hangs."""
HUNG = -999


def nothing() -> None:
    """Do nothing."""


@dataclass(frozen=True, slots=True)
class Done:
    """What came of a command: its exit code (``HUNG`` if it never ended), and what it printed."""

    code: int
    out: str
    err: str

    def last(self) -> str:
        """Return the last message, in one line."""
        lines = [line for line in self.err.splitlines() if re.match(r"Error|Usage|\w+Error", line)]
        return (
            "hung" if self.code == HUNG else (lines or self.err.splitlines() or ["silent"])[-1]
        )[:300]


def run(
    *words: str,
    inside: Callable[[], object] = nothing,
    environment: Mapping[str, str] | None = None,
    patience: float = PATIENCE,
    stdout: int | None = None,
) -> Done:
    """Run a command in a child process that has torch already.

    Args:
        words: the command line, without the program's name.
        inside: run in the child before it.
        environment: variables of the child, beside those that are set.
        patience: seconds after which it is ended.
        stdout: a file descriptor to print to, in place of what is returned.
    """
    with TemporaryFile() as out, TemporaryFile() as err:
        sys.stdout.flush()
        sys.stderr.flush()
        child = os.fork()
        if not child:
            _work(words, inside, environment or {}, out.fileno() if stdout is None else stdout, err)
        code = _wait(child, patience)
        return Done(code, _text(out), _text(err))


def program(
    *words: str,
    environment: Mapping[str, str | None] | None = None,
    patience: float = 3 * PATIENCE,
    shell: str = "",
) -> Done:
    """Run a command as a program of its own, as a user does.

    Args:
        words: the command line, without the program's name.
        environment: variables, beside those that are set; None takes one away.
        patience: seconds after which it is ended.
        shell: what a shell gets behind the command, such as ``> /dev/full``.
    """
    from shlex import join

    variables: dict[str, str] = {**os.environ, "OMP_NUM_THREADS": "1"}
    for name, value in (environment or {}).items():
        variables.pop(name, None)
        if value is not None:
            variables[name] = value
    full = [sys.executable, "-m", "lmctool", *words]
    line = ["bash", "-o", "pipefail", "-c", f"{join(full)} {shell}"] if shell else full
    with TemporaryFile() as out, TemporaryFile() as err:
        process = subprocess.Popen(
            line, stdout=out, stderr=err, env=variables, start_new_session=True
        )
        try:
            code = process.wait(patience)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            code = HUNG
        return Done(code, _text(out), _text(err))


def _work(
    words: tuple[str, ...],
    inside: Callable[[], object],
    environment: Mapping[str, str],
    out: int,
    err: IO[bytes],
) -> NoReturn:
    """Be the program: run the command, and exit as the interpreter does."""
    code: object = 1
    try:
        os.setsid()
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        os.dup2(out, 1)
        os.dup2(err.fileno(), 2)
        sys.stdin = open(0, closefd=False)  # noqa: SIM115
        sys.stdout = open(1, "w", closefd=False, encoding="utf-8")  # noqa: SIM115
        sys.stderr = open(2, "w", buffering=1, closefd=False, encoding="utf-8")  # noqa: SIM115
        os.environ.update(environment)
        sys.argv = ["lmctool", *words]
        inside()
        from lmctool.cli import main

        main.main(list(words))
        code = 0
    except SystemExit as end:
        code = end.code
    except BaseException:
        traceback.print_exc()
    number = code if isinstance(code, int) else 0 if code is None else 1
    try:
        sys.stdout.flush()
    except OSError as error:  # the interpreter says so, and exits with 120
        os.write(2, f"Exception ignored while flushing sys.stdout: {error}\n".encode())
        number = 120
    os._exit(number & 0xFF)


def _wait(child: int, patience: float) -> int:
    end = time.monotonic() + patience
    while time.monotonic() < end:
        ended, status = os.waitpid(child, os.WNOHANG)
        if ended:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.005)
    os.killpg(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return HUNG


def _text(file: IO[bytes]) -> str:
    file.seek(0)
    return file.read(1 << 22).decode(errors="replace")


def settle() -> None:
    """Make this process one whose children run commands: warm, and without pixels to draw."""
    import matplotlib.backends.backend_agg as agg
    import matplotlib.figure
    import torch

    import lmctool.run.run  # noqa: F401

    torch.set_num_threads(1)
    torch.export.export(torch.nn.Linear(2, 2), (torch.zeros(1, 2),))  # its first use takes seconds
    for name in list(os.environ):
        if name.startswith(("CI", "GITHUB_", "LMCTOOL_", "MPL", "NO_COLOR", "FORCE_COLOR")):
            del os.environ[name]
    os.environ |= {"COLUMNS": "100", "TERM": "dumb", "PYTHONDONTWRITEBYTECODE": "1"}
    sys.dont_write_bytecode = True

    matplotlib.figure.Figure.savefig = _drawn  # type: ignore[method-assign, assignment]
    agg.FigureCanvasAgg.print_png = _drawn  # type: ignore[method-assign, assignment]


def _drawn(_: object, file: object, **how: object) -> None:
    """Stand in for the drawing of a figure, which takes a second."""
    svg = how.get("format") == "svg" or str(file).endswith(".svg")
    drawing = b'<svg xmlns="http://www.w3.org/2000/svg" width="1pt" height="1pt"/>'
    text = (drawing if svg else b"figure").ljust(4096)
    if isinstance(file, str | os.PathLike):
        Path(file).write_bytes(text)
    elif isinstance(file, io.TextIOBase):
        file.write(text.decode())
    else:
        file.write(text)  # type: ignore[attr-defined]
