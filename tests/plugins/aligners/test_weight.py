"""Weight matching: its similarities and objective, descent, and where it begins."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor

from benchmarks.launch_counter import Launches
from benchmarks.launches import GPU
from lmctool.plugin.settings import Choice
from lmctool.run.run import Run
from lmctool.symmetry import Permutation, PermutationSpec
from lmctool.symmetry.axis_form import Free
from lmctool.symmetry.linear.transform import permutation_part
from lmctool.symmetry.matching import origins
from lmctool_plugins.aligners.weight import objective
from lmctool_plugins.aligners.weight.descent import anchor, descend
from lmctool_plugins.aligners.weight.likeness import Likeness
from tests import reference
from tests.plugins.pairs import trained

Runs = Callable[..., Run]
Weights = dict[str, Tensor]


def ends(run: Run) -> tuple[Weights, Weights]:
    """Return the parameters of both networks."""
    a, b = ({n: t for n, t in run.weights(i).items() if n not in run.graph.buffers} for i in (0, 1))
    return a, b


@pytest.fixture
def pair(run_of: Runs) -> Run:
    """Return a run on two networks with a residual stream, in float64."""
    return run_of("resnet-batch", trained("resnet-batch", 0), trained("resnet-batch", 1))


def test_the_objective_is_that_of_the_reference(pair: Run) -> None:
    a, b = ends(pair)
    mine, theirs = ({n: t.numpy() for n, t in w.items()} for w in (a, b))
    assert objective(a, b) == pytest.approx(reference.inner_product(mine, theirs), rel=1e-12)


def test_similarities_stay_those_of_loops_while_groups_move(pair: Run) -> None:
    a, b = ends(pair)
    likeness = Likeness(pair.permutation_spec, a, b, Permutation(pair.permutation_spec, {}))
    anchor(likeness)
    permuted = likeness.permutation.apply(b)
    for group in likeness.similarity:
        expected = sum(
            reference.products(where.units(a[n]).numpy(), where.units(permuted[n]).numpy())
            for n, where in pair.permutation_spec.uses(group)
            if n in a
        )
        np.testing.assert_allclose(likeness.similarity[group].numpy(), expected, atol=1e-10)


@pytest.mark.parametrize("seed", range(3))
def test_no_move_lowers_the_objective(pair: Run, seed: int) -> None:
    a, b = ends(pair)
    generator = torch.Generator().manual_seed(seed)
    begin = Permutation.random(pair.permutation_spec, generator)
    likeness = Likeness(pair.permutation_spec, a, b, begin)
    likeness.include(pair.permutation_spec.groups)
    values = [objective(a, begin.apply(b))]
    for family in likeness.families * 2:
        move = likeness.best(family)
        if move is not None:
            likeness.move(family, move)
            values.append(objective(a, likeness.permutation.apply(b)))
    assert len(values) > 5
    assert values == sorted(values)


def test_descent_ends_where_no_group_alone_can_do_better(pair: Run) -> None:
    a, b = ends(pair)
    likeness = Likeness(pair.permutation_spec, a, b, Permutation(pair.permutation_spec, {}))
    descend(likeness, torch.Generator().manual_seed(0))
    assert all(likeness.best(family) is None for family in likeness.families)


def test_a_group_that_meets_itself_never_loses() -> None:
    spec = PermutationSpec({"g": 5}, {"loop": (Free("g", 5), Free("g", 5))})
    for seed in range(20):
        generator = torch.Generator().manual_seed(seed)
        a, b = (
            {"loop": torch.randn(5, 5, generator=generator, dtype=torch.float64)} for _ in range(2)
        )
        likeness = Likeness(spec, a, b, Permutation(spec, {}))
        descend(likeness, generator)
        assert objective(a, likeness.permutation.apply(b)) >= objective(a, b)
        where = next(place for _, place in spec.uses("g"))
        permuted = likeness.permutation.apply(b)["loop"]
        rows = where.units(a["loop"]) @ where.units(permuted).T
        columns = a["loop"].T @ permuted
        torch.testing.assert_close(likeness.similarity["g"], rows + columns)


@pytest.mark.parametrize("start", ["anchored", "activation"])
def test_the_order_of_b_does_not_change_what_it_becomes(run_of: Runs, start: str) -> None:
    choice = Choice("weight", {"start": start, "restarts": 1})
    run = run_of("mlp", trained("mlp", 0), trained("mlp", 1), aligner=choice)
    a, b = run.weights(0), run.weights(1)
    aligned = run.align(a, b).apply(b)
    shuffle = Permutation.random(run.permutation_spec, torch.Generator().manual_seed(5))
    shuffled = shuffle.apply(b)
    again = run.align(a, shuffled).apply(shuffled)
    assert all(torch.equal(again[name], aligned[name]) for name in aligned)


def test_the_best_restart_is_kept_and_all_are_recorded(run_of: Runs) -> None:
    choice = Choice("weight", {"start": "random", "restarts": 4})
    run = run_of("mlp", trained("mlp", 0), trained("mlp", 1), aligner=choice)
    found = run.align(run.weights(0), run.weights(1))
    a, b = ends(run)
    group = run.alignments.groups()["weight"]
    values = group.variables["objective"].values
    assert len(values) == 4
    assert objective(a, found.apply(b)) == max(values)
    assert group.attributes["objective_unaligned"] == objective(a, b) < max(values)
    assert group.attributes["objective_a"] == objective(a, a)


def test_running_statistics_take_no_part(run_of: Runs) -> None:
    a, b = (dict(trained("mlp-batch", seed)) for seed in (0, 1))
    choice = Choice("weight", {"restarts": 1})
    moves = []
    for scale in (1, 1000):
        loud = {n: t * scale if n.endswith("running_var") else t for n, t in b.items()}
        run = run_of("mlp-batch", a, loud, aligner=choice)
        found = permutation_part(run.align(run.weights(0), run.weights(1)))
        moves.append([origins(found.spec, found.moves, g).tolist() for g in found.spec.groups])
    assert moves[0] == moves[1]


def test_a_group_is_matched_with_two_waits_for_a_gpu(pair: Run) -> None:
    spec = pair.permutation_spec
    a, b = ({n: t.to(GPU) for n, t in weights.items()} for weights in ends(pair))
    with Launches(GPU) as begun:
        likeness = Likeness(spec, a, b, Permutation(spec, {}))
    assert begun.waits.total() == 1  # for the norms of all tensors
    likeness.include(spec.groups)
    for family in likeness.families:
        with Launches(GPU) as matched:
            likeness.best(family)
        # what is assigned on the host, and what tells whether it is better
        assert matched.waits.total() == 2
