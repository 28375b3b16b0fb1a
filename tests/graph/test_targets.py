"""Residual blocks are found however they are spelled, and nothing else is taken for one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from lmctool.graph.capture import capture
from lmctool.graph.module import fresh
from lmctool.graph.recorder import record_graph
from lmctool.graph.targets import targets
from lmctool.testing.small_networks import named
from tests.graph.residual_models import (
    ConvNeXt,
    LanguageModel,
    LayerNormResNet,
    Mixer,
    NoBlocks,
    PaddedShortcut,
    VisionTransformer,
    Wrap,
)

if TYPE_CHECKING:
    from lmctool.graph.graph import Graph

IMAGES = torch.zeros(2, 3, 8, 8)


def block_axes(graph: Graph) -> list[int]:
    """Return the channel axis of each block of a model."""
    return [target.axis for target in targets(graph, "blocks")]


def recorded(module: nn.Module) -> Graph:
    """Return the graph of a model below autograd, which is made without an export."""
    with torch.no_grad():
        return record_graph(fresh(module.eval()), (IMAGES,))


@pytest.mark.parametrize(
    ("module", "axes"),  # by hand, in the order they are computed
    [
        (LayerNormResNet(3), [1, 1]),
        (VisionTransformer(), [-1, -1, -1, -1]),
        (Mixer(), [-1, -1]),
        (PaddedShortcut(), [1]),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, nn.Module) else "",
)
def test_the_blocks_of_a_network_are_those_counted_by_hand(
    module: nn.Module, axes: list[int]
) -> None:
    assert block_axes(recorded(module)) == axes


@pytest.mark.parametrize("key", ["mlp", "resnet", "vit", "causal_lm"])
def test_a_target_knows_how_many_channels_its_value_has(key: str) -> None:
    (network,) = named([key])
    with network.run() as run:
        places = (*run.resources.targets("both"), *run.resources.batchnorms())
        moments = run.calibration.moments(run.weights(0), {each.tap: each.axis for each in places})
        assert {each.tap: each.channels for each in places} == {
            tap: len(shown.mean) for tap, shown in moments.items()
        }


def test_blocks_are_found_through_what_wraps_their_branches() -> None:
    wraps: dict[str, Wrap] = {
        "nothing": lambda h: h,
        "clone": torch.clone,
        "casts": lambda h: h.double().float(),
        "transposed": lambda h: h.transpose(1, 3).contiguous().transpose(3, 1),
        "reshaped": lambda h: h.flatten(2).unsqueeze(-1).squeeze(-1).view(h.shape),
        "dropout": lambda h: functional.dropout(h, 0.5, training=False),
        "stochastic depth": lambda h: h * h.new_ones(len(h), 1, 1, 1).div(0.9),
        "expectation": lambda h: 0.9 * h,
    }
    graph = capture(ConvNeXt(*wraps.values()), IMAGES)
    found = {target.name: target.axis for target in targets(graph, "blocks")}
    assert found == {f"blocks.{number}": 1 for number in range(len(wraps))}


def test_sums_of_embeddings_are_no_block() -> None:
    graph = capture(LanguageModel(), torch.ones(2, 5, dtype=torch.long))
    assert block_axes(graph) == [-1, -1, -1, -1]


def test_sums_of_positions_biases_formulas_and_other_shapes_are_no_block() -> None:
    assert block_axes(capture(NoBlocks(), torch.zeros(2, 12))) == []


def test_two_towers_on_inputs_of_their_own_are_no_block() -> None:
    class Towers(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.one, self.other, self.head = nn.Linear(6, 8), nn.Linear(1, 8), nn.Linear(8, 2)

        def forward(self, x: Tensor, t: Tensor) -> Tensor:
            out: Tensor = self.head(torch.relu(self.one(x) + self.other(t)))
            return out

    graph = capture(Towers(), (torch.zeros(2, 6), torch.zeros(2, 1)))
    assert targets(graph, "blocks") == ()


def test_a_normalisation_of_several_axes_keeps_the_channels_of_its_input() -> None:
    class Whole(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.stem, self.conv = nn.Conv2d(3, 4, 1), nn.Conv2d(4, 4, 1)
            self.norm, self.head = nn.LayerNorm((4, 8, 8)), nn.Linear(4, 2)

        def forward(self, x: Tensor) -> Tensor:
            x = self.stem(x)
            x = self.norm(x + self.norm(self.conv(x)))
            out: Tensor = self.head(x.mean((2, 3)))
            return out

    assert block_axes(recorded(Whole())) == [1]


def test_what_two_operations_read_holds_the_correction_of_neither() -> None:
    class Shared(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.stem, self.twice = nn.Linear(12, 6), nn.Linear(6, 6)
            self.tied, self.first, self.head = nn.Linear(6, 6), nn.Linear(6, 6), nn.Linear(6, 2)
            self.first.weight = self.tied.weight
            self.biased = nn.Linear(6, 6)
            self.biased.bias = self.stem.bias

        def forward(self, x: Tensor) -> Tensor:
            x = torch.relu(self.twice(torch.relu(self.twice(torch.relu(self.stem(x))))))
            x = torch.relu(self.first(torch.relu(self.tied(x))))
            out: Tensor = self.head(torch.relu(self.biased(x)))
            return out

    class Alone(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.unused, self.used = nn.Linear(12, 6), nn.Linear(12, 6)
            self.used.weight, self.used.bias = self.unused.weight, self.unused.bias
            self.head = nn.Linear(6, 2)

        def forward(self, x: Tensor) -> Tensor:
            out: Tensor = self.head(torch.relu(self.used(x)))
            return out

    for trace in (capture, record):
        found = targets(trace(Shared(), torch.zeros(2, 12)), "layers")
        assert [target.fusable for target in found] == [False] * 6
        (target,) = targets(trace(Alone(), torch.zeros(2, 12)), "layers")
        assert target.fusable
        assert (target.weight, target.bias) == ("unused.weight", "unused.bias")


def record(module: nn.Module, inputs: Tensor) -> Graph:
    with torch.no_grad():
        return record_graph(fresh(module.eval()), (inputs,))
