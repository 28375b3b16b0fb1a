"""What two models may permute alike, when the heads above the same body differ."""

from __future__ import annotations

import torch
from torch import nn

from lmctool.graph.capture import capture
from lmctool.symmetry import PermutationSpec, derive
from lmctool.symmetry.common_spec import common_spec


def spec(*, hidden: int, classes: int, body: int = 5) -> PermutationSpec:
    """Return the spec of a body of 5 units with a head of two layers."""
    model = nn.Sequential(
        nn.Linear(3, body),
        nn.ReLU(),
        nn.Linear(body, hidden),
        nn.ReLU(),
        nn.Linear(hidden, classes),
    )
    return derive(capture(model.eval().requires_grad_(False), torch.randn(2, 3)))


HEAD = ("2.weight", "2.bias", "4.weight", "4.bias")
A = spec(hidden=6, classes=4)


def test_units_of_the_body_move_alike_and_those_within_the_heads_do_not() -> None:
    common = common_spec(A, [spec(hidden=7, classes=2)], HEAD)
    assert common.groups == {"0": 5}
    assert set(common.tensors) == {"0.weight", "0.bias"}
    assert [tap.node for tap in common.taps["0"]] == [tap.node for tap in A.taps["0"]]


def test_equal_models_have_all_groups_that_some_compared_tensor_holds() -> None:
    assert common_spec(A, [A], ()).groups == A.groups
    assert common_spec(A, [], ("4.weight", "4.bias")).groups == A.groups
    assert common_spec(A, [], HEAD).groups == {"0": 5}


def test_a_group_of_another_size_stays() -> None:
    left_out = ("0.weight", "0.bias", "2.weight", "2.bias")
    other = spec(hidden=6, classes=4, body=9)
    assert common_spec(A, [other], left_out).groups == {"2": 6}
