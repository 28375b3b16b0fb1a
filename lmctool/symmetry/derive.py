"""The permutation spec of a model, derived from its graph."""

from __future__ import annotations

from dataclasses import replace
from math import prod
from typing import TYPE_CHECKING

from lmctool.symmetry.group_names import Forms, group_names, in_graph_order
from lmctool.symmetry.inner_groups import inner_groups
from lmctool.symmetry.propagate import propagate
from lmctool.symmetry.spec import PermutationSpec
from lmctool.symmetry.taps import find_taps

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lmctool.graph.graph import Graph

CACHE_SIZE = 16
"""How many derived specs are remembered, by the fingerprint of their graph."""

_cache: dict[tuple[str, tuple[str, ...], tuple[str, ...]], PermutationSpec] = {}


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
    if key not in _cache:
        while len(_cache) >= CACHE_SIZE:
            del _cache[next(iter(_cache))]
        _cache[key] = _derived_spec(graph, fixed, moved)
    return _cache[key]


def _derived_spec(graph: Graph, fixed: Sequence[str], moved: Sequence[str]) -> PermutationSpec:
    table, tensors = propagate(graph, fixed, moved)
    nested = inner_groups(table.values(), tensors.values())
    names = in_graph_order(graph, table, tensors, group_names(tensors, nested))
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
    after, before = find_taps(graph, table, spec, form)
    return replace(spec, taps=after, pretaps=before)
