"""Perceptrons whose weights are made of other tensors each time: norms, masks, projections.

A count by hand names the width of each hidden layer that is free; ``first`` is 4 -> 7, the layer
that is made of other tensors is in the middle, and ``head`` leads to the output.
"""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn
from torch.nn.utils import parametrizations, parametrize, prune

from tests.symmetry.adversarial.case import case, cases

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.symmetry.adversarial.case import Body, Case

INPUT = (4,)
IMAGE = (3, 5, 5)


def first(width: int = 7) -> nn.Linear:
    return nn.Linear(4, width)


def older(norm: Any, layer: nn.Module, **arguments: Any) -> nn.Module:
    """Return a layer under a norm that torch would rather not be asked for."""
    with torch.no_grad(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        made: nn.Module = norm(layer, **arguments)
        return made


def made_by(layer: nn.Module, *modules: nn.Module) -> nn.Module:
    for module in modules:
        parametrize.register_parametrization(layer, "weight", module)
    return layer


def pruned(layer: nn.Module, *names: str) -> nn.Module:
    with torch.no_grad(), torch.random.fork_rng():
        torch.manual_seed(0)
        for name in names:
            prune.random_unstructured(layer, name, 0.4)  # type: ignore[no-untyped-call]
    return layer


class Standardised(nn.Module):
    """Each row has mean 0 and variance 1."""

    def forward(self, weight: Tensor) -> Tensor:
        centred = weight - weight.mean(1, keepdim=True)
        return centred / (centred.var(1, keepdim=True) + 1e-5).sqrt()


class Mean(nn.Module):
    """The mean of a matrix and its transpose: what goes in is what comes out."""

    def forward(self, weight: Tensor) -> Tensor:
        return (weight + weight.mT) / 2


class Mirrored(nn.Module):
    """The upper triangle, and again below; the entries below it are never read."""

    def forward(self, weight: Tensor) -> Tensor:
        return weight.triu() + weight.triu(1).mT


class Rotated(nn.Module):
    """Times a buffer of its own, which comes with the checkpoint."""

    turn: Tensor

    def __init__(self, width: int) -> None:
        super().__init__()
        self.register_buffer("turn", torch.randn(width, width))

    def forward(self, weight: Tensor) -> Tensor:
        return weight @ self.turn


def through(net: Any, x: Tensor) -> Any:
    return net.head(torch.relu(net.middle(torch.relu(net.first(x)))))


def layered(free: tuple[int, ...], middle: nn.Module, fixed: str = "") -> Callable[[Body], Case]:
    """Make a case of first, the layer in the middle, and head."""
    weight: Any = middle.weight
    head = nn.Linear(weight.shape[0], 2)
    return case(INPUT, free=free, fixed=fixed, first=first(), middle=middle, head=head)


@case(
    INPUT,
    free=(7, 6, 5),
    first=parametrizations.weight_norm(first(), dim=None),  # type: ignore[arg-type]
    middle=parametrizations.weight_norm(nn.Linear(7, 6), dim=1),
    last=parametrizations.weight_norm(nn.Linear(6, 5), dim=1),
    head=nn.Linear(5, 2),
)
def one_length_and_lengths_of_columns(net: Any, x: Tensor) -> Any:
    x = torch.relu(net.middle(torch.relu(net.first(x))))
    return net.head(torch.relu(net.last(x)))


@layered((7, 6), older(nn.utils.weight_norm, nn.Linear(7, 6)))
def older_weight_norm(net: Any, x: Tensor) -> Any:
    return through(net, x)


@layered((7, 6), parametrizations.spectral_norm(nn.Linear(7, 6)))
def spectral_normalisation(net: Any, x: Tensor) -> Any:
    return through(net, x)


@layered((7, 6), older(nn.utils.spectral_norm, nn.Linear(7, 6)))
def older_spectral_norm(net: Any, x: Tensor) -> Any:
    return through(net, x)


# u runs along the axis of the outputs, and v along inputs x kernel, whose positions stay
@case(
    IMAGE,
    free=(5, 6, 4),
    first=parametrizations.spectral_norm(nn.Conv2d(3, 5, 3, padding=1)),
    second=parametrizations.spectral_norm(nn.Conv2d(5, 6, 3, padding=1)),
    third=parametrizations.spectral_norm(nn.ConvTranspose2d(6, 4, 3)),
    head=nn.Linear(4, 2),
)
def spectral_norm_of_convolutions(net: Any, x: Tensor) -> Any:
    x = torch.relu(net.second(torch.relu(net.first(x))))
    return net.head(torch.relu(net.third(x)).mean((2, 3)))


@layered((7, 6), pruned(nn.Linear(7, 6), "weight", "bias"))
def pruned_by_torch(net: Any, x: Tensor) -> Any:
    return through(net, x)


@case(
    (3, 4),
    free=(5,),
    layer=pruned(nn.LSTM(4, 5, batch_first=True), "weight_ih_l0", "weight_hh_l0"),
    head=nn.Linear(5, 2),
)
def pruned_recurrence(net: Any, x: Tensor) -> Any:
    return net.head(net.layer(x)[0][:, -1])


@layered((7, 6), made_by(nn.Linear(7, 6), Standardised()))
def standardised_weights(net: Any, x: Tensor) -> Any:
    return through(net, x)


@layered((7,), made_by(nn.Linear(7, 7), Mean()))
def symmetric_weights(net: Any, x: Tensor) -> Any:
    return through(net, x)


# an upper triangle is none after a permutation of its rows and columns
@case(
    INPUT,
    free=(5,),
    fixed="a triangle of it is kept",
    deep=first(5),
    first=nn.Linear(5, 7),
    middle=made_by(nn.Linear(7, 7), Mirrored()),
    head=nn.Linear(7, 2),
)
def mirrored_weights(net: Any, x: Tensor) -> Any:
    return net.head(torch.relu(net.middle(torch.relu(net.first(torch.relu(net.deep(x)))))))


# what the weight and the buffer share is free as well
@layered((7, 7, 6), made_by(nn.Linear(7, 6), Rotated(7)))
def weights_times_a_buffer(net: Any, x: Tensor) -> Any:
    return through(net, x)


@layered(
    (9,), parametrizations.orthogonal(nn.Linear(7, 9), orthogonal_map="cayley"), fixed="no rule"
)
def orthogonal_columns(net: Any, x: Tensor) -> Any:
    return through(net, x)


@layered(
    (7,), parametrizations.orthogonal(nn.Linear(7, 5), orthogonal_map="matrix_exp"), fixed="no rule"
)
def orthogonal_rows(net: Any, x: Tensor) -> Any:
    return through(net, x)


CASES = cases(globals())
