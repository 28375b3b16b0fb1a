"""Operations that a model may have: those without a rule, of several values, and faulty rules."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from lmctool.graph.capture import capture
from lmctool.graph.recorder import record_graph
from lmctool.symmetry import PermutationSpec, derive, rules

Unary = Callable[[Tensor], Any]
INPUTS = torch.randn(3, 4, generator=torch.Generator().manual_seed(0))


class Between(nn.Module):
    """A layer of 6 units, some function of them, and a layer."""

    def __init__(self, function: Unary) -> None:
        super().__init__()
        self.first, self.function, self.head = nn.Linear(4, 6), function, nn.Linear(6, 2)

    def forward(self, x: Tensor) -> Any:
        return self.head(self.function(self.first(x)))


def recorded(function: Unary) -> PermutationSpec:
    return derive(record_graph(Between(function).eval(), (INPUTS,)))


def exported(function: Unary) -> PermutationSpec:
    return derive(capture(Between(function).eval(), INPUTS))


NO_RULE: dict[str, Unary] = {
    "the most frequent": lambda h: h * h.mode(1, keepdim=True)[0],
    "the median and its place": lambda h: h * h.median(1, keepdim=True)[0],
    "a running maximum": lambda h: h.cummax(1)[0],
    "both extremes": lambda h: h - torch.aminmax(h, dim=1, keepdim=True)[0],
    "a factorisation": lambda h: torch.linalg.qr(h.T)[0].T,
    "values and how to find them": lambda h: h * torch.unique(h.sign(), return_inverse=True)[1],
    "lists within a tuple": lambda h: h * torch.histogramdd(h, [1] * 6)[1][0].sum(),
    "statistics of a norm": lambda h: h * torch.native_layer_norm(h, [6], None, None, 1e-5)[1],
}
RANDOM: dict[str, Unary] = {
    "dropout": lambda h: functional.dropout(h, 0.3, training=True),
    "dropout with its mask": lambda h: torch.native_dropout(h, 0.3, True)[0],
    "slopes": lambda h: functional.rrelu(h, training=True),
}


@pytest.mark.parametrize("function", NO_RULE.values(), ids=NO_RULE)
def test_an_operation_without_a_rule_is_told_whatever_it_returns(function: Unary) -> None:
    spec = recorded(function)
    assert not spec.groups
    assert "no rule" in spec.fixed["first.weight", 0]


@pytest.mark.parametrize("function", RANDOM.values(), ids=RANDOM)
def test_random_numbers_tell_units_apart(function: Unary) -> None:
    spec = exported(function)
    assert not spec.groups
    assert spec.fixed["first.weight", 0] == "random numbers tell its units apart"


@pytest.mark.parametrize("place", [0, 1])
def test_each_of_several_values_of_a_pointwise_operation_keeps_the_units(place: int) -> None:
    def function(h: Tensor) -> Tensor:
        return torch.frexp(h)[place].to(h.dtype)

    assert exported(function).groups == recorded(function).groups == {"first": 6}


def test_units_that_are_repeated_by_a_number_each_stay() -> None:
    repeats = torch.tensor([1, 3, 0, 0, 1, 1])
    assert not exported(lambda h: h.repeat_interleave(repeats, 1, output_size=6)).groups


def test_a_value_that_nobody_reads_needs_no_rule() -> None:
    assert recorded(lambda h: torch.native_layer_norm(h, [6], None, None, 1e-5)[0]).groups


def test_units_of_no_rows_are_of_no_consequence() -> None:
    assert recorded(lambda h: torch.cat([h, h[:0].tile(2, 1)])).groups == {"first": 6}


def test_what_a_faulty_rule_raises_is_no_missing_rule(monkeypatch: pytest.MonkeyPatch) -> None:
    def faulty(*_: object) -> None:
        raise IndexError("a bug")

    monkeypatch.setitem(rules.RULES, "flip", faulty)
    with pytest.raises(IndexError, match="a bug"):
        recorded(lambda h: h.flip(1) + h)
