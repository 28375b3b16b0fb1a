"""Convolutions with groups, and what normalises or gates their channels."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from tests.symmetry.adversarial.case import case, cases, parameter

IMAGE = (3, 5, 5)
SEQUENCE = (3, 7)


def last(channels: int = 5) -> dict[str, Any]:
    """Return a dense convolution of 5 channels and the head."""
    return {"last": nn.Conv2d(channels, 5, 1), "head": nn.Linear(5, 2)}


def finish(net: Any, x: Tensor) -> Any:
    return net.head(torch.relu(net.last(x)).mean((2, 3)))


@case(
    IMAGE,
    free=(4, (4, 2), (4, 3), 5),
    first=nn.Conv2d(3, 8, 1),
    grouped=nn.Conv2d(8, 12, 3, groups=4),
    **last(12),
)
def grouped_convolution(net: Any, x: Tensor) -> Any:
    return finish(net, torch.relu(net.grouped(torch.relu(net.first(x)))))


@case(
    IMAGE,
    free=(4, (4, 2), (4, 3), (4, 2), 5),
    first=nn.Conv2d(3, 8, 1),
    grouped=nn.Conv2d(8, 12, 3, groups=4),
    again=nn.Conv2d(12, 8, 1, groups=4),
    norm=nn.BatchNorm2d(8),
    **last(8),
)
def grouped_convolutions_in_a_row(net: Any, x: Tensor) -> Any:
    x = torch.relu(net.grouped(torch.relu(net.first(x))))
    return finish(net, torch.relu(net.norm(net.again(x))))


@case(
    IMAGE,
    free=(4, (4, 2), (4, 3), 5),
    first=nn.Conv2d(3, 8, 1),
    grouped=nn.ConvTranspose2d(8, 12, 2, stride=2, groups=4),
    **last(12),
)
def grouped_transposed_convolution(net: Any, x: Tensor) -> Any:
    return finish(net, torch.relu(net.grouped(torch.relu(net.first(x)))))


@case(
    IMAGE,
    free=(8, 5),
    first=nn.Conv2d(3, 8, 1),
    up=nn.ConvTranspose2d(8, 5, 3),
    head=nn.Linear(5, 2),
)
def transposed_convolution(net: Any, x: Tensor) -> Any:
    return net.head(torch.relu(net.up(torch.relu(net.first(x)))).mean((2, 3)))


@case(
    IMAGE,
    free=(6, 5),
    first=nn.Conv2d(3, 6, 1),
    depthwise=nn.Conv2d(6, 6, 3, groups=6),
    **last(6),
)
def depthwise_convolution(net: Any, x: Tensor) -> Any:
    return finish(net, torch.relu(net.depthwise(torch.relu(net.first(x)))))


@case(
    IMAGE,
    free=(6, (6, 2), 5),
    first=nn.Conv2d(3, 6, 1),
    depthwise=nn.Conv2d(6, 12, 3, groups=6),
    **last(12),
)
def depthwise_convolution_with_a_multiplier(net: Any, x: Tensor) -> Any:
    return finish(net, torch.relu(net.depthwise(torch.relu(net.first(x)))))


@case(
    SEQUENCE,
    free=(2, (2, 3), (2, 4), 5),
    first=nn.Conv1d(3, 6, 1),
    heads=nn.Conv1d(6, 8, 3, groups=2),
    last=nn.Conv1d(8, 5, 1),
    head=nn.Linear(5, 2),
)
def one_dimensional_convolution_over_heads(net: Any, x: Tensor) -> Any:
    x = net.heads(torch.relu(net.first(x))).unflatten(1, (2, 4))
    return net.head(torch.relu(net.last(torch.softmax(x, 2).flatten(1, 2))).mean(2))


@case(
    (3, 4, 4, 4),
    free=(6, 5),
    first=nn.Conv3d(3, 6, 2),
    norm=nn.BatchNorm3d(6),
    second=nn.Conv3d(6, 5, 2),
    head=nn.Linear(5 * 8, 2),
)
def three_dimensional_convolution(net: Any, x: Tensor) -> Any:
    x = torch.relu(net.norm(net.first(x)))
    return net.head(torch.relu(net.second(x)).flatten(1))


@case(IMAGE, free=(2, (2, 3), 5), first=nn.Conv2d(3, 6, 3), norm=nn.GroupNorm(2, 6), **last(6))
def group_normalisation(net: Any, x: Tensor) -> Any:
    return finish(net, torch.relu(net.norm(net.first(x))))


@case(
    IMAGE,
    free=(2, (2, 3), 5),
    first=nn.Conv2d(3, 6, 3),
    norm=nn.GroupNorm(2, 6),
    again=nn.Conv2d(6, 6, 3, padding=1),
    **last(6),
)
def group_normalisation_on_a_stream(net: Any, x: Tensor) -> Any:
    x = net.norm(net.first(x))
    return finish(net, x + torch.relu(net.again(x)))


@case(
    IMAGE,
    free=(6, 5),
    first=nn.Conv2d(3, 6, 3),
    norm=nn.InstanceNorm2d(6, affine=True, track_running_stats=True),
    **last(6),
)
def instance_normalisation_with_statistics(net: Any, x: Tensor) -> Any:
    return finish(net, torch.relu(net.norm(net.first(x))))


@case(
    IMAGE, free=(6, 5), first=nn.Conv2d(3, 6, 3), norm=nn.InstanceNorm2d(6, affine=True), **last(6)
)
def instance_normalisation(net: Any, x: Tensor) -> Any:
    return finish(net, torch.relu(net.norm(net.first(x))))


@case(
    IMAGE,
    free=(6, 4, 5),
    first=nn.Conv2d(3, 6, 3),
    narrow=nn.Conv2d(6, 4, 1),
    wide=nn.Conv2d(4, 6, 1),
    **last(6),
)
def squeeze_and_excitation(net: Any, x: Tensor) -> Any:
    x = torch.relu(net.first(x))
    squeezed = torch.relu(net.narrow(x.mean((2, 3), keepdim=True)))
    return finish(net, x * torch.sigmoid(net.wide(squeezed)))


@case(
    IMAGE,
    free=(6, 5),
    first=nn.Conv2d(3, 6, 3),
    gain=parameter(1, 6, 1, 1),
    shift=parameter(1, 6, 1, 1),
    **last(6),
)
def global_response_normalisation(net: Any, x: Tensor) -> Any:
    x = torch.relu(net.first(x))
    response = x.norm(dim=(2, 3), keepdim=True)
    ratio = response / (response.mean(dim=1, keepdim=True) + 1e-6)
    return finish(net, x + net.gain * (x * ratio) + net.shift)


@case(IMAGE, free=(6, 5), first=nn.Conv2d(3, 6, 3), act=nn.PReLU(6), **last(6))
def slope_of_each_channel(net: Any, x: Tensor) -> Any:
    return finish(net, net.act(net.first(x)))


@case(
    IMAGE,
    free=(4, 6, 5),
    first=nn.Conv2d(3, 4, 3, padding=1),
    down=nn.Conv2d(4, 6, 2, stride=2),
    up=nn.Upsample((5, 5), mode="bilinear"),
    **last(10),
)
def u_shaped_net(net: Any, x: Tensor) -> Any:
    x = torch.relu(net.first(x))
    return finish(net, torch.cat((x, net.up(torch.relu(net.down(x)))), 1))


CASES = cases(globals())
