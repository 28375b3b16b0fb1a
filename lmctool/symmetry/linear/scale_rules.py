"""What each operation says of the powers to which its operands and its value scale.

A rule takes the powers, the operation and the node whose value it tells of: the operation itself,
or what is picked from its several values.  It tells what positive scales pass; all of which it
says nothing has the power 0.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Hashable, Iterable, Sequence
from fractions import Fraction
from itertools import accumulate
from typing import TYPE_CHECKING, Any

from torch import fx

from lmctool.graph.operations import (
    ATTENTION,
    BATCH_NORM,
    CONVOLUTION,
    GROUP_NORM,
    LAYER_NORM,
    RMS_NORM,
    arguments,
    attention,
    groups,
    is_transposed,
    operation,
)
from lmctool.symmetry.axis_table import sizes
from lmctool.symmetry.shape_rules import dimensions, new_order

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lmctool.symmetry.linear.scale_powers import Along, Number, Powers, Slot

Rule = Callable[["Powers", fx.Node, fx.Node], None]


def tell(powers: Powers, node: fx.Node) -> None:
    """Let the powers have what an operation of a graph says of them."""
    call = node.args[0] if node.target is operator.getitem else node
    assert isinstance(call, fx.Node)
    several = isinstance(node.meta.get("val"), list | tuple)
    if (call is node and several) or operation(call) in SILENT:
        return  # what is picked from several values tells
    if (rule := _rule(call, node)) is not None:
        rule(powers, call, node)
    powers.close([*call.all_input_nodes, node], operation(call))


def _rule(call: fx.Node, out: fx.Node) -> Rule | None:
    name = operation(call)
    if call is not out and name in PICKED:
        return PICKED[name]
    if call is not out and out.args[1] != 0:
        return None
    return pooled(len(sizes(out)) - 2) if name.startswith("upsample_") else RULES.get(name)


def homogeneous(degree: Number) -> Rule:
    """Return the rule of an operation f of one operand with f(s x) = s^degree f(x) for s > 0."""

    def rule(powers: Powers, call: fx.Node, out: fx.Node) -> None:
        if out.meta["val"].is_floating_point():
            _multiplied(powers, out, (call.args[0], degree))

    return rule


def power(powers: Powers, call: fx.Node, out: fx.Node) -> None:
    """Raise to a constant power."""
    exponent = call.args[1]
    if isinstance(exponent, int | float) and 2 * exponent % 1 == 0:
        _multiplied(powers, out, (call.args[0], Fraction(exponent)))


def clamped(powers: Powers, call: fx.Node, out: fx.Node) -> None:
    """Raise what is below 0 to 0, as ReLU does."""
    given = arguments(call)
    if given.get("min") == 0 and given.get("max") is None:
        _multiplied(powers, out, (call.args[0], 1))


def product(powers: Powers, call: fx.Node, out: fx.Node) -> None:
    """Multiply two values, or a value by a number."""
    _multiplied(powers, out, *((operand, 1) for operand in call.args[:2]))


def quotient(powers: Powers, call: fx.Node, out: fx.Node) -> None:
    """Divide a value by another, or by a number."""
    if arguments(call).get("rounding_mode") is None:
        _multiplied(powers, out, *zip(call.args[:2], (1, -1), strict=True))


def total(powers: Powers, call: fx.Node, out: fx.Node) -> None:
    """Add or compare values, all of which have the same power."""
    if all(isinstance(operand, fx.Node) or operand == 0 for operand in call.args[:2]):
        _added(powers, out, call.args[:2])


def slope(powers: Powers, call: fx.Node, out: fx.Node) -> None:
    """Multiply what is below 0 by a slope, which stays."""
    _multiplied(powers, out, (call.args[0], 1))


def linear(powers: Powers, call: fx.Node, out: fx.Node) -> None:
    """Contract the last axis with the weight's, and add a bias."""
    given = arguments(call)
    before = tuple(range(len(sizes(out)) - 1))
    _contracted(
        powers,
        (call.args[0], (*before, "read")),
        (given["weight"], ("written", "read")),
        out=(out, (*before, "written")),
    )
    _added(powers, out, [given.get("bias")])


def matmul(powers: Powers, call: fx.Node, out: fx.Node) -> None:
    """Contract the last axis of the first with the last but one of the second."""
    _matrices(powers, call.args[0], call.args[1], out)


