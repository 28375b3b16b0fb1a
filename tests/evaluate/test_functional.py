"""The forward function of a model with its weights as an argument."""

from __future__ import annotations

import warnings

import torch
from torch import Tensor, nn

from lmctool.evaluate.functional import Network
from lmctool.graph.capture import capture
from lmctool.graph.module import fresh
from lmctool.weights.arithmetic import lerp


class Remembering(nn.Module):
    """Keeps what it computes from its weights for the next call, as some attention layers do."""

    def __init__(self) -> None:
        super().__init__()
        self.table, self.head = nn.Parameter(torch.ones(3)), nn.Linear(3, 2)
        self.kept: dict[str, Tensor] = {}

    def forward(self, x: Tensor) -> Tensor:
        if "bias" not in self.kept:
            self.kept["bias"] = self.table * 2
        out: Tensor = self.head(x + self.kept["bias"])
        return out


def test_what_one_network_keeps_never_reaches_another() -> None:
    module = Remembering().eval().requires_grad_(False)
    network = Network(module, lambda: capture(module, torch.zeros(2, 3)))
    inputs = torch.randn(4, 3, generator=torch.Generator().manual_seed(0))
    first = module.state_dict()
    second = {name: tensor * 3 for name, tensor in first.items()}
    for weights in (first, second, first):
        expected = nn.functional.linear(
            inputs + weights["table"] * 2, weights["head.weight"], weights["head.bias"]
        )
        outputs = network(weights)
        for _ in range(2):
            torch.testing.assert_close(outputs(inputs), expected)
    assert module.kept == {}


def test_a_graph_is_captured_without_a_trace_in_the_module() -> None:
    module = Remembering().eval().requires_grad_(False)
    graph = capture(module, torch.zeros(2, 3))
    assert module.kept == {}
    inputs = torch.randn(4, 3)
    torch.testing.assert_close(graph.run(module.state_dict(), inputs, {}), module(inputs))


def test_a_fresh_copy_shares_the_tensors_and_nothing_else() -> None:
    module = Remembering()
    copy = fresh(module)
    assert copy.table is module.table and copy.kept is not module.kept  # type: ignore[comparison-overlap]


def test_weights_that_hooks_make_are_made_anew_for_each_network() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        module, again = (nn.utils.weight_norm(nn.Linear(4, 3)).eval() for _ in range(2))
    network = Network(module, lambda: capture(module, torch.zeros(2, 4)))
    inputs = torch.randn(5, 4, generator=torch.Generator().manual_seed(0))
    a, b = module.state_dict(), again.state_dict()
    middle = lerp(a, b, 0.5)
    again.load_state_dict(middle)
    rows = middle["weight_v"] / middle["weight_v"].norm(dim=1, keepdim=True)
    by_hand = inputs @ (middle["weight_g"] * rows).T + middle["bias"]
    for outputs in (network(middle)(inputs), network.graph().run(middle, inputs, {})):
        torch.testing.assert_close(outputs, again(inputs))
        torch.testing.assert_close(outputs, by_hand)
