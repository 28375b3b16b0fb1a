"""An average over results, pairs of networks or draws of examples, as a result like any other."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Literal

from lmctool.errors import LmctoolError
from lmctool.results.aggregate.doubts import doubts_on
from lmctool.results.aggregate.eligible import AGGREGATE, check_eligible, notes_on
from lmctool.results.aggregate.pairs import PAIR, pairs
from lmctool.results.aggregate.side_by_side import OF_THE_HOST, Member, side_by_side
from lmctool.results.aggregate.statistics import LEVEL
from lmctool.results.aggregate.summary import of_each, summarised
from lmctool.results.coordinates import NUMBERS, POSITION
from lmctool.results.doubt import GROUP as DOUBTS
from lmctool.results.doubt import doubt_group
from lmctool.results.provenance import ENVIRONMENT, Provenance
from lmctool.results.provenance import GROUP as PROVENANCE
from lmctool.results.result import Group, Result
from lmctool.results.stored_metrics import GROUP as SCORES

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from lmctool.results.result import Attribute

Over = Literal["file", "pair"]
RESULT, DRAW = "result", "draw"
DIMS: Mapping[str, str] = {"file": RESULT, "pair": PAIR, "draw": DRAW}
"""The dim of what is averaged over: results or pairs, and the draws of one run, which makes the
average by itself."""
OF_ONE = (
    *("command", "started", "finished", "key", "probe", "options", *ENVIRONMENT),
    *("code.", "checkpoint.", "series.", "result.", "apply", "naming"),
)
"""What the keys of a provenance begin with that say of one result how it was made, of which
networks."""


def aggregate(members: Sequence[Member], over: Over = "file") -> Result:
    """Return the average over results of one analysis, or over the pairs of networks of one.

    Groups and arrays are called as in the results.  Of each metric and each curve there are the
    numbers of every result, along a dim ``result`` (or ``pair``), and what they sum up to, as
    ``summary`` says; metrics over variants have the differences of these beside them.  The group
    ``aggregate`` says of how many results and in what way, and what is to be known of it.  Doubts
    of any result are doubts of the average; of the provenance there is what all results agree on.

    Args:
        members: the results, each of which is sound, under names of which no two are the same.
        over: what is averaged over.

    Raises:
        LmctoolError: the results cannot be averaged; says which of them, and what differs.
    """
    if over == "pair" and len(members) != 1:
        raise LmctoolError(
            f"an average over pairs is one of a single result, but {len(members)} are given"
        )
    if not members:
        raise LmctoolError("there is no result to average")
    check_eligible(members)
    first, notes = members[0], notes_on(members)
    parts, networks = pairs(first.result, first.name) if over == "pair" else (members, None)
    groups = _averaged(parts, members, over, notes, networks)
    groups[PROVENANCE] = Group({}, _provenance(members).attributes())
    return Result(AGGREGATE, groups)


def over_draws(draws: Sequence[Member], notes: Sequence[str]) -> Result:
    """Return the average over draws of the calibration examples of one run, without provenance.

    As ``aggregate``, but for what follows from a single run: nothing else differs, and draws of
    the same numbers are no less draws.

    Args:
        draws: what was found with each of them, under their numbers.
        notes: what is to be known of it, in sentences.

    Raises:
        LmctoolError: they cannot be averaged: their arrays are over other places.
    """
    return Result(AGGREGATE, _averaged(draws, draws, DRAW, notes))


def _averaged(
    parts: Sequence[Member],
    members: Sequence[Member],
    over: str,
    notes: Sequence[str],
    networks: int | None = None,
) -> dict[str, Group]:
    """Return the groups of an average.

    Args:
        parts: what is averaged.
        members: the results that have the doubts and the scores.
        over: what is averaged over.
        notes: what is to be known of it.
        networks: of how many networks the parts are the pairs, if they are.
    """
    first, dim = members[0], DIMS[over]
    beside = side_by_side(parts, dim)
    if not beside:
        raise LmctoolError(f"results of {first.result.analysis!r} hold nothing to average")
    about: dict[str, Attribute] = {"of": first.result.analysis, "over": over, "count": len(parts)}
    about |= {"level": LEVEL} | ({} if networks is None else {"networks": networks})
    groups = {
        AGGREGATE: Group({}, about | ({"notes": [*notes]} if notes else {})),
        **_joined(beside, summarised(beside, dim, networks), dim),
    }
    if doubts := list(doubts_on(members, groups, dim)):
        groups[DOUBTS] = doubt_group(doubts)
    if SCORES in first.result.groups:
        groups[SCORES] = first.result.groups[SCORES]
    return groups


def derived(result: Result) -> dict[str, Group]:
    """Return what the numbers that an average holds of each result sum up to.

    Raises:
        LookupError: it has numbers that these are not, or doesn't say what it is over.
        TypeError: it doesn't say of how many networks its pairs are.
        ValueError: its pairs are not those of its networks, or its results not as many as it says.
    """
    about = result.groups[AGGREGATE].attributes
    dim = DIMS[str(about["over"])]
    networks: Any = about["networks"] if dim == PAIR else None
    groups = {
        path: group
        for path, group in result.groups.items()
        if path != AGGREGATE and path.partition("/")[0] not in OF_THE_HOST
    }
    found = summarised(groups, dim, networks)
    for path, group in groups.items():
        known = found[path].variables.keys() | _dims(group)
        for name, variable in group.variables.items():
            if of_each(name, variable, dim):
                if len(variable.values) != about["count"]:
                    raise ValueError(f"{path}/{name} has {len(variable.values)} places along {dim}")
            elif variable.values.dtype.kind in NUMBERS and name.removesuffix(POSITION) not in known:
                raise LookupError(f"{path}/{name} without the number of each {dim}")
    return found


def averaged_analysis(result: Result) -> str:
    """Return the analysis whose results a result is an average of; empty if it is none."""
    about = result.groups.get(AGGREGATE) if result.analysis == AGGREGATE else None
    return str(about.attributes.get("of", "")) if about else ""


def averages_alone(result: Result) -> Result:
    """Return an average without the numbers of each result and without standard deviations."""
    dim = DIMS.get(str(result.groups[AGGREGATE].attributes.get("over")), RESULT)
    groups = {
        path: replace(
            group,
            variables={
                name: variable
                for name, variable in group.variables.items()
                if dim not in variable.dims and not name.endswith("_std")
            },
        )
        for path, group in result.groups.items()
    }
    return replace(result, groups=groups)


def _joined(beside: Mapping[str, Group], sums: Mapping[str, Group], dim: str) -> dict[str, Group]:
    """Return each group with what its numbers sum up to.

    The numbers themselves are better in no way: a later average is one of other results.

    Raises:
        LmctoolError: a sum is called like something else.
    """
    joined = {}
    for path, group in beside.items():
        own, dims = sums[path].variables, _dims(group)
        if twice := own.keys() & group.variables.keys():
            raise LmctoolError(
                f"{path} holds {min(twice)!r}, as what its numbers sum up to is called"
            )
        places = {k: v for k, v in group.variables.items() if k.removesuffix(POSITION) in dims}
        each = {
            name: replace(variable, better="")
            for name, variable in group.variables.items()
            if of_each(name, variable, dim)
        }
        joined[path] = replace(group, variables={**places, **own, **each})
    return joined


def _dims(group: Group) -> set[str]:
    return {dim for variable in group.variables.values() for dim in variable.dims}


def _provenance(members: Sequence[Member]) -> Provenance:
    """Return what the provenances of all results agree on, of what is not of one run alone."""
    first, *others = (Provenance.of(each.result) for each in members)
    entries = [{entry.key: entry.value for entry in each.entries()} for each in others]
    common = {
        entry.key: entry.value
        for entry in first.entries()
        if not entry.key.startswith(OF_ONE)
        and all(other.get(entry.key) == entry.value for other in entries)
    }
    return replace(Provenance.read(common), options=first.own_options())
