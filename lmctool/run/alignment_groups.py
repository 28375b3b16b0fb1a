"""What an aligner says of each alignment of a run, as groups of one result."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from lmctool.results.alignments import ALIGNMENT, numbers
from lmctool.results.coordinates import POSITION
from lmctool.results.layout import plan
from lmctool.results.result import Group, Result, Variable

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from lmctool.results.result import Attribute

    Groups = Mapping[str, Group]


def joined(said: Sequence[Groups]) -> dict[str, Group]:
    """Return the groups of all alignments by path: nothing is lost, and no metric named twice.

    Of one alignment they are as the aligner made them.  Of several, groups of one form become one:
    its arrays are over (alignment, ...), but for coordinates, and its attributes are lists.  Groups
    of other forms go below the first word of their path to ``WORD/NUMBER``; there metrics alone
    are over (alignment, ...).

    Args:
        said: what was said of each alignment of the run in their order, which may be nothing.
    """
    if len(said) < 2:
        return {path: group for groups in said for path, group in groups.items()}
    stored = [plan(Result("align", groups)).result.groups for groups in said]  # as if resumed
    found: dict[str, Group] = {}
    for word in dict.fromkeys(_word(path) for groups in stored for path in groups):
        own = {number: _below(word, groups) for number, groups in enumerate(stored)}
        own = {number: groups for number, groups in own.items() if groups}
        forms = [_form(groups) for groups in own.values()]
        alike = forms[0] is not None and all(form == forms[0] for form in forms)
        found |= _stacked(own) if alike else _numbered(own, word)
    return found


def misnamed(groups: Groups) -> str | None:
    """Return the path of a group in which something is called like the dim of alignments."""
    for path, group in groups.items():
        dims = {dim for variable in group.variables.values() for dim in variable.dims}
        if ALIGNMENT in {*group.variables, *group.attributes, *dims, *path.split("/")[1:]}:
            return path
    return None


def _word(path: str) -> str:
    return path.partition("/")[0]


def _below(word: str, groups: Groups) -> Groups:
    return {path: group for path, group in groups.items() if _word(path) == word}


def _form(groups: Groups) -> dict[str, Any] | None:
    """Return all that groups must agree in to become one; None if nothing can agree with it."""
    if any(isinstance(v, list) for group in groups.values() for v in group.attributes.values()):
        return None
    return {
        path: (
            {name: type(value) for name, value in group.attributes.items()},
            {name: _form_of(name, variable) for name, variable in group.variables.items()},
        )
        for path, group in groups.items()
    }


def _form_of(name: str, variable: Variable) -> tuple[Any, ...]:
    """Return all of an array but its values; of a coordinate these too."""
    values = variable.values
    words = (variable.unit, variable.long_name, variable.metric, variable.better)
    places = repr(values.tolist()) if _is_coordinate(name, variable) else ""
    return (variable.dims, values.dtype, values.shape, words, places)


def _is_coordinate(name: str, variable: Variable) -> bool:
    return variable.dims == (name.removesuffix(POSITION),)


def _stacked(said: Mapping[int, Groups]) -> dict[str, Group]:
    """Return groups of one form as one, by the number of the alignment."""
    first = next(iter(said.values()))
    found: dict[str, Group] = {}
    for path, group in first.items():
        each = [groups[path] for groups in said.values()]
        variables = {
            name: variable
            if _is_coordinate(name, variable)
            else _over_alignments([own.variables[name] for own in each])
            for name, variable in group.variables.items()
        }
        attributes = {name: [own.attributes[name] for own in each] for name in group.attributes}
        found[path] = Group(
            {ALIGNMENT: numbers(said), **variables}, cast("dict[str, Attribute]", attributes)
        )
    return found


def _numbered(said: Mapping[int, Groups], word: str) -> dict[str, Group]:
    """Return groups of several forms below the number of their alignment."""
    found: dict[str, Group] = {}
    for number, groups in said.items():
        for path, group in groups.items():
            variables = {
                name: replace(variable, metric="")  # a coordinate has no dim but its own
                if _is_coordinate(name, variable)
                else _over_alignments([variable])
                if variable.metric
                else variable
                for name, variable in group.variables.items()
            }
            found[f"{word}/{number}{path.removeprefix(word)}"] = replace(
                group, variables={ALIGNMENT: numbers([number]), **variables}
            )
    return found


def _over_alignments(same: Sequence[Variable]) -> Variable:
    """Return arrays (...) of several alignments as one (alignment, ...)."""
    first = same[0]
    return replace(
        first, values=np.stack([each.values for each in same]), dims=(ALIGNMENT, *first.dims)
    )
