"""Permutations: applied, inverted, composed."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from lmctool.symmetry import Permutation, PermutationSpec
from lmctool.symmetry.spec import Concat, Fixed, Free, Product, index, show

SPEC = PermutationSpec(
    groups={"p": 3, "q": 4},
    tensors={
        "one": (Free("p", 3), None),
        "flat": (None, Product((Free("p", 3), Fixed(2)))),
        "joined": (Concat((Free("q", 4), Fixed(2), Free("p", 3))),),
        "nested": (Product((Concat((Free("p", 3), Fixed(1))), Free("q", 4))),),
    },
)
WEIGHTS = {
    "one": torch.arange(15.0).view(3, 5),
    "flat": torch.arange(12.0).view(2, 6),
    "joined": torch.arange(9.0),
    "nested": torch.arange(16.0),
    "free": torch.arange(3.0),
}
MOVES = st.fixed_dictionaries(
    {name: st.permutations(range(size)) for name, size in SPEC.groups.items()}
)


def permutation(moves: dict[str, list[int]]) -> Permutation:
    return Permutation(SPEC, {name: torch.tensor(move) for name, move in moves.items()})


def same(a: dict[str, torch.Tensor], b: dict[str, torch.Tensor]) -> bool:
    return a.keys() == b.keys() and all(torch.equal(a[name], b[name]) for name in a)


@given(MOVES)
@settings(deadline=None)
def test_the_inverse_undoes_a_permutation(moves: dict[str, list[int]]) -> None:
    p = permutation(moves)
    assert same(p.inverse().apply(p.apply(WEIGHTS)), WEIGHTS)


@given(MOVES, MOVES)
@settings(deadline=None)
def test_then_is_one_after_the_other(
    first: dict[str, list[int]], second: dict[str, list[int]]
) -> None:
    p, q = permutation(first), permutation(second)
    assert same(p.then(q).apply(WEIGHTS), q.apply(p.apply(WEIGHTS)))


def test_a_move_says_which_unit_goes_to_each_place() -> None:
    moved = permutation({"p": [2, 0, 1], "q": [0, 1, 2, 3]}).apply(WEIGHTS)
    assert torch.equal(moved["one"], WEIGHTS["one"][[2, 0, 1]])
    assert moved["flat"][0].tolist() == [4, 5, 0, 1, 2, 3]
    assert moved["joined"].tolist() == [0, 1, 2, 3, 4, 5, 8, 6, 7]


def test_tensors_that_do_not_move_are_not_copied() -> None:
    moved = permutation({"p": [0, 1, 2], "q": [1, 0, 2, 3]}).apply(WEIGHTS)
    assert moved["one"] is WEIGHTS["one"]
    assert moved["joined"] is not WEIGHTS["joined"]


def test_the_identity_is_told_from_a_move() -> None:
    assert permutation({"p": [0, 1, 2], "q": [0, 1, 2, 3]}).is_identity
    assert permutation({"p": [0, 2, 1], "q": [0, 1, 2, 3]}).moved("p") == 2


def test_a_product_of_a_concat_is_indexed_like_its_array() -> None:
    form = SPEC.tensors["nested"][0]
    assert form is not None
    order = index(form, {"p": torch.tensor([1, 2, 0]), "q": torch.tensor([3, 2, 1, 0])})
    grid = torch.arange(16).view(4, 4)
    assert torch.equal(order, grid[[1, 2, 0, 3]][:, [3, 2, 1, 0]].flatten())


@pytest.mark.parametrize(
    ("moves", "complaint"),
    [({"r": [0]}, "no group"), ({"p": [0, 0, 1]}, "isn't a permutation"), ({"p": [0, 1]}, "isn't")],
)
def test_what_is_no_permutation_is_refused(moves: dict[str, list[int]], complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        permutation(moves)


def test_forms_are_shown_as_text() -> None:
    assert [show(axes[-1]) for axes in SPEC.tensors.values()] == [
        "_",
        "(p _2)",
        "q+_2+p",
        "(p+_1 q)",
    ]
