"""Networks that Python code asks for: permuted or transformed by what a result holds."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypedDict, Unpack, overload

from lmctool.errors import LmctoolError
from lmctool.notebook.networks import naming

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from torch import Tensor, nn

    from lmctool.checkpoint import Checkpoint
    from lmctool.results.result import Result
    from lmctool.symmetry.linear.stored import WholeTransform
    from lmctool.symmetry.stored import WholePermutation

    Whole = WholePermutation | WholeTransform


class Found(Protocol):
    """What a call of Python found."""

    @property
    def record(self) -> Result:
        """The result."""


class Options(TypedDict, total=False):
    """The keywords of ``permute``."""

    number: int | None
    key: str | None
    strip: Sequence[str]
    rename: Mapping[str, str] | None
    ignore: Sequence[str]


@overload
def permute(
    network: nn.Module, found: Found | Result | str | Path, **options: Unpack[Options]
) -> nn.Module: ...
@overload
def permute(
    network: Mapping[str, Any] | str | Path,
    found: Found | Result | str | Path,
    **options: Unpack[Options],
) -> dict[str, Any]: ...
def permute(
    network: nn.Module | Mapping[str, Any] | str | Path,
    found: Found | Result | str | Path,
    *,
    number: int | None = None,
    key: str | None = None,
    strip: Sequence[str] = (),
    rename: Mapping[str, str] | None = None,
    ignore: Sequence[str] = (),
) -> nn.Module | dict[str, Any]:
    """Return a network with its hidden units in the order that a result holds.

    It computes the same function as before: the result holds a proof of that for a network of
    these names and shapes.  Of a result that holds linear maps as well, the network is brought into
    canonical form, in which no tensors are tied, and then transformed.

    Args:
        network: a module, a state dict, or the path of a checkpoint.
        found: the result of ``align``, or of anything that was asked to align; or its path.
        number: which of several permutations, from 0 as the groups of the result count them.
        key: which state dict, as ``--key``.
        strip: prefixes that are taken off names.
        rename: what stands in the place of names, or of how they begin.
        ignore: patterns of names that are left alone.

    Returns:
        Of a module a copy, of a state dict a copy, of a path a state dict of stored names.

    Raises:
        LmctoolError: the result holds no permutation, or several without a number; or the network
            has other names or shapes than the one that was permuted.
    """
    from torch import nn

    from lmctool.checkpoint.checkpoint import open_checkpoints
    from lmctool.evaluate.surroundings import as_on_a_command_line
    from lmctool.model.given_network import given_network

    source = f"result '{found}'" if isinstance(found, str | Path) else "the result"
    whole = _chosen(_record(found), number, source)
    named = naming(key, strip, rename or {}, ignore)
    with as_on_a_command_line():
        if isinstance(network, str | Path):
            (checkpoint,) = open_checkpoints([Path(network)], named)
            return _permuted(checkpoint, whole, source)
        state = network.state_dict() if isinstance(network, nn.Module) else network
        path = Path("network")
        (checkpoint,) = open_checkpoints([path], named, {path: given_network(state, "the network")})
        tensors = _permuted(checkpoint, whole, source)
        if isinstance(network, nn.Module):
            return _copy_with(network, tensors, whole.tensors.untied)
        return _like(network, tensors)


def _record(found: Found | Result | str | Path) -> Result:
    from lmctool.results.file import read
    from lmctool.results.result import Result

    if isinstance(found, str | Path):
        return read(Path(found))
    return found if isinstance(found, Result) else found.record


def _chosen(record: Result, number: int | None, source: str) -> Whole:
    """Return the permutation or transform that is meant.

    Raises:
        LmctoolError: there is none, or several and none is chosen.
    """
    from lmctool.results.alignments import count, one
    from lmctool.symmetry.linear.stored import TRANSFORMS, whole_transform
    from lmctool.symmetry.stored import PERMUTATIONS, whole_permutation

    held = count(record.groups, PERMUTATIONS)
    if not held:
        raise LmctoolError(f"{source} holds no permutation; take one that was asked to align")
    if number is None and held > 1:
        raise LmctoolError(
            f"{source} holds {held} permutations; choose with number=0 to number={held - 1}"
        )
    if not 0 <= (number or 0) < held:
        raise LmctoolError(f"{source} holds no permutation of number {number}")
    if TRANSFORMS in record.groups:
        return whole_transform(record.groups, source, number or 0)
    return whole_permutation(one(record.groups, PERMUTATIONS, number or 0), source)


def _permuted(checkpoint: Checkpoint, whole: Whole, source: str) -> dict[str, Tensor]:
    """Return the tensors of a network by stored name, permuted or transformed.

    Raises:
        LmctoolError: it has other names or shapes.
    """
    from lmctool.model.fit import reading_of
    from lmctool.model.untied import untied, untied_form

    shapes, ties = whole.tensors.shapes, whole.tensors.untied
    one = {**{first: first for first in ties.values()}, **ties, **whole.tensors.tied}
    groups = {
        name: frozenset(other for other in one if one[other] == first)
        for name, first in one.items()
    }
    reading = reading_of(checkpoint, shapes, groups, f"the network that {source} is of")
    tensors = {name: checkpoint.tensor(own) for name, own in reading.names.items()}
    moved = whole.apply(untied(tensors, ties))
    places = untied_form(checkpoint.called(reading.names), ties).locations
    named = {places[name].name: moved[name] for name in places}
    others = {n: part.tensor().clone() for n, part in checkpoint.stored.items() if n not in named}
    return named | others


def _like(state: Mapping[str, Any], tensors: Mapping[str, Tensor]) -> dict[str, Any]:
    """Return a state dict with other tensors, each where it was, and with all else it holds.

    Of dictionaries with a state dict in them it is that one alone.
    """
    if not tensors.keys() <= state.keys():
        return dict(tensors)
    # a copy of an OrderedDict has what torch keeps beside its entries
    new: dict[str, Any] = copy.copy(state) if isinstance(state, dict) else dict(state)
    for name, tensor in tensors.items():
        new[name] = tensor.to(state[name].device)
    return new


def _copy_with(
    module: nn.Module, tensors: Mapping[str, Tensor], ties: Mapping[str, str]
) -> nn.Module:
    """Return a copy of a module with other tensors, in which none of the ties is left.

    Raises:
        LmctoolError: it cannot be copied, or what it saves is not what it computes with.
    """
    import torch

    from lmctool.model.own_copy import own_copy
    from lmctool.model.untied import untie

    new = own_copy(module, "the network", whole=True)
    if ties:
        untie(new)
    own = {id(tensor) for tensor in (*new.parameters(), *new.buffers())}
    with torch.no_grad():
        for name, tensor in new.state_dict(keep_vars=True).items():
            if name in tensors and id(tensor) not in own:
                raise LmctoolError(
                    f"the network makes tensor {name!r} anew each time that it is saved; permute"
                    " its state dict, and load that"
                )
            if name in tensors:
                tensor.copy_(tensors[name])
    return new
