"""The linear groups of a model and its canonical form, derived from its graph."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lmctool.graph.graph import Graph
    from lmctool.symmetry.linear.spec import LinearSpec
    from lmctool.symmetry.spec import PermutationSpec


def derive_linear(graph: Graph, permutations: PermutationSpec) -> LinearSpec:
    """Return which linear maps keep the function of a model's networks in canonical form.

    Args:
        graph: the graph of the model, in which no parameters are tied.
        permutations: what may be permuted in it.
    """
    raise NotImplementedError
