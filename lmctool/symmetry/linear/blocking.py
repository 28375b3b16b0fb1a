"""Operations that treat units one by one, so that permutations alone act on these."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lmctool.graph.operations import operation

if TYPE_CHECKING:
    from torch import fx

    from lmctool.symmetry.linear.flow import Flow, Legs


def by_itself(node: fx.Node) -> str:
    """Return why no map acts on units that an operation treats one by one."""
    return f"{operation(node)} acts on each unit by itself ({node.name})"


def blocking(node: fx.Node, flow: Flow) -> Legs:
    """Let no map act on any units that an operation meets."""
    for operand in node.all_input_nodes:
        for leg in flow.of(operand):
            leg.group.block(by_itself(node))
    return ()
