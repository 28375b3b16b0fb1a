"""How powers of values relate: of products, sums, contractions and parts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from torch import fx

from lmctool.graph.operations import arguments, operation
from lmctool.symmetry.axis_table import sizes

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable, Mapping, Sequence

    from lmctool.symmetry.linear.scale_powers import Along, Number, Powers


def multiplied(powers: Powers, out: fx.Node, *factors: tuple[Any, Number]) -> None:
    """Let the powers of factors add up under broadcasting, each times its exponent."""
    terms = [(factor, exponent) for factor, exponent in factors if isinstance(factor, fx.Node)]
    for place in range(1, len(powers.axes(out)) + 1):
        present = [(powers.axes(f), n) for f, n in terms if place <= len(powers.axes(f))]
        operands = ((axes[-place], exponent) for axes, exponent in present)
        powers.relate((powers.axes(out)[-place], -1), *operands)


def added(powers: Powers, out: fx.Node, operands: Iterable[Any]) -> None:
    """Give a sum the power of each operand under broadcasting; zeros around one have any."""
    for operand in operands:
        if not isinstance(operand, fx.Node):
            continue
        starts = zeros_before(operand)
        if starts is None or len(sizes(operand)) != len(sizes(out)):
            multiplied(powers, out, (operand, 1))
        else:
            taken(powers, whole=out, part=operand.args[0], starts=starts)
            for along in powers.axes(operand):
                powers.pass_over(along)


def taken(powers: Powers, *, whole: fx.Node, part: Any, starts: Mapping[int, int]) -> None:
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


def contracted(
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


def passed(powers: Powers, pairs: Iterable[tuple[Along, Along]]) -> None:
    """Give axes of a value the powers of those of an operand."""
    for made, along in pairs:
        powers.relate((made, 1), (along, -1))


def zeros_before(node: fx.Node) -> dict[int, int] | None:
    """Return how many zeros a padding lays in front of each dimension; None for anything else."""
    if operation(node) not in ("pad", "constant_pad_nd"):
        return None
    given = arguments(node)
    pads = list(given["pad"])
    zeros = given.get("mode", "constant") == "constant" and given["value"] in (None, 0)
    if not zeros or any(not isinstance(count, int) or count < 0 for count in pads):
        return None
    rank = len(sizes(node))
    return {rank - 1 - place: before for place, before in enumerate(pads[::2])}
