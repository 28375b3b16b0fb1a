"""Tied tensors between a file's names and the model's."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from lmctool.errors import LmctoolError
from lmctool.model.tied import everywhere, once


def tied() -> nn.Module:
    module = nn.ModuleDict({name: nn.Linear(2, 2) for name in ("a", "b", "c")})
    module["c"].weight = module["a"].weight
    return module


OTHERS = {name: torch.zeros(2) for name in ("a.bias", "b.bias", "c.bias")}
SHARED = torch.eye(2)


@pytest.mark.parametrize("names", [["a.weight"], ["c.weight"], ["c.weight", "a.weight"]])
def test_a_tied_tensor_is_held_once_and_stored_as_it_was(names: list[str]) -> None:
    stored = {**OTHERS, "b.weight": SHARED, **{name: SHARED.clone() for name in names}}
    held = once(stored, tied())
    assert sorted(held) == ["a.bias", "a.weight", "b.bias", "b.weight", "c.bias"]
    doubled = {name: 2 * tensor for name, tensor in held.items()}
    back = everywhere(doubled, tied(), stored)
    assert back.keys() == stored.keys()
    assert all(torch.equal(back[name], 2 * stored[name]) for name in stored)


def test_a_model_without_ties_changes_nothing() -> None:
    weights = {"0.weight": SHARED, "0.bias": torch.zeros(2)}
    assert once(weights, nn.Sequential(nn.Linear(2, 2))) == weights
    assert everywhere(weights, nn.Sequential(nn.Linear(2, 2)), weights) == weights


def test_what_belongs_to_no_stored_name_is_left_for_the_writer_to_refuse() -> None:
    weights = {"0.weight": SHARED, "@tap.scale": torch.ones(1)}
    assert "@tap.scale" in everywhere(weights, nn.Sequential(nn.Linear(2, 2)), ["0.weight"])


def test_tied_names_of_different_values_are_refused_by_name() -> None:
    with pytest.raises(LmctoolError, match=r"tensors 'a.weight' and 'c.weight' are one in the mod"):
        once({"a.weight": SHARED, "c.weight": 2 * SHARED}, tied())
