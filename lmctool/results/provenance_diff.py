"""Why two results may differ: the inputs, versions and settings in which their runs differ."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from lmctool.results.digest_text import algorithm
from lmctool.results.provenance import Provenance

if TYPE_CHECKING:
    from lmctool.results.provenance_records import Kind
    from lmctool.results.result import Result

KINDS: tuple[Kind, ...] = ("input", "version", "setting")
NOTHING = "nothing"


@dataclass(frozen=True, slots=True)
class Cause:
    """Something that may explain why numbers differ.

    Attributes:
        kind: ``input`` for the content of a file, ``version`` for a program or machine,
            ``setting`` for what was asked for.
        name: the key of the provenance; an entry of the options is ``options.NAME``.
        one: the value in the first result, as text; ``nothing`` where there is none.
        other: the value in the second.
    """

    kind: Kind
    name: str
    one: str
    other: str


def causes(one: Result, other: Result) -> list[Cause]:
    """Return what differs between the runs of two results, inputs first, then versions.

    Paths, times, the command line and the digests of whole files are no causes: a checkpoint that
    was moved or stored in another way is the same input, as the digest of its tensors says.  Two
    digests of different algorithms don't differ where the files are the same byte for byte; where
    they are not, nothing tells, and each says by which algorithm it is.
    """
    left, right = _by_kind(one), _by_kind(other)
    _tell_algorithms(one, other, left["input"], right["input"])
    return [
        Cause(kind, name, left[kind].get(name, NOTHING), right[kind].get(name, NOTHING))
        for kind in KINDS
        for name in dict.fromkeys([*left[kind], *right[kind]])
        if left[kind].get(name) != right[kind].get(name)
    ]


def _tell_algorithms(
    one: Result, other: Result, left: dict[str, str], right: dict[str, str]
) -> None:
    """Change the texts of digests of tensors that are by different algorithms."""
    records = Provenance.of(one).checkpoints, Provenance.of(other).checkpoints
    for number in records[0].keys() & records[1].keys():
        mine, its = records[0][number], records[1][number]
        if mine.digest is None or its.digest is None:
            continue
        algorithms = algorithm(mine.digest), algorithm(its.digest)
        if algorithms[0] == algorithms[1]:
            continue
        name = f"checkpoint.{number}.digest"
        if mine.sha256 is not None and mine.sha256 == its.sha256:
            left[name] = right[name]
        else:
            left[name] += f" by {algorithms[0]}, which tells nothing of the other"
            right[name] += f" by {algorithms[1]}"


def _by_kind(result: Result) -> dict[Kind, dict[str, str]]:
    """Return what the numbers of a result may depend on, by kind and name."""
    provenance = Provenance.of(result)
    entries = [*provenance.entries(), *provenance.option_entries()]
    return {
        kind: {entry.key: entry.text for entry in entries if entry.kind == kind} for kind in KINDS
    }
