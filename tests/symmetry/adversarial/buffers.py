"""Buffers: those that belong to a layer move with its units, tables and masks stay."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from tests.symmetry.adversarial.case import case, cases, parameter

INPUT = (4,)
SEQUENCE = (5, 4)
IMAGE = (3, 5, 5)


def noise(*shape: int) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(3))


def layer() -> dict[str, Any]:
    return {"first": nn.Linear(4, 6), "head": nn.Linear(6, 2)}


def image() -> dict[str, Any]:
    return {"first": nn.Conv2d(3, 6, 3), "head": nn.Linear(6, 2)}


@case(
    IMAGE,
    free=(6,),
    gain=torch.ones(6),
    shift=torch.zeros(6),
    running_mean=torch.zeros(6),
    running_var=torch.ones(6),
    **image(),
)
def frozen_normalisation(net: Any, x: Tensor) -> Any:
    scale = net.gain * (net.running_var + 1e-5).rsqrt()
    shift = net.shift - net.running_mean * scale
    x = net.first(x) * scale.reshape(1, -1, 1, 1) + shift.reshape(1, -1, 1, 1)
    return net.head(torch.relu(x).mean((2, 3)))


@case(IMAGE, free=(6,), noise=noise(6, 1, 1), **image())
def noise_of_each_channel(net: Any, x: Tensor) -> Any:
    return net.head(torch.relu(net.first(x) + net.noise).mean((2, 3)))


@case(IMAGE, free=(6,), noise=noise(3, 3), strength=parameter(6, 1, 1), **image())
def noise_of_each_place(net: Any, x: Tensor) -> Any:
    return net.head(torch.relu(net.first(x) + net.strength * net.noise).mean((2, 3)))


@case(INPUT, free=(6,), noise=noise(1, 6), **layer())
def noise_that_multiplies(net: Any, x: Tensor) -> Any:
    return net.head(torch.relu(net.first(x) * net.noise))


@case(
    INPUT,
    free=(6, 7),
    mean=parameter(7, 6),
    spread=parameter(7, 6),
    weight_epsilon=noise(7, 6),
    bias=parameter(7),
    bias_epsilon=noise(7),
    first=nn.Linear(4, 6),
    head=nn.Linear(7, 2),
)
def noisy_layer(net: Any, x: Tensor) -> Any:
    weight = net.mean + net.spread * net.weight_epsilon
    bias = net.bias + net.bias * net.bias_epsilon
    hidden = functional.linear(torch.relu(net.first(x)), weight, bias)
    return net.head(torch.relu(hidden))


@case(INPUT, free=(6,), features=noise(4, 6), head=nn.Linear(12, 2))
def random_fourier_features(net: Any, x: Tensor) -> Any:
    angles = x @ net.features
    return net.head(torch.cat((angles.sin(), angles.cos()), 1))


@case(INPUT, free=(6,), centres=noise(3, 6), first=nn.Linear(4, 6))
def distance_to_stored_centres(net: Any, x: Tensor) -> Any:
    return -torch.cdist(torch.relu(net.first(x)), net.centres)


@case(
    SEQUENCE,
    free=(7,),
    requested=(6, 7),
    fixed="buffer",
    table=noise(1, 8, 6),
    up=nn.Linear(6, 7),
    first=nn.Linear(4, 6),
    head=nn.Linear(7, 2),
)
def table_of_positions(net: Any, x: Tensor) -> Any:
    x = net.first(x) + net.table[:, : x.shape[1]]
    return net.head(torch.relu(net.up(x))).mean(1)


@case(
    SEQUENCE,
    free=(7,),
    requested=(6, 7),
    fixed="buffer",
    table=noise(8, 6),
    up=nn.Linear(6, 7),
    first=nn.Linear(4, 6),
    head=nn.Linear(7, 2),
)
def positions_looked_up(net: Any, x: Tensor) -> Any:
    x = net.first(x) + functional.embedding(torch.arange(x.shape[1]), net.table)
    return net.head(torch.relu(net.up(x))).mean(1)


@case(SEQUENCE, free=(6,), mask=torch.ones(5, 5).tril(), **layer())
def mask_of_what_lies_behind(net: Any, x: Tensor) -> Any:
    x = net.first(x)
    return net.head(torch.relu((x @ x.mT * net.mask) @ x)).mean(1)


@case(
    INPUT,
    free=(7,),
    fixed="buffer",
    order=torch.arange(6),
    second=nn.Linear(7, 6),
    first=nn.Linear(4, 7),
    head=nn.Linear(6, 2),
)
def whole_numbers(net: Any, x: Tensor) -> Any:
    return net.head(torch.relu(net.second(torch.relu(net.first(x))) * net.order))


CASES = cases(globals())
