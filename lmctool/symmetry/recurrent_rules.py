"""Rules of recurrent layers: LSTM, GRU and plain RNN, stacked and in both directions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lmctool.symmetry.axis import Axis, concat
from lmctool.symmetry.axis_table import Axes, AxisTable, Family, Raw, Rule
from lmctool.symmetry.unification import unify

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import fx


def recurrent(gates: int, states: int) -> Rule:
    """Return the rule of a layer whose packed weights hold so many gates for each hidden unit.

    Args:
        gates: 4 for LSTM, 3 for GRU, 1 for a plain RNN.
        states: how many states it keeps: 2 for LSTM, else 1.
    """

    def rule(node: fx.Node, table: AxisTable) -> list[Raw]:
        initial: Any = node.args[1] if states > 1 else [node.args[1]]
        parameters: Sequence[fx.Node] = node.args[2]  # type: ignore[assignment]
        biased, layers, bidirectional = node.args[3], int(node.args[4]), bool(node.args[7])  # type: ignore[arg-type]
        x = table.of(node.args[0])
        directions = 2 if bidirectional else 1
        each = len(parameters) // (layers * directions)
        starts = [table.of(state) for state in initial]
        below, states_of = x[-1], []
        for layer in range(layers):
            outputs = []
            for direction in range(directions):
                place = (layer * directions + direction) * each
                weights = [table.of(p) for p in parameters[place : place + each]]
                hidden, out = _cell(weights, below, gates, biased=bool(biased))
                states_of.append((out, hidden)[:states])
                for start, axis in zip(starts, (out, hidden), strict=False):
                    unify(start[-1], axis)
                outputs.append(out)
            below = concat(tuple(outputs))
        last = [_states(starts[0], members) for members in zip(*states_of, strict=True)]
        return [(*x[:-1], below), *last]

    return rule


def cell(gates: int, states: int) -> Rule:
    """Return the rule of one step of such a layer: (input, state, weights and biases)."""

    def rule(node: fx.Node, table: AxisTable) -> Any:
        before: Any = node.args[1] if states > 1 else [node.args[1]]
        weights = [axes for parameter in node.args[2:] if (axes := table.of(parameter))]
        below = table.of(node.args[0])
        hidden, _ = _cell(weights, below[-1], gates, biased=len(weights) > 2)
        for state in before:
            unify(table.of(state)[-1], hidden)
        after = (*below[:-1], hidden)
        return [after, after] if states > 1 else after

    return rule


def _states(start: Axes, members: tuple[Axis, ...]) -> Raw:
    """Return the axes of the last states of all layers and directions: (cell, example, unit)."""
    if len(members) == 1:
        return (start[0], start[1], members[0])
    selector = concat(tuple(Axis(1) for _ in members))
    return (selector, start[1], Family(selector, tuple(range(len(members))), members))


def _cell(weights: Sequence[Axes], below: Axis, gates: int, *, biased: bool) -> tuple[Axis, Axis]:
    """Tie the tensors of one layer and direction; returns its hidden axis, and its output's."""
    size = weights[1][0].size // gates
    hidden = Axis(size)
    packed = concat((hidden,) * gates)
    unify(weights[0][0], packed)
    unify(weights[0][1], below)
    unify(weights[1][0], packed)
    for bias in weights[2:4] if biased else ():
        unify(bias[0], packed)
    projection = weights[-1] if len(weights) == (5 if biased else 3) else None
    out = hidden
    if projection is not None:  # (projected, hidden)
        unify(projection[1], hidden)
        out = projection[0]
    unify(weights[1][1], out)
    return hidden, out
