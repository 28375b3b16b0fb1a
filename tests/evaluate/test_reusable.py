"""When networks reuse each other's work, and when each is better evaluated alone."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from lmctool.errors import LmctoolError
from lmctool.evaluate import shared_prefix
from lmctool.weights.partwise import Partwise
from tests.evaluate.pairs import Pair

if TYPE_CHECKING:
    from collections.abc import Callable

    import pytest

    from lmctool.graph.graph import Graph


def asked(pair: Pair, monkeypatch: pytest.MonkeyPatch, **changes: Any) -> Graph | None:
    """Return the graph that a run would use, after some changes of what it has."""
    monkeypatch.setattr(shared_prefix, "WORK", 0)
    graph = changes.get("graph", pair.graph)
    networks = changes.get("networks", pair.along("layer", (0.5,), 1.0))
    strategy, precision = changes.get("strategy", "auto"), changes.get("precision", "float32")
    return shared_prefix.reusable(lambda: graph, networks, [pair.split], strategy, precision)


def asked_again(pair: Pair, graph: Callable[[], Graph]) -> Graph | None:
    """Return the graph that a run would use for one network of a pair."""
    networks = pair.along("layer", (0.5,), 1.0)
    return shared_prefix.reusable(graph, networks, [pair.split], "auto", "float32")


def test_networks_reuse_work_wherever_they_can(monkeypatch: pytest.MonkeyPatch) -> None:
    pair = Pair("mlp")
    assert asked(pair, monkeypatch) is pair.graph
    monkeypatch.undo()
    assert asked_again(pair, lambda: pair.graph) is None  # too little


def test_networks_that_cannot_share_are_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    pair = Pair("mlp")
    assert asked(pair, monkeypatch, precision="bfloat16") is None
    assert asked(pair, monkeypatch, strategy="compile") is None
    assert asked(pair, monkeypatch, graph=replace(pair.graph, tracer="dispatch")) is None
    fixed = {**pair.a, "@relu.scale": torch.ones(8), "@relu.shift": torch.zeros(8)}
    networks = Partwise(fixed, fixed, [["layers.0.weight"]], np.array([[0.5]]))
    assert asked(pair, monkeypatch, networks=networks) is None
    less = {name: tensor for name, tensor in pair.a.items() if name != "classifier.bias"}
    networks = Partwise(less, less, [["layers.0.weight"]], np.array([[0.5]]))
    assert asked(pair, monkeypatch, networks=networks) is None


def test_a_model_that_cannot_be_traced_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    def untraceable() -> Graph:
        raise LmctoolError("the model cannot be traced")

    monkeypatch.setattr(shared_prefix, "WORK", 0)
    assert asked_again(Pair("mlp"), untraceable) is None
