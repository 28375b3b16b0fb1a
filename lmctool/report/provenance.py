"""The provenance of results as tables: their inputs, settings and versions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lmctool.results.provenance import Provenance
from lmctool.results.provenance_records import (
    DataRecord,
    DrawRecord,
    Entry,
    SeriesRecord,
    SplitRecord,
    as_json,
)
from lmctool.results.table import Table

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from lmctool.results.provenance_records import Input
    from lmctool.results.result import Result

LONGEST = 2000
"""Characters of one entry that are shown."""
ALL = "all"
"""What stands for every result where an entry says whose it is."""


def run(result: Result) -> Mapping[str, str]:
    """Return the command of a run, the options that it set, and when it ran, as far as is known."""
    source = Provenance.of(result)
    times = [time for time in (source.started, source.finished) if time is not None]
    options = (
        f"{name} {as_json(value)}"
        for name, value in (source.options or {}).items()
        if value is not None
    )
    parts = {
        "command": source.command or "",
        "options": _cut(", ".join(options)),
        "run": " to ".join(times),
    }
    return {name: text for name, text in parts.items() if text}


def tables(results: Sequence[Result]) -> list[Table]:
    """Return the inputs, settings and versions of runs, as tables that are not empty.

    What several results have in common is told once, and of each entry which results it is of.
    """
    sources = [Provenance.of(result) for result in results]
    inputs = [
        [_input(name, record) for name, record in source.inputs().items()] for source in sources
    ]
    settings = [_rows(source.setting_entries()) for source in sources]
    versions = [
        _rows([Entry(*item, "version") for item in source.environment.items()])
        for source in sources
    ]
    tables = [
        _table("Inputs", ("input", "what", "digest of the content", "sha256 of the file"), inputs),
        _table("Settings", ("setting", "value"), settings),
        _table("Versions and machine", ("what", "version"), versions),
    ]
    return [table for table in tables if table.rows]


def _table(
    title: str, columns: tuple[str, ...], each: Sequence[Sequence[tuple[str, ...]]]
) -> Table:
    """Return the rows of all results, those of one key together, each with whose it is."""
    holders: dict[tuple[str, ...], list[int]] = {}
    for number, rows in enumerate(each, 1):
        for row in rows:
            holders.setdefault(row, []).append(number)
    keys = {key: place for place, key in enumerate(dict.fromkeys(row[0] for row in holders))}
    ordered = sorted(holders, key=lambda row: keys[row[0]])
    if len(each) == 1:
        return Table(title, columns, tuple(ordered))
    told = tuple((*row, _numbers(holders[row], len(each))) for row in ordered)
    return Table(title, (*columns, "results"), told)


def _numbers(numbers: Sequence[int], count: int) -> str:
    """Return numbers of results in words, those that follow each other as a range.

    >>> _numbers([1, 2, 3, 5], 6), _numbers([1, 2], 2)
    ('1-3, 5', 'all')
    """
    if len(numbers) == count:
        return ALL
    ranges: list[list[int]] = []
    for number in numbers:
        if ranges and ranges[-1][-1] == number - 1:
            ranges[-1].append(number)
        else:
            ranges.append([number])
    return ", ".join(f"{r[0]}-{r[-1]}" if len(r) > 1 else str(r[0]) for r in ranges)


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
