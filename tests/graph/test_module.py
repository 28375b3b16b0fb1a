"""Copies of a module that share its tensors and nothing else."""

from __future__ import annotations

import copy
from typing import Any

import torch
from torch import Tensor, nn

from lmctool.graph.module import adopt, aliases, fresh


class Odd(nn.Module):
    """Has what modules have beside layers."""

    def __init__(self) -> None:
        super().__init__()
        self.one = nn.Linear(4, 4)
        self.same = self.one
        self.none = None
        self.register_module("absent", None)
        self.empty = nn.Sequential()
        self.table: dict[str, list[int]] = {"sizes": [1, 2]}
        self.seen: list[Tensor] = []
        self.shape = (2, (3, 4))
        self.recurrent = nn.LSTM(4, 3)
        self.attention = nn.MultiheadAttention(4, 2)
        self.register_buffer("offset", torch.ones(4), persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        self.seen.append(x)
        x = self.empty(self.same(self.one(x)) + self.offset)
        x = x + self.attention(x, x, x)[0]
        found: Tensor = self.recurrent(x)[0]
        return found


def test_a_copy_computes_the_same_from_the_same_tensors() -> None:
    module = Odd().eval()
    own, x = fresh(module), torch.randn(5, 2, 4)
    with torch.no_grad():
        assert torch.equal(own(x), module(x))
    for mine, theirs in zip(own.parameters(), module.parameters(), strict=True):
        assert mine is theirs
    assert own.offset is module.offset


def test_nothing_but_tensors_is_shared() -> None:
    module = Odd().eval()
    own: Any = fresh(module)
    own(torch.randn(5, 2, 4))
    own.table["sizes"].append(3)
    own.empty.append(nn.Identity())
    own.one.register_forward_hook(lambda *_: None)
    assert module.seen == [] and module.table == {"sizes": [1, 2]} and len(module.empty) == 0
    assert not module.one._forward_hooks
    assert own.same is own.one is not module.one
    assert own._modules.keys() == module._modules.keys() and own.absent is None


def test_a_class_with_a_copy_of_its_own_is_asked_for_it() -> None:
    class Counting(nn.Module):
        copies = 0

        def __deepcopy__(self, memo: dict[int, Any]) -> Counting:
            Counting.copies += 1
            return Counting()

    fresh(nn.Sequential(Counting(), nn.ReLU()))
    assert Counting.copies == 1


def test_hooks_go_with_a_copy() -> None:
    layer = nn.Linear(2, 2)
    layer.register_forward_hook(lambda _, __, out: out * 0)
    module = nn.Sequential(layer)
    assert torch.equal(fresh(module)(torch.ones(1, 2)), torch.zeros(1, 2))


def test_a_module_takes_tensors_over_and_keeps_its_ties() -> None:
    module = nn.ModuleDict({"a": nn.Linear(2, 2), "b": nn.Linear(2, 2)})
    module["b"].weight = module["a"].weight
    weights = {name: torch.randn_like(t) for name, t in copy.deepcopy(module).state_dict().items()}
    del weights["b.weight"]
    adopt(module, weights)
    assert module["b"].weight.data_ptr() == weights["a.weight"].data_ptr()
    assert dict(aliases(module)) == {"b.weight": "a.weight"}
