"""What norms demand of the units they run over, and the gains that multiply these."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from torch import fx

from lmctool.graph.operations import LAYER_NORM, RMS_NORM, arguments, operation
from lmctool.symmetry.linear import structure
from lmctool.symmetry.linear.blocking import blocking, by_itself
from lmctool.symmetry.linear.candidate import Leg

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from lmctool.symmetry.linear.flow import Flow, Legs


@dataclass(frozen=True, slots=True, eq=False)
class Gain:
    """A gain and a shift of each unit.

    Attributes:
        gain: the placeholder of the gain; None for none.
        shift: that of the shift, or None.
        offset: what is added to the gain before it multiplies.
        centres: whether the value is that of a LayerNorm.
    """

    gain: fx.Node | None
    shift: fx.Node | None
    offset: float = 0.0
    centres: bool = False


def layer_norm(node: fx.Node, flow: Flow) -> Any:
    """Normalise over all units: an orthogonal map may act, of LayerNorm one that keeps ones."""
    given = arguments(node)
    centres = operation(node) in LAYER_NORM
    source: Any = given.get("input", node.args[0])
    rank = len(structure.shape(source))
    count = len(given["normalized_shape"])
    made = []
    for leg in flow.of(source):
        if count == 1 and leg.group.is_complete(leg.labels, (rank - 1,)):
            leg.group.orthogonal = True
            leg.group.keeps_ones |= centres
            alone = centres and leg.labels.shape[-1] == leg.group.size
            leg.group.is_raw |= not alone and not leg.is_centred
            made.append(Leg(leg.group, leg.labels, alone))
        else:
            leg.group.block(f"{operation(node)} runs over other axes than it ({node.name})")
    if made:
        _affine(node, flow, made, given, centres)
    if isinstance(node.meta.get("val"), list | tuple):
        return [tuple(made), *((),) * (len(node.meta["val"]) - 1)]
    return tuple(made)


def _affine(
    node: fx.Node, flow: Flow, made: list[Leg], given: Mapping[str, Any], centres: bool
) -> None:
    """Note the gain and shift of a norm."""
    weight, bias = given.get("weight"), given.get("bias")
    gain, shift = gain_of(flow, weight), gain_of(flow, bias)
    if (weight is None or gain) and (bias is None or (shift and not shift.offset)):
        if gain or shift:
            flow.gains[node] = Gain(
                gain.gain if gain else None,
                shift.gain if shift else None,
                gain.offset if gain else 0.0,
                centres,
            )
        return
    for leg in made:
        leg.group.block(f"the gain of {operation(node)} is computed ({node.name})")


def power(node: fx.Node, flow: Flow) -> Legs:
    """Square each unit, where a sum over all follows."""
    if node.args[1] == 2:
        return square(node, flow)
    return blocking(node, flow)


def square(node: fx.Node, flow: Flow) -> Legs:
    """Square each unit, where nothing but sums over all of them read it."""
    for leg in flow.of(node.args[0]):
        if all(_sums(user, leg) for user in node.users):
            leg.group.orthogonal = True
            leg.group.is_raw |= not leg.is_centred
        else:
            leg.group.block(by_itself(node))
    return ()


def _sums(node: fx.Node, leg: Leg) -> bool:
    return operation(node) in ("mean", "sum") and leg.group.is_complete(
        leg.labels, structure.reduced(node)
    )


def length(node: fx.Node, flow: Flow) -> Legs:
    """Take the length of all units together."""
    given = arguments(node)
    order, dims = given.get("ord", given.get("p", 2)), structure.reduced(node)
    for leg in flow.of(node.args[0]):
        if order in (2, None) and leg.group.is_complete(leg.labels, dims):
            leg.group.orthogonal = True
            leg.group.is_raw |= not leg.is_centred
        else:
            leg.group.block(f"{operation(node)} runs over other axes than it ({node.name})")
    return ()


def gain_of(flow: Flow, value: object) -> Gain | None:
    """Return the gain that a value is: a parameter of one axis, plus a number perhaps."""
    offset = 0.0
    while isinstance(value, fx.Node) and value.op == "call_function":
        name = operation(value)
        if name in ("add", "add_") and isinstance(value.args[1], int | float):
            offset += float(value.args[1])
        elif name not in structure.IDENTITIES:
            return None
        value = value.args[0]
    known = isinstance(value, fx.Node) and value.name in flow.graph.tensors
    if not known or len(structure.shape(value)) != 1:
        return None
    return Gain(value, None, offset)  # type: ignore[arg-type]


RULES: Mapping[str, Callable[[fx.Node, Flow], Any]] = {
    **dict.fromkeys(LAYER_NORM | RMS_NORM, layer_norm),
    "pow": power,
    "square": square,
    **dict.fromkeys(("linalg_vector_norm", "norm"), length),
}
