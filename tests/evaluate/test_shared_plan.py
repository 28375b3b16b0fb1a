"""Routes through a small residual graph: what is shared and what isn't, against brute force."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from torch import Tensor, fx, nn

from lmctool.evaluate.shared_plan import plan
from lmctool.graph.capture import capture
from lmctool.weights.partwise import Partwise

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from lmctool.evaluate.shared_plan import Route


class Residual(nn.Module):
    """Two branches that meet, one of them straight."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Linear(4, 5)
        self.left = nn.Linear(5, 5)
        self.right = nn.Linear(5, 5)
        self.head = nn.Linear(5, 3)

    def forward(self, x: Tensor) -> Tensor:
        h = torch.tanh(self.stem(x))
        left, right = torch.tanh(self.left(h)), torch.tanh(self.right(h))
        out: Tensor = self.head(torch.tanh(h + left * right))
        return out


GRAPH = capture(Residual(), torch.randn(2, 4))
LAYERS = ["stem", "left", "right", "head"]
PARTS = [[f"{layer}.weight", f"{layer}.bias"] for layer in LAYERS]


def weights(seed: int) -> Mapping[str, Tensor]:
    torch.manual_seed(seed)
    return Residual().double().state_dict()


def values(network: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return the value of every node, by running the whole graph."""
    inputs = torch.ones(2, 4, dtype=torch.float64)
    found: dict[str, Tensor] = {}

    class Kept(fx.Interpreter):
        def run_node(self, n: fx.Node) -> Any:
            found[n.name] = super().run_node(n)
            return found[n.name]

    Kept(GRAPH.module).run(*GRAPH.bound(network, inputs).values(), enable_io_processing=False)
    return found


def routes(places: Sequence[Sequence[float]]) -> dict[int, tuple[Route, ...]]:
    return plan(GRAPH, Partwise(weights(0), weights(1), PARTS, np.array(places, dtype=float)))


@pytest.mark.parametrize("part", [0, 1, 2, 3], ids=LAYERS)
def test_only_what_depends_on_the_part_is_computed_again(part: int) -> None:
    place: list[float] = [0.5 if number == part else 1.0 for number in range(4)]
    (route,) = routes([place])[1]
    base = values(weights(1))
    own = values(Partwise(weights(0), weights(1), PARTS, np.array([place]))[0])
    calls = [node.name for node in GRAPH.nodes if node.op == "call_function"]
    changed = [name for name in calls if not torch.equal(base[name], own[name])]
    assert [node.name for node in route.steps.nodes] == changed
    for node in route.shared:
        assert torch.equal(base[node.name], own[node.name])
    read = {each for node in route.steps.nodes for each in node.all_input_nodes}
    given = {*route.steps.nodes, *route.varied}
    assert {*route.shared} == read - given


def test_a_network_leaves_the_end_that_is_fewer_operations_away() -> None:
    found = routes([[1, 0.5, 1, 1], [0, 0, 0, 0.5], [0.5, 0.5, 0.5, 0.5], [0, 0, 1, 1]])
    assert sorted(route.rows for route in found[0]) == [(1,), (3,)]
    assert sorted(route.rows for route in found[1]) == [(0,), (2,)]


def test_the_pure_network_goes_no_further_than_the_last_that_leaves_it() -> None:
    (route,) = routes([[1, 0.5, 1, 1], [1, 0.25, 1, 1]])[1]
    names = [node.name for node in route.reached.nodes]
    # both branches, but not their product and what follows
    assert sorted(names) == ["linear", "linear_1", "linear_2", "tanh", "tanh_2"]


def test_no_operation_of_the_pure_network_is_done_twice_and_none_is_dropped_too_soon() -> None:
    places = [[0.5 if number == part else 1.0 for number in range(4)] for part in range(5)]
    along = routes(places)[1]
    done = [node for route in along for node in route.reached.nodes]
    assert len(done) == len(set(done))
    held = {node for node in GRAPH.nodes if node.op == "placeholder"}
    for route in along:
        for node, spent in zip(route.reached.nodes, route.reached.spent, strict=True):
            assert held.issuperset(node.all_input_nodes)
            held = (held | {node}).difference(spent)
        assert held.issuperset((*route.shared, *route.mixed))
        held = held.difference(route.spent)
    assert not [node for node in held if node.op != "placeholder"]


def test_a_layer_is_mixed_only_where_several_networks_stand_at_one_alpha_each() -> None:
    (several,) = routes([[1, 0.5, 1, 1], [1, 0.25, 1, 1]])[1]
    assert [node.name for node in several.mixed] == ["linear_1"]
    assert several.shares == (0.5, 0.75)
    assert several.varied == ()
    (single,) = routes([[1, 0.5, 1, 1]])[1]
    assert single.mixed == ()
    apart = routes([[1, 0.5, 0.25, 1], [1, 0.25, 0.5, 1]])[1]
    assert [route.mixed for route in apart] == [()]
