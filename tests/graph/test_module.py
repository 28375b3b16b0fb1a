"""Copies of a module that share its tensors and nothing else."""

from __future__ import annotations

import copy
from typing import Any

import torch
from torch import Tensor, nn

from lmctool.evaluate import Network
from lmctool.graph.capture import capture
from lmctool.graph.module import adopt, aliases, copy_with_weights, fresh, masks


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
    copied: Any = fresh(nn.Sequential(layer))
    assert torch.equal(copied(torch.ones(1, 2)), torch.zeros(1, 2))


def test_a_copy_carries_other_weights_tied_ones_too() -> None:
    torch.manual_seed(0)
    module = Odd().eval()
    other = {name: torch.randn_like(t) for name, t in module.state_dict().items()}
    for name, first in aliases(module):
        other[name] = other[first]
    given = {name: t for name, t in other.items() if name not in dict(aliases(module))}
    own: Any = copy_with_weights(module, given)
    x = torch.randn(5, 2, 4)
    with torch.no_grad():
        assert torch.equal(own(x), torch.func.functional_call(module, other, (x,)))
        module.load_state_dict(other)
        assert torch.equal(own(x), module(x))


def test_a_module_that_changes_what_it_loads_carries_nothing() -> None:
    class Doubling(nn.Linear):
        def _load_from_state_dict(self, state: dict[str, Any], prefix: str, *others: Any) -> None:
            state[f"{prefix}weight"] = 2 * state[f"{prefix}weight"]
            super()._load_from_state_dict(state, prefix, *others)

    module = Doubling(2, 2)
    assert copy_with_weights(module, module.state_dict()) is None
    network = Network(module, lambda: capture(module, torch.zeros(2, 2)))
    weights = {"weight": torch.ones(2, 2), "bias": torch.zeros(2)}
    with torch.no_grad():
        assert torch.equal(network(weights)(torch.ones(1, 2)), torch.full((1, 2), 2.0))


def test_a_module_takes_tensors_over_and_keeps_its_ties() -> None:
    first, second = nn.Linear(2, 2), nn.Linear(2, 2)
    second.weight = first.weight
    module = nn.ModuleDict({"a": first, "b": second})
    weights = {name: torch.randn_like(t) for name, t in copy.deepcopy(module).state_dict().items()}
    del weights["b.weight"]
    adopt(module, weights)
    assert second.weight.data_ptr() == weights["a.weight"].data_ptr()
    assert dict(aliases(module)) == {"b.weight": "a.weight"}


class Derived(nn.Module):
    """Holds tensors that it computed from its weights, with gradients."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(3, 3))
        self.doubled = self.weight * 2
        self.scales: dict[str, list[Tensor]] = {"rows": [self.doubled, self.weight.norm(dim=1)]}


def test_tensors_that_were_computed_with_gradients_are_copied_without() -> None:
    module = Derived()
    outer: Any = fresh(nn.ModuleDict({"derived": module}))
    own = outer["derived"]
    assert torch.equal(own.doubled, module.doubled) and own.doubled is not module.doubled
    assert own.scales["rows"][0] is own.doubled and own.weight is module.weight
    assert not own.doubled.requires_grad and not own.scales["rows"][1].requires_grad


def test_a_mask_is_a_buffer_of_two_values_along_several_axes() -> None:
    module = nn.BatchNorm1d(3)
    triangle = torch.ones(3, 3).tril()
    others = {"whole": triangle.long(), "uniform": torch.ones(3, 3), "row": triangle[:1, 0]}
    others |= {"noise": torch.arange(9.0).view(3, 3), "empty": torch.ones(0, 3, 3)}
    masks_of_it = {"triangle": triangle, "small": triangle.to(torch.float8_e4m3fn)}
    masks_of_it["added"] = torch.zeros(3, 3).masked_fill(triangle == 0, float("-inf"))
    for name, buffer in {**others, **masks_of_it}.items():
        module.register_buffer(name, buffer)
    assert set(masks(module)) == masks_of_it.keys()
