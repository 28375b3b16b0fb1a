"""Permuted tensors of the aligner midpoint: those of hard matrices, and so are the gradients."""

from __future__ import annotations

import pytest
import torch

from lmctool.symmetry import Permutation
from lmctool.symmetry.soft_permutation import SoftPermutation, permutation_matrices
from lmctool_plugins.aligners.midpoint.permuted import Permuting, moves_of
from tests.symmetry.test_soft_permutation import SHAPES, SPEC, tensors

CPU = torch.device("cpu")


def drawn(seed: int) -> Permutation:
    return Permutation.random(SPEC, torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("seed", range(5))
def test_moves_of_a_permutation_move_what_it_moves(seed: int) -> None:
    weights, permutation = tensors(), drawn(seed)
    moved = Permuting(SPEC).apply(moves_of(permutation, CPU), weights)
    expected = permutation.apply(weights)
    assert all(torch.equal(moved[name], expected[name]) for name in SHAPES)
    assert not any(tensor.requires_grad for tensor in moved.values())


@pytest.mark.parametrize("taking", [["p", "q", "h", "d"], ["p", "d"]])
@pytest.mark.parametrize("name", sorted(SHAPES.keys() - {"unheld"}))
def test_gradients_are_those_by_the_matrices(name: str, taking: list[str]) -> None:
    tensor, permutation = tensors()[name], drawn(1)
    forms = SPEC.tensors[name]
    weight = torch.randn(tensor.shape, dtype=torch.float64, generator=torch.Generator())
    matrices = permutation_matrices(permutation, tensor)
    leaves = {group: matrices[group].requires_grad_() for group in taking}
    scores = {group: torch.zeros_like(leaf).requires_grad_() for group, leaf in leaves.items()}

    def gradients(moved: torch.Tensor, by: dict[str, torch.Tensor]) -> tuple[torch.Tensor, ...]:
        loss = (weight * moved.square()).sum()
        if not loss.requires_grad:
            return ()
        return torch.autograd.grad(loss, [*by.values()], materialize_grads=True, allow_unused=True)

    expected = gradients(SoftPermutation(SPEC).mix(matrices, tensor, forms), leaves)
    moves = moves_of(permutation, CPU, scores)
    found = gradients(Permuting(SPEC).permuted(moves, tensor, forms), scores)
    for first, second in zip(found, expected, strict=True):
        torch.testing.assert_close(first, second)


def test_groups_that_do_not_move_and_whole_numbers_are_left_alone() -> None:
    weights = tensors() | {"flat": torch.arange(12).view(2, 6)}
    moved = Permuting(SPEC).apply(moves_of(drawn(1).only("p"), CPU), weights)
    assert all(moved[name] is weights[name] for name in ("flat", "loop", "across", "unheld"))
    assert not torch.equal(moved["plain"], weights["plain"])
