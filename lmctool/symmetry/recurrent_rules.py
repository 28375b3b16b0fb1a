"""Rules of recurrent layers: LSTM, GRU and plain RNN, stacked and in both directions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lmctool.graph.operations import arguments
from lmctool.symmetry.axis import Axis, concat
from lmctool.symmetry.axis_table import Axes, AxisTable, Family, Raw, Rule
from lmctool.symmetry.contraction_rules import broadcast
from lmctool.symmetry.unification import unify

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from torch import fx


GATES = (1, 1, 4, 3)
"""Gates of a hidden unit by the mode of the operations for all kinds: plain (2), LSTM and GRU."""


def recurrent(gates: int) -> Rule:
    """Return the rule of a layer whose packed weights hold so many gates for each hidden unit.

    Args:
        gates: 4 for LSTM, 3 for GRU, 1 for a plain RNN.
    """

    def rule(node: fx.Node, table: AxisTable) -> list[Raw]:
        given = arguments(node)
        starts = given["hx"] if isinstance(given["hx"], list | tuple) else [given["hx"]]
        return _layers(
            table,
            _sequence(table, given),
            [table.of(state) for state in starts],
            [table.of(parameter) for parameter in given["params"]],
            gates,
            int(given["num_layers"]),
            biased=bool(given["has_biases"]),
            directions=2 if given["bidirectional"] else 1,
        )

    return rule


def packed_layers(node: fx.Node, table: AxisTable) -> list[Raw]:
    """Do what such a layer does: cuDNN and MIOpen have one operation for all kinds."""
    given = arguments(node)
    starts = [table.of(given[name]) for name in ("hx", "cx") if given[name] is not None]
    stride = int(given["weight_stride0"])  # of one layer and direction: a projection comes last
    axes = _layers(
        table,
        _sequence(table, given),
        starts,
        [table.of(parameter) for parameter in given["weight"]],
        GATES[given["mode"]],
        int(given["num_layers"]),
        biased=stride >= 4,
        directions=2 if given["bidirectional"] else 1,
    )
    return [*axes, *((),) * (len(node.meta["val"]) - len(axes))]


def packed_layer(node: fx.Node, table: AxisTable) -> list[Raw]:
    """Do what one layer and direction does: oneDNN has an operation for it."""
    given = arguments(node)
    x = _sequence(table, given)
    hidden, memory = (table.of(given[name]) for name in ("hx_", "cx_"))
    weights = [table.of(given[f"weight{place}"]) for place in range(4)]
    gates = GATES[given["mode"]]
    unit, _ = _cell(table, weights, x, gates, biased=bool(given["has_biases"]))
    for state in (hidden, memory) if gates == 4 else (hidden,):
        unify(state[-1], unit)
    last = (*hidden[:-1], unit)
    return [(*x[:-1], unit), last, last if gates == 4 else (), ()]


def cell(gates: int, states: int) -> Rule:
    """Return the rule of one step of such a layer: (input, state, weights and biases)."""

    def rule(node: fx.Node, table: AxisTable) -> Any:
        before: Any = node.args[1] if states > 1 else [node.args[1]]
        weights = [axes for parameter in node.args[2:] if (axes := table.of(parameter))]
        below = table.of(node.args[0])
        hidden, _ = _cell(table, weights, below, gates, biased=len(weights) > 2)
        for state in before:
            unify(table.of(state)[-1], hidden)
        after = (*below[:-1], hidden)
        return [after, after] if states > 1 else after

    return rule


def fused_cell(gates: int) -> Rule:
    """Return the rule of what is left of a step behind its two products, on a GPU."""

    def rule(node: fx.Node, table: AxisTable) -> list[Raw]:
        given = arguments(node)
        state = table.of(given["cx" if gates == 4 else "hx"])
        products = [table.of(given[f"{name}_gates"]) for name in ("input", "hidden")]
        hidden = Axis(products[0][-1].size // gates)
        biases = [table.of(given.get(f"{name}_bias")) for name in ("input", "hidden")]
        for packed in (*products, *filter(None, biases)):
            unify(packed[-1], concat((hidden,) * gates))
        unify(state[-1], hidden)
        after = (*broadcast([state[:-1], *(each[:-1] for each in products)]), hidden)
        return [after, after, ()] if gates == 4 else [after, ()]

    return rule


def _sequence(table: AxisTable, given: Mapping[str, Any]) -> Axes:
    """Return the axes of what such a layer reads step by step."""
    x = table.of(given["input"] if "input" in given else given["data"])  # of several lengths
    x[1 if given.get("batch_first") else 0].fix("its units are read one after the other")
    return x


def _layers(
    table: AxisTable,
    x: Axes,
    starts: Sequence[Axes],
    parameters: Sequence[Axes],
    gates: int,
    layers: int,
    *,
    biased: bool,
    directions: int,
) -> list[Raw]:
    """Tie the tensors of all layers; returns the axes of the output and of each last state.

    Args:
        table: the table so far.
        x: (..., unit) the inputs.
        starts: (cell, example, unit) the first states: two for LSTM, else one.
        parameters: those of each layer and direction in turn.
        gates: how many there are for each hidden unit.
        layers: how many lie on top of each other.
        biased: whether there are biases among the parameters.
        directions: 1 or 2.
    """
    each = len(parameters) // (layers * directions)
    below, states_of = x[-1], []
    for layer in range(layers):
        outputs = []
        for direction in range(directions):
            place = (layer * directions + direction) * each
            weights = parameters[place : place + each]
            inputs = (*x[:-1], below)
            hidden, out = _cell(table, weights, inputs, gates, biased=biased)
            states_of.append((out, hidden)[: len(starts)])
            for start, axis in zip(starts, (out, hidden), strict=False):
                unify(start[-1], axis)
            outputs.append(out)
        below = concat(tuple(outputs))
    last = [_states(starts[0], members) for members in zip(*states_of, strict=True)]
    return [(*x[:-1], below), *last]


def _states(start: Axes, members: tuple[Axis, ...]) -> Raw:
    """Return the axes of the last states of all layers and directions: (cell, example, unit)."""
    if len(members) == 1:
        return (start[0], start[1], members[0])
    selector = concat(tuple(Axis(1) for _ in members))
    return (selector, start[1], Family(selector, tuple(range(len(members))), members))


def _cell(
    table: AxisTable, weights: Sequence[Axes], x: Axes, gates: int, *, biased: bool
) -> tuple[Axis, Axis]:
    """Tie the tensors of one layer and direction; returns its hidden axis, and its output's."""
    size = weights[1][0].size // gates
    hidden = Axis(size)
    packed = concat((hidden,) * gates)
    unify(weights[0][0], packed)
    unify(weights[0][1], x[-1])
    unify(weights[1][0], packed)
    for bias in weights[2:4] if biased else ():
        unify(bias[0], packed)
    projection = weights[-1] if len(weights) == (5 if biased else 3) else None
    out = hidden
    if projection is not None:  # (projected, hidden)
        unify(projection[1], hidden)
        out = projection[0]
    unify(weights[1][1], out)
    table.hidden += [(*x, hidden), (*x[:-1], out, hidden)]  # the products that it sums
    return hidden, out
