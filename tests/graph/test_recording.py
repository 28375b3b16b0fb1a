"""Graphs noted while a model runs, for models whose path depends on the data."""

from __future__ import annotations

from functools import partial

import pytest
import torch
from torch import Tensor, nn

from lmctool.errors import LmctoolError
from lmctool.graph.capture import capture
from lmctool.graph.running_statistics import DifferentiableStatistics
from lmctool.symmetry import Permutation, derive, prove


class Branching(nn.Module):
    """Doubles its units where the inputs are positive in all, in place, through a view."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.head = nn.Linear(4, 6), nn.Linear(6, 2)
        self.norm = nn.BatchNorm1d(6)

    def forward(self, x: Tensor) -> Tensor:
        h = torch.relu(self.norm(self.first(x)))
        if x.sum() > 0:
            h.mul_(2)
        out: Tensor = self.head(h)
        return out


@pytest.fixture(scope="module")
def module() -> nn.Module:
    torch.manual_seed(0)
    return Branching().eval().requires_grad_(False)


ABOVE = torch.rand(5, 4, generator=torch.Generator().manual_seed(0))


def test_a_recorded_graph_computes_what_the_module_does(
    module: nn.Module, capfd: pytest.CaptureFixture[str]
) -> None:
    graph = capture(module, ABOVE[:2])
    assert graph.tracer == "dispatch"
    assert capfd.readouterr() == ("", "")
    for size in (1, 3, 5):
        outputs = graph.run(module.state_dict(), ABOVE[:size], {})
        assert torch.equal(outputs, module(ABOVE[:size]))


def test_its_values_are_read_and_edited_like_those_of_an_exported_graph(module: nn.Module) -> None:
    graph = capture(module, ABOVE[:2])
    relu = next(node for node in graph.nodes if node.target is torch.ops.aten.relu.default)
    seen = []

    def edit(value: Tensor) -> Tensor:
        seen.append(value.clone())
        return value * 0

    outputs = graph.run(module.state_dict(), ABOVE, {relu.name: edit})
    bias = module.state_dict()["head.bias"]
    torch.testing.assert_close(outputs, bias.expand(5, 2))
    assert seen[0].shape == (5, 6)


def test_another_path_is_refused(module: nn.Module) -> None:
    graph = capture(module, ABOVE[:2])
    with pytest.raises(LmctoolError, match="take another path through the model"):
        graph.run(module.state_dict(), -ABOVE, {})


def test_a_path_of_the_same_operations_with_other_weights_is_refused_too() -> None:
    class Either(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.one, self.other = nn.Linear(4, 2), nn.Linear(4, 2)

        def forward(self, x: Tensor) -> Tensor:
            out: Tensor = self.one(x) if x.sum() > 0 else self.other(x)
            return out

    module = Either().eval().requires_grad_(False)
    graph = capture(module, ABOVE[:2])
    assert torch.equal(graph.run(module.state_dict(), ABOVE, {}), module(ABOVE))
    with pytest.raises(LmctoolError, match="take another path through the model"):
        graph.run(module.state_dict(), -ABOVE, {})


def test_its_symmetry_is_derived_and_proved(module: nn.Module) -> None:
    spec = derive(capture(module, ABOVE[:2]))
    assert spec.groups == {"first": 6} and spec.taps["first"]
    permutation = Permutation.random(spec, torch.Generator().manual_seed(0))
    for inputs in (ABOVE, -ABOVE):
        assert prove(module, module.state_dict(), permutation, inputs).holds


def tapped(module: nn.Module, factor: Tensor, kind: str) -> Tensor:
    """Return a recorded model's outputs with one of its values multiplied, and its weights too."""
    graph = capture(module, ABOVE[:2])
    node = next(n for n in graph.nodes if str(n.target) == kind)
    weights = {
        name: tensor.double() * factor if tensor.is_floating_point() else tensor
        for name, tensor in module.state_dict().items()
    }
    return graph.run(weights, ABOVE.double(), {node.name: lambda value: value * factor**2})


@pytest.mark.parametrize("kind", ["aten.relu.default", "aten.linear.default"])
def test_a_recording_has_the_gradients_of_the_model(module: nn.Module, kind: str) -> None:
    function = partial(tapped, module, kind=kind)
    with DifferentiableStatistics():
        at = torch.tensor(0.8, dtype=torch.float64, requires_grad=True)
        assert torch.autograd.gradcheck(function, (at,))
        torch.testing.assert_close(function(at), function(at.detach()))


def test_a_tap_in_the_memory_of_an_operand_has_gradients_too() -> None:
    class Tokens(nn.Module):
        """Its layer is one of three axes, whose last piece is a view; it looks at it twice."""

        def __init__(self) -> None:
            super().__init__()
            self.first, self.head = nn.Linear(4, 6, bias=False), nn.Linear(6, 2)

        def forward(self, x: Tensor) -> Tensor:
            h = self.first(x[:, None].expand(-1, 3, -1))
            h = h * 2 if h.sum() > 1e9 else h.tanh() + h
            torch._assert_async(h.sum() < 1e9)  # it returns nothing
            out: Tensor = self.head(h.mean(1))
            return out

    torch.manual_seed(0)
    own = Tokens().eval().requires_grad_(False)
    function = partial(tapped, own, kind="aten.linear.default")
    at = torch.tensor(0.8, dtype=torch.float64, requires_grad=True)
    assert capture(own, ABOVE[:2]).tracer == "dispatch"
    assert torch.autograd.gradcheck(function, (at,))
    assert torch.equal(function(at), function(at.detach()))


def test_random_numbers_of_what_has_a_gradient_are_refused() -> None:
    class Noisy(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.head = nn.Linear(4, 2)

        def forward(self, x: Tensor) -> Tensor:
            h = self.head(x)
            noise = torch.bernoulli(torch.sigmoid(h))
            out: Tensor = h * noise if h.sum() < 1e9 else h
            return out

    own = Noisy().eval().requires_grad_(False)
    graph = capture(own, ABOVE[:2])
    weights = {name: tensor.clone().requires_grad_() for name, tensor in own.state_dict().items()}
    with pytest.raises(LmctoolError, match="it draws random numbers by aten"):
        graph.run(weights, ABOVE, {})
