"""Tests share a graph where two networks have one, and nowhere else."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import torch

from lmctool.graph.capture import capture
from lmctool.plugin import registry
from lmctool.plugin.kinds import MODELS
from tests.followed import capture_once

if TYPE_CHECKING:
    from torch import nn

SIZES = {"inputs": 4, "width": 3, "depth": 2, "classes": 2}


def network(**more: Any) -> nn.Module:
    module: nn.Module = registry.load(MODELS, "mlp").build("mlp", **{**SIZES, **more})
    return module


def test_networks_of_other_weights_share_one_graph_and_it_is_theirs() -> None:
    first, other = (capture_once(network(), torch.zeros(2, 4)) for _ in range(2))
    assert first is other
    assert first.fingerprint == capture(network(), torch.zeros(2, 4)).fingerprint


@pytest.mark.parametrize("more", [{"width": 5}, {"depth": 3}, {"norm": "layer"}])
def test_another_network_has_another_graph(more: dict[str, Any]) -> None:
    first, other = (capture_once(network(**each), torch.zeros(2, 4)) for each in ({}, more))
    assert first.fingerprint != other.fingerprint


def test_another_forward_hook_or_type_has_another_graph(monkeypatch: pytest.MonkeyPatch) -> None:
    inputs, plain = torch.zeros(2, 4), network()
    first = capture_once(plain, inputs)
    hooked = network()
    hooked.register_forward_hook(lambda _, __, value: 2 * value)
    assert capture_once(hooked, inputs) is not first
    assert capture_once(network().double(), inputs.double()) is not first
    monkeypatch.setattr(type(plain), "forward", lambda self, x: x.flatten(1))
    assert capture_once(network(), inputs) is not first
