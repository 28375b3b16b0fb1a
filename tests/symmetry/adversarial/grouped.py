"""Groups of channels that meet others, or that something tells apart.

Where the groups cannot change places, the units of each are free by themselves: they count once
for each group.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from tests.symmetry.adversarial.case import case, cases, parameter

INPUT = (4,)
SEQUENCE = (3, 6)
IMAGE = (3, 5, 5)


def head(channels: int) -> nn.Linear:
    return nn.Linear(channels, 2)


def pooled(net: Any, x: Tensor) -> Any:
    return net.head(torch.relu(x).flatten(2).mean(2))


@case(
    SEQUENCE,
    free=(4, (4, 2)),
    first=nn.Conv1d(3, 8, 1),
    grouped=nn.Conv1d(8, 8, 3, padding=1, groups=4),
    head=head(8),
)
def residual_around_a_grouped_convolution(net: Any, x: Tensor) -> Any:
    x = net.first(x)
    return pooled(net, x + net.grouped(x))


@case(
    SEQUENCE,
    free=(4, (4, 2)),
    first=nn.Conv1d(3, 8, 1),
    grouped=nn.ConvTranspose1d(8, 8, 3, padding=1, groups=4),
    head=head(8),
)
def residual_around_a_transposed_grouped_convolution(net: Any, x: Tensor) -> Any:
    x = net.first(x)
    return pooled(net, x + net.grouped(x))


@case(
    SEQUENCE,
    free=(3,),  # groups become units of groups, and so all three move alike
    first=nn.Conv1d(3, 9, 1),
    grouped=nn.Conv1d(9, 9, 1, groups=3),
    shuffle=nn.ChannelShuffle(3),
    head=head(9),
)
def residual_around_shuffled_groups(net: Any, x: Tensor) -> Any:
    x = net.first(x)
    return pooled(net, x + net.shuffle(net.grouped(x)))


@case(INPUT, free=(3, 4), first=nn.Linear(4, 12), shared=nn.Linear(4, 4), head=head(12))
def residual_around_a_layer_that_all_parts_share(net: Any, x: Tensor) -> Any:
    x = net.first(x).view(-1, 3, 4)
    return net.head(torch.relu(x + net.shared(x)).flatten(1))


@case(
    IMAGE,
    free=(4, 4, 4, 5),
    first=nn.Conv2d(3, 12, 3, groups=3),
    last=nn.Conv2d(12, 5, 1),
    head=head(5),
)
def groups_of_the_input(net: Any, x: Tensor) -> Any:
    return pooled(net, net.last(torch.relu(net.first(x))))


@case(
    (4, 3, 3, 3),
    free=(3, 3, 4, 4),
    first=nn.ConvTranspose3d(4, 6, 2, groups=2),
    last=nn.Conv3d(6, 8, 1, groups=2),
    head=head(8),
)
def groups_of_the_input_twice_in_three_dimensions(net: Any, x: Tensor) -> Any:
    return pooled(net, net.last(torch.relu(net.first(x))))


@case(
    SEQUENCE,
    free=(4, 4, 4),
    first=nn.Conv1d(3, 12, 1),
    last=nn.Conv1d(12, 3, 6, groups=3),
)
def groups_of_the_output(net: Any, x: Tensor) -> Any:
    return net.last(torch.relu(net.first(x))).flatten(1)


@case(
    SEQUENCE,
    free=(4, 4, 4, (4, 2), (4, 2), (4, 2)),
    first=nn.Conv1d(3, 12, 3, groups=3),
    depthwise=nn.Conv1d(12, 24, 1, groups=12),
    head=head(24),
)
def multiplied_channels_of_the_input(net: Any, x: Tensor) -> Any:
    return pooled(net, net.depthwise(torch.relu(net.first(x))))


@case(
    SEQUENCE,
    # in each third 2 groups change places, and move their 2 inputs and their 4 outputs
    free=(2, 2, 2, (2, 2), (2, 2), (2, 2), (2, 4), (2, 4), (2, 4)),
    first=nn.Conv1d(3, 12, 1, groups=3),
    finer=nn.Conv1d(12, 24, 1, groups=6),
    head=head(24),
)
def finer_groups_behind_those_of_the_input(net: Any, x: Tensor) -> Any:
    return pooled(net, net.finer(torch.relu(net.first(x))))


@case(
    IMAGE,
    free=(4, 4, 4, 5),
    first=nn.Conv2d(3, 12, 1, groups=3),
    shuffle=nn.ChannelShuffle(3),
    last=nn.Conv2d(12, 5, 1),
    head=head(5),
)
def groups_of_the_input_shuffled(net: Any, x: Tensor) -> Any:
    return pooled(net, net.last(net.shuffle(torch.relu(net.first(x)))))


def related() -> dict[str, Any]:
    """Return 4 channels for each of 3 of the input, which an operation then relates."""
    return {"free": (4,), "first": nn.Conv1d(3, 12, 6, groups=3), "head": head(12)}


def thirds(net: Any, x: Tensor) -> Tensor:
    return torch.relu(net.first(x)).view(-1, 3, 4)


@case(SEQUENCE, **related())
def groups_of_the_input_rolled(net: Any, x: Tensor) -> Any:
    x = thirds(net, x)
    return net.head(torch.tanh(x + x.roll(1, dims=1)).flatten(1))


@case(SEQUENCE, mix=parameter(3, 3), **related())
def groups_of_the_input_mixed(net: Any, x: Tensor) -> Any:
    x = thirds(net, x)
    return net.head(torch.tanh(x + net.mix @ x).flatten(1))


@case(SEQUENCE, **related())
def groups_of_the_input_pooled(net: Any, x: Tensor) -> Any:
    x = thirds(net, x).mT
    x = torch.tanh(x + functional.avg_pool1d(x, 3, 1, 1))
    return net.head(x.mT.flatten(1))


@case(SEQUENCE, **related())
def groups_of_the_input_weighed_against_each_other(net: Any, x: Tensor) -> Any:
    return net.head(torch.softmax(thirds(net, x), 1).flatten(1))


@case(SEQUENCE, **related())
def groups_of_the_input_in_order(net: Any, x: Tensor) -> Any:
    x = thirds(net, x)
    return net.head(torch.tanh(x + x.sort(1).values).flatten(1))


@case(
    INPUT,
    free=(3, (3, 2)),  # alike in both halves: no form says more of axes of their own
    first=nn.Linear(4, 12),
    gain=parameter(2, 3, 2),
    shift=parameter(2, 3, 1),
    head=head(12),
)
def gain_of_units_in_halves_that_are_told_apart(net: Any, x: Tensor) -> Any:
    halves = net.first(x).view(-1, 2, 3, 2) * torch.tensor([1.0, 2.0])[:, None, None]
    return net.head(torch.relu(halves * net.gain + net.shift).flatten(1))


@case(INPUT, free=(6, 3, 3), first=nn.Linear(4, 6), pieces=nn.Linear(6, 6))
def pieces_of_each_output(net: Any, x: Tensor) -> Any:
    return net.pieces(torch.relu(net.first(x))).unflatten(1, (2, 3)).amax(2)


def normalised(groups: int, convolved: int) -> dict[str, Any]:
    """Return 12 channels that are normalised in groups, and then convolved in others."""
    return {
        "first": nn.Conv2d(3, 12, 1),
        "norm": nn.GroupNorm(groups, 12),
        "grouped": nn.Conv2d(12, 12, 3, groups=convolved),
        "last": nn.Conv2d(12, 5, 1),
        "head": head(5),
    }


def convolve(net: Any, x: Tensor) -> Any:
    x = net.grouped(torch.relu(net.norm(net.first(x))))
    return pooled(net, net.last(torch.relu(x)))


@case(IMAGE, free=(3, (3, 4), (3, 4), 5), **normalised(3, 3))
def groups_normalised_as_they_are_convolved(net: Any, x: Tensor) -> Any:
    return convolve(net, x)


# In each of 2 groups 3 others change places, with their 2 channels each.  The 2 could change
# places too; a spec has no third level for them.
@case(IMAGE, free=(3, 3, (3, 2), (3, 2), 6, 6, 5), **normalised(6, 2))
def normalised_in_finer_groups(net: Any, x: Tensor) -> Any:
    return convolve(net, x)


@case(IMAGE, free=(3, 3, (3, 2), (3, 2), (3, 2), (3, 2), 5), **normalised(2, 6))
def normalised_in_coarser_groups(net: Any, x: Tensor) -> Any:
    return convolve(net, x)


# Those of 4 channels end within those of 3: 0-2, 3, 4-5, 6-7, 8, 9-11 stay together.
@case(IMAGE, free=(3, 2, 2, 3, 3, 3, 3, 3, 5), **normalised(3, 4))
def normalised_in_groups_that_dont_fit(net: Any, x: Tensor) -> Any:
    return convolve(net, x)


# 0-1, 2, 3, 4-5 and the same again; 6 groups put out 2 channels each.
@case(IMAGE, free=(2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 5), **normalised(4, 6))
def normalised_in_groups_with_a_common_end(net: Any, x: Tensor) -> Any:
    return convolve(net, x)


@case(
    IMAGE,
    free=(5,),
    fixed="neighbouring",
    first=nn.Conv2d(3, 6, 3),
    norm=nn.LocalResponseNorm(3),
    last=nn.Conv2d(6, 5, 1),
    head=head(5),
)
def normalised_by_neighbouring_channels(net: Any, x: Tensor) -> Any:
    return pooled(net, net.last(torch.relu(net.norm(net.first(x)))))


@case(
    (3, 6, 6),
    free=(6, 5),
    first=nn.Conv2d(3, 6, 1),
    last=nn.Conv2d(6, 5, 1),
    head=head(5),
)
def put_back_where_the_greatest_were(net: Any, x: Tensor) -> Any:
    values, places = functional.max_pool2d(net.first(x), 2, return_indices=True)
    return pooled(net, net.last(functional.max_unpool2d(torch.relu(values), places, [2, 2])))


CASES = cases(globals())
