"""Averaging results: files that a command names, or records that code holds."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from lmctool.cli.stored_result import read_sound
from lmctool.files.short_names import short_names
from lmctool.results.aggregate.aggregate import aggregate
from lmctool.results.aggregate.side_by_side import Member
from lmctool.results.provenance import GROUP, Provenance
from lmctool.results.provenance_records import ResultRecord
from lmctool.results.result import Group, Result
from lmctool.run.environment import environment, now

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lmctool.results.aggregate.aggregate import Over


def averaged(sources: Sequence[Path | Result], over: Over, command: str | None = None) -> Result:
    """Return the average over results, with its provenance.

    Args:
        sources: paths of results, each of which is read and has to be sound, or results.
        over: what is averaged over.
        command: the command line, if there is one.

    Raises:
        LmctoolError: a result cannot be read, or they cannot be averaged.
        UnjudgedError: a result contradicts itself.
    """
    started = now()
    paths = [source for source in sources if isinstance(source, Path)]
    names = dict(zip(paths, short_names(paths), strict=False))
    members, records = [], {}
    for number, source in enumerate(sources):
        if isinstance(source, Path):
            members.append(Member(names[source], read_sound(source)))
            content = source.read_bytes()
        else:
            members.append(Member(f"result {number + 1}", source))
            content = _packed(source)
        digest = hashlib.sha256(content).hexdigest()
        path = str(source) if isinstance(source, Path) else None
        records[str(number)] = ResultRecord(path, digest)
    result = aggregate(members, over)
    provenance = replace(
        Provenance.of(result),
        command=command,
        started=started,
        finished=now(),
        key=_key(members, over),
        environment=environment(),
        results=records,
    )
    return replace(result, groups={**result.groups, GROUP: Group({}, provenance.attributes())})


def _packed(result: Result) -> bytes:
    from lmctool.results.file import pack

    return pack(result)


def _key(members: Sequence[Member], over: Over) -> str:
    """Return one word for all that the numbers depend on, whatever the order of results is."""
    keys = sorted(Provenance.of(each.result).key or "" for each in members)
    return hashlib.sha256(json.dumps([over, keys]).encode()).hexdigest()
