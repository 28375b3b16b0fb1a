"""Layers that ran and that a graph doesn't show are told, and not passed over."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import torch
from torch import Tensor, nn

from lmctool.errors import LmctoolError
from lmctool.graph.capture import capture
from lmctool.graph.module import fresh
from lmctool.graph.recorder import record_graph
from lmctool.graph.targets import targets
from lmctool.graph.unrecognised import check_batchnorms, check_layers

if TYPE_CHECKING:
    from lmctool.graph.graph import Graph


class ByHand(nn.BatchNorm1d):
    """A BatchNorm that does its sums itself."""

    def forward(self, input: Tensor) -> Tensor:
        assert self.running_mean is not None and self.running_var is not None
        scale = self.weight / (self.running_var + self.eps).sqrt()
        return (input - self.running_mean) * scale + self.bias


class Einsum(nn.Linear):
    """A linear layer that isn't computed as one."""

    def forward(self, input: Tensor) -> Tensor:
        return (input.unsqueeze(-2) * self.weight).sum(-1) + self.bias


TRACERS = pytest.mark.parametrize("tracer", ["export", "dispatch"])


def graph_of(module: nn.Module, tracer: str) -> Graph:
    module.eval().requires_grad_(False)
    inputs = torch.randn(2, 4)
    graph = (
        capture(module, inputs) if tracer == "export" else record_graph(fresh(module), (inputs,))
    )
    assert graph.tracer == tracer
    return graph


@TRACERS
def test_a_batch_norm_that_is_not_seen_as_one_is_told(tracer: str) -> None:
    module = nn.Sequential(nn.Linear(4, 4), nn.BatchNorm1d(4), ByHand(4), nn.Linear(4, 2))
    graph = graph_of(module, tracer)
    with pytest.raises(LmctoolError, match="BatchNorm '2' was computed by operations that are not"):
        check_batchnorms(graph, module)


@TRACERS
def test_batch_norms_that_are_seen_keep_nothing_or_did_not_run_are_no_fault(tracer: str) -> None:
    module = nn.Sequential(
        *(nn.Linear(4, 4), nn.BatchNorm1d(4), nn.BatchNorm1d(4, track_running_stats=False))
    )
    module.unused = ByHand(4)  # it is no part of what runs
    module.forward = lambda x: module[2](module[1](module[0](x)))  # type: ignore[method-assign]
    graph = graph_of(module, tracer)
    check_batchnorms(graph, module)


@TRACERS
def test_layers_none_of_which_is_seen_are_told(tracer: str) -> None:
    module = nn.Sequential(Einsum(4, 4), nn.ReLU(), Einsum(4, 2))
    graph = graph_of(module, tracer)
    assert targets(graph, "layers") == ()
    with pytest.raises(LmctoolError, match="layer '0', '2' was computed by operations that are"):
        check_layers(graph, module)


@TRACERS
def test_a_model_of_one_layer_has_no_target_and_no_fault(tracer: str) -> None:
    module = nn.Sequential(nn.Linear(4, 2))
    graph = graph_of(module, tracer)
    assert targets(graph, "layers") == ()
    check_layers(graph, module)
