"""Streams that fail, folders that are gone, file systems and variables that are odd."""

from __future__ import annotations

import errno
import os
import resource
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tools.attack.attack import Attack, Rule, one
from tools.attack.command import program, run
from tools.attack.inputs import ANALYSES, HOST, RESULT, words_of
from tools.attack.traces import digests

if TYPE_CHECKING:
    from collections.abc import Iterator

AREA = "terminals and CI"

VARIABLES: dict[str, dict[str, str | None]] = {
    "TERM unset": {"TERM": None},
    "an unknown TERM": {"TERM": "evil\x1b[31m"},
    "COLUMNS=0": {"COLUMNS": "0"},
    "COLUMNS=-5": {"COLUMNS": "-5"},
    "COLUMNS=x": {"COLUMNS": "x"},
    "COLUMNS=1": {"COLUMNS": "1"},
    "ASCII": {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONIOENCODING": "ascii"},
    "an unknown locale": {"LC_ALL": "xx_XX.UTF-8"},
    "HOME unset": {"HOME": None},
    "HOME that is nowhere": {"HOME": "/proc/nowhere"},
    "TMPDIR that is nowhere": {"TMPDIR": "/proc/nowhere"},
    "XDG_CONFIG_HOME that is a file": {"XDG_CONFIG_HOME": RESULT},
    "PYTHONHASHSEED": {"PYTHONHASHSEED": "7"},
    "PYTHONOPTIMIZE": {"PYTHONOPTIMIZE": "2"},
}
"""Surroundings of a program; None takes a variable away."""


def streamed(words: tuple[str, ...], how: str) -> str:
    """Run a command whose stdout is full, closed, or nobody reads."""
    before = digests()
    if how == "full":
        out = os.open("/dev/full", os.O_WRONLY)
        done = run(*words, stdout=out)
    elif how == "left":
        reading, out = os.pipe()
        os.close(reading)
        done = run(*words, stdout=out)
    else:
        out = os.open("/dev/null", os.O_RDONLY)  # writing to it fails, as to a closed one
        done = run(*words, stdout=out)
    os.close(out)
    sound = {0, 3} if words[0] == "audit" else {0}
    codes = sound if how == "left" else {2} if how == "full" else {2, *sound}
    silent = words[0] in ("plot", "convert", "report", "completion") and how != "left"
    allowed = frozenset(codes | sound if silent else codes)
    return Rule(allowed, whole=True).broken(done, before)


def as_program(words: tuple[str, ...], shell: str, codes: frozenset[int]) -> str:
    """Run a program with such a redirection, as a user's shell does."""
    before = digests()
    return Rule(codes, whole=True).broken(program(*words, shell=shell), before)


def surrounded(
    words: tuple[str, ...], environment: dict[str, str | None], codes: frozenset[int]
) -> str:
    """Run a program under variables."""
    before = digests()
    return Rule(codes).broken(program(*words, environment=environment), before)


def _gone() -> None:
    """Work in a folder that is no more."""
    place = Path("gone")
    place.mkdir()
    os.chdir(place)
    Path("../gone").rmdir()


def _no_locks() -> None:
    """Be on a file system without locks."""
    import fcntl

    def refuse(*_: Any) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    fcntl.flock = refuse
    fcntl.lockf = refuse


def _small_files() -> None:
    """Let no file grow beyond 2 kB."""
    import signal

    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (2048, 2048))


def _read_only() -> None:
    """Be a user who may read this folder, and not write to it."""
    for path in (Path(), *Path().rglob("*")):
        if not path.is_symlink():
            path.chmod(0o555 if path.is_dir() else 0o444)


def _nobody() -> None:
    if os.getuid() == 0:
        os.setgid(65534)
        os.setuid(65534)


def attacks() -> Iterator[Attack]:
    """Yield the attacks of this area."""
    for name in (*ANALYSES, *HOST):
        words = words_of(name)
        for how in ("full", "closed", "left"):
            yield Attack(AREA, f"{name}, stdout is {how}", partial(streamed, words, how))
        absolute = Rule(frozenset({0, 2}), never="bug", makes=("",))
        yield one(AREA, f"{name} in a folder that is gone", words, absolute, inside=_gone)
    for name in (*ANALYSES, "convert", "stamp", "plot", "report"):
        words = words_of(name)
        rule = Rule(frozenset({0}), "lock" if name in ANALYSES else "")
        noted = tuple(word for word in words if word != "-q")
        yield one(AREA, f"{name} without locks", noted, rule, inside=_no_locks)
        small = Rule(frozenset({2}), makes=())
        yield one(AREA, f"{name}, files of 2 kB at most", words, small, inside=_small_files)
        yield one(AREA, f"{name} in a folder to read", words, small, _read_only, _nobody)
    yield from programs()


def programs() -> Iterator[Attack]:
    """Yield what needs a program of its own."""
    gated = ("audit", "--policy", "strict.toml", RESULT)
    both = frozenset({0})
    for name in ("show", "barrier", "metrics", "plugins"):
        words = words_of(name)
        for shell, codes in (
            ("> /dev/full", {2}),
            (">&-", {0, 2}),
            ("2> /dev/full", {0, 2}),
            ("2>&-", {0, 2}),
        ):
            yield Attack(
                AREA, f"{name} {shell}", partial(as_program, words, shell, frozenset(codes))
            )
        yield Attack(AREA, f"{name} | head", partial(as_program, words, "| head -c 1", both))
    yield Attack(AREA, "a failed gate | head", partial(_failing, gated, "| head -c 1"))
    for backend in (
        "module://matplotlib_inline.backend_inline",
        "nonsense",
        "qtagg",
        "module://os",
    ):
        for name in ("barrier", "plot"):
            environment: dict[str, str | None] = {"MPLBACKEND": backend}
            yield Attack(
                AREA, f"{name} with MPLBACKEND={backend}",
                partial(surrounded, words_of(name), environment, both),
            )  # fmt: skip
    for label, variables in VARIABLES.items():
        for name in ("show", "barrier"):
            yield Attack(
                AREA, f"{name} with {label}", partial(surrounded, words_of(name), variables, both)
            )


def _failing(words: tuple[str, ...], shell: str) -> str:
    Path("strict.toml").write_text('[[gate]]\nrequire = "barrier.error <= 0.01%"\n')
    return as_program(words, shell, frozenset({3}))
