"""Graphs without BatchNorms: the same function, with corrections and without."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

import pytest
import torch
from torch import Tensor, nn

from lmctool.graph.capture import capture
from lmctool.graph.folded import FoldedGraph
from lmctool.graph.operations import batch_norm
from lmctool.graph.tap_affine import tap_edits
from lmctool.graph.targets import targets

if TYPE_CHECKING:
    from collections.abc import Callable

    from lmctool.graph.graph import Graph

INPUTS = (3, 4, 8, 8)


class Residual(nn.Module):
    """Layers of every kind with a BatchNorm of their own, sums of them, and some that have none."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Conv2d(4, 4, 3, padding=1, bias=False)
        self.norm = nn.BatchNorm2d(4)
        self.plain = nn.Conv2d(4, 4, 3, padding=1, groups=2, padding_mode="reflect")
        self.plain_norm = nn.BatchNorm2d(4, affine=False)
        self.bare = nn.Conv2d(4, 4, 1, bias=False)
        self.bare_norm = nn.BatchNorm2d(4, affine=False)
        self.turned = nn.ConvTranspose2d(4, 6, 2, stride=2)
        self.turned_norm = nn.BatchNorm2d(6)
        self.read_twice = nn.Conv2d(6, 6, 1)
        self.read_twice_norm = nn.BatchNorm2d(6)
        self.hidden = nn.Linear(6, 5, bias=False)
        self.hidden_norm = nn.BatchNorm1d(5)
        self.head = nn.Linear(5, 3)

    def forward(self, x: Tensor) -> Tensor:
        x = self.norm(self.first(x)).relu()
        x = (self.plain_norm(self.plain(x)) + x).relu()
        x = (x + self.bare_norm(self.bare(x))).relu()
        x = self.turned_norm(self.turned(x)).relu()
        y = self.read_twice(x)
        x = (self.read_twice_norm(y) + y).relu()
        x = self.hidden_norm(self.hidden(x.mean((2, 3)))).relu()
        found: Tensor = self.head(x)
        return found


@cache
def drawn(dtype: torch.dtype) -> tuple[Graph, dict[str, Tensor], nn.Module]:
    torch.manual_seed(0)
    module = Residual().to(dtype).eval().requires_grad_(False)
    for tensor in module.state_dict().values():
        if tensor.is_floating_point():
            tensor.add_(0.3 * torch.rand_like(tensor))
    return capture(module, torch.randn(INPUTS, dtype=dtype)), module.state_dict(), module


def last(tensor: Tensor) -> Tensor:
    return tensor.contiguous(memory_format=torch.channels_last) if tensor.ndim == 4 else tensor


def as_it_is(tensor: Tensor) -> Tensor:
    return tensor


@pytest.mark.parametrize("laid_out", [last, as_it_is])
@pytest.mark.parametrize(("dtype", "rounding"), [(torch.float32, 1e-5), (torch.float64, 1e-13)])
def test_the_function_stays_without_the_batchnorms(
    laid_out: Callable[[Tensor], Tensor], dtype: torch.dtype, rounding: float
) -> None:
    graph, weights, module = drawn(dtype)
    folded = FoldedGraph(graph)
    names = ["first", "plain", "bare", "turned", "hidden"]
    assert [layer.name for layer in folded.layers] == names  # something else reads that of the rest
    inputs = torch.randn(INPUTS, dtype=dtype)
    before = inputs.clone()
    outputs = folded(weights, laid_out)
    torch.testing.assert_close(outputs(laid_out(inputs)), module(inputs), rtol=0, atol=rounding)
    torch.testing.assert_close(outputs(laid_out(inputs)), outputs(laid_out(inputs)), rtol=0, atol=0)
    assert torch.equal(inputs, before)
    assert all(torch.equal(tensor, weights[name]) for name, tensor in module.state_dict().items())


def test_one_batchnorm_is_left_where_something_else_reads_the_layer() -> None:
    graph, weights, _ = drawn(torch.float64)
    folded = FoldedGraph(graph)
    folded(weights, as_it_is)
    (module,) = folded._modules.values()
    assert sum(batch_norm(node) is not None for node in module.graph.nodes) == 1
    assert sum(batch_norm(node) is not None for node in graph.nodes) == 6


def test_other_weights_take_the_place_of_the_first() -> None:
    graph, weights, module = drawn(torch.float64)
    folded, inputs = FoldedGraph(graph), torch.randn(INPUTS, dtype=torch.float64)
    folded(weights, as_it_is)(inputs)
    other = {n: 1.1 * t if t.is_floating_point() else t for n, t in weights.items()}
    expected = torch.func.functional_call(module, other, (inputs,))
    torch.testing.assert_close(folded(other, as_it_is)(inputs), expected, rtol=0, atol=1e-12)


def test_corrected_taps_are_corrected_behind_what_is_folded() -> None:
    graph, weights, _ = drawn(torch.float64)
    folded, inputs = FoldedGraph(graph), torch.randn(INPUTS, dtype=torch.float64)
    own = {target.tap: target for target in targets(graph, "both")}
    blocks = [target for target in own.values() if target.kind == "block"]
    assert len(blocks) == 3
    corrected = dict(weights)
    for target in blocks:
        corrected[f"@{target.tap}.scale"] = torch.rand(target.channels).double() + 0.5
        corrected[f"@{target.tap}.shift"] = torch.rand(target.channels).double()
    assert folded.takes(corrected)
    expected = graph.run(corrected, inputs, tap_edits(corrected, own))
    found = folded(corrected, as_it_is)(inputs)
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-12)
    plain = folded(weights, as_it_is)(inputs)
    assert not torch.allclose(plain, found)


def test_a_correction_between_a_layer_and_its_batchnorm_is_not_taken() -> None:
    graph, weights, _ = drawn(torch.float64)
    folded = FoldedGraph(graph)
    tap = folded.layers[0].tap
    assert folded.takes(weights)
    assert not folded.takes({**weights, f"@{tap}.scale": torch.ones(4)})
    assert not folded.takes({n: t for n, t in weights.items() if n != "norm.running_var"})
