"""Several checkpoints under the same names, where their names say the same in different ways."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

from lmctool.checkpoint.fit import is_counter, shared_prefixes
from lmctool.checkpoint.names import under, unparallel
from lmctool.checkpoint.parametrized import as_wanted
from lmctool.checkpoint.twins import twins
from lmctool.weights.name_words import some

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from lmctool.checkpoint.checkpoint import Checkpoint
    from lmctool.checkpoint.fit import Tied

UNTIED: Tied = MappingProxyType({})
MOST_TIED = 16
"""Names on one side only beyond which they are another network's, and no tensor is looked at."""


def alike(checkpoints: Sequence[Checkpoint], tied: Tied = UNTIED) -> tuple[Checkpoint, ...]:
    """Return checkpoints under the same names, as far as only one reading of them allows.

    A prefix that all names of one begin with, or its modules called ``module``, are taken off if
    all have the same names then.  Weights under weight norm and spectral norm are called as in
    the first.  A tensor that some lack is one under several names where it is tied, by the model
    or because a file that has it has its bytes twice.  Counters that some lack are left out.
    Others stay as they are, for ``compare.check_same`` to tell.

    Args:
        checkpoints: the checkpoints, under the names of a model or their own.
        tied: names of the model that share a tensor.
    """
    first, *others = checkpoints
    if all(other.dtypes.keys() == first.dtypes.keys() for other in others):
        return tuple(checkpoints)
    for read in (_as_they_are, _less_prefix, _less_module):
        named = _same_form([read(checkpoint, checkpoints) for checkpoint in checkpoints])
        evened = _less_counters(_with_twins(named, tied))
        if all(other.dtypes.keys() == evened[0].dtypes.keys() for other in evened):
            return tuple(evened)
    return tuple(checkpoints)


def _as_they_are(checkpoint: Checkpoint, _: Sequence[Checkpoint]) -> Checkpoint:
    return checkpoint


def _less_prefix(checkpoint: Checkpoint, checkpoints: Sequence[Checkpoint]) -> Checkpoint:
    """Take off what all its names begin with, but for what all names of each begin with."""
    own = _common(checkpoint)
    least = min(map(_common, checkpoints), key=len)
    if own == least or not (f".{own}").endswith(f".{least}" if least else ""):
        return checkpoint
    prefix = own.removesuffix(least).removesuffix(".")
    names = {under(name, prefix): name for name in checkpoint.names}
    return checkpoint.called(names, f"prefix '{prefix}.' is taken off, as another has none")


def _common(checkpoint: Checkpoint) -> str:
    """Return the longest prefix that all names begin with."""
    return "".join(shared_prefixes(checkpoint.names)[-1:])


def _less_module(checkpoint: Checkpoint, _: Sequence[Checkpoint]) -> Checkpoint:
    names = {unparallel(name): name for name in checkpoint.names}
    if names.keys() == set(checkpoint.names) or len(names) < len(checkpoint.names):
        return checkpoint
    return checkpoint.called(names, "'module.' is taken off within names, as another has none")


def _same_form(checkpoints: Sequence[Checkpoint]) -> list[Checkpoint]:
    """Call weights under weight norm and spectral norm as in the first checkpoint."""
    first, *others = checkpoints
    return [first, *(_in_form(other, first.locations) for other in others)]


def _in_form(checkpoint: Checkpoint, wanted: Mapping[str, object]) -> Checkpoint:
    """Return a checkpoint with weight norm and spectral norm in the form that is wanted."""
    changed = as_wanted(checkpoint.locations, wanted)
    if not changed:
        return checkpoint
    names = {changed.get(name, name): name for name in checkpoint.names}
    return checkpoint.called(names, _said(changed))


def _said(changed: Mapping[str, str]) -> str:
    """Return in words that weights were called as in another form of their parametrization."""
    old, new = next(iter(changed.items()))
    return f"{old!r} is {new!r}, of the other form of torch; and so on"


def _with_twins(checkpoints: Sequence[Checkpoint], tied: Tied) -> list[Checkpoint]:
    """Give each the names of tied tensors that only others have.

    Bytes tell that a tensor is tied only where one checkpoint has all names: a name on each side
    may be the other.
    """
    every = {name for each in checkpoints for name in each.names if not is_counter(name)}
    lacking = sorted(n for n in every if any(n not in c.locations for c in checkpoints))
    groups = {name: tied[name] for name in lacking if name in tied}
    others = [name for name in lacking if name not in tied]
    whole = any(every <= checkpoint.locations.keys() for checkpoint in checkpoints)
    if whole and len(others) <= MOST_TIED:
        groups |= {name: twins(checkpoints, name) for name in others}
    return [_with_names(checkpoint, groups) for checkpoint in checkpoints]


def _with_names(checkpoint: Checkpoint, groups: Mapping[str, frozenset[str]]) -> Checkpoint:
    added: dict[str, str] = {}
    for name, group in groups.items():
        own = sorted(group.intersection(checkpoint.locations))
        if name not in checkpoint.locations and own:
            added[name] = own[0]
    if not added:
        return checkpoint
    said = [f"{name!r} is tied to its {own!r}" for name, own in added.items()]
    return checkpoint.called({**{name: name for name in checkpoint.names}, **added}, *said)


def _less_counters(checkpoints: Sequence[Checkpoint]) -> list[Checkpoint]:
    """Leave out the counters that some lack."""
    shared = set.intersection(*(set(checkpoint.names) for checkpoint in checkpoints))
    return [_without_counters(checkpoint, shared) for checkpoint in checkpoints]


def _without_counters(checkpoint: Checkpoint, shared: set[str]) -> Checkpoint:
    out = [name for name in checkpoint.names if is_counter(name) and name not in shared]
    if not out:
        return checkpoint
    left_out = set(out)
    names = {name: name for name in checkpoint.names if name not in left_out}
    return checkpoint.called(names, f"left out {some(out)}, which another lacks")