def addmm(powers: Powers, call: fx.Node, out: fx.Node) -> None:
    """Contract the second and third operand, and add the first."""
    _matrices(powers, call.args[1], call.args[2], out)
    _added(powers, out, call.args[:1])


def einsum(powers: Powers, call: fx.Node, out: fx.Node) -> None:
    """Contract what the letters of an equation say."""
    left, arrow, right = str(call.args[0]).replace(" ", "").partition("->")
    if arrow and "." not in left:
        operands: Any = call.args[1]
        terms = zip(operands, left.split(","), strict=True)
        _contracted(powers, *terms, out=(out, right))


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
        for column in columns:
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
            _passed(powers, zip(made[begin:], own, strict=False))

    return rule


def embedding(powers: Powers, call: fx.Node, out: fx.Node) -> None:
    """Look rows up."""
    table: Any = call.args[0]
    powers.relate((powers.axes(out)[-1], 1), (powers.axes(table)[-1], -1))


def pooled(spatial: int) -> Rule:
    """Return the rule of an operation that combines neighbours along the last axes."""

    def rule(powers: Powers, call: fx.Node, out: fx.Node) -> None:
        x: Any = call.args[0]
        pairs = zip(powers.axes(out)[:-spatial], powers.axes(x)[:-spatial], strict=True)
        _passed(powers, pairs)

    return rule


def reduction(powers: Powers, call: fx.Node, out: fx.Node) -> None:
    """Reduce axes to their sum, mean or greatest unit."""
    x: Any = call.args[0]
    axes, made = powers.axes(x), powers.axes(out)
    dropped = dimensions(call, len(axes))
    kept = [dim for dim in range(len(axes)) if dim not in dropped]
    places = kept if len(made) == len(axes) else range(len(kept))
    _passed(powers, ((made[place], axes[dim]) for place, dim in zip(places, kept, strict=True)))


def view(powers: Powers, call: fx.Node, out: fx.Node) -> None:
    """Flatten or cut axes: units stay in their order."""
    x: Any = call.args[0]
    before, after = _slots(powers, x), _slots(powers, out)
    for group in before.keys() & after.keys():
        if len(before[group]) == len(after[group]):
            for slot, other in zip(before[group], after[group], strict=True):
                powers.state({slot: 1, other: -1})


def transposition(powers: Powers, call: fx.Node, out: fx.Node) -> None:
    """Reorder the axes."""
    x: Any = call.args[0]
    axes = powers.axes(x)
    order = new_order(call, len(axes))
    _passed(powers, zip(powers.axes(out), (axes[dim] for dim in order), strict=True))


def padding(powers: Powers, call: fx.Node, out: fx.Node) -> None:
    """Lay zeros around a value."""
    x: Any = call.args[0]
    if (starts := _zeros_before(call)) is not None:
        _taken(powers, whole=out, part=x, starts=starts)


def slicing(powers: Powers, call: fx.Node, out: fx.Node) -> None:
    """Take consecutive units of an axis, or units at steps of one that has no group."""
    x: Any = call.args[0]
    given = arguments(call)
    dim, start = given["dim"] % len(sizes(x)), given["start"] or 0
    if isinstance(start, int) and (given["step"] == 1 or not powers.axes(x)[dim]):
        begin = min(start % sizes(x)[dim] if start < 0 else start, sizes(x)[dim])
        _taken(powers, whole=x, part=out, starts={dim: begin})


def splitting(powers: Powers, call: fx.Node, out: fx.Node) -> None:
    """Take one of the consecutive pieces of an axis."""
    x: Any = call.args[0]
    dim = arguments(call)["dim"] % len(sizes(x))
    place: Any = out.args[1]
    before = sum(int(piece.shape[dim]) for piece in call.meta["val"][:place])
    _taken(powers, whole=x, part=out, starts={dim: before})


def selection(powers: Powers, call: fx.Node, out: fx.Node) -> None:
    """Take one unit of an axis."""
    x: Any = call.args[0]
    axes = powers.axes(x)
    dim = arguments(call)["dim"] % len(axes)
    _passed(powers, zip(powers.axes(out), axes[:dim] + axes[dim + 1 :], strict=True))


