"""Attention in the forms in which it is written: heads move, and units within each head.

The stream has 8 units and 2 heads of 3, so where nothing stands in the way the free groups are
``FREE``: the stream, the heads, and for each head of its own the units that queries share with
keys, and those that values share with the projection.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from tests.symmetry.adversarial.case import case, cases, parameter

INPUT = (5, 4)
FREE = (8, 2, (2, 3), (2, 3))
WHOLE = (8, 2, (2, 4), (2, 4))
"""The same where the heads share out the stream's 8 units."""


def parts(queries: int = 2, heads: int = 2, size: int = 3) -> dict[str, Any]:
    return {
        "first": nn.Linear(4, 8),
        "q": nn.Linear(8, queries * size),
        "k": nn.Linear(8, heads * size),
        "v": nn.Linear(8, heads * size),
        "out": nn.Linear(queries * size, 8),
        "head": nn.Linear(8, 2),
    }


def packed(size: int = 3) -> dict[str, Any]:
    return {
        "first": nn.Linear(4, 8),
        "qkv": nn.Linear(8, 6 * size),
        "out": nn.Linear(2 * size, 8),
        "head": nn.Linear(8, 2),
    }


def heads_of(x: Tensor, count: int) -> Tensor:
    """Return (example, head, token, unit)."""
    return x.view(*x.shape[:2], count, -1).transpose(1, 2)


def attend(q: Tensor, k: Tensor, v: Tensor, bias: Any = 0.0) -> Tensor:
    scores = q @ k.transpose(-2, -1) * q.shape[-1] ** -0.5 + bias
    return torch.softmax(scores, -1) @ v


def finish(net: Any, x: Tensor, attended: Tensor) -> Any:
    x = x + net.out(attended.transpose(1, 2).flatten(2))
    return net.head(torch.relu(x)).mean(1)


@case(INPUT, free=FREE, **parts())
def attention_by_products(net: Any, x: Tensor) -> Any:
    x = net.first(x)
    q, k, v = (heads_of(layer(x), 2) for layer in (net.q, net.k, net.v))
    return finish(net, x, attend(q, k, v))


@case(INPUT, free=FREE, **parts())
def attention_by_einsum(net: Any, x: Tensor) -> Any:
    x = net.first(x)
    q, k, v = (layer(x).unflatten(2, (2, 3)) for layer in (net.q, net.k, net.v))
    weights = torch.softmax(torch.einsum("bqhd,bkhd->bhqk", q, k), -1)
    return net.head(x + net.out(torch.einsum("bhqk,bkhd->bqhd", weights, v).flatten(2))).mean(1)


@case(INPUT, free=FREE, **packed())
def packed_and_unbound(net: Any, x: Tensor) -> Any:
    x = net.first(x)
    q, k, v = net.qkv(x).reshape(-1, 5, 3, 2, 3).permute(2, 0, 3, 1, 4).unbind(0)
    return finish(net, x, functional.scaled_dot_product_attention(q, k, v))


@case(INPUT, free=FREE, **packed())
def packed_and_chunked(net: Any, x: Tensor) -> Any:
    x = net.first(x)
    q, k, v = (heads_of(part, 2) for part in net.qkv(x).chunk(3, dim=-1))
    return finish(net, x, functional.scaled_dot_product_attention(q, k, v, is_causal=True))


@case(INPUT, free=FREE, **packed())
def packed_head_by_head(net: Any, x: Tensor) -> Any:
    x = net.first(x)
    q, k, v = (part.transpose(1, 2) for part in net.qkv(x).view(-1, 5, 2, 3, 3).unbind(3))
    return finish(net, x, attend(q, k, v))


@case(INPUT, free=FREE, **packed())
def packed_head_by_head_and_chunked(net: Any, x: Tensor) -> Any:
    x = net.first(x)
    q, k, v = heads_of(net.qkv(x), 2).chunk(3, dim=-1)
    return finish(net, x, attend(q, k, v))


@case(
    INPUT,
    free=WHOLE,
    first=nn.Linear(4, 8),
    attention=nn.MultiheadAttention(8, 2, batch_first=True),
    head=nn.Linear(8, 2),
)
def multihead_attention_layer(net: Any, x: Tensor) -> Any:
    x = net.first(x)
    return net.head(x + net.attention(x, x, x, need_weights=False)[0]).mean(1)


@case(
    INPUT,
    free=(*WHOLE, 10),
    first=nn.Linear(4, 8),
    token=parameter(1, 1, 8),
    places=parameter(1, 6, 8),
    block=nn.TransformerEncoderLayer(8, 2, 10, batch_first=True, norm_first=True),
    head=nn.Linear(8, 2),
)
def vision_transformer(net: Any, x: Tensor) -> Any:
    x = torch.cat((net.token.expand(x.shape[0], -1, -1), net.first(x)), 1) + net.places
    return net.head(net.block(x)[:, 0])


@case(
    INPUT,
    (3, 7),
    free=(8, 6, 2, (2, 3), (2, 3)),
    first=nn.Linear(4, 8),
    other=nn.Linear(7, 6),
    q=nn.Linear(8, 6),
    k=nn.Linear(6, 6),
    v=nn.Linear(6, 6),
    out=nn.Linear(6, 8),
    head=nn.Linear(8, 2),
)
def cross_attention(net: Any, x: Tensor, y: Tensor) -> Any:
    x, y = net.first(x), torch.relu(net.other(y))
    q, k, v = heads_of(net.q(x), 2), heads_of(net.k(y), 2), heads_of(net.v(y), 2)
    return finish(net, x, attend(q, k, v))


GROUPED = (8, 2, (2, 2), (2, 3), (2, 3))
"""With 2 heads of keys, each read by 2 heads of queries: those move within their pair."""


@case(INPUT, free=GROUPED, **parts(queries=4))
def grouped_queries_by_repeat_interleave(net: Any, x: Tensor) -> Any:
    x = net.first(x)
    k, v = (heads_of(layer(x), 2).repeat_interleave(2, dim=1) for layer in (net.k, net.v))
    return finish(net, x, attend(heads_of(net.q(x), 4), k, v))


@case(INPUT, free=GROUPED, **parts(queries=4))
def grouped_queries_by_expand(net: Any, x: Tensor) -> Any:
    x = net.first(x)
    k, v = (
        heads_of(layer(x), 2)[:, :, None].expand(-1, -1, 2, -1, -1).reshape(-1, 4, 5, 3)
        for layer in (net.k, net.v)
    )
    return finish(net, x, attend(heads_of(net.q(x), 4), k, v))


@case(INPUT, free=GROUPED, **parts(queries=4))
def grouped_queries_by_flag(net: Any, x: Tensor) -> Any:
    x = net.first(x)
    q, k, v = heads_of(net.q(x), 4), heads_of(net.k(x), 2), heads_of(net.v(x), 2)
    return finish(net, x, functional.scaled_dot_product_attention(q, k, v, enable_gqa=True))


@case(INPUT, free=(8, 4, 3, 3), **parts(queries=4, heads=1))
def one_head_of_keys(net: Any, x: Tensor) -> Any:
    x = net.first(x)
    q, k, v = heads_of(net.q(x), 4), heads_of(net.k(x), 1), heads_of(net.v(x), 1)
    return finish(net, x, attend(q, k, v))


CASES = cases(globals())
