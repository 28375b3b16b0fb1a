"""Residual additions: where a network adds to an activation what it computed of it."""

from __future__ import annotations

import operator
from typing import TYPE_CHECKING

import torch

from lmctool.graph.channels import REARRANGES
from lmctool.graph.operations import aten, is_pointwise, operation

if TYPE_CHECKING:
    from torch import fx

    from lmctool.graph.graph import Graph

Reached = dict["fx.Node", int]


def residual_additions(graph: Graph) -> list[fx.Node]:
    """Return the additions of two activations of one shape that end a residual block.

    Both are computed of one and the same activation, and on one of the two ways at least lies a
    layer: more than a formula of single elements, sums and means.  So neither embeddings that are
    added up, nor a bias, nor two towers on inputs of their own are a block, nor is ``x + 0.04 x **
    3`` within a GELU or ``x + a x / norm(x)`` within a normalisation.  What is added to the
    examples themselves is none either.
    """
    behind = _behind(graph)
    computing, layers = 0, 0
    for place, node in enumerate(graph.nodes):
        if _computes(node):
            computing |= 1 << place
            layers |= (not _is_formula(node)) << place
    return [
        node
        for node in graph.nodes
        if (operands := _operands(node))
        and all(behind[each] & computing for each in operands)
        and behind[operands[0]] & behind[operands[1]]
        and (behind[operands[0]] ^ behind[operands[1]]) & layers
    ]


def _operands(node: fx.Node) -> list[fx.Node]:
    """Return the two values of one shape that a node adds; empty for any other node."""
    if node.target is not aten.add.Tensor or len(node.all_input_nodes) != 2:
        return []
    shapes = [each.meta["val"].shape for each in node.all_input_nodes]
    return node.all_input_nodes if shapes[0] == shapes[1] and len(shapes[0]) > 1 else []


def _behind(graph: Graph) -> Reached:
    """Return the activations that each value is computed of, itself too, as bits by their place.

    An activation is a value of floats that depends on the examples; token ids, and what is looked
    up by them alone, have none behind them.
    """
    behind: Reached = {}
    depending: set[fx.Node] = set()
    for place, node in enumerate(graph.nodes):
        operands = node.all_input_nodes
        behind[node] = 0
        if node.name in graph.inputs or depending.intersection(operands):
            depending.add(node)
            if _holds_floats(node.meta.get("val")):
                behind[node] = 1 << place
                for operand in operands:
                    behind[node] |= behind[operand]
    return behind


def _holds_floats(value: object) -> bool:
    if isinstance(value, list | tuple):
        return any(map(_holds_floats, value))
    return isinstance(value, torch.Tensor) and value.is_floating_point()


def _is_formula(node: fx.Node) -> bool:
    """Tell whether an operation is one that formulas are made of, as those of a normalisation."""
    return is_pointwise(node) or torch.Tag.reduction in getattr(node.target, "tags", ())


def _computes(node: fx.Node) -> bool:
    """Tell whether a value is more than one that was there before, rearranged."""
    moves = node.target is operator.getitem or operation(node) in REARRANGES
    return node.op == "call_function" and not moves
