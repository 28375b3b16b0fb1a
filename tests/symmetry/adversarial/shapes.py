"""Models that cut, join, copy, move or look up units."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from tests.symmetry.adversarial.case import case, cases, parameter

INPUT = (4,)
SEQUENCE = (5, 4)
IMAGE = (3, 5, 5)


def two(width: int = 6) -> dict[str, Any]:
    """Return a free layer of 7 and one whose units an operation then meets."""
    return {"first": nn.Linear(4, 7), "second": nn.Linear(7, width)}


def hidden(net: Any, x: Tensor) -> Tensor:
    units: Tensor = torch.relu(net.second(torch.relu(net.first(x))))
    return units


@case(INPUT, free=(4, 4), a=nn.Linear(4, 4), b=nn.Linear(4, 4), head=nn.Linear(8, 2))
def concat_then_shuffle(net: Any, x: Tensor) -> Any:
    joined = torch.cat((torch.relu(net.a(x)), torch.relu(net.b(x))), 1)
    return net.head(joined.view(-1, 2, 4).transpose(1, 2).reshape(-1, 8))


@case(
    INPUT,
    free=(3, 6),
    a=nn.Linear(4, 4),
    b=nn.Linear(4, 6),
    front=nn.Linear(3, 2),
    back=nn.Linear(7, 2),
)
def concat_then_split_elsewhere(net: Any, x: Tensor) -> Any:
    joined = torch.cat((torch.relu(net.a(x)), torch.relu(net.b(x))), 1)
    front, back = torch.split(joined, [3, 7], dim=1)
    return net.front(front) + net.back(back)


@case(
    INPUT,
    free=(6, 4, 5),
    a=nn.Linear(4, 6),
    b=nn.Linear(6, 4),
    c=nn.Linear(10, 5),
    head=nn.Linear(15, 2),
)
def concat_of_all_before(net: Any, x: Tensor) -> Any:
    a = torch.relu(net.a(x))
    ab = torch.cat((a, torch.relu(net.b(a))), 1)
    return net.head(torch.cat((ab, torch.relu(net.c(ab))), 1))


@case(INPUT, free=(6, 3), first=nn.Linear(4, 6), wide=nn.Linear(6, 9), head=nn.Linear(9, 2))
def residual_padded_with_zeros(net: Any, x: Tensor) -> Any:
    x = torch.relu(net.first(x))
    return net.head(torch.relu(functional.pad(x, (0, 3)) + net.wide(x)))


@case(INPUT, free=(7, 4, 5), head=nn.Linear(9, 2), **two(9))
def write_into_a_slice(net: Any, x: Tensor) -> Any:
    x = hidden(net, x)
    x[:, :4] = torch.tanh(x[:, :4])
    return net.head(x)


@case(
    INPUT,
    free=(6, 9),
    first=nn.Linear(4, 6),
    up=nn.Linear(6, 9),
    down=nn.Linear(9, 6),
    head=nn.Linear(6, 2),
)
def residual_added_in_place(net: Any, x: Tensor) -> Any:
    x = torch.relu(net.first(x))
    x.add_(net.down(torch.relu_(net.up(x))))
    return net.head(x)


@case(INPUT, free=(12,), first=nn.Linear(4, 12), head=nn.Linear(12, 2))
def view_then_relu_then_flatten(net: Any, x: Tensor) -> Any:
    return net.head(torch.relu(net.first(x).view(-1, 3, 4)).flatten(1))


@case(SEQUENCE, free=(6,), first=nn.Linear(4, 6), head=nn.Linear(6, 2))
def batch_flattened_with_time(net: Any, x: Tensor) -> Any:
    examples, steps, _ = x.shape
    return net.head(torch.relu(net.first(x.reshape(-1, 4))).view(examples, steps, 6).mean(1))


@case(IMAGE, batch=16, free=(16,), conv=nn.Conv2d(3, 16, 4), head=nn.Linear(64, 16))
def batch_as_large_as_the_channels(net: Any, x: Tensor) -> Any:
    return net.head(torch.relu(net.conv(x)).flatten(1))


@case(INPUT, free=(6, 9), first=nn.Linear(4, 6), twice=nn.Linear(12, 9), head=nn.Linear(9, 2))
def repeat(net: Any, x: Tensor) -> Any:
    return net.head(torch.relu(net.twice(torch.relu(net.first(x)).repeat(1, 2))))


@case(INPUT, free=(6, 5), first=nn.Linear(4, 6), scales=parameter(5), head=nn.Linear(6, 2))
def expand_and_squeeze(net: Any, x: Tensor) -> Any:
    x = net.first(x).unsqueeze(2).expand(-1, -1, 5) * net.scales
    return net.head(torch.relu(x).mean(2, keepdim=True).squeeze(2))


@case(
    INPUT,
    free=(6, 9),
    first=nn.Linear(4, 6),
    members=nn.ModuleList(nn.Linear(6, 9) for _ in range(3)),
    head=nn.Linear(9, 2),
)
def stack_then_mean(net: Any, x: Tensor) -> Any:
    x = torch.relu(net.first(x))
    return net.head(torch.relu(torch.stack([member(x) for member in net.members]).mean(0)))


@case(IMAGE, free=(5, 6), up=nn.Conv2d(3, 20, 3), conv=nn.Conv2d(5, 6, 3), head=nn.Linear(6, 2))
def pixel_shuffle(net: Any, x: Tensor) -> Any:
    x = torch.relu(functional.pixel_shuffle(net.up(x), 2))
    return net.head(torch.relu(net.conv(x)).mean((2, 3)))


@case(INPUT, free=(7, 6), head=nn.Linear(3, 2), **two())
def greatest_values(net: Any, x: Tensor) -> Any:
    return net.head(hidden(net, x).topk(3, dim=1).values)


@case(INPUT, free=(7,), fixed="cumsum", head=nn.Linear(6, 2), **two())
def running_sum(net: Any, x: Tensor) -> Any:
    return net.head(hidden(net, x).cumsum(1))


@case(INPUT, free=(7,), fixed="roll", head=nn.Linear(6, 2), **two())
def rolled_units(net: Any, x: Tensor) -> Any:
    x = hidden(net, x)
    return net.head(x * x.roll(1, dims=1))


@case(INPUT, free=(7,), fixed="flip", head=nn.Linear(6, 2), **two())
def flipped_units(net: Any, x: Tensor) -> Any:
    x = hidden(net, x)
    return net.head(x - 2 * x.flip(1))


@case(INPUT, free=(7,), fixed="looked up by index", head=nn.Linear(3, 2), **two())
def gathered_units(net: Any, x: Tensor) -> Any:
    chosen = torch.tensor([[4, 0, 2]]).expand(x.shape[0], -1)
    return net.head(hidden(net, x).gather(1, chosen))


@case(INPUT, (5,), free=(6,), a=nn.Linear(4, 6), b=nn.Linear(5, 6), head=nn.Linear(6, 2))
def several_inputs(net: Any, x: Tensor, y: Tensor) -> Any:
    return net.head(torch.relu(net.a(x) + net.b(y)))


@case(INPUT, INPUT, free=(6,), tower=nn.Linear(4, 6), head=nn.Linear(12, 2))
def siamese_towers(net: Any, x: Tensor, y: Tensor) -> Any:
    return net.head(torch.cat((torch.relu(net.tower(x)), torch.relu(net.tower(y))), 1))


@case(
    INPUT,
    free=(6, 9),
    first=nn.Linear(4, 6),
    up=nn.Linear(6, 9),
    a=nn.Linear(9, 2),
    b=nn.Linear(6, 3),
)
def several_outputs(net: Any, x: Tensor) -> Any:
    x = torch.relu(net.first(x))
    return net.a(torch.relu(net.up(x))), net.b(x)


@case(INPUT, free=(6,), first=nn.Linear(4, 6), head=nn.Linear(6, 2))
def branch_that_depends_on_the_data(net: Any, x: Tensor) -> Any:
    hidden_units = net.first(x)
    return net.head(torch.relu(hidden_units) if x.sum() > 0 else torch.tanh(hidden_units))


CASES = cases(globals())
