"""What operations are given, whatever they are called where they are met."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import fx

from lmctool.graph.operations import ATTENTION, BATCH_NORM, attention, batch_norm, operation

aten = torch.ops.aten
GPU_NORMS = [aten.cudnn_batch_norm, aten.miopen_batch_norm]
UPDATES = [aten._batch_norm_with_update, aten._batch_norm_with_update_functional]
READS = [aten._batch_norm_no_update, aten._native_batch_norm_legit_no_training]
SWITCHED = [
    *(aten.native_batch_norm, aten._native_batch_norm_legit),
    aten._native_batch_norm_legit_functional,
]
CAUSAL_AT = {
    "_scaled_dot_product_efficient_attention": (None, False, 0.0, True),
    "_scaled_dot_product_cudnn_attention": (None, False, 0.0, True),
    "_scaled_dot_product_flash_attention": (0.0, True),
    "_scaled_dot_product_flash_attention_for_cpu": (0.0, True),
    "_scaled_dot_product_fused_attention_overrideable": (None, 0.0, True),
    "_scaled_dot_product_attention_math": (None, 0.0, True),
    "_scaled_dot_product_attention_math_for_mps": (None, 0.0, True),
    "scaled_dot_product_attention": (None, 0.0, True),
}


def call(target: Any, operands: int, *rest: Any) -> tuple[fx.Node, list[fx.Node]]:
    graph = fx.Graph()
    given = [graph.placeholder(f"x{place}") for place in range(operands)]
    return graph.call_function(target, (*given, *rest)), given


@pytest.mark.parametrize(
    ("target", "rest", "trains"),
    [
        *((packet.default, (False, 0.1, 1e-3), False) for packet in (*GPU_NORMS, *SWITCHED)),
        *((packet.default, (True, 0.1, 1e-3), True) for packet in (*GPU_NORMS, *SWITCHED)),
        *((packet.default, (0.1, 1e-3), True) for packet in UPDATES),
        *((packet.default, (0.1, 1e-3), False) for packet in READS),
        (aten.batch_norm.default, (False, 0.1, 1e-3, True), False),
        (aten._batch_norm_impl_index.default, (True, 0.1, 1e-3, True), True),
    ],
)
def test_a_batch_norm_is_read_alike_by_each_of_its_names(
    target: Any, rest: tuple[object, ...], trains: bool
) -> None:
    node, (_, _, _, mean, variance) = call(target, 5, *rest)
    norm = batch_norm(node)
    assert norm is not None and operation(node) in BATCH_NORM
    assert (norm.mean, norm.variance, norm.epsilon, norm.trains) == (mean, variance, 1e-3, trains)


def test_every_name_of_a_batch_norm_is_read_in_a_test() -> None:
    packets = [*GPU_NORMS, *UPDATES, *READS, *SWITCHED, aten.batch_norm]
    names = {packet.__name__ for packet in (*packets, aten._batch_norm_impl_index)}
    assert names == BATCH_NORM


def test_a_batch_norm_without_running_statistics_has_none() -> None:
    node, _ = call(aten._native_batch_norm_legit.no_stats, 3, True, 0.1, 1e-3)
    norm = batch_norm(node)
    assert norm is not None and norm.mean is norm.variance is None


@pytest.mark.parametrize("name", sorted(ATTENTION))
def test_attention_is_read_alike_by_each_of_its_names(name: str) -> None:
    rest = CAUSAL_AT[name]
    node, operands = call(getattr(aten, name).default, 3, *rest)
    given = attention(node)
    assert [given.query, given.key, given.value] == operands
    assert given.causal and given.mask is None
    off = tuple(False if value is True else value for value in rest)
    node, _ = call(getattr(aten, name).default, 3, *off)
    assert not attention(node).causal


@pytest.mark.parametrize(
    "name", ["_scaled_dot_product_efficient_attention", "_scaled_dot_product_cudnn_attention"]
)
def test_asking_for_the_sums_of_scores_is_no_causal_mask(name: str) -> None:
    node, operands = call(getattr(aten, name).default, 4, True, 0.0, False)
    given = attention(node)
    assert given.mask is operands[3] and not given.causal


def test_an_operation_of_another_library_is_none_of_atens() -> None:
    with torch.library._scoped_library("elsewhere", "DEF") as library:
        library.define("linear(Tensor x) -> Tensor")
        node, _ = call(torch.ops.elsewhere.linear.default, 1)
        assert operation(node) == "elsewhere::linear"
