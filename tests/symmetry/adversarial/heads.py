"""Attention with something that ties heads, tells them apart, or looks within them."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from tests.symmetry.adversarial.attention import FREE, attend, finish, heads_of, packed, parts
from tests.symmetry.adversarial.case import case, cases, parameter

INPUT = (5, 4)


def queries_keys_values(net: Any, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    return heads_of(net.q(x), 2), heads_of(net.k(x), 2), heads_of(net.v(x), 2)


@case(INPUT, free=(8, 3, 3, 3, 3), **parts())  # heads are told apart, each with its own units
def linear_bias_of_each_head(net: Any, x: Tensor) -> Any:
    x = net.first(x)
    steps = torch.arange(5)
    distance = (steps[None, :] - steps[:, None]).abs()
    bias = -distance * torch.tensor([0.5, 0.25])[:, None, None]
    return finish(net, x, attend(*queries_keys_values(net, x), bias))


@case(INPUT, free=FREE, bias=parameter(2, 5, 5), **parts())
def learned_bias_of_each_head(net: Any, x: Tensor) -> Any:
    x = net.first(x)
    return finish(net, x, attend(*queries_keys_values(net, x), net.bias))


@case(
    INPUT,
    free=(8, 2, 3, (2, 3)),  # one gain for all heads: queries' and keys' units move alike in all
    q_norm=nn.LayerNorm(3),
    k_norm=nn.RMSNorm(3),
    **parts(),
)
def normalised_queries_and_keys(net: Any, x: Tensor) -> Any:
    x = net.first(x)
    q, k, v = queries_keys_values(net, x)
    return finish(net, x, attend(net.q_norm(q), net.k_norm(k), v))


@case(INPUT, free=FREE, scale=parameter(2, 1, 1), **parts())
def cosine_attention(net: Any, x: Tensor) -> Any:
    x = net.first(x)
    q, k, v = queries_keys_values(net, x)
    q, k = functional.normalize(q, dim=-1), functional.normalize(k, dim=-1)
    return finish(net, x, attend(q * net.scale.exp(), k, v))


def rotate(x: Tensor) -> Tensor:
    """Turn pairs of units by angles of their own, as rotary embeddings do."""
    half = x.shape[-1] // 2
    rates = 10.0 ** -torch.arange(half)
    angles = torch.outer(torch.arange(x.shape[2]), rates).repeat(1, 2)
    turned = torch.cat((-x[..., half:], x[..., :half]), -1)
    return x * angles.cos() + turned * angles.sin()


@case(INPUT, free=(8, 2, (2, 4)), **parts(size=4))
def rotary_positions(net: Any, x: Tensor) -> Any:
    x = net.first(x)
    q, k, v = queries_keys_values(net, x)
    return finish(net, x, attend(rotate(q), rotate(k), v))


@case(
    INPUT,
    free=(8, 2, 2, (2, 3), (2, 3)),
    talk=nn.Linear(2, 2, bias=False),
    **parts(),
)
def talking_heads(net: Any, x: Tensor) -> Any:
    x = net.first(x)
    q, k, v = queries_keys_values(net, x)
    scores = net.talk((q @ k.transpose(-2, -1)).movedim(1, -1)).movedim(-1, 1)
    return finish(net, x, torch.softmax(scores, -1) @ v)


@case(INPUT, free=FREE, **parts())
def attention_without_softmax(net: Any, x: Tensor) -> Any:
    x = net.first(x)
    q, k, v = queries_keys_values(net, x)
    return finish(net, x, functional.elu(q) @ (functional.elu(k).transpose(-2, -1) @ v))


@case(INPUT, free=FREE, temperature=parameter(2, 1, 1), **packed())
def attention_over_channels(net: Any, x: Tensor) -> Any:
    x = net.first(x)
    q, k, v = net.qkv(x).reshape(-1, 5, 3, 2, 3).permute(2, 0, 3, 4, 1).unbind(0)
    q, k = functional.normalize(q, dim=-1), functional.normalize(k, dim=-1)
    weights = torch.softmax(q @ k.transpose(-2, -1) * net.temperature, -1)
    return finish(net, x, (weights @ v).transpose(2, 3))


@case(
    INPUT,
    free=(8, 8, 6, 4, 2, (2, 3), (2, 3)),
    seeds=parameter(4, 6),
    **parts() | {"q": nn.Linear(6, 6)},
)
def learned_queries(net: Any, x: Tensor) -> Any:
    x = net.first(x)
    q = heads_of(net.q(net.seeds.expand(x.shape[0], -1, -1)), 2)
    attended = attend(q, heads_of(net.k(x), 2), heads_of(net.v(x), 2))
    return net.head(torch.relu(net.out(attended.transpose(1, 2).flatten(2)))).mean(1)


@case(
    INPUT,
    free=(8, 2, (2, 3)),
    first=nn.Linear(INPUT[-1], 8),
    qkv=nn.Conv1d(8, 18, 1),
    local=nn.Conv1d(18, 18, 3, padding=1, groups=6),
    out=nn.Conv1d(12, 4, 1),
)
def heads_at_two_scales(net: Any, x: Tensor) -> Any:
    qkv = net.qkv(torch.relu(net.first(x)).transpose(1, 2))
    both = torch.cat((qkv, net.local(qkv)), 1).reshape(-1, 4, 9, 5).transpose(2, 3)
    q, k, v = both.chunk(3, -1)
    attended = functional.elu(q) @ (functional.elu(k).transpose(2, 3) @ v)
    return net.out(attended.transpose(2, 3).flatten(1, 2)).mean(2)


CASES = cases(globals())
