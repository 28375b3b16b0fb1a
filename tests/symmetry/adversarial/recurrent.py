"""Recurrent layers, and cells that a loop steps by hand: gates of one layer share its units."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from tests.symmetry.adversarial.case import case, cases

SEQUENCE = (5, 4)


@case(SEQUENCE, free=(6,), net=nn.LSTM(4, 6, batch_first=True), head=nn.Linear(6, 2))
def lstm(net: Any, x: Tensor) -> Any:
    return net.head(net.net(x)[0][:, -1])


@case(
    (4,),
    free=(7, 3),
    fixed="one after the other",
    first=nn.Linear(4, 7),
    second=nn.Linear(7, 5),
    net=nn.LSTM(1, 3),
    head=nn.Linear(3, 2),
)
def units_as_the_steps_of_an_lstm(net: Any, x: Tensor) -> Any:
    steps = torch.relu(net.second(torch.relu(net.first(x)))).t().unsqueeze(2)
    return net.head(net.net(steps)[1][0][0])


@case(SEQUENCE, free=(2, 3), first=nn.Linear(4, 6), net=nn.GRU(3, 3), head=nn.Linear(6, 2))
def residual_around_a_gru_that_all_parts_share(net: Any, x: Tensor) -> Any:
    x = net.first(x).unflatten(2, (2, 3)).movedim(1, 0)
    steps = x.flatten(1, 2)
    x = x + net.net(steps)[0].unflatten(1, (-1, 2))
    return net.head(torch.tanh(x).flatten(2).mean(0))


@case(SEQUENCE, free=(6, 6), net=nn.LSTM(4, 6, 2, batch_first=True), head=nn.Linear(6, 2))
def lstm_of_two_layers(net: Any, x: Tensor) -> Any:
    return net.head(net.net(x)[0][:, -1])


@case(SEQUENCE, free=(6, 6), net=nn.LSTM(4, 6, 2, batch_first=True), head=nn.Linear(12, 2))
def last_states_of_an_lstm(net: Any, x: Tensor) -> Any:
    return net.head(net.net(x)[1][0].transpose(0, 1).flatten(1))


@case(
    SEQUENCE,
    free=(6,) * 4,
    net=nn.LSTM(4, 6, 2, batch_first=True, bidirectional=True),
    head=nn.Linear(12, 2),
)
def lstm_in_both_directions(net: Any, x: Tensor) -> Any:
    return net.head(net.net(x)[0].mean(1))


@case(SEQUENCE, free=(6, 3), net=nn.LSTM(4, 6, batch_first=True, proj_size=3), head=nn.Linear(3, 2))
def lstm_with_a_projection(net: Any, x: Tensor) -> Any:
    return net.head(net.net(x)[0][:, -1])


@case(SEQUENCE, free=(6, 6), net=nn.GRU(4, 6, 2, batch_first=True), head=nn.Linear(6, 2))
def gru_of_two_layers(net: Any, x: Tensor) -> Any:
    return net.head(net.net(x)[0][:, -1])


@case(SEQUENCE, free=(6,), net=nn.RNN(4, 6, batch_first=True), head=nn.Linear(6, 2))
def plain_recurrent_layer(net: Any, x: Tensor) -> Any:
    return net.head(net.net(x)[0][:, -1])


@case(SEQUENCE, free=(6,), inner=nn.Linear(6, 6), outer=nn.Linear(4, 6), head=nn.Linear(6, 2))
def recurrence_by_hand(net: Any, x: Tensor) -> Any:
    state = torch.zeros(x.shape[0], 6, dtype=x.dtype)
    for step in range(x.shape[1]):
        state = torch.tanh(net.outer(x[:, step]) + net.inner(state))
    return net.head(state)


@case(SEQUENCE, free=(6,), cell=nn.LSTMCell(4, 6), head=nn.Linear(6, 2))
def lstm_cell_in_a_loop(net: Any, x: Tensor) -> Any:
    state = x.new_zeros(x.shape[0], 6), x.new_zeros(x.shape[0], 6)
    for step in range(x.shape[1]):
        state = net.cell(x[:, step], state)
    return net.head(state[0])


@case(SEQUENCE, free=(6,), cell=nn.GRUCell(4, 6), head=nn.Linear(6, 2))
def gru_cell_in_a_loop(net: Any, x: Tensor) -> Any:
    state = x.new_zeros(x.shape[0], 6)
    for step in range(x.shape[1]):
        state = net.cell(x[:, step], state)
    return net.head(state)


@case(SEQUENCE, free=(6,), gates=nn.Linear(10, 24), head=nn.Linear(6, 2))
def gates_by_hand(net: Any, x: Tensor) -> Any:
    state, memory = x.new_zeros(x.shape[0], 6), x.new_zeros(x.shape[0], 6)
    for step in range(x.shape[1]):
        take, forget, value, give = net.gates(torch.cat((x[:, step], state), 1)).chunk(4, 1)
        memory = torch.sigmoid(forget) * memory + torch.sigmoid(take) * torch.tanh(value)
        state = torch.sigmoid(give) * torch.tanh(memory)
    return net.head(state)


CASES = cases(globals())
