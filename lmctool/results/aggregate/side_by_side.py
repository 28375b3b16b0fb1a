"""The arrays of several results of one analysis, side by side along a dim of their own.

Metrics and curves are taken, of any group but those in which the host says how a run went: numbers
with a public name, and numbers along a dim with numeric positions.  What else there is stays in the
results: permutations, proofs, values of single examples or tensors, texts.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from pathlib import PurePath
from typing import TYPE_CHECKING, Any

import numpy as np

from lmctool.errors import LmctoolError
from lmctool.files.short_names import letters, short_names
from lmctool.results.coordinates import NUMBERS, POSITION, coordinate, label, positions
from lmctool.results.doubt import GROUP as DOUBTS
from lmctool.results.provenance import GROUP as PROVENANCE
from lmctool.results.provenance import Provenance
from lmctool.results.result import Group, Result, Variable
from lmctool.results.stored_metrics import GROUP as SCORES
from lmctool.results.stored_metrics import metrics_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from lmctool.results.result import Attribute

Key = tuple[str, str]
"""The path of a group, and the name of a variable in it."""
OF_THE_HOST = frozenset({DOUBTS, PROVENANCE, SCORES, "permutations", "proof"})
"""The groups that the host adds to what an analysis computes."""
WORDS = ("dims", "unit", "metric", "better")
"""What arrays of the same thing agree on."""
JOINTS = re.compile(r"( to | \| )")
"""What stands between the names of two networks that a path leads between."""


@dataclass(frozen=True, slots=True)
class Member:
    """One of several results.

    Attributes:
        name: what it is called among them.
        result: the result.
    """

    name: str
    result: Result


def side_by_side(members: Sequence[Member], dim: str) -> dict[str, Group]:
    """Return by path the metrics and curves of all results, float64 with ``dim`` first.

    Names of networks that are those of files, and differ from result to result, become the letters
    of the checkpoints.  Attributes of groups are those on which all results agree.

    Args:
        members: results of one analysis, one or more.
        dim: what to call the dim of the results; its coordinate is their names.

    Raises:
        LmctoolError: the results do not have the same arrays over the same places, in the same
            units.
    """
    first, *others = members
    for other in others:
        _check(first, other)
    along = Variable(np.array([m.name for m in members], dtype=object), (dim,), long_name=dim)
    groups: dict[str, Group] = {}
    for (path, name), variable in kept(first.result).items():
        if dim in variable.dims:
            raise LmctoolError(f"{path}/{name} has a dim {dim!r} of its own")
        parts = [each.result.groups[path].variables[name].values for each in members]
        values = np.stack([part.astype(np.float64) for part in parts])
        before = groups.get(path) or Group({dim: along}, _common(members, path))
        held = {
            **before.variables,
            **_places(members, path, variable.dims),
            name: replace(variable, values=values, dims=(dim, *variable.dims)),
        }
        groups[path] = replace(before, variables=held)
    return groups


def kept(result: Result) -> dict[Key, Variable]:
    """Return the metrics and the curves of a result."""
    return {
        (path, name): variable
        for path, group in result.groups.items()
        if path.partition("/")[0] not in OF_THE_HOST
        for name, variable in group.variables.items()
        if variable.values.dtype.kind in NUMBERS
        and name.removesuffix(POSITION) not in variable.dims
        and (variable.metric or any(positions(result, path, dim) for dim in variable.dims))
    }


def places(result: Result, path: str, dims: Sequence[str]) -> dict[str, Variable]:
    """Return what says where the places along some dims are: names, and positions beside them."""
    found: dict[str, Variable] = {}
    for dim in dims:
        names, numbers = coordinate(result, path, dim), positions(result, path, dim)
        if names is not None:
            found[dim] = names
        if numbers is not None and numbers is not names:
            found[dim + POSITION] = numbers
    return found


def _places(members: Sequence[Member], path: str, dims: Sequence[str]) -> dict[str, Variable]:
    """Return where the places along some dims are, on which all results agree.

    Raises:
        LmctoolError: they do not.
    """
    first, *others = members
    agreed = {}
    for name, variable in places(first.result, path, dims).items():
        columns = [places(each.result, path, dims)[name].values for each in members]
        if any(not np.array_equal(columns[0], column) for column in columns):
            columns = [lettered(c, m.result) for c, m in zip(columns, members, strict=True)]
        for other, column in zip(others, columns[1:], strict=True):
            unlike = np.flatnonzero(columns[0] != column)
            if unlike.size:
                one, another = (label(values[unlike[0]]) for values in (columns[0], column))
                raise LmctoolError(
                    f"{path}/{name} is {one} in result '{first.name}' and {another} in"
                    f" '{other.name}', so their arrays are not over the same places"
                )
        agreed[name] = replace(variable, values=columns[0])
    return agreed


def lettered(names: NDArray[Any], result: Result) -> NDArray[Any]:
    """Return names of places, those of a result's own checkpoints by their letters.

    So ``seed0 to last`` becomes ``a to b``; what else there is stays as it is.
    """
    if names.dtype.kind in NUMBERS:
        return names
    records = Provenance.of(result).checkpoints
    paths = [PurePath(record.path or number) for number, record in records.items()]
    letter = dict(zip(short_names(paths), letters(len(paths)), strict=True))
    parts = [JOINTS.split(name) for name in names]
    known = [all(part in letter for part in own[::2]) for own in parts]
    called = [
        "".join(letter.get(part, part) for part in own) if all_known else "".join(own)
        for own, all_known in zip(parts, known, strict=True)
    ]
    return np.array(called, dtype=object)


def _check(one: Member, other: Member) -> None:
    """Check that two results have the same arrays, whatever their values are.

    Raises:
        LmctoolError: names the first array that differs, and how.
    """
    left, right = kept(one.result), kept(other.result)
    for path, name in sorted(left.keys() ^ right.keys()):
        there, lacking = (one, other) if (path, name) in left else (other, one)
        raise LmctoolError(
            f"{path}/{name} is in result '{there.name}', but not in '{lacking.name}'"
        )
    if metrics_of(one.result) != metrics_of(other.result):
        raise LmctoolError(f"results '{one.name}' and '{other.name}' are of other metrics")
    for (path, name), variable in left.items():
        own = right[path, name]
        named = [sorted(places(each.result, path, variable.dims)) for each in (one, other)]
        for word, a, b in (
            *((word, getattr(variable, word), getattr(own, word)) for word in WORDS),
            ("shape", variable.values.shape, own.values.shape),
            ("coordinates", *named),
        ):
            if a != b:
                raise LmctoolError(
                    f"{path}/{name} has other {word} in results '{one.name}' and '{other.name}':"
                    f" {a} and {b}"
                )


def _common(members: Sequence[Member], path: str) -> Mapping[str, Attribute]:
    """Return the attributes of a group on which all results agree."""
    first, *others = (each.result.groups[path].attributes for each in members)
    return {
        name: value
        for name, value in first.items()
        if all(name in other and other[name] == value for other in others)
    }
