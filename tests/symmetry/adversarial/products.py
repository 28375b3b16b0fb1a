"""Models that multiply activations with each other, and experts that are chosen between."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from tests.symmetry.adversarial.case import case, cases, parameter

INPUT = (4,)
IMAGE = (3, 5, 5)


def pair() -> dict[str, Any]:
    return {"left": nn.Linear(4, 6), "right": nn.Linear(4, 7)}


@case(INPUT, free=(6, 7, 9), form=parameter(9, 6, 7), head=nn.Linear(9, 2), **pair())
def einsum_bilinear(net: Any, x: Tensor) -> Any:
    left, right = torch.relu(net.left(x)), torch.relu(net.right(x))
    return net.head(torch.relu(torch.einsum("bi,oij,bj->bo", left, net.form, right)))


@case(INPUT, free=(6, 7, 9), form=nn.Bilinear(6, 7, 9), head=nn.Linear(9, 2), **pair())
def bilinear_layer(net: Any, x: Tensor) -> Any:
    form = net.form(torch.relu(net.left(x)), torch.relu(net.right(x)))
    return net.head(torch.relu(form))


@case(INPUT, free=(6, 7), head=nn.Linear(42, 2), **pair())
def outer_product(net: Any, x: Tensor) -> Any:
    left, right = torch.relu(net.left(x)), torch.relu(net.right(x))
    return net.head(torch.einsum("bi,bj->bij", left, right).flatten(1))


@case(INPUT, free=(6,), first=nn.Linear(4, 6), head=nn.Linear(36, 2))
def outer_product_with_itself(net: Any, x: Tensor) -> Any:
    x = torch.relu(net.first(x))
    return net.head((x[:, :, None] * x[:, None, :]).reshape(-1, 36))


@case(IMAGE, free=(6,), conv=nn.Conv2d(3, 6, 3), head=nn.Linear(36, 2))
def gram_matrix_pooling(net: Any, x: Tensor) -> Any:
    x = torch.relu(net.conv(x)).flatten(2)
    return net.head((x @ x.transpose(1, 2) / x.shape[2]).flatten(1))


@case(
    INPUT,
    free=(6, 5, 5, 5, 6),  # the experts put out units of their own
    first=nn.Linear(4, 6),
    gate=nn.Linear(6, 3),
    experts=nn.ModuleList(
        nn.Sequential(nn.Linear(6, 5), nn.ReLU(), nn.Linear(5, 6)) for _ in range(3)
    ),
    head=nn.Linear(6, 2),
)
def experts_of_their_own_behind_a_dense_gate(net: Any, x: Tensor) -> Any:
    x = torch.relu(net.first(x))
    parts = torch.stack([expert(x) for expert in net.experts], dim=1)
    return net.head((parts * torch.softmax(net.gate(x), 1).unsqueeze(2)).sum(1))


@case(
    INPUT,
    free=(6, 3, (3, 5), 6),
    first=nn.Linear(4, 6),
    gate=nn.Linear(6, 3),
    up=parameter(3, 5, 6),
    down=parameter(3, 6, 5),
    head=nn.Linear(6, 2),
)
def experts_in_one_tensor(net: Any, x: Tensor) -> Any:
    x = torch.relu(net.first(x))
    hidden = torch.relu(torch.bmm(x.expand(3, -1, -1), net.up.transpose(1, 2)))
    parts = torch.bmm(hidden, net.down.transpose(1, 2))
    share = torch.softmax(net.gate(x), 1).t().unsqueeze(2)
    return net.head((parts * share).sum(0))


@case(
    INPUT,
    free=(6, 3, 5, 6),  # the 5 alike in all experts, whose matrices are looked up before use
    first=nn.Linear(4, 6),
    gate=nn.Linear(6, 3),
    up=parameter(3, 5, 6),
    down=parameter(3, 6, 5),
    head=nn.Linear(6, 2),
)
def experts_chosen_by_topk(net: Any, x: Tensor) -> Any:
    x = torch.relu(net.first(x))
    share, chosen = torch.softmax(net.gate(x), 1).topk(2, dim=1)
    hidden = torch.relu(torch.einsum("bkhd,bd->bkh", net.up[chosen], x))
    parts = torch.einsum("bkdh,bkh->bkd", net.down[chosen], hidden)
    return net.head((parts * share.unsqueeze(2)).sum(1))


CASES = cases(globals())
