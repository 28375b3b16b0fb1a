"""Mixtures whose rows are sorted by expert, and multiplied expert by expert in one operation."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from benchmarks.planted import Planted
from lmctool.graph.capture import capture
from lmctool.graph.module import fresh
from lmctool.graph.recorder import record_graph
from lmctool.symmetry import Permutation, PermutationSpec, derive, prove, read_spec, write_spec
from lmctool.symmetry.axis_form import Free
from lmctool.symmetry.soft_permutation import SoftPermutation, permutation_matrices
from lmctool.symmetry.stored import Tensors, permutation_group, whole_permutation
from tests.symmetry.adversarial import experts
from tests.symmetry.conftest import randomise

if TYPE_CHECKING:
    from pathlib import Path

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

    def __init__(self, count: Count = by_histogram) -> None:
        super().__init__()
        self.count = count
        self.first, self.head = nn.Linear(5, STREAM), nn.Linear(STREAM, 2)
        self.router = nn.Linear(STREAM, EXPERTS, bias=False)
        self.hold(torch.randn(EXPERTS, 2 * HIDDEN, STREAM), torch.randn(EXPERTS, STREAM, HIDDEN))

    def hold(self, up: Tensor, down: Tensor) -> None:
        """Make the parameters of the experts."""
        self.up, self.down = nn.Parameter(up), nn.Parameter(down)

    def matrices(self) -> tuple[Tensor, Tensor]:
        """Return (expert, out, in) what leads up, and what leads down."""
        return self.up, self.down

    def forward(self, x: Tensor) -> Tensor:
        x = torch.relu(self.first(x))
        best, places = torch.softmax(self.router(x), -1).topk(2, dim=-1)
        numbers, order = torch.sort(places.flatten())
        ends = torch.cumsum(self.count(numbers, places), 0, dtype=torch.int32)
        up, down = self.matrices()
        rows = functional.grouped_mm(x[order // 2], up.mT, offs=ends)
        value, gate = rows.chunk(2, dim=-1)
        out = functional.grouped_mm(value * torch.sigmoid(gate), down.mT, offs=ends)
        out = out * best.flatten()[order].unsqueeze(-1)
        back = torch.empty_like(order)
        back[order] = torch.arange(len(order))
        found: Tensor = self.head(x + out[back].view(len(x), 2, STREAM).sum(1))
        return found


class SplitMixture(Mixture):
    """The same, whose experts have tensors of their own that are put side by side."""

    def hold(self, up: Tensor, down: Tensor) -> None:
        value, gate = up.chunk(2, dim=1)
        parts = {"value": value, "gate": gate, "down": down}
        self.experts: Any = nn.ModuleList(
            nn.ParameterDict({name: tensor[expert].clone() for name, tensor in parts.items()})
            for expert in range(EXPERTS)
        )

    def matrices(self) -> tuple[Tensor, Tensor]:
        ups = [torch.cat([each["value"][None], each["gate"][None]], 1) for each in self.experts]
        return torch.cat(ups), torch.stack([each["down"] for each in self.experts])


class SharedMixture(SplitMixture):
    """The same, one tensor of which another layer reads as well."""

    def forward(self, x: Tensor) -> Tensor:
        found: Tensor = super().forward(x) + self.experts[0]["down"].sum()
        return found


class PlantedExperts(Planted):
    """A mixture of experts with a planted permutation."""

    def build(self, seed: int) -> nn.Module:
        return randomise(SplitMixture(), seed)


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


def test_experts_with_tensors_of_their_own_are_those_of_one_tensor(tmp_path: Path) -> None:
    module, whole = randomise(SplitMixture()), randomise(Mixture())
    graph = exported(module)
    spec = derive(graph)
    assert groups(spec) == groups(derive(exported(whole)))
    for name, inside in spec.stacks.items():
        assert spec.tensors[name][0] == Free("router", EXPERTS)
        assert inside == tuple(name.replace("{0..2}", str(e)) for e in range(EXPERTS))
    permutation = Permutation.random(spec, torch.Generator().manual_seed(1))
    weights = module.state_dict()
    assert prove(module, weights, permutation, INPUTS).holds
    moved = permutation.apply(weights)
    assert list(moved) == list(weights)
    names = [f"experts.{expert}.down" for expert in range(EXPERTS)]
    one = weights | {name: torch.full_like(weights[name], e) for e, name in enumerate(names)}
    order = [float(permutation.apply(one)[name].mean()) for name in names]
    assert order == permutation.moves["router"].tolist() != list(range(EXPERTS))
    for name, tensor in permutation.inverse().apply(moved).items():
        assert torch.equal(tensor, weights[name])
    matrices = permutation_matrices(permutation, weights["head.weight"])
    for name, tensor in SoftPermutation(spec).apply(matrices, weights).items():
        torch.testing.assert_close(tensor, moved[name])
    write_spec(spec, tmp_path / "spec.toml", force=False)
    read = read_spec(tmp_path / "spec.toml", graph)
    assert (read.groups, read.per, read.tensors) == (spec.groups, spec.per, spec.tensors)
    shapes = {name: tuple(tensor.shape) for name, tensor in weights.items()}
    stored = whole_permutation(permutation_group(permutation, Tensors(shapes)), "a test")
    assert dict(stored.tensors.shapes) == shapes
    for name, tensor in stored.permutation.apply(weights).items():
        assert torch.equal(tensor, moved[name])


@pytest.mark.parametrize("aligner", ["activation", "weight"])
def test_planted_experts_and_their_units_are_found(aligner: str) -> None:
    planted = PlantedExperts("", {}, (5,))
    assert [seed for seed in range(5) if not planted.recovers(aligner, seed, 0.01)] == []


def test_tensors_that_are_read_elsewhere_too_are_not_stacked() -> None:
    stacks = derive(exported(randomise(SharedMixture()))).stacks
    assert [*stacks] == ["experts.{0..2}.value", "experts.{0..2}.gate"]


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
