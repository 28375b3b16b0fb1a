"""The paths that examples take through a model whose path depends on the data."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import torch
from torch import Tensor, nn

from lmctool.graph.capture import capture
from lmctool.graph.paths import Paths, follow
from lmctool.symmetry import Permutation, derive, prove

if TYPE_CHECKING:
    from collections.abc import Callable

ABOVE = torch.rand(3, 6, generator=torch.Generator().manual_seed(0))
BOTH = torch.cat([ABOVE, -ABOVE])


class Branch(nn.Module):
    """Goes by one of two layers, and does something of its own with the second one's units."""

    def __init__(self, other: Callable[[Tensor], Tensor] = torch.relu) -> None:
        super().__init__()
        self.a, self.b, self.o = nn.Linear(6, 8), nn.Linear(6, 8), nn.Linear(8, 3)
        self.other = other

    def forward(self, x: Tensor) -> Tensor:
        h = self.a(x).relu() if x.sum() > 0 else self.other(self.b(x))
        out: Tensor = self.o(h)
        return out


def branch(other: Callable[[Tensor], Tensor] = torch.relu) -> nn.Module:
    torch.manual_seed(0)
    return Branch(other).eval().requires_grad_(False)


def paths_of(module: nn.Module, inputs: Tensor) -> Paths:
    return follow(module, capture(module, inputs[:2]), (inputs[:2],), (inputs,))


def test_examples_of_one_path_add_nothing_to_the_graph() -> None:
    module = branch()
    graph = capture(module, ABOVE[:2])
    paths = follow(module, graph, (ABOVE[:2],), (ABOVE,))
    assert paths.graph is graph and len(paths.inputs) == 1


def test_units_of_every_path_are_one_group() -> None:
    paths = paths_of(branch(), BOTH)
    assert len(paths.inputs) == 2
    spec = derive(paths.graph)
    assert list(spec.groups.values()) == [8]
    (group,) = spec.groups
    assert {name for name, _ in spec.uses(group)} == {
        *("a.weight", "a.bias", "b.weight", "b.bias", "o.weight")
    }


def test_a_permutation_is_the_same_function_on_every_path() -> None:
    module = branch()
    spec = derive(paths_of(module, BOTH).graph)
    permutation = Permutation.random(spec, torch.Generator().manual_seed(0))
    for inputs in (ABOVE, -ABOVE):
        assert prove(module, module.state_dict(), permutation, inputs).holds


@pytest.mark.parametrize(
    "other",
    [lambda h: h.cumsum(-1), lambda h: h * torch.arange(8.0), lambda h: h.flip(-1)],
    ids=["sums", "constants", "reverses"],
)
def test_units_that_one_path_tells_apart_stay(other: Callable[[Tensor], Tensor]) -> None:
    module = branch(other)
    assert derive(capture(module, ABOVE[:2])).groups  # as one path alone would have it
    spec = derive(paths_of(module, BOTH).graph)
    if not spec.groups:
        return
    permutation = Permutation.random(spec, torch.Generator().manual_seed(0))
    for inputs in (ABOVE, -ABOVE):
        assert prove(module, module.state_dict(), permutation, inputs).holds


def test_the_first_path_runs_as_before_in_the_joint_graph() -> None:
    module = branch()
    graph = paths_of(module, BOTH).graph
    assert torch.equal(graph.run(module.state_dict(), ABOVE, {}), module(ABOVE))


def test_the_numbers_that_choose_units_are_part_of_a_path() -> None:
    class Cut(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.a, self.o = nn.Linear(6, 8), nn.Linear(4, 3)

        def forward(self, x: Tensor) -> Tensor:
            start = 4 if x.sum() > 0 else 0
            out: Tensor = self.o(self.a(x).relu()[:, start : start + 4])
            return out

    module = Cut().eval().requires_grad_(False)
    paths = paths_of(module, BOTH)
    assert len(paths.inputs) == 2
    permutation = Permutation.random(derive(paths.graph), torch.Generator().manual_seed(0))
    for inputs in (ABOVE, -ABOVE):
        assert prove(module, module.state_dict(), permutation, inputs).holds


def test_a_model_for_one_size_of_batches_has_the_path_of_that_size() -> None:
    class Sized(Branch):
        def forward(self, x: Tensor) -> Tensor:
            return super().forward(x.view(3, 6))

    module = Sized().eval().requires_grad_(False)
    graph = capture(module, ABOVE)
    assert graph.tracer == "dispatch"
    paths = follow(module, graph, (ABOVE,), (ABOVE,))
    assert len(paths.inputs) == 1
