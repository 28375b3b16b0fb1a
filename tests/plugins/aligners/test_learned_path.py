"""The networks between the ends that the aligner learned looks at, and their losses."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import torch

from lmctool.symmetry.linear.canonical import canonical
from lmctool.symmetry.linear.transform import LinearTransform
from lmctool.weights.arithmetic import lerp
from lmctool_plugins.aligners.learned.between import Between
from lmctool_plugins.aligners.learned.maps import LearnedMap
from tests.symmetry.linear.by_hand import Network, network

if TYPE_CHECKING:
    from torch import Tensor

KINDS = ["gpt2", "vit", "llama"]
Numbers = dict[str, "Tensor"]


def learned(
    given: Network, start: LinearTransform, kinds: tuple[str, ...]
) -> tuple[dict[str, LearnedMap], Numbers]:
    """Return maps of groups of some kinds, to learn, and random numbers that they are made of."""
    maps = {
        name: LearnedMap(group, start.maps[name], stretches=True, planes=group.planes)
        for name, group in given.spec.groups.items()
        if group.kind in kinds
    }
    generator = torch.Generator().manual_seed(3)
    numbers = {}
    for name, each in maps.items():
        zeros = each.numbers(torch.float64)
        drawn = torch.randn(zeros.shape, generator=generator, dtype=torch.float64)
        numbers[name] = (0.3 * drawn).requires_grad_()
    return maps, numbers


@pytest.mark.parametrize("kinds", [("orthogonal",), ("invertible", "rotation", "scale")])
@pytest.mark.parametrize("kind", KINDS)
def test_networks_lie_between_a_and_the_transform_of_b(kind: str, kinds: tuple[str, ...]) -> None:
    given = network(kind)
    a, b = (canonical(given.spec, given.weights(seed)) for seed in range(2))
    start = LinearTransform.random(given.spec, torch.Generator().manual_seed(2))
    maps, numbers = learned(given, start, kinds)
    found = {name: each.exact(numbers[name]) for name, each in maps.items()}
    transform = LinearTransform(given.spec, start.permutation, {**start.maps, **found})
    between = Between(a, b, start, maps)
    alphas = (0.25, 0.7, 1)
    for alpha, network_there in zip(alphas, between.at(alphas, numbers), strict=True):
        expected = lerp(a, transform.apply(b), alpha)
        for name, tensor in expected.items():
            torch.testing.assert_close(network_there[name], tensor, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("kind", KINDS)
def test_any_map_keeps_the_function_of_b(kind: str) -> None:
    given = network(kind)
    a, b = (canonical(given.spec, given.weights(seed)) for seed in range(2))
    start = LinearTransform.random(given.spec, torch.Generator().manual_seed(2))
    maps, numbers = learned(given, start, ("orthogonal", "invertible", "rotation", "scale"))
    (end,) = Between(a, b, start, maps).at([1], numbers)
    expected = given.output(b)
    scale = float(expected.abs().max())
    torch.testing.assert_close(given.output(end), expected, rtol=0, atol=1e-9 * scale)


def test_gradients_reach_every_map_and_no_weight_of_the_ends() -> None:
    given = network("gpt2")
    a, b = (canonical(given.spec, given.weights(seed)) for seed in range(2))
    start = LinearTransform.random(given.spec, torch.Generator().manual_seed(2))
    maps, numbers = learned(given, start, ("orthogonal", "invertible"))
    (between,) = Between(a, b, start, maps).at([0.4], numbers)
    given.output(between).square().mean().backward()  # type: ignore[no-untyped-call]
    assert set(numbers) == set(given.spec.groups)
    for each in numbers.values():
        assert each.grad is not None and each.grad.abs().max() > 0
    assert not any(tensor.requires_grad for tensor in (*a.values(), *b.values()))
