"""Values that are affine in weights: where they end, and what isn't one."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from lmctool.graph.affine import cuts
from lmctool.graph.capture import capture
from lmctool.graph.operations import operation


class Net(nn.Module):
    """A convolution with a bias, one without, and a head, with a sum in between."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(1, 4, 3, padding=1)
        self.inner = nn.Conv2d(4, 4, 3, padding=1, bias=False)
        self.gain = nn.Parameter(torch.ones(4, 1, 1))
        self.head = nn.Linear(4, 3)

    def forward(self, x: Tensor) -> Tensor:
        h = torch.relu(self.stem(x))
        h = torch.relu(self.gain * (h + self.inner(h)))
        out: Tensor = self.head(h.mean((2, 3)))
        return out


GRAPH = capture(Net(), torch.randn(2, 1, 5, 5))


def names(*tensors: str) -> list[str]:
    """Return the operations to mix where some tensors vary."""
    varied = [n for n in GRAPH.nodes if GRAPH.tensors.get(n.name) in tensors]
    return [operation(node) for node in cuts(GRAPH.nodes, varied, GRAPH.output)]


@pytest.mark.parametrize(
    ("tensors", "found"),
    [
        (["stem.weight"], ["conv2d"]),
        (["stem.weight", "stem.bias"], ["conv2d"]),
        (["stem.bias"], ["conv2d"]),
        (["inner.weight"], ["mul"]),  # the sum and the product behind it are affine, too
        (["inner.weight", "gain"], ["add"]),  # their product isn't
        (["gain"], []),  # nothing costly is saved
        (["head.weight", "head.bias"], ["linear"]),
        (["inner.weight", "head.weight"], ["mul"]),
    ],
    ids=lambda value: "+".join(value) or "none",
)
def test_affine_values_are_mixed_where_they_end(tensors: list[str], found: list[str]) -> None:
    assert names(*tensors) == found


class Tied(nn.Module):
    """One weight used twice, in a row."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(3, 3)

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.layer(self.layer(x))
        return out


def test_a_weight_used_twice_in_a_row_is_affine_only_in_the_first_use() -> None:
    graph = capture(Tied(), torch.randn(2, 3))
    varied = [node for node in graph.nodes if node.name in graph.tensors]
    assert [node.name for node in cuts(graph.nodes, varied, graph.output)] == ["linear"]
