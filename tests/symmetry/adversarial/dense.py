"""Perceptrons whose layers share, gate, multiply or replace one another's weights.

A count by hand names the width of each hidden layer that is free; ``first`` is 4 -> 6 and
``head`` leads to the output everywhere.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from tests.symmetry.adversarial.case import case, cases, parameter

INPUT = (4,)
TOKENS = (5,)


def first(width: int = 6) -> nn.Linear:
    return nn.Linear(4, width)


def zeroed(inputs: int, outputs: int) -> nn.Linear:
    layer = nn.Linear(inputs, outputs)
    for tensor in (layer.weight, layer.bias):
        nn.init.zeros_(tensor)
    return layer


@case(INPUT, free=(6, 5), first=first(), shared=parameter(5, 6), head=nn.Linear(6, 2))
def tied_autoencoder(net: Any, x: Tensor) -> Any:
    code = torch.relu(functional.linear(torch.relu(net.first(x)), net.shared))
    return net.head(torch.relu(functional.linear(code, net.shared.t())))


@case(INPUT, free=(6,), first=first(), loop=nn.Linear(6, 6), head=nn.Linear(6, 2))
def weight_tied_loop(net: Any, x: Tensor) -> Any:
    x = torch.relu(net.first(x))
    for _ in range(3):
        x = torch.relu(net.loop(x))
    return net.head(x)


@case(INPUT, free=(6, 6), first=first(), both=parameter(6, 6), head=nn.Linear(6, 2))
def parameter_read_by_rows_then_by_columns(net: Any, x: Tensor) -> Any:
    x = torch.relu(net.first(x))
    y = torch.relu(functional.linear(x, net.both))
    return net.head(torch.relu(x + functional.linear(y, net.both.T)))


@case(INPUT, free=(6,), first=first(), both=parameter(6, 6), head=nn.Linear(6, 2))
def parameter_read_by_rows_and_columns_at_once(net: Any, x: Tensor) -> Any:
    x = torch.relu(net.first(x))
    return net.head(torch.relu(x @ net.both + x @ net.both.T))


@case(
    TOKENS, tokens=11, free=(6, 9), table=parameter(11, 6), up=nn.Linear(6, 9), down=nn.Linear(9, 6)
)
def tied_embedding(net: Any, ids: Tensor) -> Any:
    x = functional.embedding(ids, net.table)
    return functional.linear(x + net.down(functional.gelu(net.up(x))), net.table)


WORDS = nn.Embedding(11, 6)
TIED = nn.Linear(6, 11, bias=False)
TIED.weight = WORDS.weight


@case(
    TOKENS, tokens=11, free=(6, 9), words=WORDS, up=nn.Linear(6, 9), down=nn.Linear(9, 6), head=TIED
)
def embedding_tied_to_the_head(net: Any, ids: Tensor) -> Any:
    x = net.words(ids)
    return net.head(x + net.down(torch.relu(net.up(x))))


@case(
    TOKENS,
    tokens=11,
    free=(6, 9),
    words=nn.Embedding(11, 6),
    places=nn.Embedding(5, 6),
    norm=nn.LayerNorm(6),
    up=nn.Linear(6, 9),
    head=nn.Linear(9, 2),
)
def learned_positions(net: Any, ids: Tensor) -> Any:
    x = net.words(ids) + net.places(torch.arange(ids.shape[1]))
    return net.head(torch.relu(net.up(net.norm(x)))).mean(1)


@case(INPUT, free=(6,), first=first(), unused=nn.Linear(6, 8), head=nn.Linear(6, 2))
def unused_parameters(net: Any, x: Tensor) -> Any:
    return net.head(torch.relu(net.first(x)))


@case(
    INPUT,
    free=(6, 9),
    first=first(),
    up=nn.Linear(6, 9),
    gate=nn.Parameter(torch.zeros(())),
    down=nn.Linear(9, 6),
    head=nn.Linear(6, 2),
)
def residual_with_a_gate_that_starts_at_zero(net: Any, x: Tensor) -> Any:
    x = torch.relu(net.first(x))
    return net.head(x + net.gate * net.down(torch.relu(net.up(x))))


@case(INPUT, free=(6, 9), first=first(), up=nn.Linear(6, 9), head=zeroed(9, 2))
def zero_initialised_head(net: Any, x: Tensor) -> Any:
    return net.head(torch.relu(net.up(torch.relu(net.first(x)))))


@case(
    INPUT,
    free=(6, 3, 9),
    first=first(),
    whole=nn.Linear(6, 9),
    narrow=nn.Linear(6, 3, bias=False),
    wide=nn.Linear(3, 9, bias=False),
    head=nn.Linear(9, 2),
)
def lora_beside_its_layer(net: Any, x: Tensor) -> Any:
    x = torch.relu(net.first(x))
    return net.head(torch.relu(net.whole(x) + 2.0 * net.wide(net.narrow(x))))


@case(
    INPUT,
    free=(6, 3, 9),
    first=first(),
    whole=parameter(9, 6),
    narrow=parameter(3, 6),
    wide=parameter(9, 3),
    head=nn.Linear(9, 2),
)
def lora_merged_into_its_weight(net: Any, x: Tensor) -> Any:
    weight = net.whole + 2.0 * (net.wide @ net.narrow)
    return net.head(torch.relu(functional.linear(torch.relu(net.first(x)), weight)))


@case(INPUT, free=(6, 5, (5, 3)), first=first(), pieces=nn.Linear(6, 15), head=nn.Linear(5, 2))
def maxout(net: Any, x: Tensor) -> Any:
    return net.head(net.pieces(torch.relu(net.first(x))).unflatten(1, (5, 3)).amax(2))


@case(INPUT, free=(6, 9), first=first(), gated=nn.Linear(6, 18), head=nn.Linear(9, 2))
def gated_units_by_chunk(net: Any, x: Tensor) -> Any:
    value, gate = net.gated(torch.relu(net.first(x))).chunk(2, dim=-1)
    return net.head(value * torch.sigmoid(gate))


@case(INPUT, free=(6, 9), first=first(), gated=nn.Linear(6, 18), head=nn.Linear(9, 2))
def gated_units_by_glu(net: Any, x: Tensor) -> Any:
    return net.head(functional.glu(net.gated(torch.relu(net.first(x)))))


@case(
    INPUT,
    free=(6, 9),
    first=first(),
    up=nn.Linear(6, 9),
    down=nn.Linear(9, 6),
    head=nn.Linear(6, 2),
)
def multiplicative_skip(net: Any, x: Tensor) -> Any:
    x = net.first(x)
    return net.head(x * torch.tanh(net.down(torch.relu(net.up(x)))))


@case(INPUT, free=(6, 9), first=first(), keys=nn.Linear(6, 9), head=nn.Linear(9, 2))
def softmax_over_units(net: Any, x: Tensor) -> Any:
    return net.head(torch.softmax(net.keys(torch.relu(net.first(x))), dim=1))


@case(INPUT, free=(6,), first=first(), slope=parameter(6), head=nn.Linear(6, 2))
def choice_by_a_mask_of_its_own(net: Any, x: Tensor) -> Any:
    x = net.first(x)
    return net.head(torch.where(x > 0, x, x * net.slope))


@case(
    INPUT,
    free=(7,),
    requested=(7, 6, 9),
    fixed="buffer",
    first=first(7),
    second=nn.Linear(7, 6),
    pruned=parameter(9, 6),
    mask=torch.eye(9, 6) + torch.eye(9, 6).roll(2, 0),
    head=nn.Linear(9, 2),
)
def pruning_mask(net: Any, x: Tensor) -> Any:
    x = torch.relu(net.second(torch.relu(net.first(x))))
    return net.head(torch.relu(functional.linear(x, net.pruned * net.mask)))


@case(INPUT, free=(6,), first=first(), head=parameter(3, 6))
def cosine_classifier(net: Any, x: Tensor) -> Any:
    x = functional.normalize(torch.relu(net.first(x)), dim=1)
    return functional.linear(x, functional.normalize(net.head, dim=1))


@case(
    INPUT,
    free=(5, 6, 9),
    coder=first(5),
    made=nn.Linear(5, 54),
    first=first(),
    head=nn.Linear(9, 2),
)
def hypernetwork(net: Any, x: Tensor) -> Any:
    weight = net.made(torch.relu(net.coder(x))).view(-1, 9, 6)
    hidden = torch.bmm(weight, torch.relu(net.first(x)).unsqueeze(2)).squeeze(2)
    return net.head(torch.relu(hidden))


CASES = cases(globals())
