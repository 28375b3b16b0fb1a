"""The one tensor that is meant by what a model returns."""

from __future__ import annotations

from collections import namedtuple
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from lmctool.errors import LmctoolError
from lmctool.graph.capture import capture
from lmctool.graph.outputs import one_output, output_leaf

X, OTHER, COUNT = torch.ones(2, 3), torch.zeros(2), torch.tensor(4)
Named = namedtuple("Named", "loss logits")


@pytest.mark.parametrize(
    ("value", "leaf"),
    [
        (X, 0),
        ({"hidden": OTHER, "logits": X}, 1),
        ({"count": COUNT, "out": X}, 1),
        ((X, OTHER), 0),
        ([COUNT, X, OTHER], 1),
        ((X, (OTHER, OTHER)), 0),
        (Named(OTHER, X), 1),
        (Named(None, X), 1),
    ],
)
def test_the_tensor_that_is_meant_is_taken(value: Any, leaf: int) -> None:
    assert one_output(value) is X
    assert output_leaf(value) == leaf


@pytest.mark.parametrize(
    ("value", "told"),
    [
        ({"a": X, "b": OTHER}, "'dict' with 'a', 'b', and one tensor is needed"),
        ({}, "'dict' with nothing in it"),
        ((), "'tuple' of nothing"),
        ((COUNT, "cat"), "'tuple' of Tensor, str"),
        (None, "'NoneType'"),
        (3.0, "'float'"),
    ],
)
def test_what_means_no_tensor_is_told(value: Any, told: str) -> None:
    with pytest.raises(LmctoolError) as raised:
        one_output(value)
    assert str(raised.value).startswith(f"the model returned {told}")
    assert output_leaf(value) is None


class Several(nn.Module):
    def __init__(self, traced: bool) -> None:
        super().__init__()
        self.a, self.traced = nn.Linear(3, 2), traced

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        if not self.traced and x.sum() > 1e9:
            x = -x
        return {"twice": 2 * self.a(x), "logits": self.a(x)}


@pytest.mark.parametrize("traced", [True, False])
def test_a_graph_gives_the_output_that_is_meant(traced: bool) -> None:
    module = Several(traced)
    graph = capture(module, X)
    assert graph.tracer == ("export" if traced else "dispatch")
    with torch.no_grad():
        torch.testing.assert_close(graph.run(module.state_dict(), X, {}), module.a(X))
    assert tuple(graph.output.meta["val"].shape)[1:] == (2,)
