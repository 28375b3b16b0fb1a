"""Which results may be averaged: runs alike in all that decides what a number means.

What may differ makes another sample: networks, the permutation that is applied, calibration
examples, seeds.  What changes numbers by rounding alone, the machine and versions, is told.
Whatever else a provenance says has to be the same, also what this version does not know of.
"""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations
from typing import TYPE_CHECKING

from lmctool.errors import LmctoolError
from lmctool.results.aggregate.side_by_side import kept
from lmctool.results.digest_text import algorithm
from lmctool.results.equality import difference
from lmctool.results.provenance import ENVIRONMENT, GROUP, Provenance
from lmctool.results.provenance_diff import causes
from lmctool.results.result import Group, Result

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lmctool.results.aggregate.side_by_side import Member

AGGREGATE = "aggregate"
"""The analysis of a result that is an average of others."""
NETWORKS = ("checkpoint.", "naming")
"""What the keys of a provenance begin with that say which networks these are."""
DRAWN = ("apply.", "calibration.digest", "seed", "series.", "subset_seed")
"""What those begin with in which results of the same networks may be other samples."""
MACHINE = (
    *(*ENVIRONMENT, "code.lmctool.", "device", "threads", "cudnn."),
    *("batch_size", "strategy", "alignment.batch"),
)
"""What those begin with that change numbers by rounding alone."""
LONGEST = 60
"""Characters of a value that a sentence shows."""


def check_eligible(members: Sequence[Member]) -> None:
    """Check that results may be averaged.

    Raises:
        LmctoolError: they are of other analyses, are averages themselves, were measured on other
            data or in another way, or two are of one and the same run.
    """
    first, *others = members
    for each in members:
        if each.result.analysis == AGGREGATE:
            if each.result.groups[AGGREGATE].attributes.get("over") == "draw":
                raise LmctoolError(
                    f"result '{each.name}' is an average over draws already; average results that"
                    " are made without --repeat"
                )
            raise LmctoolError(
                f"result '{each.name}' is an average already; name the results that it is of"
            )
        if each.result.analysis != first.result.analysis:
            raise LmctoolError(
                f"result '{first.name}' is of analysis {first.result.analysis!r} and '{each.name}'"
                f" of {each.result.analysis!r}; average results of one analysis"
            )
    for other in others:
        for cause in causes(_own(first.result), _own(other.result)):
            if not cause.name.startswith((*NETWORKS, *DRAWN, *MACHINE)):
                left, right = (_cut(text) for text in (cause.one, cause.other))
                raise LmctoolError(
                    f"results '{first.name}' and '{other.name}' cannot be averaged: {cause.name} is"
                    f" {left} in the first and {right} in the second"
                )
    for one, another in combinations(members, 2):
        if _same_evidence(one.result, another.result):
            raise LmctoolError(
                f"results '{one.name}' and '{another.name}' are the same evidence twice: their"
                " networks, calibration examples and seeds, or their networks and numbers, are the"
                " same; leave one out"
            )


def notes_on(members: Sequence[Member]) -> list[str]:
    """Return in sentences what is to be known of an average over results that may be averaged."""
    first, *others = members
    differing = dict.fromkeys(
        cause.name
        for other in others
        for cause in causes(_own(first.result), _own(other.result))
        if cause.name.startswith(MACHINE)
    )
    notes = [f"the results differ in {', '.join(differing)}"] if differing else []
    holders: dict[str, list[str]] = {}
    for member in members:
        for digest in dict.fromkeys(_networks(member.result)):
            holders.setdefault(digest, []).append(member.name)
    shared = dict.fromkeys(name for names in holders.values() if len(names) > 1 for name in names)
    if shared:
        notes.append(
            f"networks are in several results ({', '.join(shared)}), which are not independent"
            " then: over other networks the mean may vary more than its interval says"
        )
    return notes


def _own(result: Result) -> Result:
    """Return a result whose provenance tells nothing of options that name files of the run."""
    provenance = Provenance.of(result)
    attributes = replace(provenance, options=provenance.own_options()).attributes()
    return Result(result.analysis, {GROUP: Group({}, attributes)})


def _same_evidence(one: Result, other: Result) -> bool:
    """Tell whether two results say the same of the same networks, in whatever order these are."""
    if not _same_networks(one, other):
        return False
    if not any(cause.name.startswith(DRAWN) for cause in causes(one, other)):
        return True
    return difference(_numbers(one), _numbers(other)) is None


def _same_networks(one: Result, other: Result) -> bool:
    """Tell whether two results are of the same networks; by files where digests don't tell."""
    mine, its = _networks(one), _networks(other)
    if {*map(algorithm, mine)} == {*map(algorithm, its)}:
        return mine == its
    sums = [
        sorted(record.sha256 or "" for record in Provenance.of(result).checkpoints.values())
        for result in (one, other)
    ]
    return "" not in sums[0] and sums[0] == sums[1]


def _networks(result: Result) -> list[str]:
    records = Provenance.of(result).checkpoints.values()
    return sorted(record.digest or "" for record in records)


def _numbers(result: Result) -> Result:
    """Return a result with the metrics and curves alone."""
    groups: dict[str, Group] = {}
    for (path, name), variable in kept(result).items():
        groups[path] = Group({**groups.get(path, Group()).variables, name: variable})
    return Result(result.analysis, groups)


def _cut(text: str) -> str:
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}..."