def concatenation(powers: Powers, call: fx.Node, out: fx.Node) -> None:
    """Lay values one after the other along an axis."""
    operands: Any = call.args[0]
    dim = arguments(call)["dim"] % len(sizes(out))
    ends = accumulate((sizes(operand)[dim] for operand in operands), initial=0)
    for operand, begin in zip(operands, ends, strict=False):
        _taken(powers, whole=out, part=operand, starts={dim: begin})


def gating(powers: Powers, call: fx.Node, out: fx.Node) -> None:
    """Multiply one half of an axis by the sigmoid of the other, which stays."""
    x: Any = call.args[0]
    dim = arguments(call)["dim"] % len(sizes(x))
    size = sizes(out)[dim]
    for at, (made, along) in enumerate(zip(powers.axes(out), powers.axes(x), strict=True)):
        half = [part for each in along if (part := each.within(0, size))] if at == dim else along
        powers.relate((made, 1), (half, -1))


def _multiplied(powers: Powers, out: fx.Node, *factors: tuple[Any, Number]) -> None:
    """Let the powers of factors add up under broadcasting, each times its exponent."""
    terms = [(factor, exponent) for factor, exponent in factors if isinstance(factor, fx.Node)]
    for place in range(1, len(powers.axes(out)) + 1):
        present = [(powers.axes(f), n) for f, n in terms if place <= len(powers.axes(f))]
        operands = ((axes[-place], exponent) for axes, exponent in present)
        powers.relate((powers.axes(out)[-place], -1), *operands)


def _added(powers: Powers, out: fx.Node, operands: Iterable[Any]) -> None:
    """Give a sum the power of each operand under broadcasting; zeros around one have any."""
    for operand in operands:
        if not isinstance(operand, fx.Node):
            continue
        starts = _zeros_before(operand)
        if starts is None or len(sizes(operand)) != len(sizes(out)):
            _multiplied(powers, out, (operand, 1))
        else:
            _taken(powers, whole=out, part=operand.args[0], starts=starts)
            for along in powers.axes(operand):
                powers.pass_over(along)


def _zeros_before(node: fx.Node) -> dict[int, int] | None:
    """Return how many zeros a padding lays in front of each dimension; None for anything else."""
    if operation(node) not in ("pad", "constant_pad_nd"):
        return None
    given = arguments(node)
    pads = list(given["pad"])
    if (
        given.get("mode", "constant") != "constant"
        or given["value"] not in (None, 0)
        or min(pads) < 0
    ):
        return None
    rank = len(sizes(node))
    return {rank - 1 - place: before for place, before in enumerate(pads[::2])}


def _taken(powers: Powers, *, whole: fx.Node, part: Any, starts: Mapping[int, int]) -> None:
    """Give a part of a value its powers.

    Args:
        powers: the powers.
        whole: the value.
        part: the part.
        starts: for each dimension that the part has less of, where it begins.
    """
    for dim, (along, inside) in enumerate(zip(powers.axes(whole), powers.axes(part), strict=True)):
        if dim in starts:
            size = sizes(part)[dim]
            within = [each.within(starts[dim], size) for each in along]
            powers.pass_over(e for e, kept in zip(along, within, strict=True) if kept is None)
            along = [kept for kept in within if kept is not None]
        powers.relate((along, 1), (inside, -1))


def _contracted(
    powers: Powers,
    *factors: tuple[Any, Sequence[Hashable]],
    out: tuple[fx.Node, Sequence[Hashable]],
) -> None:
    """Let the powers of factors add up along axes of one label, to 0 where they are summed over.

    Args:
        powers: the powers.
        factors: values, and the label of each axis.
        out: the same of what is computed.
    """
    terms: dict[Hashable, list[tuple[Along, Number]]] = {}
    for value, labels, count in (*((*factor, 1) for factor in factors), (*out, -1)):
        for label, along in zip(labels, powers.axes(value), strict=True):
            terms.setdefault(label, []).append((along, count))
    for same in terms.values():
        powers.relate(*same)


def _matrices(powers: Powers, first: Any, second: Any, out: fx.Node) -> None:
    """Multiply matrices, or vectors, in batches that are broadcast."""
    a, b = len(sizes(first)), len(sizes(second))
    batch = range(2 - max(a, b, 2), 0)
    rows, columns = ("row",) * (a > 1), ("column",) * (b > 1)
    _contracted(
        powers,
        (first, (*batch[len(batch) - max(a - 2, 0) :], *rows, "inner")),
        (second, (*batch[len(batch) - max(b - 2, 0) :], "inner", *columns)),
        out=(out, (*batch, *rows, *columns)),
    )


