"""Small models made to mislead, each with the linear groups that a person finds in it.

The stream has 6 units; there are 2 heads of 4 units.  A group is written as its kind, its size
and how many there are of it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from tests.symmetry.adversarial.case import Net, parameter

if TYPE_CHECKING:
    from collections.abc import Callable

Group = tuple[str, int, int]
STREAM: Group = ("orthogonal", 6, 1)
PAIR: Group = ("invertible", 4, 2)
ONE: Group = ("invertible", 4, 1)
THREES: Group = ("invertible", 3, 2)
TURNS: Group = ("rotation", 4, 2)
TOKENS = (5, 3)


@dataclass(frozen=True, eq=False)
class Model:
    """A model, the shape of an example of its inputs and the groups found by hand.

    Attributes:
        name: what it is.
        net: the model.
        shape: the shape of an example.
        groups: the linear groups that it has.
        blocked: what one of the reasons for groups that it hasn't must say.
        keys: how many key biases there are to drop.
        values: how many biases of values go through the projection.
    """

    name: str
    net: Net
    shape: tuple[int, ...]
    groups: tuple[Group, ...]
    blocked: str
    keys: int
    values: int


def model(
    *groups: Group,
    shape: tuple[int, ...] = TOKENS,
    blocked: str = "",
    keys: int = 0,
    values: int = 0,
    **parts: Any,
) -> Callable[[Callable[..., Any]], Model]:
    """Make a model of the function below: its name, and what it computes."""

    def made(body: Callable[..., Any]) -> Model:
        net = Net(body, parts)
        return Model(body.__name__, net, shape, groups, blocked, keys, values)

    return made


def block(bias: bool = True, keys: int = 2, **others: Any) -> dict[str, Any]:
    """Return the parts of a pre-LayerNorm block with 2 heads of queries."""
    return {
        "first": nn.Linear(3, 6),
        "norm": nn.LayerNorm(6),
        "q": nn.Linear(6, 8, bias=bias),
        "k": nn.Linear(6, 4 * keys, bias=bias),
        "v": nn.Linear(6, 4 * keys, bias=bias),
        "out": nn.Linear(8, 6, bias=bias),
        "last": nn.LayerNorm(6),
        "head": nn.Linear(6, 2, bias=bias),
        **others,
    }


def heads(x: Tensor) -> Tensor:
    """Return (example, head, token, unit)."""
    return x.view(*x.shape[:2], -1, 4).transpose(1, 2)


def joined(x: Tensor) -> Tensor:
    return x.transpose(1, 2).flatten(2)


def attend(q: Tensor, k: Tensor, v: Tensor, bias: Any = None) -> Tensor:
    return functional.scaled_dot_product_attention(q, k, v, attn_mask=bias)


def finish(net: Any, x: Tensor, attended: Tensor) -> Any:
    return net.head(net.last(x + net.out(joined(attended)))).mean(1)


def qkv(net: Any, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    return heads(net.q(x)), heads(net.k(x)), heads(net.v(x))


FULL: dict[str, Any] = {"keys": 1, "values": 1}


@model(STREAM, PAIR, PAIR, **FULL, **block())
def attention_with_biases(net: Any, x: Tensor) -> Any:
    x = net.first(x)
    return finish(net, x, attend(*qkv(net, net.norm(x))))


@model(STREAM, PAIR, PAIR, **block(bias=False))
def attention_without_biases(net: Any, x: Tensor) -> Any:
    x = net.first(x)
    return finish(net, x, attend(*qkv(net, net.norm(x))))


@model(STREAM, PAIR, PAIR, keys=1, values=1, **block())
def attention_by_products(net: Any, x: Tensor) -> Any:
    x = net.first(x)
    q, k, v = qkv(net, net.norm(x))
    weights = torch.softmax((q @ k.transpose(-2, -1)) / 2 + 1, -1)
    return finish(net, x, functional.dropout(weights, 0.1, training=False) @ v)


@model(STREAM, PAIR, PAIR, **FULL, **block())
def attention_of_flattened_heads(net: Any, x: Tensor) -> Any:
    x = net.first(x)
    q, k, v = (each.flatten(0, 1) for each in qkv(net, net.norm(x)))
    weights = torch.softmax(torch.bmm(q, k.transpose(1, 2)), -1)
    return finish(net, x, torch.bmm(weights, v).view(-1, 2, 5, 4))


@model(STREAM, PAIR, PAIR, **block())
def attention_by_einsum(net: Any, x: Tensor) -> Any:
    x = net.first(x)
    q, k, v = qkv(net, net.norm(x))
    weights = torch.softmax(torch.einsum("bhqd,bhkd->bhqk", q, k), -1)
    return finish(net, x, torch.einsum("bhqk,bhkd->bhqd", weights, v))


@model(STREAM, ONE, ONE, **FULL, **block(keys=1))
def attention_of_many_queries(net: Any, x: Tensor) -> Any:
    x = net.first(x)
    q, k, v = qkv(net, net.norm(x))
    return finish(net, x, attend(q, k.expand_as(q), v.expand_as(q)))


@model(
    STREAM,
    PAIR,
    PAIR,
    **FULL,
    **block(q=nn.Linear(6, 16), out=nn.Linear(16, 6)),
)
def attention_of_grouped_queries(net: Any, x: Tensor) -> Any:
    x = net.first(x)
    q, k, v = qkv(net, net.norm(x))
    attended = functional.scaled_dot_product_attention(q, k, v, enable_gqa=True)
    return finish(net, x, attended)


@model(STREAM, *(ONE, ONE, ONE, ONE), **FULL, **block(slopes=torch.tensor([0.5, 0.25])))
def attention_with_alibi(net: Any, x: Tensor) -> Any:
    x = net.first(x)
    place = torch.arange(5.0)
    bias = net.slopes[:, None, None] * (place - place[:, None])
    return finish(net, x, attend(*qkv(net, net.norm(x)), bias.to(x.dtype)))


@model(
    STREAM,
    PAIR,
    PAIR,
    **FULL,
    **{**block(), "packed": nn.Linear(6, 24)},
)
def packed_projections(net: Any, x: Tensor) -> Any:
    x = net.first(x)
    q, k, v = net.packed(net.norm(x)).view(-1, 5, 3, 2, 4).permute(2, 0, 3, 1, 4).unbind(0)
    return finish(net, x, attend(q, k, v))


@model(
    STREAM,
    *(THREES, THREES),
    **FULL,
    **block(attention=nn.MultiheadAttention(6, 2, kdim=6, vdim=6, batch_first=True)),
)
def a_layer_of_attention(net: Any, x: Tensor) -> Any:
    x = net.first(x)
    y = net.norm(x)
    return net.head(net.last(x + net.attention(y, y, y, need_weights=False)[0])).mean(1)


@model(("orthogonal", 4, 2), STREAM, PAIR, values=1, **block())
def keys_are_queries(net: Any, x: Tensor) -> Any:
    x = net.first(x)
    q, _, v = qkv(net, net.norm(x))
    return finish(net, x, attend(q, q, v))


@model(STREAM, PAIR, blocked="gain scales what", values=1, **block(gain=parameter(4)))
def gain_of_queries(net: Any, x: Tensor) -> Any:
    x = net.first(x)
    q, k, v = qkv(net, net.norm(x))
    return finish(net, x, attend(q * net.gain, k * net.gain, v))


@model(STREAM, ("orthogonal", 4, 2), PAIR, values=1, **block())
def queries_of_one_length(net: Any, x: Tensor) -> Any:
    x = net.first(x)
    q, k, v = qkv(net, net.norm(x))
    q, k = functional.normalize(q, dim=-1), functional.normalize(k, dim=-1)
    return finish(net, x, attend(q, k, v))


@model(
    STREAM,
    PAIR,
    blocked="acts on each unit by itself",
    values=1,
    **block(q_norm=nn.RMSNorm(4), k_norm=nn.RMSNorm(4)),
)
def norms_of_queries_and_keys(net: Any, x: Tensor) -> Any:
    x = net.first(x)
    q, k, v = qkv(net, net.norm(x))
    return finish(net, x, attend(net.q_norm(q), net.k_norm(k), v))


def angles(x: Tensor, halves: bool = True) -> tuple[Tensor, Tensor]:
    turn = torch.outer(torch.arange(5, dtype=x.dtype), torch.tensor([1.0, 0.1], dtype=x.dtype))
    both = torch.cat([turn, turn], -1) if halves else turn.repeat_interleave(2, -1)
    return both.cos(), both.sin()


def turned(x: Tensor) -> Tensor:
    """Rotate halves."""
    cosine, sine = angles(x)
    first, second = x.chunk(2, -1)
    return x * cosine + torch.cat([-second, first], -1) * sine


def turned_in_pairs(x: Tensor) -> Tensor:
    """Rotate neighbours."""
    cosine, sine = angles(x, halves=False)
    beside = torch.stack([-x[..., 1::2], x[..., ::2]], -1).flatten(-2)
    return x * cosine + beside * sine


def turned_as_complex(x: Tensor) -> Tensor:
    """Rotate neighbours as complex numbers."""
    cosine, sine = angles(x)
    turn = torch.complex(cosine[:, :2], sine[:, :2])
    pairs = torch.view_as_complex(x.reshape(*x.shape[:-1], -1, 2))
    return torch.view_as_real(pairs * turn).flatten(-2)


@model(STREAM, TURNS, PAIR, values=1, **block())
def rotary_halves(net: Any, x: Tensor) -> Any:
    x = net.first(x)
    q, k, v = qkv(net, net.norm(x))
    return finish(net, x, attend(turned(q), turned(k), v))


@model(STREAM, TURNS, PAIR, values=1, **block())
def rotary_pairs(net: Any, x: Tensor) -> Any:
    x = net.first(x)
    q, k, v = qkv(net, net.norm(x))
    return finish(net, x, attend(turned_in_pairs(q), turned_in_pairs(k), v))


@model(STREAM, TURNS, PAIR, values=1, **block())
def rotary_by_products(net: Any, x: Tensor) -> Any:
    x = net.first(x)
    q, k, v = qkv(net, net.norm(x))
    weights = torch.softmax(turned(q) @ turned(k).mT, -1)
    return finish(net, x, weights @ v)


@model(STREAM, TURNS, ONE, values=1, **block())
def rotary_complex(net: Any, x: Tensor) -> Any:
    x = net.first(x)
    q, k, v = qkv(net, net.norm(x))
    return finish(net, x, attend(turned_as_complex(q), turned_as_complex(k), v))


@model(
    STREAM,
    TURNS,
    PAIR,
    values=1,
    **block(q=nn.Linear(6, 16), out=nn.Linear(16, 6)),
)
def rotary_of_grouped_queries(net: Any, x: Tensor) -> Any:
    x = net.first(x)
    q, k, v = qkv(net, net.norm(x))
    k, v = (each[:, :, None].expand(-1, -1, 2, -1, -1).flatten(1, 2) for each in (turned(k), v))
    return finish(net, x, attend(turned(q), k, v))


@model(
    STREAM,
    TURNS,
    THREES,
    PAIR,
    values=1,
    **block(q=nn.Linear(6, 14), k=nn.Linear(6, 14)),
)
def rotary_of_a_part(net: Any, x: Tensor) -> Any:
    x = net.first(x)
    y = net.norm(x)
    q, k = (layer(y).view(-1, 5, 2, 7).transpose(1, 2) for layer in (net.q, net.k))
    q, k = (torch.cat([turned(each[..., :4]), each[..., 4:]], -1) for each in (q, k))
    return finish(net, x, attend(q, k, heads(net.v(y))))


@model(
    STREAM,
    PAIR,
    blocked="between its layer and the attention",
    values=1,
    **block(q_norm=nn.RMSNorm(4), k_norm=nn.RMSNorm(4)),
)
def rotary_after_norms(net: Any, x: Tensor) -> Any:
    x = net.first(x)
    q, k, v = qkv(net, net.norm(x))
    return finish(net, x, attend(turned(net.q_norm(q)), turned(net.k_norm(k)), v))


@model(STREAM, PAIR, blocked="rotation", values=1, **block())
def only_queries_are_turned(net: Any, x: Tensor) -> Any:
    x = net.first(x)
    q, k, v = qkv(net, net.norm(x))
    cosine, _ = angles(x)
    return finish(net, x, attend(turned(q), k * cosine, v))


@model(STREAM, PAIR, blocked="reads its units", values=1, **block(more=nn.Linear(8, 6)))
def turned_keys_are_read_twice(net: Any, x: Tensor) -> Any:
    x = net.first(x)
    q, k, v = qkv(net, net.norm(x))
    k = turned(k)
    return finish(net, x + net.more(functional.gelu(joined(k))), attend(turned(q), k, v))


@model(
    STREAM,
    PAIR,
    PAIR,
    **FULL,
    **block(memory=nn.Linear(3, 6), second=nn.LayerNorm(6)),
)
def cross_attention(net: Any, x: Tensor) -> Any:
    x, memory = net.first(x), net.second(net.first(x.flip(1)))
    y = net.norm(x)
    q, k, v = heads(net.q(y)), heads(net.k(memory)), heads(net.v(memory))
    return finish(net, x, attend(q, k, v))


@model(STREAM, ("invertible", 2, 1), **block(down=nn.Linear(6, 2), up=nn.Linear(2, 6)))
def low_rank(net: Any, x: Tensor) -> Any:
    x = net.first(x)
    return net.head(net.last(x + net.up(net.down(net.norm(x))))).mean(1)


def mlp() -> dict[str, Any]:
    return {"up": nn.Linear(6, 7), "down": nn.Linear(7, 6)}


@model(STREAM, ("invertible", 8, 1), blocked="gelu", **block(**mlp()))
def one_norm_read_by_two_layers(net: Any, x: Tensor) -> Any:
    x = net.first(x)
    y = net.norm(x)
    return net.head(net.last(x + net.down(functional.gelu(net.up(y))) + net.out(net.q(y)))).mean(1)


@model(STREAM, PAIR, PAIR, blocked="gelu", **FULL, **block(**mlp()))
def parallel_branches(net: Any, x: Tensor) -> Any:
    x = net.first(x)
    y = net.norm(x)
    return finish(net, x + net.down(functional.gelu(net.up(y))), attend(*qkv(net, y)))


@model(blocked="norm.weight scales what add reads", **block(**mlp()))
def norm_read_by_the_residual(net: Any, x: Tensor) -> Any:
    y = net.norm(net.first(x))
    return net.head(net.last(y + net.down(functional.gelu(net.up(y))))).mean(1)


@model(STREAM, blocked="gelu", **block(norm=nn.LayerNorm(6, elementwise_affine=False), **mlp()))
def norm_without_gain_read_by_the_residual(net: Any, x: Tensor) -> Any:
    y = net.norm(net.first(x))
    return net.head(net.last(y + net.down(functional.gelu(net.up(y))))).mean(1)


@model(blocked="norm.weight scales what conv", **block(conv=nn.Conv1d(6, 6, 3, padding=1)))
def norm_then_convolution(net: Any, x: Tensor) -> Any:
    x = net.first(x)
    return net.head(net.last(x + net.conv(net.norm(x).mT).mT)).mean(1)


@model(
    STREAM,
    PAIR,
    PAIR,
    **FULL,
    **block(token=parameter(1, 1, 6), places=parameter(1, 6, 6)),
)
def class_token_and_positions(net: Any, x: Tensor) -> Any:
    x = net.first(x)
    x = torch.cat([net.token.expand(len(x), -1, -1), x], 1) + net.places
    x = x + net.out(joined(attend(*qkv(net, net.norm(x)))))
    return net.head(net.last(x)[:, 0])


@model(blocked="gelu", **block(**mlp()))
def sinusoidal_positions(net: Any, x: Tensor) -> Any:
    x = net.first(x) + torch.sin(torch.arange(6, dtype=x.dtype))
    return net.head(net.last(x + net.down(functional.gelu(net.up(net.norm(x)))))).mean(1)


@model(blocked="scale scales what add reads", **block(scale=parameter(6), **mlp()))
def scaled_branch(net: Any, x: Tensor) -> Any:
    x = net.first(x)
    y = net.scale * net.down(functional.gelu(net.up(net.norm(x))))
    return net.head(net.last(x + y)).mean(1)


@model(blocked="pow acts on each unit by itself", **block(head=nn.Linear(6, 2)))
def units_in_an_exponent(net: Any, x: Tensor) -> Any:
    return net.head(2.0 ** net.first(x))


@model(blocked="gelu", **block())
def stream_through_a_nonlinearity(net: Any, x: Tensor) -> Any:
    x = functional.gelu(net.first(x))
    return net.head(net.last(x)).mean(1)


@model(blocked="scales a part", **block(left=nn.Linear(3, 3), right=nn.Linear(3, 3)))
def stream_cut_into_channels(net: Any, x: Tensor) -> Any:
    x = net.first(x)
    a, b = net.norm(x).chunk(2, -1)
    return net.head(net.last(x + torch.cat([net.left(a), net.right(b)], -1))).mean(1)


@model(STREAM, ("orthogonal", 3, 1), **block(more=nn.Linear(3, 3), head=nn.Linear(9, 2)))
def streams_side_by_side(net: Any, x: Tensor) -> Any:
    y = functional.layer_norm(net.more(x), (3,))
    return net.head(torch.cat([net.last(net.first(x)), y], -1)).mean(1)


@model(STREAM, **block(head=nn.Linear(12, 2)))
def skip_that_is_laid_beside(net: Any, x: Tensor) -> Any:
    z = net.last(net.first(x))
    return net.head(torch.cat([z, z.flip(1)], -1)).mean(1)


@model(STREAM, blocked="gelu", **block(**mlp()))
def layers_used_twice(net: Any, x: Tensor) -> Any:
    x = net.first(x)
    for _ in range(2):
        x = x + net.down(functional.gelu(net.up(net.norm(x))))
    return net.head(net.last(x)).mean(1)


@model(blocked="read elsewhere", **block(again=nn.LayerNorm(6), **mlp()))
def layers_used_after_two_norms(net: Any, x: Tensor) -> Any:
    x = net.first(x)
    for norm in (net.norm, net.again):
        x = x + net.down(functional.gelu(net.up(norm(x))))
    return net.head(net.last(x)).mean(1)


@model(blocked="other axes", **block(norm=nn.LayerNorm((5, 6)), **mlp()))
def norm_over_two_axes(net: Any, x: Tensor) -> Any:
    x = net.first(x)
    return net.head(net.last(x + net.down(functional.gelu(net.up(net.norm(x)))))).mean(1)


@model(
    blocked="gelu",
    **block(rows=nn.Linear(5, 7), back=nn.Linear(7, 5), **mlp()),
)
def mixer(net: Any, x: Tensor) -> Any:
    x = net.first(x)
    x = x + net.back(functional.gelu(net.rows(functional.layer_norm(x, (6,)).mT))).mT
    return net.head(net.last(x)).mean(1)


@model(STREAM, PAIR, PAIR, **FULL, shape=(4, 3), **block())
def shifted_windows(net: Any, x: Tensor) -> Any:
    x = net.first(x)
    windows = torch.roll(net.norm(x), 1, 1).reshape(-1, 2, 6)
    attended = net.out(joined(attend(*qkv(net, windows)))).view(-1, 4, 6)
    return net.head(net.last(x + torch.roll(attended, -1, 1))).mean(1)


@model(
    blocked="batch_norm",
    shape=(3, 5, 5),
    conv=nn.Conv2d(3, 6, 3),
    norm=nn.BatchNorm2d(6),
    head=nn.Linear(6, 2),
)
def batch_norm_net(net: Any, x: Tensor) -> Any:
    return net.head(functional.gelu(net.norm(net.conv(x))).mean((2, 3)))


@model(
    STREAM,
    blocked="gelu",
    **block(norm=nn.RMSNorm(6), last=nn.RMSNorm(6), head=nn.Linear(6, 2, bias=False), **mlp()),
)
def root_mean_squares(net: Any, x: Tensor) -> Any:
    x = net.first(x)
    return net.head(net.last(x + net.down(functional.gelu(net.up(net.norm(x)))))).mean(1)


def by_hand(x: Tensor, gain: Tensor) -> Tensor:
    return (1 + gain) * (x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + 1e-6))


@model(STREAM, blocked="gelu", **block(g=parameter(6), h=parameter(6), **mlp()))
def gains_counted_from_one(net: Any, x: Tensor) -> Any:
    x = net.first(x)
    x = x + net.down(functional.gelu(net.up(by_hand(x, net.g))))
    return net.head(by_hand(x, net.h)).mean(1)


@model(STREAM, ("invertible", 8, 1), blocked="gelu", **block(other=nn.RMSNorm(6), **mlp()))
def both_norms_and_a_raw_reader(net: Any, x: Tensor) -> Any:
    x = net.first(x)
    x = x + net.down(functional.gelu(net.up(net.norm(x)))) + net.out(net.q(net.other(x)))
    return net.head(x).mean(1)


@model(STREAM, **block(head=nn.Linear(6, 2, bias=False)))
def head_without_a_bias(net: Any, x: Tensor) -> Any:
    return net.head(net.last(net.first(x)))[:, 0]


@model(STREAM, **block())
def a_number_is_added(net: Any, x: Tensor) -> Any:
    return net.head(net.last(net.first(x) + 1)).mean(1)


@model(STREAM, **block())
def tokens_are_masked(net: Any, x: Tensor) -> Any:
    y = net.first(x)
    y = y.masked_fill(x[..., :1] > 0, 0.0)
    return net.head(net.last(y)).mean(1)


@model(blocked="mul multiplies", **block(scale=parameter(6)))
def scaled_by_a_product(net: Any, x: Tensor) -> Any:
    return net.head(torch.einsum("bnd,d->bnd", net.first(x), net.scale)).mean(1)


@model(
    blocked="multiplies its units one by one",
    shape=(3, 5, 5),
    conv=nn.Conv2d(3, 6, 1),
    each=nn.Conv2d(6, 6, 3, groups=6),
    head=nn.Linear(6, 2),
)
def depthwise_convolution(net: Any, x: Tensor) -> Any:
    return net.head(net.each(net.conv(x)).mean((2, 3)))


@model(
    STREAM,
    ("orthogonal", 3, 1),
    **block(more=nn.Linear(3, 3), last=nn.LayerNorm(9), head=nn.Linear(9, 2)),
)
def norm_over_two_streams(net: Any, x: Tensor) -> Any:
    return net.head(net.last(torch.cat([net.first(x), net.more(x)], -1))).mean(1)


@model(STREAM, **block(last=nn.LayerNorm(12), head=nn.Linear(12, 2)))
def norm_over_two_tokens(net: Any, x: Tensor) -> Any:
    x = net.first(x)
    return net.head(net.last(torch.cat([x, x.roll(1, 1)], -1))).mean(1)


@model(STREAM, **block(wide=parameter(2, 6)))
def layer_by_a_product(net: Any, x: Tensor) -> Any:
    return (net.last(net.first(x)) @ net.wide.T).mean(1)


@model(STREAM, **block())
def padded_tokens(net: Any, x: Tensor) -> Any:
    x = functional.pad(net.first(x), (0, 0, 1, 2))
    return net.head(net.last(x))[:, 2]


MODELS = [value for value in globals().values() if isinstance(value, Model)]
