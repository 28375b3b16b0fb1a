"""Normalisation by running statistics, with gradients of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import torch
from torch import Tensor, nn

from lmctool.graph.running_statistics import DifferentiableStatistics

if TYPE_CHECKING:
    from collections.abc import Callable

aten = torch.ops.aten
NORMS: dict[str, Callable[..., Any]] = {
    "function": lambda x, w, b, m, v: nn.functional.batch_norm(x, m, v, w, b, eps=0.1),
    "torch": lambda x, w, b, m, v: torch.batch_norm(x, w, b, m, v, False, 0.1, 0.1, True),
    "aten": lambda x, w, b, m, v: aten.batch_norm.default(x, w, b, m, v, False, 0.1, 0.1, True),
    "native": lambda x, w, b, m, v: aten.native_batch_norm.default(x, w, b, m, v, False, 0.1, 0.1)[
        0
    ],
    "legit": lambda x, w, b, m, v: aten._native_batch_norm_legit_no_training.default(
        x, w, b, m, v, 0.1, 0.1
    )[0],
    "instances": lambda x, w, b, m, v: nn.functional.instance_norm(
        x, m, v, w, b, use_input_stats=False, eps=0.1
    ),
}


def operands(*shape: int) -> tuple[Tensor, ...]:
    generator = torch.Generator().manual_seed(0)
    sizes = [shape, *[shape[1:2]] * 4]
    x, *rest = (torch.randn(size, generator=generator, dtype=torch.float64) for size in sizes)
    return x, *rest[:3], rest[3].square() + 0.5


@pytest.mark.parametrize("norm", NORMS.values(), ids=list(NORMS))
@pytest.mark.parametrize("shape", [(4, 3, 2), (2, 3, 2, 2)])
def test_values_are_torchs_and_statistics_have_gradients(
    norm: Callable[..., Any], shape: tuple[int, ...]
) -> None:
    expected = norm(*operands(*shape))
    leaves = [each.requires_grad_() for each in operands(*shape)]
    with DifferentiableStatistics():
        torch.testing.assert_close(norm(*leaves).detach(), expected)
        assert torch.autograd.gradcheck(norm, leaves)
        without = [leaves[0], None, None, *leaves[3:]]
        with torch.no_grad():
            own = norm(*without)
        torch.testing.assert_close(norm(*without).detach(), own)


@pytest.mark.parametrize("module", [nn.BatchNorm1d(3), nn.InstanceNorm1d(3)])
def test_what_normalises_by_the_batch_is_left_as_it_is(module: nn.Module) -> None:
    x, *_ = operands(4, 3, 5)
    expected = module.double()(x)
    with DifferentiableStatistics():
        assert torch.equal(module(x), expected)


@pytest.mark.parametrize("shape", [(4, 3), (2, 3, 2, 2)])
@pytest.mark.parametrize("key", [key for key in NORMS if key != "instances"])
def test_statistics_of_the_batch_are_those_of_training(key: str, shape: tuple[int, ...]) -> None:
    x, weight, bias, mean, variance = operands(*shape)
    trained = nn.functional.batch_norm(x, None, None, weight, bias, training=True, eps=0.1)

    def normalised(*leaves: Tensor) -> Any:
        return NORMS[key](*leaves, mean, variance)

    with DifferentiableStatistics(of_batch=True):
        with torch.no_grad():
            torch.testing.assert_close(normalised(x, weight, bias), trained)
        leaves = [each.clone().requires_grad_() for each in (x, weight, bias)]
        assert torch.autograd.gradcheck(normalised, leaves)


def test_instances_are_normalised_by_no_batch() -> None:
    leaves = operands(2, 3, 4)
    expected = NORMS["instances"](*leaves)
    with DifferentiableStatistics(of_batch=True):
        torch.testing.assert_close(NORMS["instances"](*leaves), expected)
