"""Networks that return more than one tensor: every one of them stays as it is.

A count by hand names the width of each hidden layer that is free; what an output shows of a layer
keeps that layer in its order.
"""

from __future__ import annotations

from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import torch
from torch import Tensor, nn

from tests.symmetry.adversarial.case import case, cases

INPUT = (4,)


@dataclass
class Critic:
    value: Tensor


class Latent:
    __slots__ = ("mean", "spread")

    def __init__(self, mean: Tensor, spread: Tensor) -> None:
        self.mean, self.spread = mean, spread


@case(
    INPUT,
    free=(6, 5),
    first=nn.Linear(4, 6),
    second=nn.Linear(6, 5),
    pi=nn.Linear(5, 3),
    value=nn.Linear(5, 1),
)
def actor_and_critic(net: Any, x: Tensor) -> Any:
    h = torch.relu(net.second(torch.tanh(net.first(x))))
    return net.pi(h), Critic(net.value(h).squeeze(-1))


@case(
    INPUT,
    free=(6, 5),
    fixed="it is the model's output",
    encoder=nn.Linear(4, 6),
    mean=nn.Linear(6, 3),
    spread=nn.Linear(6, 3),
    decoder=nn.Linear(3, 5),
    head=nn.Linear(5, 4),
)
def variational(net: Any, x: Tensor) -> Any:
    h = torch.relu(net.encoder(x))
    mean, spread = net.mean(h), net.spread(h)
    code = net.head(torch.relu(net.decoder(mean)))
    return {"reconstruction": code, "latent": Latent(mean, spread)}


@case(
    INPUT,
    free=(6, 5),
    first=nn.Linear(4, 6),
    aside=nn.Linear(4, 5),
    head=nn.Linear(6, 2),
    other=nn.Linear(5, 2),
)
def an_output_with_hidden_units_of_its_own(net: Any, x: Tensor) -> Any:
    aside = torch.relu(net.aside(x))
    return net.head(torch.relu(net.first(x))), SimpleNamespace(aux=[net.other(aside)], size=5)


@case(
    INPUT,
    free=(5,),
    fixed="it is the model's output",
    first=nn.Linear(4, 6),
    second=nn.Linear(6, 5),
    head=nn.Linear(5, 2),
)
def a_hidden_layer_that_is_returned(net: Any, x: Tensor) -> Any:
    h = torch.relu(net.first(x))
    return net.head(torch.relu(net.second(h))), None, {"features": SimpleNamespace(h=h)}


@case(INPUT, (), free=(8,), time=nn.Linear(1, 8), first=nn.Linear(4, 8), head=nn.Linear(8, 2))
def an_input_of_one_number(net: Any, x: Tensor, t: Tensor) -> Any:
    return net.head(torch.relu(net.first(x) + net.time(t[:, None])))


CASES = cases(globals())
