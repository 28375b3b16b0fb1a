"""Texts in files that steer a terminal or a CI system."""

from __future__ import annotations

import json
import re
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from tools.attack.attack import Attack, Rule, attempt, one
from tools.attack.inputs import BARE, FEW, OUT, RESULT, A, B

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tools.attack.command import Done


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


def attacks() -> Iterator[Attack]:
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
