"""Mixtures of experts, and what else picks units by their places: codes, books, masks.

A count by hand names the stream (6), the experts (4) and the hidden units of an expert (3): by
themselves in each expert, or alike in all of them where the experts stay.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from tests.symmetry.adversarial.case import case, cases, parameter

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.symmetry.adversarial.case import Body, Case, Group

INPUT = (5,)
STREAM, EXPERTS, HIDDEN = 6, 4, 3


def mixture(*free: Group, fixed: str = "") -> Callable[[Body], Case]:
    return case(
        INPUT,
        free=(STREAM, *free),
        fixed=fixed,
        first=nn.Linear(5, STREAM),
        router=nn.Linear(STREAM, EXPERTS),
        up=parameter(EXPERTS, HIDDEN, STREAM),
        down=parameter(EXPERTS, STREAM, HIDDEN),
        head=nn.Linear(STREAM, 2),
    )


def scores(net: Any, x: Tensor) -> tuple[Tensor, Tensor]:
    """Return the stream, and how much of each expert a row is to get."""
    x = torch.relu(net.first(x))
    return x, torch.softmax(net.router(x), dim=-1)


def all_experts(net: Any, x: Tensor, gates: Tensor) -> Any:
    hidden = torch.relu(torch.einsum("bd,ehd->beh", x, net.up))
    return net.head(x + torch.einsum("beh,edh,be->bd", hidden, net.down, gates))


@mixture(EXPERTS, (EXPERTS, HIDDEN))
def the_best_two_by_a_scattered_mask(net: Any, x: Tensor) -> Any:
    x, gates = scores(net, x)
    best, places = gates.topk(2, dim=-1)
    best = best / best.sum(-1, keepdim=True)
    return all_experts(net, x, torch.zeros_like(gates).scatter(-1, places, best))


@mixture(EXPERTS, (EXPERTS, HIDDEN))
def the_best_two_by_places_in_one_hot_form(net: Any, x: Tensor) -> Any:
    x, gates = scores(net, x)
    _, places = gates.topk(2, dim=-1)
    chosen = functional.one_hot(places, EXPERTS).to(x.dtype)
    return all_experts(net, x, (chosen * gates.gather(-1, places)[..., None]).sum(1))


@mixture(EXPERTS, (EXPERTS, HIDDEN))
def the_best_one_by_comparison_with_every_place(net: Any, x: Tensor) -> Any:
    x, gates = scores(net, x)
    return all_experts(net, x, gates * (gates.argmax(-1, True) == torch.arange(EXPERTS)))


@mixture(EXPERTS, (EXPERTS, HIDDEN))
def rows_sorted_by_expert_and_put_back(net: Any, x: Tensor) -> Any:
    x, gates = scores(net, x)
    best, places = gates.topk(2, dim=-1)
    numbers, order = torch.sort(places.reshape(-1))
    rows, weights = x[order // 2], best.reshape(-1)[order]
    hidden = torch.relu(torch.bmm(net.up[numbers], rows[..., None]))
    out = torch.bmm(net.down[numbers], hidden).squeeze(-1) * weights[:, None]
    back = torch.empty_like(order)
    back[order] = torch.arange(order.shape[0])
    return net.head(x + out[back].view(-1, 2, STREAM).sum(1))


@mixture(EXPERTS, (EXPERTS, HIDDEN))
def rows_sorted_by_expert_and_added_up(net: Any, x: Tensor) -> Any:
    x, gates = scores(net, x)
    best, places = gates.max(-1)
    numbers, order = torch.sort(places)
    hidden = torch.relu(torch.bmm(net.up[numbers], x[order][..., None]))
    out = torch.bmm(net.down[numbers], hidden).squeeze(-1) * best[order][:, None]
    return net.head(torch.zeros_like(x).index_add(0, order, out) + x)


@mixture(HIDDEN, fixed="only some of its units are taken")
def experts_one_by_one(net: Any, x: Tensor) -> Any:
    x, gates = scores(net, x)
    best, places = gates.topk(2, dim=-1)
    for number in range(EXPERTS):
        hidden = torch.relu(functional.linear(x, net.up[number]))
        weight = (best * (places == number)).sum(-1, keepdim=True)
        x = x + weight * functional.linear(hidden, net.down[number])
    return net.head(x)


@mixture(HIDDEN, fixed="operation topk runs along it")
def experts_that_also_count(net: Any, x: Tensor) -> Any:
    x, gates = scores(net, x)
    best, places = gates.topk(2, dim=-1)
    late = best * (1 + places)  # the number of an expert says how much it counts
    return all_experts(net, x, torch.zeros_like(gates).scatter(-1, places, late))


# sums over sorted rows forget the order, a weight for each row does not; the stream ends in down
@mixture(STREAM, HIDDEN, fixed="an order that data decide")
def rows_sorted_by_expert_that_tell_their_order(net: Any, x: Tensor) -> Any:
    x, gates = scores(net, x)
    numbers, order = torch.sort(gates.argmax(-1))
    hidden = torch.relu(torch.bmm(net.up[numbers], x[order][..., None]))
    out = torch.bmm(net.down[numbers], hidden).squeeze(-1)
    return net.head(out * torch.linspace(1, 2, out.shape[0])[:, None])


@case(INPUT, free=(6, 9), first=nn.Linear(5, 6), code=nn.Linear(6, 9), head=nn.Linear(9, 2))
def sparse_code_of_the_greatest_units(net: Any, x: Tensor) -> Any:
    code = torch.relu(net.code(torch.relu(net.first(x))))
    best, places = code.topk(3, dim=-1)
    return net.head(torch.zeros_like(code).scatter(-1, places, best))


@case(INPUT, free=(6, 9), first=nn.Linear(5, 6), book=parameter(9, 6), head=nn.Linear(6, 2))
def nearest_of_a_code_book(net: Any, x: Tensor) -> Any:
    x = torch.relu(net.first(x))
    return net.head(functional.embedding(torch.cdist(x, net.book).argmin(-1), net.book) + x)


CASES = cases(globals())
