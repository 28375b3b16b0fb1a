"""Rules of layers: convolutions, normalisations and poolings."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lmctool.graph.operations import arguments, groups, is_transposed, norm_groups
from lmctool.symmetry.axis import Axis, product
from lmctool.symmetry.axis_table import Axes, AxisTable, Rule, fix, sizes, with_silent_values
from lmctool.symmetry.unification import unify

if TYPE_CHECKING:
    from torch import fx

SPATIAL = "it is a spatial position"
KERNEL = "it is a position in a kernel"


def convolution(node: fx.Node, table: AxisTable) -> Axes:
    """Contract the channels; groups move as wholes, and channels inside each group."""
    x, weight = table.of(node.args[0]), table.of(node.args[1])
    kernel = len(weight) - 2
    channels = x[-kernel - 1]
    fix(x[-kernel:], SPATIAL)
    fix(weight[2:], KERNEL)
    count = groups(node)
    group = Axis(count)
    rows = Axis(weight[0].size // count)
    unify(weight[0], product((group, rows)))
    if is_transposed(node):  # its weight is (in, out / groups, kernel)
        unify(channels, weight[0])
        out = product((group, weight[1]))
    else:
        unify(channels, product((group, weight[1])))
        out = weight[0]
    # the products that it sums: of an input and an output channel of one group each
    table.hidden.append((*x[: -kernel - 1], group, rows, weight[1]))
    tie(table.of(arguments(node).get("bias"))[:1], (out,))
    return (*x[: -kernel - 1], out, *_spatial(node, kernel))


def batch_norm(node: fx.Node, table: AxisTable) -> Any:
    """Tie the channels with the affine parameters and the running statistics."""
    x, given = table.of(node.args[0]), arguments(node)
    for name in ("weight", "bias", "running_mean", "running_var"):
        tie(table.of(given.get(name)), x[1:2])
    table.hidden.append(x[1:2])
    return with_silent_values(node, x)


def layer_norm(node: fx.Node, table: AxisTable) -> Any:
    """Tie the normalised axes with the affine parameters; statistics don't mind the order."""
    x, given = table.of(node.args[0]), arguments(node)
    count = len(given["normalized_shape"])
    for name in ("weight", "bias"):
        tie(table.of(given.get(name)), x[len(x) - count :])
    table.hidden.append(x[: len(x) - count])
    return with_silent_values(node, x)


def group_norm(node: fx.Node, table: AxisTable) -> Any:
    """Let groups move as wholes, and channels within them.

    Groups that don't fit what else cuts the channels are known from an earlier pass: their
    channels are cut where they end when all else is known.
    """
    x, given = table.of(node.args[0]), arguments(node)
    group = Axis(norm_groups(node))
    if node not in table.loose:
        unify(x[1], product((group, Axis(x[1].size // group.size))))
        table.hidden.append((x[0], group))
    for name in ("weight", "bias"):
        tie(table.of(given.get(name)), x[1:2])
    table.group_norms[node] = x
    return with_silent_values(node, x)


def weight_norm(node: fx.Node, table: AxisTable) -> Any:
    """Tie a weight with its lengths along one axis; it may have one length in all."""
    direction, length = table.of(node.args[0]), table.of(node.args[1])
    for a, b in zip(direction, length, strict=bool(length)):
        if a.size == b.size:
            unify(a, b)
    table.hidden.append(length)
    return with_silent_values(node, direction)


def pooling(axes_per_kernel: int) -> Rule:
    """Return the rule of an operation over the last axes, which are spatial."""

    def rule(node: fx.Node, table: AxisTable) -> Any:
        x = table.of(node.args[0])
        fix(x[-axes_per_kernel:], "neighbouring units of it are combined")
        pooled = (*x[:-axes_per_kernel], *_spatial(node, axes_per_kernel))
        if isinstance(node.meta.get("val"), list | tuple):
            return [pooled, pooled]  # with the place of each maximum
        return pooled

    return rule


def unpooling(axes_per_kernel: int) -> Rule:
    """Return the rule of an operation that puts values back at the places they were taken from."""

    def rule(node: fx.Node, table: AxisTable) -> Axes:
        x, places = table.of(node.args[0]), table.of(node.args[1])
        tie(x, places)
        fix(x[-axes_per_kernel:], SPATIAL)
        return (*x[:-axes_per_kernel], *_spatial(node, axes_per_kernel))

    return rule


def unfolding(node: fx.Node, table: AxisTable) -> Axes:
    """Lay the values under a kernel beside each channel: (example, channel x kernel, place)."""
    x = table.of(node.args[0])
    fix(x[-2:], SPATIAL)
    channels, places = sizes(node)[-2:]
    window = Axis(channels // x[-3].size, KERNEL)
    return (*x[:-3], product((x[-3], window)), Axis(places, SPATIAL))


def channel_shuffle(node: fx.Node, table: AxisTable) -> Axes:
    """Take a channel of each group in turn."""
    x = table.of(node.args[0])
    group = Axis(int(arguments(node)["groups"]))
    channel = Axis(x[1].size // group.size)
    unify(x[1], product((group, channel)))
    return (x[0], product((channel, group)), *x[2:])


def pixel_shuffle(node: fx.Node, table: AxisTable) -> Axes:
    """Move factors between the channels and the image: channels stay outside."""
    x, out = table.of(node.args[0]), sizes(node)
    fix(x[-2:], SPATIAL)
    if x[-3].size > out[-3]:
        channel = Axis(out[-3])
        unify(x[-3], product((channel, Axis(x[-3].size // out[-3], SPATIAL))))
    else:
        channel = product((x[-3], Axis(out[-3] // x[-3].size, SPATIAL)))
    return (*x[:-3], channel, *_spatial(node, 2))


def prelu(node: fx.Node, table: AxisTable) -> Axes:
    """Tie the channels with a slope each, if they have one each."""
    x, slope = table.of(node.args[0]), table.of(node.args[1])
    if slope and slope[0].size > 1:
        unify(x[1] if len(x) > 1 else x[0], slope[0])
    return x


def tie(first: Axes, second: Axes) -> None:
    """Unify axes pair by pair, as many as both have."""
    for a, b in zip(first, second, strict=False):
        unify(a, b)


def _spatial(node: fx.Node, count: int) -> Axes:
    return tuple(Axis(size, SPATIAL) for size in sizes(node)[-count:])
