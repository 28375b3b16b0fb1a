"""What each operation that sums products demands of units."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lmctool.graph.operations import ATTENTION, CONVOLUTION, arguments, groups, is_transposed
from lmctool.graph.operations import attention as attention_call
from lmctool.symmetry.linear import structure
from lmctool.symmetry.linear.blocking import blocking
from lmctool.symmetry.linear.candidate import Leg
from lmctool.symmetry.linear.contraction import Factor, contract
from lmctool.symmetry.linear.elementwise import total

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from torch import fx

    from lmctool.symmetry.linear.flow import Flow, Legs

BATCH = "ABCDEFGHIJKLMNOP"
"""Letters of dimensions in which products are taken one by one."""


def linear(node: fx.Node, flow: Flow) -> Legs:
    """Multiply with a weight (out, in), and add a bias."""
    rank = len(structure.shape(node.args[0]))
    columns = "yz"[2 - len(structure.shape(node.args[1])) :]
    x = _factor(flow, node.args[0], BATCH[: rank - 1] + "z")
    weight = _factor(flow, node.args[1], columns)
    legs = contract(node, (x, weight), BATCH[: rank - 1] + columns[:-1])
    return _plus(node, flow, legs, node.args[2] if len(node.args) > 2 else None)


def matmul(node: fx.Node, flow: Flow) -> Legs:
    """Multiply two matrices, or many."""
    return _matmul(node, flow, node.args[0], node.args[1])


def addmm(node: fx.Node, flow: Flow) -> Legs:
    """Multiply two matrices, and add a value."""
    return _plus(node, flow, _matmul(node, flow, node.args[1], node.args[2]), node.args[0])


def _matmul(node: fx.Node, flow: Flow, first: Any, second: Any) -> Legs:
    ranks = [len(structure.shape(operand)) for operand in (first, second)]
    batch = BATCH[: max(*ranks, 2) - 2]
    rows, columns = "x"[: ranks[0] - 1], "y"[: ranks[1] - 1]
    a = _factor(flow, first, batch[len(batch) - max(ranks[0] - 2, 0) :] + rows + "z")
    b = _factor(flow, second, batch[len(batch) - max(ranks[1] - 2, 0) :] + "z" + columns)
    return contract(node, (a, b), batch + rows + columns)


def _plus(node: fx.Node, flow: Flow, legs: Legs, bias: Any) -> Legs:
    """Return the units of a product plus a bias."""
    return legs if bias is None else total(node, legs, flow.of(bias))


def einsum(node: fx.Node, flow: Flow) -> Legs:
    """Sum the products that letters tell."""
    left, arrow, right = str(node.args[0]).replace(" ", "").partition("->")
    operands: Any = node.args[1]
    texts = left.split(",")
    if not arrow or "." in left or any(len({*text}) < len(text) for text in texts):
        return blocking(node, flow)
    factors = [_factor(flow, each, text) for each, text in zip(operands, texts, strict=True)]
    return contract(node, factors, right)


def convolution(node: fx.Node, flow: Flow) -> Legs:
    """Multiply channels with a weight, place by place, and add a bias."""
    kernel = len(structure.shape(node.args[1])) - 2
    count, size = groups(node), structure.shape(node)
    x = _at_one_place(_factor(flow, node.args[0], ""), kernel)
    weight = _at_one_place(_factor(flow, node.args[1], ""), kernel)
    rows, columns = weight.size
    front = BATCH[: len(x.size) - 1]
    letters = "gzy" if is_transposed(node) else "gyz"
    legs = contract(
        node,
        (
            _reshaped(x, (*x.size[:-1], count, x.size[-1] // count), front + "gz"),
            _reshaped(weight, (count, rows // count, columns), letters),
        ),
        front + "gy",
    )
    places = (1,) * kernel
    made = _reshaped(Factor("", legs, (), True), (*size[: len(size) - kernel], *places), "").legs
    bias = arguments(node).get("bias")
    if bias is None:
        return _stretched(made, size)
    lifted = _reshaped(_factor(flow, bias, ""), (-1, *places), "").legs
    return _stretched(total(node, made, lifted), size)


def _stretched(legs: Legs, size: tuple[int, ...]) -> Legs:
    return tuple(Leg(leg.group, leg.labels.expand(size), leg.is_centred) for leg in legs)


def _at_one_place(factor: Factor, kernel: int) -> Factor:
    """Return a factor at one place of an image or a kernel."""
    size = factor.size[: len(factor.size) - kernel]
    legs = []
    for leg in factor.legs:
        labels = leg.group.merged(leg.labels, range(-kernel, 0))
        if labels is None:
            leg.group.block("it lies along the places of a convolution")
        else:
            legs.append(Leg(leg.group, labels.reshape(size), leg.is_centred))
    return Factor("", tuple(legs), size, factor.is_active)


def _reshaped(factor: Factor, size: tuple[int, ...], letters: str) -> Factor:
    legs = tuple(Leg(leg.group, leg.labels.reshape(size), leg.is_centred) for leg in factor.legs)
    return Factor(letters, legs, size, factor.is_active)


def attention(node: fx.Node, flow: Flow) -> Any:
    """Multiply queries with keys, and sum values by what softmax makes of the products."""
    given = attention_call(node)
    rank = len(structure.shape(given.query))
    batch = BATCH[: rank - 2]
    query = _factor(flow, given.query, batch + "id")
    key = _repeated(_factor(flow, given.key, batch + "jd"), query)
    value = _repeated(_factor(flow, given.value, batch + "je"), query)
    scored = contract(node, (query, key), batch + "ij")
    for leg in (*scored, *flow.of(given.mask)):
        leg.group.block(f"softmax acts on each unit by itself ({node.name})")
    scores = Factor(batch + "ij", (), (*query.size[:-1], key.size[-2]), True)
    legs = contract(node, (scores, value), batch + "ie")
    several = isinstance(node.meta.get("val"), list | tuple)
    return [legs, *((),) * (len(node.meta["val"]) - 1)] if several else legs


def _repeated(factor: Factor, query: Factor) -> Factor:
    """Return keys or values once for each query that shares them."""
    heads = factor.size[-3:-2]
    if heads in ((), (1,), query.size[-3:-2]):
        return factor
    repeats = query.size[-3] // heads[0]
    legs = tuple(
        Leg(leg.group, leg.labels.repeat_interleave(repeats, -3), leg.is_centred)
        for leg in factor.legs
    )
    size = (*factor.size[:-3], query.size[-3], *factor.size[-2:])
    return Factor(factor.letters, legs, size, factor.is_active)


def _factor(flow: Flow, value: Any, letters: str) -> Factor:
    return Factor(letters, flow.of(value), structure.shape(value), flow.is_active(value))


RULES: Mapping[str, Callable[[fx.Node, Flow], Any]] = {
    **dict.fromkeys(("linear", "mkldnn_linear"), linear),
    **dict.fromkeys(("matmul", "mm", "bmm", "mv"), matmul),
    **dict.fromkeys(("addmm", "baddbmm", "addmv"), addmm),
    "einsum": einsum,
    **dict.fromkeys(CONVOLUTION, convolution),
    **dict.fromkeys(ATTENTION, attention),
}
