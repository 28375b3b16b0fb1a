"""The permutation spec of a model, derived from its graph."""

from __future__ import annotations

from dataclasses import replace
from math import prod
from typing import TYPE_CHECKING

from lmctool.graph.operations import norm_groups
from lmctool.graph.sizes import varies
from lmctool.symmetry.axis import Axis
from lmctool.symmetry.axis_table import fix
from lmctool.symmetry.group_names import Forms, group_names, in_graph_order
from lmctool.symmetry.inner_groups import inner_groups
from lmctool.symmetry.propagate import propagate
from lmctool.symmetry.separation import Blocks, Separation
from lmctool.symmetry.spec import PermutationSpec
from lmctool.symmetry.taps import find_taps
from lmctool.symmetry.unification import CUT_APART, cut

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import fx

    from lmctool.graph.graph import Graph
    from lmctool.symmetry.axis_form import ValueForms
    from lmctool.symmetry.axis_table import AxisTable

SINGLE = "each of its parts is one unit"
"""Why an axis stays in which no part has a reason to."""
CACHE_SIZE = 16
"""How many derived specs are remembered, by the fingerprint of their graph."""

_cache: dict[tuple[str, tuple[str, ...], tuple[str, ...]], tuple[PermutationSpec, ValueForms]] = {}


def derive(
    graph: Graph, *, fixed: Sequence[str] = (), moved: Sequence[str] = ()
) -> PermutationSpec:
    """Return everything that may be permuted in a model without a change of its function.

    Args:
        graph: the graph of the model.
        fixed: patterns of tensor names that must stay as they are.
        moved: patterns of buffers that may move though no layer owns them, as masks.
    """
    return _derived(graph, fixed, moved)[0]


def value_forms(graph: Graph) -> ValueForms:
    """Return where in every value of a graph the units lie of the groups that ``derive`` finds.

    A node with several values has none of its own; those that are picked from it have.
    """
    return _derived(graph, (), ())[1]


def _derived(
    graph: Graph, fixed: Sequence[str], moved: Sequence[str]
) -> tuple[PermutationSpec, ValueForms]:
    key = graph.fingerprint, tuple(fixed), tuple(moved)
    if key not in _cache:
        while len(_cache) >= CACHE_SIZE:
            del _cache[next(iter(_cache))]
        _cache[key] = _derived_spec(graph, fixed, moved)
    return _cache[key]


def _derived_spec(
    graph: Graph, fixed: Sequence[str], moved: Sequence[str]
) -> tuple[PermutationSpec, ValueForms]:
    table, stored = propagate(graph, fixed, moved)
    separation = Separation(inner_groups(table.values(), stored.values()), stored)
    _cut_norm_groups(table, separation)
    nested = separation.nested()
    tensors = {name: separation(axes) for name, axes in stored.items()}

    def values(node: fx.Node) -> tuple[Axis | Blocks, ...]:
        return separation(
            tuple(axis if isinstance(axis, Axis) else Axis(axis.size) for axis in table.raw(node))
        )

    names = in_graph_order(graph, values, tensors, group_names(tensors, nested))
    wholes = {atom: nested.chain(atom) for atom in names}
    sizes = {name: prod(part.size for part in wholes[atom]) for atom, name in names.items()}
    form = Forms(names, wholes)
    forms = {name: tuple(form(axis) for axis in axes) for name, axes in tensors.items()}
    spec = PermutationSpec(
        groups=sizes,
        tensors=forms,
        per={names[inner]: names[outer] for inner, outer in nested.outer(names).items()},
        fixed={
            (name, position): next((leaf.reason for leaf in axis.leaves() if leaf.reason), SINGLE)
            for name, axes in tensors.items()
            for position, axis in enumerate(axes)
            if forms[name][position] is None and axis.size > 1
        },
    )
    shown = {  # an axis that holds the batch, too, has no units in fixed positions
        node.name: tuple(None if varies(axis.size) else form(axis) for axis in values(node))
        for node in graph.nodes
    }
    after, before = find_taps(graph, shown, spec)
    return replace(spec, taps=after, pretaps=before), shown


def _cut_norm_groups(table: AxisTable, separation: Separation) -> None:
    """Let no channel leave the group it is normalised in, where groups don't fit what else cuts."""
    for node in table.loose:
        channels = separation(table.group_norms[node])[1]
        size = channels.size // norm_groups(node)
        ends = range(size, channels.size, size)
        if isinstance(channels, Blocks) or any(cut(channels, end) is None for end in ends):
            fix(tuple(channels.leaves()), CUT_APART)
