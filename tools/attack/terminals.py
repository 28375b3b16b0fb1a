"""Terminals and CI: texts that steer them, streams that fail, and surroundings that are odd."""

from __future__ import annotations

import errno
import json
import os
import re
import resource
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tools.attack.attack import Attack, Rule, attempt, one
from tools.attack.command import Done, program, run
from tools.attack.inputs import ANALYSES, BARE, FEW, HOST, OUT, RESULT, A, B, words_of
from tools.attack.traces import digests

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

AREA = "terminals and CI"
TEXTS = {
    "a title": "\x1b]0;evil\x07x",
    "colours": "\x1b[31mx\x1b[0m",
    "a cleared screen": "\x1b[2J\x1b[Hx",
    "a C1 control": "\x9b31mx\x9c",
    "bidi": "x\u202ey\u202c",
    "isolates": "x\u2066y\u2069",
    "a return": "x\r::error::y",
    "stop-commands": "::stop-commands::x",
    "stop-commands on a line": "x\n::stop-commands::x",
    "an indented command": "x\n   ::error::y",
    "an old command": "##[error]x",
    "an old command on a line": "x\n##[command]rm",
    "an Azure command": "x\n##vso[task.setvariable variable=a]b",
    "a line separator": "x\u2028::error::y",
    "a next line": "x\x85::error::y",
    "a vertical tab": "x\x0b::error::y",
    "a backspace": "safe\x08\x08\x08\x08evil",
    "rich's markup": "[link=https://example.org]x[/link]",
}
STEERING = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069]"
)
COMMAND = re.compile(r"^\s*(::(?!group::|endgroup::)[\w-]+.*::|##\[|##vso)", re.MULTILINE)


def harmless(done: Done) -> str:
    """Return what was printed that steers a terminal or a CI system."""
    for stream in (done.out, done.err):
        if found := STEERING.search(stream):
            return (
                f"printed {found[0]!r}: {stream[max(0, found.start() - 40) : found.end() + 20]!r}"
            )
        if found := COMMAND.search(stream):
            return f"printed {found[0]!r} at the start of a line"
    return ""


def _metric(text: str) -> None:
    _attribute("barrier/summary/barrier_error", "metric", text)


def _attribute(name: str, key: str, text: str) -> None:
    import h5py

    with h5py.File(RESULT, "r+") as file:
        file[name].attrs[key] = text


def _variant(text: str) -> None:
    import h5py

    with h5py.File(RESULT, "r+") as file:
        for name in ("barrier/curve/variant", "barrier/summary/variant"):
            file[name][...] = text


def _unit(text: str) -> None:
    for name in ("loss", "error"):
        _attribute(f"barrier/curve/{name}", "unit", text)


def _long_name(text: str) -> None:
    for name in ("curve/loss", "curve/error", "summary/barrier_loss", "summary/barrier_error"):
        _attribute(f"barrier/{name}", "long_name", text)


def _provenance(text: str) -> None:
    for key in ("command", "checkpoint.0.path", "data", "model", "versions.torch", "device.name"):
        _attribute("provenance", key, text)


def _doubts(text: str) -> None:
    import h5py

    with h5py.File(RESULT, "r+") as file:
        group = file.create_group("doubts")
        group.attrs["reason"], group.attrs["where"] = [text], ["{}"]
        file.attrs["groups"] = [*file.attrs["groups"], "doubts"]


def _analysis(text: str) -> None:
    _attribute("/", "analysis", text)


def _definition(text: str) -> None:
    for name in ("curve", "summary"):
        _attribute(f"barrier/{name}", "definition", text)


RESULTS: dict[str, Callable[[str], object]] = {
    "a metric's name": _metric,
    "a variant": _variant,
    "a unit": _unit,
    "a long name": _long_name,
    "the provenance": _provenance,
    "a doubt": _doubts,
    "the analysis": _analysis,
    "the definition": _definition,
}
READING = {
    "show": ("show", RESULT, "-v"),
    "metrics": ("metrics", RESULT),
    "compare": ("compare", RESULT, "other.h5", "--all"),
    "audit": ("audit", "--policy", "policy.toml", RESULT),
    "report": ("report", RESULT, "-o", "out.html"),
    "rerun": ("rerun", RESULT),
}


def _named(text: str) -> None:
    """Write checkpoints whose tensors' names and metadata steer."""
    from safetensors.torch import load_file, save_file

    held = load_file(A)
    first = sorted(held)[0]
    held[f"{text}.weight"] = held.pop(first)
    metadata = {"lmctool.model": text, "lmctool.data": text, text: text, "lmctool.training": text}
    for name in ("na.safetensors", "nb.safetensors"):
        save_file(held, name, metadata)


