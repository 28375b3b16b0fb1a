"""Operations without a rule: nothing of what they read may move, and the reason says where."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lmctool.symmetry.axis_table import AxisTable, Family, each_value, new_axes

if TYPE_CHECKING:
    from torch import fx


def unsupported(node: fx.Node, table: AxisTable, reason: str) -> Any:
    """Fix every operand of an operation."""
    reason += _where(node)
    for operand in node.all_input_nodes:
        for axes in each_value(table.axes.get(operand, ())):
            for axis in axes:
                (axis.settle() if isinstance(axis, Family) else axis).fix(reason)
    return new_axes(node, reason)


def _where(node: fx.Node) -> str:
    """Say which line of the model's source an operation comes from, as far as it is known."""
    trace = str(node.meta.get("stack_trace") or "").strip().splitlines()
    lines = [line.strip() for line in trace if line.strip().startswith("File ")]
    if not lines:
        return ""
    path, _, line = lines[-1].removeprefix('File "').partition('", line ')
    return f" ({path.rpartition('/')[2]}:{line.partition(',')[0]})"
