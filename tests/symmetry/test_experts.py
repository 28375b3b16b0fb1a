"""Mixtures whose rows are sorted by expert, and multiplied expert by expert in one operation."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from lmctool.graph.capture import capture
from lmctool.graph.module import fresh
from lmctool.graph.recorder import record_graph
from lmctool.symmetry import Permutation, PermutationSpec, derive, prove
from tests.symmetry.adversarial import experts
from tests.symmetry.conftest import randomise

if TYPE_CHECKING:
    from lmctool.graph.graph import Graph
    from tests.symmetry.adversarial.case import Case

STREAM, EXPERTS, HIDDEN = 8, 3, 4
INPUTS = torch.randn(6, 5, generator=torch.Generator().manual_seed(0))
Count = Callable[[Tensor, Tensor], Tensor]
"""How many rows each expert has, by the numbers of their experts, sorted and as they came."""


def by_histogram(numbers: Tensor, places: Tensor) -> Tensor:
    return torch.histc(numbers.float(), EXPERTS, 0, EXPERTS - 1)


def by_number(numbers: Tensor, places: Tensor) -> Tensor:
    return torch.bincount(places.flatten(), minlength=EXPERTS)


def of_first_choices(numbers: Tensor, places: Tensor) -> Tensor:
    return torch.bincount(places[:, :1].repeat(1, 2).flatten(), minlength=EXPERTS)


class Mixture(nn.Module):
    """A stream, and what the best two experts of each row add to it."""

    def __init__(self, count: Count) -> None:
        super().__init__()
        self.count = count
        self.first, self.head = nn.Linear(5, STREAM), nn.Linear(STREAM, 2)
        self.router = nn.Linear(STREAM, EXPERTS, bias=False)
        self.up = nn.Parameter(torch.randn(EXPERTS, 2 * HIDDEN, STREAM))
        self.down = nn.Parameter(torch.randn(EXPERTS, STREAM, HIDDEN))

    def forward(self, x: Tensor) -> Tensor:
        x = torch.relu(self.first(x))
        best, places = torch.softmax(self.router(x), -1).topk(2, dim=-1)
        numbers, order = torch.sort(places.flatten())
        ends = torch.cumsum(self.count(numbers, places), 0, dtype=torch.int32)
        rows = functional.grouped_mm(x[order // 2], self.up.mT, offs=ends)
        value, gate = rows.chunk(2, dim=-1)
        out = functional.grouped_mm(value * torch.sigmoid(gate), self.down.mT, offs=ends)
        out = out * best.flatten()[order].unsqueeze(-1)
        back = torch.empty_like(order)
        back[order] = torch.arange(len(order))
        found: Tensor = self.head(x + out[back].view(len(x), 2, STREAM).sum(1))
        return found


def groups(spec: PermutationSpec) -> dict[int, int | None]:
    """Return the size of each group, with that of its outer group."""
    outer = {name: spec.groups[top] for name, top in spec.per.items()}
    return {size: outer.get(name) for name, size in spec.groups.items()}


def exported(module: nn.Module) -> Graph:
    return capture(module, INPUTS)


def recorded(module: nn.Module) -> Graph:
    return record_graph(fresh(module), (INPUTS,))


@pytest.mark.parametrize(
    ("count", "follow"),
    [(by_histogram, exported), (by_histogram, recorded), (by_number, recorded)],
)
def test_experts_change_places_and_the_units_of_each_by_themselves(
    count: Count, follow: Callable[[nn.Module], Graph]
) -> None:
    module = randomise(Mixture(count))
    spec = derive(follow(module))
    assert groups(spec) == {STREAM: None, EXPERTS: None, HIDDEN: EXPERTS}
    permutation = Permutation.random(spec, torch.Generator().manual_seed(1))
    proof = prove(module, module.state_dict(), permutation, INPUTS)
    assert proof.holds and proof.dtype == "float32"


def test_experts_stay_where_rows_end_by_another_count() -> None:
    spec = derive(recorded(Mixture(of_first_choices).eval()))
    assert groups(spec) == {STREAM: None, HIDDEN: None}
    told = "which rows go to which expert depends on their order"
    assert spec.fixed["router.weight", 0] == spec.fixed["up", 0] == told


def test_scores_show_experts_whose_units_lie_in_no_fixed_place() -> None:
    def shown(case: Case) -> dict[int, bool]:
        spec = derive(capture(case.module(), case.inputs(3)))
        return {size: bool(spec.taps[name]) for name, size in spec.groups.items()}

    assert shown(experts.rows_sorted_by_expert_and_put_back) == {6: True, 4: True, 3: False}
    assert shown(experts.the_best_two_by_a_scattered_mask) == {6: True, 4: False, 3: True}