def _policy(text: str) -> None:
    gate = {"name": text, "require": "barrier.error <= 0.01%", "reason": text}
    lines = (f"{key} = {json.dumps(value)}" for key, value in gate.items())
    Path("policy.toml").write_text("[[gate]]\n" + "\n".join(lines) + "\n")


def _file(text: str) -> str:
    """Return a name of a file that steers."""
    return re.sub("[\0/]", "_", text)[:100]


def by_name(command: str, text: str) -> str:
    """Give a file of a name that steers to a command."""
    name = _file(text)
    if command == "show":
        Path(f"{name}.h5").write_bytes(Path(RESULT).read_bytes())
        words: tuple[str, ...] = ("show", f"{name}.h5", "-v")
    elif command == "distance":
        Path(f"{name}.safetensors").write_bytes(Path(A).read_bytes())
        words = ("distance", f"./{name}.safetensors", B, *OUT, "-v")
    else:
        words = ("inspect", f"./{name}.safetensors")  # which is not there
    return attempt(words, Rule(frozenset({0, 2}), check=harmless))


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
    os.rmdir("../gone")


def _no_locks() -> None:
    """Be on a file system without locks."""
    import fcntl

    def refuse(*_: Any) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    fcntl.flock = refuse
    fcntl.lockf = refuse  # type: ignore[assignment]


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
    yield from texts()
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


def texts() -> Iterator[Attack]:
    """Yield texts that steer, in every place that is printed."""
    free = Rule(frozenset({0, 2, 3, 4}), check=harmless)
    for label, text in TEXTS.items():
        for place, change in RESULTS.items():
            for command in ("show", "audit", "metrics", "compare"):
                yield one(
                    AREA,
                    f"{command}, {label} in {place}",
                    READING[command],
                    free,
                    partial(change, text),
                )
        for command in ("report", "rerun"):
            yield one(
                AREA, f"{command}, {label} in the provenance", READING[command], free,
                partial(_provenance, text),
            )  # fmt: skip
        for words in (
            ("inspect", "na.safetensors", "--tensors"),
            ("distance", "na.safetensors", "nb.safetensors", *OUT, "-v"),
            ("distance", "na.safetensors", BARE[A], *OUT),
            ("barrier", "na.safetensors", "nb.safetensors", *FEW, *OUT),
        ):
            name = f"{words[0]} {words[2] if len(words) > 2 else ''}, {label} in a checkpoint"
            yield one(AREA, name, words, free, partial(_named, text))
        judged = ("audit", "--policy", "policy.toml", RESULT)
        yield one(AREA, f"audit, {label} in a policy", judged, free, partial(_policy, text))
        for command in ("show", "distance", "inspect"):
            yield Attack(
                AREA, f"{command}, {label} in a file's name", partial(by_name, command, text)
            )


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
    for label, variables in {
        "TERM unset": {"TERM": None},
        "an unknown TERM": {"TERM": "evil\x1b[31m"},
        "COLUMNS=0": {"COLUMNS": "0"},
        "COLUMNS=-5": {"COLUMNS": "-5"},
        "COLUMNS=x": {"COLUMNS": "x"},
        "COLUMNS=1": {"COLUMNS": "1"},
        "ASCII": {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONIOENCODING": "ascii"},
        "an unknown locale": {"LC_ALL": "xx_XX.UTF-8"},
        "HOME unset": {"HOME": None},
        "HOME that is nowhere": {"HOME": "/nowhere"},
        "TMPDIR that is nowhere": {"TMPDIR": "/nowhere"},
        "XDG_CONFIG_HOME that is a file": {"XDG_CONFIG_HOME": RESULT},
        "PYTHONHASHSEED": {"PYTHONHASHSEED": "7"},
        "PYTHONOPTIMIZE": {"PYTHONOPTIMIZE": "2"},
    }.items():
        for name in ("show", "barrier"):
            yield Attack(
                AREA, f"{name} with {label}", partial(surrounded, words_of(name), variables, both)
            )


def _failing(words: tuple[str, ...], shell: str) -> str:
    Path("strict.toml").write_text('[[gate]]\nrequire = "barrier.error <= 0.01%"\n')
    return as_program(words, shell, frozenset({3}))


__all__ = ["AREA", "attacks"]
