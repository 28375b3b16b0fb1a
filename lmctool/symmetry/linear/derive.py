"""The linear groups of a model and its canonical form, derived from its graph."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lmctool.symmetry.group_names import UNREADABLE
from lmctool.symmetry.linear.biases import attention_biases
from lmctool.symmetry.linear.canonical_spec import CanonicalSpec
from lmctool.symmetry.linear.flow import flow
from lmctool.symmetry.linear.folds import folds
from lmctool.symmetry.linear.place import Place
from lmctool.symmetry.linear.rotary import rotary_groups
from lmctool.symmetry.linear.scales import scale_groups
from lmctool.symmetry.linear.spec import LinearGroup, LinearSpec

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator

    from lmctool.graph.graph import Graph
    from lmctool.symmetry.linear.candidate import Candidate
    from lmctool.symmetry.linear.flow import Flow
    from lmctool.symmetry.spec import PermutationSpec


def derive_linear(graph: Graph, permutations: PermutationSpec) -> LinearSpec:
    """Return which linear maps keep the function of a model's networks in canonical form.

    Args:
        graph: the graph of the model, in which no parameters are tied.
        permutations: what may be permuted in it.
    """
    found = flow(graph, permutations)
    norms, reasons = folds(found)
    for name, group in found.slots:
        if reason := reasons.get(name):
            found.candidates[group].block(reason)
    folded = {name for norm in norms for name in (norm.gain, norm.shift) if name}
    groups = {
        name: _group(found, candidate, permutations, folded)
        for name, candidate in found.candidates.items()
        if not candidate.blocked
    }
    blocked = {name: each.blocked for name, each in found.candidates.items() if each.blocked}
    for name, rotation in _named(permutations, rotary_groups(graph, permutations)):
        if isinstance(rotation, LinearGroup):
            groups[name] = rotation
        else:
            blocked[name] = rotation
    scales, unscaled = scale_groups(graph, permutations, groups, folded)
    groups |= scales
    key_biases, value_biases = attention_biases(graph)
    canonical = CanonicalSpec(
        norms=tuple(norms),
        centred=tuple(
            name
            for name, group in groups.items()
            if group.keeps_ones and group.count == 1 and not found.candidates[name].is_raw
        ),
        key_biases=key_biases,
        value_biases=value_biases,
    )
    for name, reason in unscaled.items():
        blocked[name] = f"{blocked[name]}; {reason}" if name in blocked else reason
    return LinearSpec(permutations, groups, canonical, blocked)


def _group(
    found: Flow,
    candidate: Candidate,
    permutations: PermutationSpec,
    folded: Collection[str],
) -> LinearGroup:
    """Return the linear group of the units of a permutation group."""
    uses = [
        (name, index, slot)
        for (name, group), each in found.slots.items()
        if group == candidate.name and name not in folded
        for index, slot in each
    ]
    powers = candidate.powers([slot for _, _, slot in uses])
    outer = permutations.per.get(candidate.name, "")
    return LinearGroup(
        kind="orthogonal" if candidate.orthogonal else "invertible",
        size=candidate.size,
        count=permutations.groups[outer] if outer else 1,
        places=tuple(Place(name, index, powers[slot]) for name, index, slot in uses),
        units=candidate.name,
        outer=outer,
        keeps_ones=candidate.keeps_ones,
        taps=tuple(permutations.pretaps.get(candidate.name, ())),
    )


def _named(
    permutations: PermutationSpec, found: Iterable[tuple[str, LinearGroup | str]]
) -> Iterator[tuple[str, LinearGroup | str]]:
    """Give groups of rotations, or reasons, with names: of the layers that write the queries."""
    names = {*permutations.groups}
    for tensor, group in found:
        label = UNREADABLE.sub("-", tensor.rpartition(".")[0])
        while label in names:
            label += "'"
        names.add(label)
        yield label, group
