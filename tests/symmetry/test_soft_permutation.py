"""Soft permutations: a hard matrix moves what its permutation moves, and gradients are right."""

from __future__ import annotations

import pytest
import torch

from lmctool.symmetry import Permutation, PermutationSpec
from lmctool.symmetry.axis_form import Concat, Fixed, Free, Product
from lmctool.symmetry.soft_permutation import SoftPermutation, permutation_matrices

HEADS = Product((Free("h", 2), Free("d", 3)))
SPEC = PermutationSpec(
    groups={"p": 3, "q": 4, "h": 2, "d": 3},
    per={"d": "h"},
    tensors={
        "plain": (Free("p", 3), None),
        "flat": (None, Product((Free("p", 3), Fixed(2)))),
        "joined": (Concat((Free("q", 4), Fixed(2), Free("p", 3))),),
        "nested": (Product((Concat((Free("p", 3), Fixed(1))), Free("q", 4))),),
        "loop": (Free("q", 4), Free("q", 4)),
        "packed": (Concat((HEADS, HEADS, Free("q", 4))), Free("p", 3)),
        "across": (Free("h", 2), None, Free("d", 3)),
    },
)
SHAPES = {
    "plain": (3, 5),
    "flat": (2, 6),
    "joined": (9,),
    "nested": (16,),
    "loop": (4, 4),
    "packed": (16, 3),
    "across": (2, 5, 3),
    "unheld": (2,),
}


def tensors(seed: int = 0) -> dict[str, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    return {
        name: torch.randn(shape, dtype=torch.float64, generator=generator)
        for name, shape in SHAPES.items()
    }


@pytest.mark.parametrize("seed", range(10))
def test_the_matrices_of_a_permutation_move_what_it_moves_bit_for_bit(seed: int) -> None:
    weights = tensors()
    permutation = Permutation.random(SPEC, torch.Generator().manual_seed(seed))
    mixing = permutation_matrices(permutation, weights["plain"])
    mixed, moved = SoftPermutation(SPEC).apply(mixing, weights), permutation.apply(weights)
    assert all(torch.equal(mixed[name], moved[name]) for name in SHAPES)


def test_groups_without_a_matrix_stay() -> None:
    weights = tensors()
    permutation = Permutation.random(SPEC, torch.Generator().manual_seed(1)).only("d")
    mixing = permutation_matrices(permutation, weights["plain"])
    mixed, moved = SoftPermutation(SPEC).apply(mixing, weights), permutation.apply(weights)
    assert all(torch.equal(mixed[name], moved[name]) for name in SHAPES)
    assert mixed["plain"] is weights["plain"]
    assert not torch.equal(mixed["across"], weights["across"])


@pytest.mark.parametrize("name", sorted(SHAPES.keys() - {"unheld"}))
def test_gradients_by_the_matrices_are_those_of_finite_differences(name: str) -> None:
    generator = torch.Generator().manual_seed(0)
    shapes = {group: (*SPEC.shape(group), SPEC.groups[group]) for group in SPEC.groups}
    mixing = [
        torch.rand(shape, dtype=torch.float64, generator=generator, requires_grad=True)
        for shape in shapes.values()
    ]
    tensor = tensors()[name].requires_grad_()

    def mixed(tensor: torch.Tensor, *matrices: torch.Tensor) -> torch.Tensor:
        held = dict(zip(shapes, matrices, strict=True))
        return SoftPermutation(SPEC).mix(held, tensor, SPEC.tensors[name])

    assert torch.autograd.gradcheck(mixed, (tensor, *mixing))


def test_a_soft_matrix_blends_units() -> None:
    even = {"p": torch.full((3, 3), 1 / 3, dtype=torch.float64)}
    plain = tensors()["plain"]
    blended = SoftPermutation(SPEC).apply(even, {"plain": plain})["plain"]
    torch.testing.assert_close(blended, plain.mean(0).expand(3, 5))


def test_whole_numbers_are_left_alone() -> None:
    counts = {"plain": torch.arange(15).view(3, 5)}
    assert SoftPermutation(SPEC).apply({"p": torch.eye(3)}, counts)["plain"] is counts["plain"]
