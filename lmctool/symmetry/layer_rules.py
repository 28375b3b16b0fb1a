"""Rules of layers: contractions, normalisations and poolings."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lmctool.graph.operations import groups
from lmctool.symmetry.axis import Axis, product, unify
from lmctool.symmetry.known import Axes, Known, Rule, fix, sizes

if TYPE_CHECKING:
    from torch import fx

SPATIAL = "it is a spatial position"


def linear(node: fx.Node, known: Known) -> Axes:
    """Contract the last axis with the weight's; the weight's rows are the new axis."""
    x, weight = known.of(node.args[0]), known.of(node.args[1])
    unify(x[-1], weight[1])
    for bias in node.args[2:3]:
        _tie(known.of(bias)[:1], weight[:1])
    return (*x[:-1], weight[0])


def convolution(node: fx.Node, known: Known) -> Axes:
    """Contract the channels; groups move as wholes, and alike inside."""
    x, weight = known.of(node.args[0]), known.of(node.args[1])
    kernel = len(weight) - 2
    fix(x[-kernel:], SPATIAL)
    fix(weight[2:], "it is a position in a kernel")
    count = groups(node)
    if count == 1:
        unify(x[-kernel - 1], weight[1])
    else:
        group = Axis(count)
        unify(x[-kernel - 1], product((group, weight[1])))
        unify(weight[0], product((group, Axis(weight[0].size // count))))
    for bias in node.args[2:3]:
        _tie(known.of(bias)[:1], weight[:1])
    return (*x[: -kernel - 1], weight[0], *_spatial(node, kernel))


def batch_norm(node: fx.Node, known: Known) -> Any:
    """Tie the channels with the affine parameters and the running statistics."""
    x = known.of(node.args[0])
    for parameter in node.args[1:5]:
        _tie(known.of(parameter), x[1:2])
    return [x, (), ()] if isinstance(node.meta.get("val"), list | tuple) else x


def layer_norm(node: fx.Node, known: Known) -> Axes:
    """Tie the normalised axes with the affine parameters; statistics don't mind the order."""
    x = known.of(node.args[0])
    normalised = x[len(x) - len(node.args[1]) :]  # type: ignore[arg-type]
    for parameter in node.args[2:4]:
        _tie(known.of(parameter), normalised)
    return x


def group_norm(node: fx.Node, known: Known) -> Axes:
    """Let groups move as wholes, and channels within them."""
    x = known.of(node.args[0])
    count = int(node.args[1])  # type: ignore[arg-type]
    unify(x[1], product((Axis(count), Axis(x[1].size // count))))
    for parameter in node.args[2:4]:
        _tie(known.of(parameter), x[1:2])
    return x


def pooling(axes_per_kernel: int) -> Rule:
    """Return the rule of a pooling over the last axes, which are spatial."""

    def rule(node: fx.Node, known: Known) -> Axes:
        x = known.of(node.args[0])
        fix(x[-axes_per_kernel:], SPATIAL)
        return (*x[:-axes_per_kernel], *_spatial(node, axes_per_kernel))

    return rule


def _tie(first: Axes, second: Axes) -> None:
    for a, b in zip(first, second, strict=False):
        unify(a, b)


def _spatial(node: fx.Node, count: int) -> Axes:
    return tuple(Axis(size, SPATIAL) for size in sizes(node)[-count:])