def _slots(powers: Powers, value: fx.Node) -> dict[str, list[Slot]]:
    """Return the places of each group in a value, in their order."""
    slots: dict[str, list[Slot]] = {}
    for stretch in (each for along in powers.axes(value) for each in along):
        slots.setdefault(stretch.slot.group, []).append(stretch.slot)
    return slots


def _passed(powers: Powers, pairs: Iterable[tuple[Along, Along]]) -> None:
    """Give axes of a value the powers of those of an operand."""
    for made, along in pairs:
        powers.relate((made, 1), (along, -1))


def _all(rule: Rule, *names: str) -> dict[str, Rule]:
    return dict.fromkeys(names, rule)


RULES: Mapping[str, Rule] = {
    **_all(
        homogeneous(1),
        *("relu", "leaky_relu", "abs", "neg", "negative", "positive", "dropout", "native_dropout"),
        *("feature_dropout", "clone", "contiguous", "to", "_to_copy", "type_as", "alias", "detach"),
        *("lift_fresh_copy", "lift_fresh", "expand", "expand_as", "broadcast_to"),
    ),
    **_all(homogeneous(2), "square"),
    **_all(homogeneous(Fraction(1, 2)), "sqrt"),
    **_all(homogeneous(Fraction(-1, 2)), "rsqrt"),
    **_all(homogeneous(-1), "reciprocal"),
    **_all(slope, "prelu", "_prelu_kernel"),
    **_all(power, "pow"),
    **_all(clamped, "clamp", "clamp_min"),
    **_all(product, "mul", "multiply"),
    **_all(quotient, "div", "divide", "true_divide"),
    **_all(total, "add", "sub", "subtract", "rsub", "maximum", "minimum"),
    **_all(linear, "linear", "mkldnn_linear"),
    **_all(matmul, "matmul", "mm", "bmm", "mv", "dot"),
    **_all(addmm, "addmm", "baddbmm"),
    **_all(einsum, "einsum"),
    **_all(scaled_dot_product, *ATTENTION),
    **_all(convolution, *CONVOLUTION),
    **_all(normalisation(1), *BATCH_NORM, *GROUP_NORM),
    **_all(normalisation(None), *LAYER_NORM, *RMS_NORM),
    **_all(embedding, "embedding"),
    **_all(pooled(1), "max_pool1d", "avg_pool1d", "adaptive_avg_pool1d", "adaptive_max_pool1d"),
    **_all(pooled(1), "max_pool1d_with_indices", "reflection_pad1d", "replication_pad1d"),
    **_all(pooled(2), "max_pool2d", "avg_pool2d", "adaptive_avg_pool2d", "adaptive_max_pool2d"),
    **_all(pooled(2), "max_pool2d_with_indices", "_adaptive_avg_pool2d"),
    **_all(pooled(2), "reflection_pad2d", "replication_pad2d"),
    **_all(pooled(3), "max_pool3d", "avg_pool3d", "adaptive_avg_pool3d", "adaptive_max_pool3d"),
    **_all(pooled(3), "max_pool3d_with_indices", "reflection_pad3d", "replication_pad3d"),
    **_all(reduction, "mean", "sum", "amax", "amin"),
    **_all(view, "view", "reshape", "_unsafe_view", "flatten", "unflatten", "unsqueeze", "squeeze"),
    **_all(view, "_reshape_alias", "view_copy"),
    **_all(transposition, "permute", "transpose", "t", "mT", "numpy_T", "swapaxes"),
    **_all(padding, "pad", "constant_pad_nd"),
    **_all(slicing, "slice"),
    **_all(selection, "select"),
    **_all(concatenation, "cat"),
    **_all(gating, "glu"),
}
SILENT = frozenset({"sym_size", "_assert_tensor_metadata"})
"""Operations that ask for no number of their operand."""
PICKED: Mapping[str, Rule] = {
    **_all(splitting, "split", "split_with_sizes", "chunk", "tensor_split", "unsafe_split"),
    **_all(selection, "unbind"),
}
"""Rules of operations whose several values are parts of their operand."""
