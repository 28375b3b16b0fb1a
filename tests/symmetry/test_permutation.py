"""Permutations: applied, inverted, composed."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from lmctool.symmetry import Permutation, PermutationSpec
from lmctool.symmetry.axis_form import Concat, Fixed, Free, Product
from lmctool.symmetry.axis_form_text import show

HEADS = Product((Free("q", 4), Free("r", 2)))
SPEC = PermutationSpec(
    groups={"p": 3, "q": 4, "r": 2},
    per={"r": "q"},
    tensors={
        "one": (Free("p", 3), None),
        "flat": (None, Product((Free("p", 3), Fixed(2)))),
        "joined": (Concat((Free("q", 4), Fixed(2), Free("p", 3))),),
        "nested": (Product((Concat((Free("p", 3), Fixed(1))), Free("q", 4))),),
        "heads": (Product((Free("q", 4), Free("r", 2))), Free("p", 3)),
        "packed": (Concat((HEADS, HEADS)),),
        "experts": (Free("q", 4), None, Free("r", 2)),
    },
)
WEIGHTS = {
    "one": torch.arange(15.0).view(3, 5),
    "flat": torch.arange(12.0).view(2, 6),
    "joined": torch.arange(9.0),
    "nested": torch.arange(16.0),
    "heads": torch.arange(24.0).view(8, 3),
    "packed": torch.arange(16.0),
    "experts": torch.arange(24.0).view(4, 3, 2),
    "free": torch.arange(3.0),
}
MOVES = st.fixed_dictionaries(
    {
        "p": st.permutations(range(3)),
        "q": st.permutations(range(4)),
        "r": st.tuples(*[st.permutations(range(2))] * 4).map(list),
    }
)


def permutation(moves: dict[str, Any]) -> Permutation:
    return Permutation(SPEC, {name: torch.tensor(move) for name, move in moves.items()})


def same(a: dict[str, torch.Tensor], b: dict[str, torch.Tensor]) -> bool:
    return a.keys() == b.keys() and all(torch.equal(a[name], b[name]) for name in a)


@given(MOVES)
def test_the_inverse_undoes_a_permutation(moves: dict[str, Any]) -> None:
    p = permutation(moves)
    assert same(p.inverse().apply(p.apply(WEIGHTS)), WEIGHTS)


@given(MOVES, MOVES)
def test_then_is_one_after_the_other(first: dict[str, Any], second: dict[str, Any]) -> None:
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


def test_a_product_of_a_concat_is_moved_like_its_array() -> None:
    moved = permutation({"p": [1, 2, 0], "q": [3, 2, 1, 0]}).apply(WEIGHTS)
    grid = torch.arange(16.0).view(4, 4)
    assert torch.equal(moved["nested"], grid[[1, 2, 0, 3]][:, [3, 2, 1, 0]].flatten())


def test_an_inner_group_moves_by_itself_under_each_unit_of_its_outer_group() -> None:
    q, r = [2, 0, 1, 3], [[1, 0], [0, 1], [1, 0], [0, 1]]
    moved = permutation({"q": q, "r": r}).apply(WEIGHTS)
    grid = torch.arange(8.0).view(4, 2)
    expected = torch.stack([grid[q[place]][r[place]] for place in range(4)])
    assert torch.equal(moved["heads"][:, 0] / 3, expected.flatten())
    assert torch.equal(moved["packed"], torch.cat([expected.flatten(), expected.flatten() + 8]))
    experts = WEIGHTS["experts"]
    for place in range(4):
        assert torch.equal(moved["experts"][place], experts[q[place]][:, r[place]])


def test_units_of_an_inner_group_are_counted_under_all_units_of_its_outer_group() -> None:
    assert (SPEC.units("p"), SPEC.units("r")) == (3, 8)
    assert (SPEC.shape("q"), SPEC.shape("r"), SPEC.inner("q")) == ((4,), (4, 2), ("r",))
    places = dict(SPEC.uses("r"))
    assert set(places) == {"heads", "packed", "experts"}
    units = places["experts"].units(WEIGHTS["experts"])
    assert torch.equal(units, WEIGHTS["experts"].permute(0, 2, 1).reshape(8, 3))
    assert torch.equal(places["heads"].units(WEIGHTS["heads"]), WEIGHTS["heads"])


def test_a_random_permutation_is_the_same_for_the_same_seed() -> None:
    first, second = (
        Permutation.random(SPEC, torch.Generator().manual_seed(seed)).apply(WEIGHTS)
        for seed in (0, 0)
    )
    assert same(first, second) and not same(first, WEIGHTS)


@pytest.mark.parametrize(
    ("moves", "complaint"),
    [
        ({"s": [0]}, "no group"),
        ({"p": [0, 0, 1]}, "isn't a permutation"),
        ({"p": [0, 1]}, "isn't"),
        ({"r": [0, 1]}, "isn't"),
    ],
)
def test_what_is_no_permutation_is_refused(moves: dict[str, Any], complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        permutation(moves)


def test_forms_are_shown_as_text() -> None:
    assert [show(axes[-1]) for axes in SPEC.tensors.values()] == [
        "_",
        "(p _2)",
        "q+_2+p",
        "(p+_1 q)",
        "p",
        "(q r)+(q r)",
        "r",
    ]
