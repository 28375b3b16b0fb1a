"""Linear layers of a recording, put together of their pieces."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import torch
from torch import Tensor, nn

from lmctool.graph.module import fresh
from lmctool.graph.operations import operation
from lmctool.graph.recorder import record_graph
from lmctool.graph.targets import Target, targets

if TYPE_CHECKING:
    from collections.abc import Callable

    from lmctool.graph.graph import Graph

FLAT = torch.randn(3, 6, generator=torch.Generator().manual_seed(0))
STEPS = torch.randn(3, 5, 6, generator=torch.Generator().manual_seed(0))


class Hidden(nn.Module):
    """A layer on the last axis of what is made of the inputs, and another on top."""

    def __init__(self, change: Callable[[Tensor], Tensor], width: int, *, bias: bool) -> None:
        super().__init__()
        self.layer, self.head = nn.Linear(width, 4, bias=bias), nn.Linear(4, 2)
        self.change = change

    def forward(self, x: Tensor) -> Tensor:
        h = self.layer(self.change(x))
        out: Tensor = self.head(torch.relu(h))
        return out


def recorded(module: nn.Module, inputs: Tensor) -> Graph:
    torch.manual_seed(0)
    return record_graph(fresh(module.eval().requires_grad_(False)), (inputs,))


FORMS: dict[str, tuple[Tensor, Callable[[Tensor], Tensor], int]] = {
    "flat": (FLAT, lambda x: x, 6),
    "steps": (STEPS, lambda x: x, 6),
    "turned": (STEPS, lambda x: x.transpose(1, 2), 5),
    "channels": (STEPS[:, :, None], lambda x: x.permute(0, 3, 2, 1), 5),
}


@pytest.mark.parametrize("bias", [False, True])
@pytest.mark.parametrize("form", FORMS)
def test_a_linear_layer_is_one_operation_whatever_its_inputs(form: str, bias: bool) -> None:
    inputs, change, width = FORMS[form]
    module = Hidden(change, width, bias=bias)
    graph = recorded(module, inputs)
    names = [operation(node) for node in graph.nodes if node.op == "call_function"]
    assert names.count("linear") == 2
    assert not {"mm", "bmm", "addmm", "t"}.intersection(names)
    expected = Target(
        name="layer",
        tap=next(node.name for node in graph.nodes if operation(node) == "linear"),
        axis=-1,
        channels=4,
        kind="layer",
        weight="layer.weight",
        bias="layer.bias" if bias else "",
    )
    assert targets(graph, "layers") == (expected,)

    def edit(value: Tensor) -> Tensor:
        assert torch.allclose(value, module.layer(change(inputs)))
        return -value

    outputs = graph.run(module.state_dict(), inputs, {expected.tap: edit})
    torch.testing.assert_close(
        outputs, module.head(torch.relu(-module.layer(change(inputs)))), rtol=1e-5, atol=1e-6
    )


def test_a_product_with_a_weight_as_it_is_stored_is_no_linear_layer() -> None:
    class Columns(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.weight, self.bias = nn.Parameter(torch.ones(6, 4)), nn.Parameter(torch.ones(4))
            self.head = nn.Linear(4, 2)

        def forward(self, x: Tensor) -> Tensor:
            out: Tensor = self.head(torch.relu(torch.addmm(self.bias, x, self.weight)))
            return out

    graph = recorded(Columns(), FLAT)
    names = [operation(node) for node in graph.nodes if node.op == "call_function"]
    assert names.count("linear") == 1 and names.count("addmm") == 1
    assert [(target.weight, target.rows) for target in targets(graph, "layers")] == [("weight", 1)]


def test_what_a_model_adds_to_a_layer_is_no_bias_of_it() -> None:
    class Adding(Hidden):
        def __init__(self) -> None:
            super().__init__(lambda x: x, 6, bias=False)
            self.shift = nn.Parameter(torch.ones(4))

        def forward(self, x: Tensor) -> Tensor:
            out: Tensor = self.head(torch.relu(self.layer(x) + self.shift))
            return out

    (layer,) = targets(recorded(Adding(), STEPS), "layers")
    assert layer.bias == ""


def test_an_edit_of_a_layer_outlives_a_later_write_into_a_part_of_its_value() -> None:
    class Writing(Hidden):
        def forward(self, x: Tensor) -> Tensor:
            h = self.layer(x)
            h[:, 0] = 1
            out: Tensor = self.head(h)
            return out

    module = Writing(lambda x: x, 6, bias=True)
    graph = recorded(module, STEPS)
    (layer,) = targets(graph, "layers")
    h = 2 * module.layer(STEPS)
    h[:, 0] = 1
    outputs = graph.run(module.state_dict(), STEPS, {layer.tap: lambda value: 2 * value})
    torch.testing.assert_close(outputs, module.head(h))
