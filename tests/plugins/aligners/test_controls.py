"""The null controls: nothing moved, and everything moved at random."""

from __future__ import annotations

from collections.abc import Callable

import torch

from lmctool.plugin.settings import Choice
from lmctool.run.run import Run
from lmctool.symmetry.linear.transform import permutation_part
from tests.plugins.pairs import trained

Runs = Callable[..., Run]


def test_identity_moves_nothing(run_of: Runs) -> None:
    weights = trained("mlp", 0), trained("mlp", 1)
    run = run_of("mlp", *weights, aligner=Choice("identity"))
    assert run.align(run.weights(0), run.weights(1)).is_identity


def test_random_moves_every_group_as_the_seed_says(run_of: Runs) -> None:
    weights = trained("mlp", 0), trained("mlp", 1)
    found = []
    for seed in (0, 0, 1):
        run = run_of("mlp", *weights, aligner=Choice("random"), seed=seed)
        permutation = permutation_part(run.align(run.weights(0), run.weights(1)))
        assert all(permutation.moved(group) for group in run.permutation_spec.groups)
        found.append(torch.cat([move.flatten() for move in permutation.moves.values()]))
    assert torch.equal(found[0], found[1])
    assert not torch.equal(found[0], found[2])
