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
