"""The permutation spec of a model, derived from its graph."""

from __future__ import annotations

from dataclasses import replace
from math import prod
from typing import TYPE_CHECKING

from lmctool.symmetry import taps
from lmctool.symmetry.group_names import Forms, groups, in_order
from lmctool.symmetry.inner_groups import nesting
from lmctool.symmetry.propagate import walk
from lmctool.symmetry.spec import PermutationSpec

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lmctool.graph.graph import Graph

KEPT = 16
"""How many derived specs are kept, by the fingerprint of their graph."""

_kept: dict[tuple[str, tuple[str, ...], tuple[str, ...]], PermutationSpec] = {}


def derive(
    graph: Graph, *, fixed: Sequence[str] = (), moved: Sequence[str] = ()
) -> PermutationSpec:
    """Return everything that may be permuted in a model without a change of its function.

    Args:
        graph: the graph of the model.
        fixed: patterns of tensor names that must stay as they are.
        moved: patterns of buffers that may move though no normalisation owns them, as the
            masks of pruned weights.
    """
    key = graph.fingerprint, tuple(fixed), tuple(moved)
    if key not in _kept:
        while len(_kept) >= KEPT:
            del _kept[next(iter(_kept))]
        _kept[key] = _derived(graph, fixed, moved)
    return _kept[key]


def _derived(graph: Graph, fixed: Sequence[str], moved: Sequence[str]) -> PermutationSpec:
    known, tensors = walk(graph, fixed, moved)
    nested = nesting(known.values(), tensors.values())
    names = in_order(graph, known, tensors, groups(tensors, nested))
    wholes = {atom: nested.chain(atom) for atom in names}
    sizes = {name: prod(part.size for part in wholes[atom]) for atom, name in names.items()}
    form = Forms(names, wholes)
    forms = {name: tuple(form(axis) for axis in axes) for name, axes in tensors.items()}
    spec = PermutationSpec(
        groups=sizes,
        tensors=forms,
        per={names[inner]: names[outer] for inner, outer in nested.outer(names).items()},
        fixed={
            (name, position): next((leaf.reason for leaf in axis.leaves() if leaf.reason), "")
            for name, axes in tensors.items()
            for position, axis in enumerate(axes)
            if forms[name][position] is None and axis.size > 1
        },
    )
    after, before = taps.find(graph, known, spec, form)
    return replace(spec, taps=after, pretaps=before)
