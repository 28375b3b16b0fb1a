"""Attentions of a graph: which keys they compare with, and which values they average."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from torch import fx

from lmctool.graph.operations import ATTENTION, arguments, operation
from lmctool.graph.operations import attention as attention_call
from lmctool.symmetry.linear import structure

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lmctool.graph.graph import Graph

PRODUCTS = frozenset({"matmul", "bmm"})
SOFTMAX = frozenset({"softmax", "_softmax", "_safe_softmax"})
SHAPING = frozenset({"view", "reshape", "_unsafe_view", "expand", "unsqueeze", "squeeze"})
ADDING = frozenset({"add", "masked_fill", "where"})


@dataclass(frozen=True, slots=True, eq=False)
class Attention:
    """An average of values, by weights that a softmax makes and that sum to 1.

    Attributes:
        scores: the operation that multiplies queries with keys.
        key: its keys: (..., position, unit).
        transposed: whether they lie as (..., unit, position) instead.
        average: the operation that averages.
        value: the values: (..., position, unit).
    """

    scores: fx.Node
    key: fx.Node
    transposed: bool
    average: fx.Node
    value: fx.Node


def attentions(graph: Graph) -> Iterator[Attention]:
    """Give the attentions of a graph, as one operation or written out."""
    for node in graph.nodes:
        name = operation(node) if node.op == "call_function" else ""
        if name in ATTENTION:
            given = attention_call(node)
            if given.query not in (given.key, given.value) and given.key is not given.value:
                yield Attention(node, given.key, False, node, given.value)
        elif name in SOFTMAX:
            written = _written(node)
            if written is not None:
                yield written


def _written(softmax: fx.Node) -> Attention | None:
    """Return the attention that a softmax belongs to; None for none."""
    rank = len(structure.shape(softmax))
    if int(arguments(softmax)["dim"]) % rank != rank - 1:
        return None
    scores = _scores(softmax)
    average = _average(softmax)
    if scores is None or average is None:
        return None
    key: Any = scores.args[1]
    value: Any = average.args[1]
    return Attention(scores, key, True, average, value)


def _scores(softmax: fx.Node) -> fx.Node | None:
    """Return the products that a softmax is made of: scaled by a number, masked, biased.

    What is added to all scores of a query makes no difference to it.
    """
    node: Any = softmax.args[0]
    while operation(node) not in PRODUCTS:
        name = operation(node)
        if not _has_one_reader(node) or not _keeps_last(node):
            return None
        scaled = name in ("mul", "div") and not isinstance(node.args[1], fx.Node)
        known = name in SHAPING | structure.IDENTITIES | ADDING
        if not (scaled or known):
            return None
        first = node.args[1] if name == "where" else node.args[0]
        if not isinstance(first, fx.Node) or first.op != "call_function":
            return None
        node = first
    return node if _has_one_reader(node) else None


def _average(softmax: fx.Node) -> fx.Node | None:
    """Return the products of a softmax with values."""
    node = softmax
    while True:
        users = [user for user in node.users if structure.has_values(user)]
        if len(users) != 1 or users[0].op != "call_function":
            return None
        user = users[0]
        if operation(user) in PRODUCTS:
            return user if user.args[0] is node and user.args[1] is not node else None
        kept = operation(user) in SHAPING or operation(user) not in structure.VIEWS
        if not (kept and structure.is_structural(user) and _keeps_last(user)):
            return None
        node = user


def _has_one_reader(node: fx.Node) -> bool:
    return sum(structure.has_values(user) or user.op == "output" for user in node.users) == 1


def _keeps_last(node: fx.Node) -> bool:
    source: Any = node.args[1] if operation(node) == "where" else node.args[0]
    return structure.shape(node)[-1:] == structure.shape(source)[-1:]
