"""The provenance of a result as tables: its inputs, settings and versions."""

from __future__ import annotations

from pathlib import PurePath
from typing import TYPE_CHECKING

from lmctool.results.provenance import Provenance
from lmctool.results.provenance_records import (
    DataRecord,
    DrawRecord,
    Entry,
    SeriesRecord,
    SplitRecord,
)
from lmctool.results.table import Table

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from lmctool.results.provenance_records import Input
    from lmctool.results.result import Result

LONGEST = 2000
"""Characters of one entry that are shown."""
NAMED = 3
"""Inputs that a heading names."""


def input_names(result: Result) -> str:
    """Return the file names of what a run measured, the first few of them."""
    provenance = Provenance.of(result)
    for records in (provenance.series, provenance.checkpoints, provenance.results):
        if paths := dict.fromkeys(each.path for each in records.values() if each.path):
            names = [PurePath(path).name for path in paths]
            more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
            return ", ".join(names[:NAMED]) + more
    return ""


def run(result: Result) -> Mapping[str, str]:
    """Return the command of a run, when it started and when it finished, as far as is known."""
    source = Provenance.of(result)
    parts = {"command": source.command, "started": source.started, "finished": source.finished}
    return {name: text for name, text in parts.items() if text is not None}


def tables(result: Result) -> list[Table]:
    """Return the inputs, settings and versions of a run, as tables that are not empty."""
    provenance = Provenance.of(result)
    inputs = tuple(_input(name, record) for name, record in provenance.inputs().items())
    settings = [*provenance.setting_entries(), *provenance.option_entries()]
    versions = [Entry(*item, "version") for item in provenance.environment.items()]
    tables = [
        Table("Inputs", ("input", "what", "digest of the content", "sha256 of the file"), inputs),
        Table("Settings", ("setting", "value"), _rows(settings)),
        Table("Versions and machine", ("what", "version"), _rows(versions)),
    ]
    return [table for table in tables if table.rows]


def _input(name: str, record: Input) -> tuple[str, ...]:
    digest, sha256 = (getattr(record, word, None) or "" for word in ("digest", "sha256"))
    return name, _cut(_what(record)), digest, sha256


def _what(record: Input) -> str:
    match record:
        case SplitRecord(examples=None):
            return ""
        case SplitRecord(examples=examples, total=total, subset=subset):
            count = f"{examples} of {'?' if total is None else total} examples"
            return count + _after(", ", subset)
        case DataRecord(spec=spec, origin=origin, source=source):
            return (spec or "") + _after(", from ", origin) + _after(": ", source)
        case SeriesRecord(path=path, steps=steps):
            return (path or "") + _after(", steps ", str(steps) if steps else None)
        case DrawRecord(seed=seed):
            return "" if seed is None else f"seed {seed}"
        case _:
            return record.path or ""


def _after(sign: str, text: str | None) -> str:
    return sign + text if text else ""


def _rows(entries: Sequence[Entry]) -> tuple[tuple[str, str], ...]:
    return tuple((entry.key, _cut(entry.text)) for entry in entries)


def _cut(text: str) -> str:
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}... ({len(text)} characters)"
