"""Small models made to mislead: what moves keeps the function, and it is all that a person finds.

The cases lie in ``adversarial/``, each with the groups that a person finds free.  Run one of them
with ``-k NAME``.
"""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING

import pytest
import torch
from torch import Tensor

from lmctool.errors import UnjudgedError
from lmctool.graph.capture import capture
from lmctool.graph.module import fresh
from lmctool.graph.recorder import record_graph
from lmctool.symmetry import Permutation, PermutationSpec, derive, prove
from tests.symmetry.adversarial import (
    attention,
    buffers,
    comparisons,
    convolution,
    dense,
    experts,
    grouped,
    heads,
    outputs,
    parametrized,
    products,
    recurrent,
    shapes,
)
from tests.symmetry.adversarial.repeated import REPEATED
from tests.symmetry.conftest import randomise

if TYPE_CHECKING:
    from collections.abc import Iterable

    from lmctool.graph.graph import Graph
    from tests.symmetry.adversarial.case import Case, Group

MODULES = (
    *(dense, parametrized, shapes, products, convolution, grouped, recurrent, attention, heads),
    *(buffers, comparisons, outputs, experts),
)
CASES = [case for module in MODULES for case in module.CASES]
CONTROLS = 3
# torch tells once that its faster kernel doesn't know this layer
pytestmark = pytest.mark.filterwarnings("ignore:LSTM with projections:UserWarning")
every_case = pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
each_case_by_export = pytest.mark.parametrize(
    "case",
    [
        pytest.param(case, id=case.name, marks=pytest.mark.slow if case.name in REPEATED else ())
        for case in CASES
    ],
)


@cache
def graph_of(case: Case) -> Graph:
    return capture(case.module(), case.inputs(case.batch))


@cache
def spec_of(case: Case) -> PermutationSpec:
    return derive(graph_of(case))


def found(spec: PermutationSpec) -> list[Group]:
    """Return each group as a count by hand writes it."""
    return ordered(
        (spec.groups[spec.per[group]], size) if group in spec.per else size
        for group, size in spec.groups.items()
    )


def ordered(groups: Iterable[Group]) -> list[Group]:
    return sorted(groups, key=lambda group: group if isinstance(group, tuple) else (0, group))


def shuffled(spec: PermutationSpec) -> Permutation:
    """Return a permutation that moves units of every group, and of every unit's own."""
    generator = torch.Generator().manual_seed(0)

    def move(size: int) -> Tensor:
        order = torch.randperm(size, generator=generator)
        return order.roll(1) if torch.equal(order, torch.arange(size)) else order

    moves = {
        group: torch.stack([move(size) for _ in range(spec.groups[spec.per[group]])])
        if group in spec.per
        else move(size)
        for group, size in spec.groups.items()
    }
    return Permutation(spec, moves)


def test_what_is_repeated_is_among_the_cases() -> None:
    assert {case.name for case in CASES} > REPEATED


@each_case_by_export
def test_what_is_free_is_what_a_person_counts(case: Case) -> None:
    spec = spec_of(case)
    assert found(spec) == ordered(case.free)
    assert any(case.fixed in reason for reason in spec.fixed.values())


@pytest.mark.parametrize("case", [c for c in CASES if c.requested], ids=lambda case: case.name)
def test_stored_buffers_move_when_they_are_asked_to(case: Case) -> None:
    spec = derive(graph_of(case), moved=["*"])
    assert found(spec) == ordered(case.requested)
    module = randomise(case.module())
    assert prove(module, module.state_dict(), shuffled(spec), case.inputs(4)).holds


@each_case_by_export
def test_the_function_stays(case: Case) -> None:
    module, spec = randomise(case.module()), spec_of(case)
    proof = prove(module, module.state_dict(), shuffled(spec), case.inputs(4))
    assert proof.holds and proof.dtype == "float64"


@every_case
def test_the_function_stays_by_the_other_tracer_too(case: Case) -> None:
    inputs = case.inputs(case.batch)
    graph = record_graph(fresh(case.module()), inputs if isinstance(inputs, tuple) else (inputs,))
    spec = derive(graph)
    module = randomise(case.module())
    assert graph.tracer == "dispatch"
    assert prove(module, module.state_dict(), shuffled(spec), case.inputs(4)).holds
    # nothing more than by hand, and seldom less: its operations are smaller
    assert len([group for group in found(spec) if group not in ordered(case.free)]) <= 1


@each_case_by_export
def test_a_tensor_left_out_is_noticed(case: Case) -> None:
    module, spec = randomise(case.module()), spec_of(case)
    aliases = graph_of(case).aliases
    # a bias may have no effect at all, as that of keys and that before a normalisation have none
    moving = [
        name
        for name, axes in spec.tensors.items()
        if any(axes) and len(axes) > 1 and name not in aliases
    ]
    assert moving
    for name in moving[:: max(1, len(moving) // CONTROLS)]:
        kept = {k: v for k, v in spec.tensors.items() if aliases.get(k, k) != name}
        with pytest.raises(UnjudgedError, match="changes the network"):
            prove(
                module, module.state_dict(), shuffled(replace(spec, tensors=kept)), case.inputs(4)
            )
