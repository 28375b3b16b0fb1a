"""Heads that compare units with stored vectors, and bags of units that are looked up."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from tests.symmetry.adversarial.case import case, cases, parameter

INPUT = (4,)
IDS = (5,)
IMAGE = (3, 5, 5)


def compared() -> dict[str, Any]:
    return {"first": nn.Linear(4, 6), "stored": parameter(3, 6)}


@case(INPUT, free=(6,), **compared())
def cosine_prototypes(net: Any, x: Tensor) -> Any:
    x = torch.relu(net.first(x))
    return functional.cosine_similarity(x[:, None], net.stored[None], dim=-1)


@case(INPUT, free=(6,), **compared())
def cosine_prototypes_along_the_middle(net: Any, x: Tensor) -> Any:
    x = torch.relu(net.first(x))
    return functional.cosine_similarity(x[:, :, None], net.stored.T, dim=1)


@case(
    INPUT,
    free=(3, (3, 5)),
    first=nn.Linear(4, 15),
    second=nn.Linear(4, 15),
    head=nn.Linear(3, 2),
)
def cosine_of_parts(net: Any, x: Tensor) -> Any:
    left, right = net.first(x).view(-1, 3, 5), net.second(x).view(-1, 3, 5)
    return net.head(functional.cosine_similarity(left, right, dim=2))


@case(INPUT, free=(6,), **compared())
def distance_of_pairs(net: Any, x: Tensor) -> Any:
    x = torch.relu(net.first(x))
    return functional.pairwise_distance(x[:, None], net.stored, keepdim=True).squeeze(2)


@case(IMAGE, free=(6,), first=nn.Conv2d(3, 6, 3), head=nn.Linear(6, 2))
def length_of_each_pixel(net: Any, x: Tensor) -> Any:
    x = net.first(x)
    x = x * (x.square().mean(1, keepdim=True) + 1e-8).rsqrt()
    return net.head(torch.relu(x).mean((2, 3)))


@case(IMAGE, free=(6,), first=nn.Conv2d(3, 6, 3), head=nn.Linear(6, 2))
def length_of_each_channel(net: Any, x: Tensor) -> Any:
    return net.head(torch.relu(functional.normalize(net.first(x).flatten(2), dim=2)).amax(2))


def bag(mode: str) -> dict[str, Any]:
    return {"bag": nn.EmbeddingBag(11, 6, mode=mode), "head": nn.Linear(6, 2)}


@case(IDS, tokens=11, free=(6,), **bag("mean"))
def mean_of_a_bag(net: Any, ids: Tensor) -> Any:
    return net.head(torch.relu(net.bag(ids)))


@case(IDS, tokens=11, free=(6,), **bag("max"))
def greatest_of_a_bag(net: Any, ids: Tensor) -> Any:
    return net.head(torch.relu(net.bag(ids)))


@case(IDS, tokens=11, free=(6,), weight=nn.Embedding(11, 1), **bag("sum"))
def weighted_bags_by_offsets(net: Any, ids: Tensor) -> Any:
    weights = net.weight(ids).flatten()
    starts = torch.arange(len(ids)) * ids.shape[1]
    return net.head(torch.relu(net.bag(ids.flatten(), starts, per_sample_weights=weights)))


CASES = cases(globals())
