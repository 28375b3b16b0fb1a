"""Averaging results: files that a command names, or records that code holds."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from lmctool.cli.stored_result import read_sound, sound
from lmctool.files.short_names import short_names
from lmctool.results.aggregate.aggregate import aggregate
from lmctool.results.aggregate.side_by_side import Member
from lmctool.results.provenance import GROUP, Provenance
from lmctool.results.provenance_records import ResultRecord
from lmctool.results.result import Group
from lmctool.run.environment import environment, now

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lmctool.results.aggregate.aggregate import Over
    from lmctool.results.result import Result


@dataclass(frozen=True, slots=True)
class Source:
    """A result to be averaged, which is sound.

    Attributes:
        result: the result.
        path: where it is, or where it was when it was opened; None where it is in no file.
        sha256: that of its file, or of the file that it would be.
    """

    result: Result
    path: Path | None
    sha256: str

    @classmethod
    def read(cls, path: Path) -> Source:
        """Read a file.

        Raises:
            LmctoolError: it cannot be read, or does not hold what its analysis writes.
            UnjudgedError: it contradicts itself.
        """
        return cls(read_sound(path), path, hashlib.sha256(path.read_bytes()).hexdigest())

    @classmethod
    def held(cls, result: Result, path: Path | None) -> Source:
        """Take a result that code holds.

        Raises:
            LmctoolError: it does not hold what its analysis writes.
            UnjudgedError: it contradicts itself.
        """
        from lmctool.results.file import pack

        checked = sound(result, path or Path(result.analysis))
        return cls(checked, path, hashlib.sha256(pack(checked)).hexdigest())

    @property
    def record(self) -> ResultRecord:
        """What a provenance says of it."""
        return ResultRecord(None if self.path is None else str(self.path), self.sha256)


def averaged(sources: Sequence[Source], over: Over, command: str | None = None) -> Result:
    """Return the average over results, with its provenance.

    Args:
        sources: the results.
        over: what is averaged over.
        command: the command line, if there is one.

    Raises:
        LmctoolError: they cannot be averaged.
    """
    started = now()
    places = [each.path or Path(f"result {n}") for n, each in enumerate(sources, 1)]
    names = short_names(places)
    members = [Member(name, each.result) for name, each in zip(names, sources, strict=True)]
    result = aggregate(members, over)
    provenance = replace(
        Provenance.of(result),
        command=command,
        started=started,
        finished=now(),
        key=_key(sources, over),
        environment=environment(),
        results={str(number): each.record for number, each in enumerate(sources)},
    )
    return replace(result, groups={**result.groups, GROUP: Group({}, provenance.attributes())})


def _key(sources: Sequence[Source], over: Over) -> str:
    """Return one word for all that the numbers depend on, whatever the order of results is."""
    keys = sorted(Provenance.of(each.result).key or each.sha256 for each in sources)
    return hashlib.sha256(json.dumps([over, keys]).encode()).hexdigest()
