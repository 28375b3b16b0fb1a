"""Which values of a graph are affine in some of its weights, and where computing them pays."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lmctool.graph.operations import CONVOLUTION, aten, operation

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from torch import fx

PRODUCTS: Mapping[Any, tuple[int, int]] = {
    aten.linear.default: (0, 1),
    aten.addmm.default: (1, 2),
    aten.mm.default: (0, 1),
    aten.bmm.default: (0, 1),
    aten.matmul.default: (0, 1),
    aten.mul.Tensor: (0, 1),
}
"""Linear in each of two operands alone, and in what is added; with the places of the two, which
are the first two of a convolution."""
SUMS = frozenset({aten.add.Tensor, aten.sub.Tensor, aten.neg.default, aten.cat.default})
"""Linear in all operands together."""
MAPS = frozenset(
    {
        aten.embedding.default,
        aten.t.default,
        aten.permute.default,
        aten.transpose.int,
        aten.view.default,
        aten._unsafe_view.default,
        aten.reshape.default,
        aten.expand.default,
        aten.unsqueeze.default,
        aten.squeeze.dim,
        aten.slice.Tensor,
        aten.select.int,
        aten.clone.default,
        aten.mean.dim,
        aten.sum.dim_IntList,
    }
)
"""Linear in the first operand while the others stay."""
COSTLY = PRODUCTS.keys() - {aten.mul.Tensor} | {aten.embedding.default}
"""What takes longer than mixing two results of it, as a convolution does, too."""


def cuts(
    nodes: Sequence[fx.Node], varied: Collection[fx.Node], output: fx.Node
) -> tuple[fx.Node, ...]:
    """Return the nodes to mix in place of the weights they are computed from.

    Where all varied weights stand at one alpha between two networks, the value of such a node is
    ``(1 - alpha)`` of its value in the one plus ``alpha`` of its value in the other.  Behind each
    lies a costly operation, and something that isn't affine follows.

    Args:
        nodes: the graph's, in the order they run.
        varied: the placeholders of the weights that vary.
        output: the node of the model's output.
    """
    costly = _affine_nodes(nodes, varied)
    return tuple(
        node
        for node, pays in costly.items()
        if pays and (node is output or not all(costly.get(user, False) for user in node.users))
    )


def _affine_nodes(nodes: Sequence[fx.Node], varied: Collection[fx.Node]) -> dict[fx.Node, bool]:
    """Return the nodes that are affine in the varied ones, and whether a costly one is behind."""
    affected = set(varied)
    affine = {node: False for node in varied if node.meta["val"].is_floating_point()}
    for node in nodes:
        moving = affected.intersection(node.all_input_nodes)
        if not moving:
            continue
        affected.add(node)
        if moving <= affine.keys() and _is_affine(node, moving):
            costly = node.target in COSTLY or operation(node) in CONVOLUTION
            affine[node] = costly or any(affine[each] for each in moving)
    return affine


def _is_affine(node: fx.Node, moving: set[fx.Node]) -> bool:
    """Tell whether an operation is affine in those of its operands that move."""
    if node.target in SUMS:
        return True
    if node.target in MAPS:
        return moving == {node.args[0]}
    places = (0, 1) if operation(node) in CONVOLUTION else PRODUCTS.get(node.target)
    if places is None or not moving <= set(node.args):
        return False
    return sum(node.args[place] in moving for place in places) < 2
