"""What results on one page are called, so that no two of them are called the same."""

from __future__ import annotations

from pathlib import PurePath
from typing import TYPE_CHECKING, Any

from lmctool.files.short_names import short_names
from lmctool.report.shortened import shortened
from lmctool.results.aggregate.aggregate import DIMS, RESULT, averaged_analysis
from lmctool.results.aggregate.eligible import AGGREGATE
from lmctool.results.coordinates import labels
from lmctool.results.provenance import Provenance
from lmctool.results.provenance_records import as_json
from lmctool.results.text import joined

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from lmctool.results.result import Result

NAMED = 3
"""Inputs that a heading names."""
LONGEST = 40
"""Letters of one of the things in which results of the same files differ."""
FILE = "file"
"""What tells apart whatever nothing else does."""


def headings(results: Mapping[Path, Result]) -> list[str]:
    """Return the heading of each result: its analysis, and what tells its files from all others.

    Results of one analysis on the same files have in brackets what else tells them apart: their
    variants, settings, or else the names of their own files.

    >>> from pathlib import Path
    >>> from lmctool.results.result import Result
    >>> headings({Path(f"run-{n}/out.h5"): Result("barrier", {}) for n in range(2)})
    ['barrier (run-0/out)', 'barrier (run-1/out)']

    Args:
        results: the results, by the file that each is in.
    """
    paths = list(dict.fromkeys(path for each in results.values() for path in _inputs(each)))
    names = dict(zip(paths, short_names(paths), strict=True))
    found = [_heading(each, names) for each in results.values()]
    shown, files = list(results.values()), short_names(list(results))
    for heading in dict.fromkeys(found):
        alike = [place for place, own in enumerate(found) if own == heading]
        if len(alike) > 1:
            facts = [{**_facts(shown[place]), FILE: files[place]} for place in alike]
            for place, differing in zip(alike, _differing(facts), strict=True):
                found[place] = f"{heading} ({differing})"
    return found


def _inputs(result: Result) -> list[PurePath]:
    """Return what a run measured: training runs, or else checkpoints, or else earlier results."""
    provenance = Provenance.of(result)
    for records in (provenance.series, provenance.checkpoints, provenance.results):
        if paths := dict.fromkeys(each.path for each in records.values() if each.path):
            return [PurePath(path) for path in paths]
    return []


def _heading(result: Result, names: Mapping[PurePath, str]) -> str:
    """Return the analysis and the first few of its files."""
    if of := averaged_analysis(result):
        about = result.groups[AGGREGATE].attributes
        noun = DIMS.get(str(about.get("over")), RESULT)
        return f"average of {of} over {about.get('count', 'several')} {noun}s"
    named = [names[path] for path in _inputs(result)]
    if len(named) > NAMED:
        named = [*named[:NAMED], f"{len(named) - NAMED} more"]
    return f"{result.analysis}: {joined(named)}" if named else result.analysis


def _facts(result: Result) -> dict[str, str]:
    """Return in words what may tell a result from others of the same files, by its name."""
    provenance = Provenance.of(result)
    variants = dict.fromkeys(
        name
        for path, group in result.groups.items()
        if (variable := group.variables.get("variant")) is not None
        for name in labels(result, path, "variant", len(variable.values))
    )
    choices = {
        "aligner": provenance.aligner,
        "correction": provenance.correction,
        "method": provenance.merge,
    }
    values: dict[str, Any] = {
        "variant": ", ".join(variants) or None,
        **{name: record.name for name, record in choices.items() if record},
        **(provenance.options or {}),
        "split": ", ".join(provenance.splits) or None,
        **{f"{name} examples": record.examples for name, record in provenance.splits.items()},
        **{entry.key: entry.value for entry in provenance.setting_entries()},
    }
    return {name: _told(name, value) for name, value in values.items()}


def _told(name: str, value: object) -> str:
    """Return one fact in words.

    >>> _told("variant", "plain"), _told("points", 25), _told("refine", True), _told("seed", None)
    ('plain', 'points 25', 'refine', 'no seed')
    """
    if value is None or isinstance(value, bool):
        return name if value else f"no {name}"
    text = shortened(value if isinstance(value, str) else as_json(value), LONGEST)
    return text if name == "variant" else f"{name} {text}"


def _differing(facts: Sequence[Mapping[str, str]]) -> list[str]:
    """Return for each of several results the first of its facts that tell all of them apart."""
    names = list(dict.fromkeys(name for each in facts for name in each))
    rows = [{name: each.get(name, f"no {name}") for name in names} for each in facts]
    chosen: list[str] = []
    parts = 1
    for name in [*(name for name in names if name != FILE), FILE]:
        found = len({tuple(row[one] for one in (*chosen, name)) for row in rows})
        if found > parts:
            chosen, parts = [*chosen, name], found
    return [", ".join(row[name] for name in chosen) for row in rows]
