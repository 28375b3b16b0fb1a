"""What layers say of powers of scales; ``scale_rules`` says what a rule takes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lmctool.graph.operations import arguments, attention, groups, is_transposed
from lmctool.symmetry.axis_table import sizes
from lmctool.symmetry.linear.scale_relations import added, contracted, passed

if TYPE_CHECKING:
    from torch import fx

    from lmctool.symmetry.linear.scale_powers import Powers, Rule


def linear(powers: Powers, call: fx.Node, out: fx.Node) -> None:
    """Contract the last axis with the weight's, and add a bias."""
    given = arguments(call)
    before = tuple(range(len(sizes(out)) - 1))
    if len(sizes(given["weight"])) != 2:
        return
    contracted(
        powers,
        (call.args[0], (*before, "read")),
        (given["weight"], ("written", "read")),
        out=(out, (*before, "written")),
    )
    added(powers, out, [given.get("bias")])


def matmul(powers: Powers, call: fx.Node, out: fx.Node) -> None:
    """Contract the last axis of the first with the last but one of the second."""
    _matrices(powers, call.args[0], call.args[1], out)


def addmm(powers: Powers, call: fx.Node, out: fx.Node) -> None:
    """Contract the second and third operand, and add the first."""
    _matrices(powers, call.args[1], call.args[2], out)
    added(powers, out, call.args[:1])


def einsum(powers: Powers, call: fx.Node, out: fx.Node) -> None:
    """Contract what the letters of an equation say."""
    left, arrow, right = str(call.args[0]).replace(" ", "").partition("->")
    if arrow and "." not in left:
        operands: Any = call.args[1]
        terms = zip(operands, left.split(","), strict=True)
        contracted(powers, *terms, out=(out, right))


def scaled_dot_product(powers: Powers, call: fx.Node, out: fx.Node) -> None:
    """Contract queries with keys, and pass values on."""
    given = attention(call)
    query, key, value = (powers.axes(each)[-1] for each in (given.query, given.key, given.value))
    powers.relate((query, 1), (key, 1))
    powers.relate((powers.axes(out)[-1], 1), (value, -1))


def convolution(powers: Powers, call: fx.Node, out: fx.Node) -> None:
    """Contract the channels: all with all, those of each group, or each with itself."""
    given, count = arguments(call), groups(call)
    weight, bias = powers.axes(given["weight"]), given.get("bias")
    channels = 1 - len(weight)
    read, made = powers.axes(call.args[0])[channels], powers.axes(out)[channels]  # type: ignore[arg-type]
    rows, columns = (weight[1], weight[0]) if is_transposed(call) else (weight[0], weight[1])
    if count == 1:
        powers.relate((read, 1), (columns, 1))
        powers.relate((made, 1), (rows, -1))
    elif sizes(out)[channels] == count == sizes(call.args[0])[channels]:  # type: ignore[arg-type]
        powers.relate((made, 1), (read, -1), (weight[0], -1))
    elif not is_transposed(call):
        inside = {stretch.slot.group: stretch for stretch in read}
        for column in (each for each in columns if each.slot.group in inside):
            powers.state({column.slot: 1, inside[column.slot.group].slot: 1})
        powers.relate((made, 1), (rows, -1))
    if bias is not None:
        powers.relate((made, 1), (powers.axes(bias)[0], -1))


def normalisation(first: int | None) -> Rule:
    """Return the rule of a normalisation, whose gain and shift write, whatever it reads.

    Args:
        first: the first of the axes that these lie along; None for the last axes.
    """

    def rule(powers: Powers, call: fx.Node, out: fx.Node) -> None:
        given, made = arguments(call), powers.axes(out)
        gain, shift = given.get("weight"), given.get("bias")
        if gain is None or ("bias" in given and shift is None):
            return
        for parameter in (each for each in (gain, shift) if each is not None):
            own = powers.axes(parameter)
            begin = len(made) - len(own) if first is None else first
            passed(powers, zip(made[begin:], own, strict=False))

    return rule


def embedding(powers: Powers, call: fx.Node, out: fx.Node) -> None:
    """Look rows up."""
    table: Any = call.args[0]
    powers.relate((powers.axes(out)[-1], 1), (powers.axes(table)[-1], -1))


def _matrices(powers: Powers, first: Any, second: Any, out: fx.Node) -> None:
    """Multiply matrices, or vectors, in batches that are broadcast."""
    a, b = len(sizes(first)), len(sizes(second))
    batch = range(2 - max(a, b, 2), 0)
    rows, columns = ("row",) * (a > 1), ("column",) * (b > 1)
    contracted(
        powers,
        (first, (*batch[len(batch) - max(a - 2, 0) :], *rows, "inner")),
        (second, (*batch[len(batch) - max(b - 2, 0) :], "inner", *columns)),
        out=(out, (*batch, *rows, *columns)),
    )
