"""The provenance of a result as tables: its inputs, settings and versions."""

from __future__ import annotations

import re
from pathlib import PurePath
from typing import TYPE_CHECKING

from lmctool.results.provenance_diff import VERSIONS, said
from lmctool.results.table import Table

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from lmctool.results.result import Result

LONGEST = 2000
"""Characters of one entry that are shown."""
NAMED = 3
"""Inputs that a heading names."""
FILE = re.compile(r"(?P<input>checkpoint\.\d+|result\.\d+|series\.\d+)\.(path|sha256|digest|steps)")
SPLIT = re.compile(r"(?P<input>split\..+|calibration)\.(digest|examples|of)")
OTHER = re.compile(r"(?P<input>spec|apply|data|example)(\.(sha256|origin|source))?")
RUN = ("command", "started", "finished", "key")


def input_names(result: Result) -> str:
    """Return the file names of what a run measured, the first few of them."""
    held = said(result)
    for kind in ("series", "checkpoint", "result"):
        paths = [value for key, value in held.items() if re.fullmatch(rf"{kind}\.\d+\.path", key)]
        if paths:
            several = list(dict.fromkeys(paths))
            names = [PurePath(path).name for path in several[:NAMED]]
            more = len(several) - NAMED
            return ", ".join(names) + (f" and {more} more" if more > 0 else "")
    return ""


def run(result: Result) -> Mapping[str, str]:
    """Return the command of a run, when it started and when it finished, as far as it is told."""
    held = said(result)
    return {name: held[name] for name in RUN[:3] if name in held}


def tables(result: Result) -> list[Table]:
    """Return what a run had for inputs, settings and versions, those that are not empty."""
    held = said(result)
    inputs = _inputs(held)
    versions = [(key, value) for key, value in held.items() if VERSIONS.fullmatch(key)]
    settings = [
        (key, value)
        for key, value in held.items()
        if key not in RUN and not VERSIONS.fullmatch(key) and _input(key) is None
    ]
    found = [
        Table("Inputs", ("input", "what", "digest of the content", "sha256 of the file"), inputs),
        Table("Settings", ("setting", "value"), _pairs(settings)),
        Table("Versions and machine", ("what", "version"), _pairs(versions)),
    ]
    return [table for table in found if table.rows]


def _input(key: str) -> str | None:
    """Return the input that an entry tells of."""
    for pattern in (FILE, SPLIT, OTHER):
        if match := pattern.fullmatch(key):
            return match["input"]
    return None


def _inputs(held: Mapping[str, str]) -> tuple[tuple[str, ...], ...]:
    names = dict.fromkeys(name for key in held if (name := _input(key)) is not None)
    return tuple(
        (
            name,
            _cut(_what(held, name)),
            held.get(f"{name}.digest", ""),
            held.get(f"{name}.sha256", ""),
        )
        for name in names
    )


def _what(held: Mapping[str, str], name: str) -> str:
    if f"{name}.path" in held:
        steps = held.get(f"{name}.steps")
        return held[f"{name}.path"] + (f", steps {steps}" if steps else "")
    if f"{name}.examples" in held:
        return f"{held[f'{name}.examples']} of {held.get(f'{name}.of', '?')} examples"
    origin, source = held.get(f"{name}.origin"), held.get(f"{name}.source")
    return held.get(name, "") + _after(", from ", origin) + _after(": ", source)


def _after(sign: str, text: str | None) -> str:
    return sign + text if text else ""


def _pairs(entries: Sequence[tuple[str, str]]) -> tuple[tuple[str, str], ...]:
    return tuple((key, _cut(value)) for key, value in entries)


def _cut(text: str) -> str:
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}... ({len(text)} characters)"
