"""Rules of contractions: operations that sum over an axis which two operands share.

Each notes the products that it sums, which the graph doesn't show: they hold the axes of both
operands, and so tell which of them lie inside which.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lmctool.graph.operations import arguments
from lmctool.graph.operations import attention as attention_call
from lmctool.symmetry.axis import Axis, product
from lmctool.symmetry.axis_table import Axes, AxisTable, with_silent_values
from lmctool.symmetry.layer_rules import tie
from lmctool.symmetry.unification import meet, unify

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import fx


def linear(node: fx.Node, table: AxisTable) -> Axes:
    """Contract the last axis with the weight's; the weight's rows are the new axis."""
    x, weight = table.of(node.args[0]), table.of(node.args[1])
    unify(x[-1], weight[-1])
    for bias in node.args[2:3]:
        tie(table.of(bias)[:1], weight[:1])
    table.hidden.append((*x[:-1], *weight))
    return (*x[:-1], *weight[:-1])


def matmul(node: fx.Node, table: AxisTable) -> Axes:
    """Contract the last axis of the first with the last but one of the second."""
    return _product(table, table.of(node.args[0]), table.of(node.args[1]))


def addmm(node: fx.Node, table: AxisTable) -> Axes:
    """Contract the second and third operand, and add the first."""
    out = _product(table, table.of(node.args[1]), table.of(node.args[2]))
    return broadcast([table.of(node.args[0]), out])


def _product(table: AxisTable, a: Axes, b: Axes) -> Axes:
    rows = a[-2:-1]
    inner, columns = (b[-2], b[-1:]) if len(b) > 1 else (b[-1], ())
    unify(a[-1], inner)
    batch = broadcast([a[:-2], b[:-2]])
    table.hidden.append((*batch, *rows, inner, *columns))
    return (*batch, *rows, *columns)


def outer(node: fx.Node, table: AxisTable) -> Axes:
    """Multiply each unit of one vector with each of another."""
    return (*table.of(node.args[0]), *table.of(node.args[1]))


def bilinear(node: fx.Node, table: AxisTable) -> Axes:
    """Contract two inputs with a weight (out, first, second)."""
    first, second, weight = (table.of(argument) for argument in node.args[:3])
    unify(first[-1], weight[1])
    unify(second[-1], weight[2])
    tie(first[:-1], second[:-1])
    for bias in node.args[3:4]:
        tie(table.of(bias), weight[:1])
    table.hidden.append((*first[:-1], *weight))
    return (*first[:-1], weight[0])


def einsum(node: fx.Node, table: AxisTable) -> Axes:
    """Unify the axes that bear one letter; letters that the result lacks are summed over."""
    equation = str(node.args[0]).replace(" ", "")
    operands: Sequence[fx.Node] = node.args[1]  # type: ignore[assignment]
    left, arrow, right = equation.partition("->")
    letters: dict[str, Axis] = {}
    rest: list[Axes] = []
    for text, operand in zip(left.split(","), operands, strict=True):
        axes = table.of(operand)
        before, dots, after = text.partition("...")
        named = (*axes[: len(before)], *axes[len(axes) - len(after) :])
        rest.append(axes[len(before) : len(axes) - len(after)] if dots else ())
        for letter, axis in zip(before + after, named, strict=True):
            if letter not in letters or letters[letter].size == 1:
                letters[letter] = axis
            elif axis.size != 1:
                unify(letters[letter], axis)
    if not arrow:
        once = sorted(letter for letter in letters if left.count(letter) == 1)
        right = ("..." if "." in left else "") + "".join(once)
    common = broadcast(rest)
    table.hidden.append((*common, *letters.values()))
    before, dots, after = right.partition("...")
    return (
        *(letters[letter] for letter in before),
        *(common if dots else ()),
        *(letters[letter] for letter in after),
    )


def attention(node: fx.Node, table: AxisTable) -> Any:
    """Queries with keys, keys' positions with values', and the heads of all with each other."""
    given = attention_call(node)
    query, key, value = (table.of(each) for each in (given.query, given.key, given.value))
    unify(query[-1], key[-1])
    unify(key[-2], value[-2])
    places = broadcast([key[:-2], value[:-2]])
    batch = query[:-2]
    if len(batch) == len(places) and batch[-1:] and batch[-1].size != places[-1].size:
        repeats = batch[-1].size // places[-1].size  # grouped queries: (key head, query)
        shared = product((places[-1], Axis(repeats)))
        batch = broadcast([batch, (*places[:-1], shared)])
    else:
        batch = broadcast([batch, places])
    scores = (*batch, query[-2], key[-2])
    scores = broadcast([scores, table.of(given.mask)])
    if given.causal:
        for axis in scores[-2:]:
            axis.fix("a causal mask tells its positions apart")
    table.hidden += [scores, scores[:-1], (*scores, query[-1]), (*scores, value[-1])]
    return with_silent_values(node, (*batch, query[-2], value[-1]))


def cdist(node: fx.Node, table: AxisTable) -> Axes:
    """Compare each vector of one operand with each of another."""
    first, second = table.of(node.args[0]), table.of(node.args[1])
    unify(first[-1], second[-1])
    pairs = (*broadcast([first[:-2], second[:-2]]), first[-2], second[-2])
    table.hidden.append((*pairs, first[-1]))
    return pairs


def pairwise(node: fx.Node, table: AxisTable) -> Axes:
    """Compare vectors of two operands pair by pair, under broadcasting."""
    given = arguments(node)
    operands = [table.of(operand) for operand in node.args[:2]]
    both = broadcast(operands)
    dim = int(given.get("dim", -1)) % len(both)
    table.hidden.append(both)
    for axes in operands:  # the length of each vector
        padded = (Axis(1),) * (len(both) - len(axes)) + axes
        table.hidden.append((*padded[:dim], *padded[dim + 1 :]))
    kept = (Axis(1),) if given.get("keepdim") else ()
    return (*both[:dim], *kept, *both[dim + 1 :])


def broadcast(operands: Sequence[Axes]) -> Axes:
    """Tie axes under broadcasting, aligned at the last, and return the common ones."""
    out: list[Axis] = []
    for axes in operands:
        while len(out) < len(axes):
            out.insert(0, Axis(1))
        for position in range(1, len(axes) + 1):
            axis, common = axes[-position], out[-position]
            if common.size == 1:
                out[-position] = axis
            elif axis.size != 1:
                out[-position] = meet(common, axis)
    return tuple(out)
