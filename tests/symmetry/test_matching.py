"""Matching: against all assignments, nested groups, ties."""

from __future__ import annotations

from itertools import permutations, product

import numpy as np
import pytest
import torch
from torch import Tensor

from lmctool.symmetry import Permutation, PermutationSpec, matching
from lmctool.symmetry.axis_form import Free, Product
from lmctool.symmetry.matching import assignment, match, origins
from tests import reference

HEADS, QK, V = 3, 2, 3
SPEC = PermutationSpec(
    groups={"plain": 4, "heads": HEADS, "qk": QK, "v": V, "apart": 2},
    tensors={
        "q": (Product((Free("heads", HEADS), Free("qk", QK))),),
        "v": (Product((Free("heads", HEADS), Free("v", V))),),
    },
    per={"qk": "heads", "v": "heads"},
)


def similarities(seed: int) -> dict[str, Tensor]:
    """Return a random similarity of every group but ``apart``."""
    generator = torch.Generator().manual_seed(seed)
    return {
        group: torch.randn(SPEC.units(group), SPEC.units(group), generator=generator).double()
        for group in ("plain", "heads", "qk", "v")
    }


def total(similarity: dict[str, Tensor], moves: dict[str, Tensor]) -> float:
    """Return the sum of similarities that moves reach."""
    return sum(
        float(value[torch.arange(len(value)), origins(SPEC, moves, group)].sum())
        for group, value in similarity.items()
    )


def best_nested(similarity: dict[str, Tensor]) -> float:
    """Return the greatest sum of the heads and their inner units, by trying all moves."""
    found = []
    for outer in permutations(range(HEADS)):
        reached = sum(float(similarity["heads"][a, b]) for a, b in enumerate(outer))
        for group, size in (("qk", QK), ("v", V)):
            blocks = similarity[group].view(HEADS, size, HEADS, size)
            for a, b in enumerate(outer):
                block = blocks[a, :, b].numpy()
                order = reference.best_assignment(block)
                reached += sum(block[i, order[i]] for i in range(size))
        found.append(reached)
    return max(found)


@pytest.mark.parametrize("seed", range(5))
def test_the_assignment_is_the_best_of_all(seed: int) -> None:
    similarity = np.random.default_rng(seed).normal(size=(6, 6))
    found = assignment(torch.from_numpy(similarity)).tolist()
    assert tuple(found) == reference.best_assignment(similarity)


@pytest.mark.parametrize("seed", range(5))
def test_heads_and_what_is_in_them_reach_the_best_of_all(seed: int) -> None:
    similarity = similarities(seed)
    moves = match(SPEC, similarity)
    nested = {group: value for group, value in similarity.items() if group != "plain"}
    assert total(nested, moves) == pytest.approx(best_nested(similarity), rel=1e-12)
    plain = similarity["plain"].numpy()
    assert tuple(moves["plain"].tolist()) == reference.best_assignment(plain)


def test_a_group_without_similarity_is_left_out() -> None:
    similarity = similarities(0)
    assert "apart" not in match(SPEC, similarity)
    only = match(SPEC, {"heads": similarity["heads"]})
    assert only.keys() == {"heads"}
    assert tuple(only["heads"].tolist()) == reference.best_assignment(similarity["heads"].numpy())


@pytest.mark.parametrize("most", [matching.MOST, 0], ids=["exact", "bound"])
def test_a_planted_nested_permutation_is_found(monkeypatch: pytest.MonkeyPatch, most: int) -> None:
    monkeypatch.setattr(matching, "MOST", most)
    generator = torch.Generator().manual_seed(1)
    planted = Permutation.random(SPEC, generator)
    a = {
        "q": torch.randn(HEADS * QK, generator=generator),
        "v": torch.randn(9, generator=generator),
    }
    b = planted.apply(a)
    similarity = {
        group: -(a[name][:, None] - b[name]).abs() for group, name in (("qk", "q"), ("v", "v"))
    }
    found = Permutation(SPEC, match(SPEC, similarity)).apply(b)
    assert all(torch.equal(found[name], a[name]) for name in a)


def test_origins_say_where_each_inner_unit_came_from() -> None:
    generator = torch.Generator().manual_seed(2)
    moves = dict(Permutation.random(SPEC, generator).moves)
    moved = Permutation(SPEC, moves).apply({"v": torch.arange(HEADS * V)})
    assert torch.equal(origins(SPEC, moves, "v"), moved["v"])
    outer = origins(SPEC, {"heads": moves["heads"]}, "v")
    assert outer.view(HEADS, V)[:, 0].tolist() == (moves["heads"] * V).tolist()


def test_ties_are_broken_in_one_way() -> None:
    ties = {group: torch.zeros_like(value) for group, value in similarities(0).items()}
    first, second = match(SPEC, ties), match(SPEC, ties)
    assert all(torch.equal(first[group], second[group]) for group in first)


def test_every_choice_of_heads_is_weighed() -> None:
    for a, b in product(range(HEADS), repeat=2):
        value = torch.zeros(HEADS * QK, HEADS * QK)
        value[a * QK, b * QK + 1] = 1
        assert int(match(SPEC, {"qk": value})["heads"][a]) == b
