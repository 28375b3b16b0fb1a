"""When networks reuse each other's work, and when each is better evaluated alone."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import torch

from lmctool.errors import LmctoolError
from lmctool.evaluate import shared_prefix
from lmctool.weights.partwise import Partwise
from tests.evaluate.pairs import Pair

if TYPE_CHECKING:
    import pytest

    from lmctool.graph.graph import Graph
    from lmctool.run.run import Run


def asked(pair: Pair, monkeypatch: pytest.MonkeyPatch, **changes: Any) -> Graph | None:
    """Return the graph that a run would use, after some changes of it."""
    monkeypatch.setattr(shared_prefix, "WORK", 0)
    settings = SimpleNamespace(precision="float32", strategy="auto")
    settings.__dict__.update(changes.pop("settings", {}))
    run = SimpleNamespace(settings=settings, graph=changes.pop("graph", pair.graph))
    networks = changes.pop("networks", pair.along("layer", (0.5,), 1.0))
    return shared_prefix.reusable(cast("Run", run), networks, [pair.split])


def test_networks_reuse_work_wherever_they_can(monkeypatch: pytest.MonkeyPatch) -> None:
    pair = Pair("mlp")
    assert asked(pair, monkeypatch) is pair.graph
    monkeypatch.undo()
    settings = SimpleNamespace(precision="float32", strategy="auto")
    run = cast("Run", SimpleNamespace(settings=settings))
    assert (
        shared_prefix.reusable(run, pair.along("layer", (0.5,), 1.0), [pair.split]) is None
    )  # too little


def test_networks_that_cannot_share_are_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    pair = Pair("mlp")
    assert asked(pair, monkeypatch, settings={"precision": "bfloat16"}) is None
    assert asked(pair, monkeypatch, settings={"strategy": "compile"}) is None
    assert asked(pair, monkeypatch, graph=replace(pair.graph, tracer="dispatch")) is None
    fixed = {**pair.a, "@relu.scale": torch.ones(8), "@relu.shift": torch.zeros(8)}
    networks = Partwise(fixed, fixed, [["layers.0.weight"]], np.array([[0.5]]))
    assert asked(pair, monkeypatch, networks=networks) is None
    less = {name: tensor for name, tensor in pair.a.items() if name != "classifier.bias"}
    networks = Partwise(less, less, [["layers.0.weight"]], np.array([[0.5]]))
    assert asked(pair, monkeypatch, networks=networks) is None


def test_a_model_that_cannot_be_traced_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    class Untraceable(SimpleNamespace):
        @property
        def graph(self) -> Graph:
            raise LmctoolError("the model cannot be traced")

    monkeypatch.setattr(shared_prefix, "WORK", 0)
    run = cast("Run", Untraceable(settings=SimpleNamespace(precision="float32", strategy="auto")))
    pair = Pair("mlp")
    assert shared_prefix.reusable(run, pair.along("layer", (0.5,), 1.0), [pair.split]) is None
