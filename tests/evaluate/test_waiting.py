"""Evaluations on a GPU wait for it when they are done, and never after a batch."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from lmctool.evaluate import Network, evaluate, shared_prefix
from lmctool.evaluate.batch_size import BatchSize
from lmctool.evaluate.engine import read
from lmctool.plugin import registry
from lmctool.plugin.kinds import TASKS
from lmctool_plugins.analyses.el2n.kernel import check_classes, el2n
from tests.emulated_gpu.waits import pretended_gpu
from tests.evaluate.pairs import IGNORED, Pair, examples

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lmctool.data.split import Split
    from lmctool.evaluate.scores import Scores

Weights = dict[str, Tensor]
FLOAT64: dict[str, Any] = {"dtype": torch.float64}
NETWORKS = 3
WEIGHED = ("causal-lm", "multi-label", "segmentation")
"""Tasks of which examples count by how many of their parts do."""


class Words(nn.Sequential):
    """A language model that knows nothing but the token before."""

    def __init__(self) -> None:
        super().__init__(nn.Embedding(11, 4), nn.Linear(4, 11))


class Residual(nn.Module):
    """A ResNet of one block."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(1, 4, 3, padding=1), nn.BatchNorm2d(4), nn.ReLU())
        self.block = nn.Sequential(nn.Conv2d(4, 4, 3, padding=1), nn.BatchNorm2d(4))
        self.head = nn.Linear(4, 3)

    def forward(self, x: Tensor) -> Tensor:
        h = self.stem(x)
        out: Tensor = self.head(torch.relu(h + self.block(h)).mean((2, 3)))
        return out


def sent(tensors: Mapping[str, Tensor]) -> Weights:
    return {name: tensor.to("cuda") for name, tensor in tensors.items()}


def there(split: Split, name: str = "test") -> Split:
    """Return a split on the GPU."""
    parts = {part: getattr(split, part).to("cuda") for part in ("inputs", "targets")}
    return replace(split, name=name, _cached={}, _checked=set(), **parts)


def case(key: str) -> tuple[nn.Module, Split, str]:
    """Return a model, examples, and the task that scores them."""
    if key == "binary":
        split = examples((6,))
        module = nn.Linear(6, 1).double().eval()
        return module, replace(split, targets=split.targets.clamp(max=1)), "binary"
    if key == "causal-lm":
        return Words().double().eval(), examples((9,)), "causal-lm"
    if key in {"regression", "multi-label"}:
        split = examples((6,))
        numbers = split.head(len(split), torch.float64)[:, :2]
        targets = numbers if key == "regression" else (numbers > 0).long()
        return nn.Linear(6, 2).double().eval(), replace(split, targets=targets), key
    if key == "segmentation":
        split = examples((1, 5, 5))
        numbers = split.head(len(split), torch.float64)[:, 0]
        targets = (numbers > 0).long().masked_fill(numbers > 1, IGNORED)
        return nn.Conv2d(1, 3, 1).double().eval(), replace(split, targets=targets), key
    if key == "resnet":
        return Residual().double().eval(), examples((1, 5, 5)), "classification"
    mlp = nn.Sequential(nn.Linear(6, 5), nn.ReLU(), nn.Linear(5, 3))
    return mlp.double().eval(), examples((6,)), "classification"


def on_both(key: str, **told: Any) -> tuple[Scores, Scores, list[str], list[str]]:
    """Return scores here and there, and the waits of a first and of a second evaluation."""
    module, split, task_name = case(key)
    task, size = registry.load(TASKS, task_name), BatchSize(4)
    network = Network(module, lambda: pytest.fail("no graph is needed"))
    scales = [1 + number / 8 for number in range(NETWORKS)]
    networks = [{k: v * s for k, v in module.state_dict().items()} for s in scales]
    here = evaluate(network, networks, [split], task, batch_size=size, **FLOAT64, **told)
    with pretended_gpu() as gpu:
        moved, data = list(map(sent, networks)), there(split)
        gpu.waits.clear()
        evaluate(network, moved, [data], task, batch_size=size, **FLOAT64, **told)
        first = gpu.waits.copy()
        gpu.waits.clear()
        scores = evaluate(network, moved, [data], task, batch_size=size, **FLOAT64, **told)
        return here, scores, first, gpu.waits


@pytest.mark.parametrize("key", ["mlp", "resnet", "binary", *WEIGHED, "regression"])
def test_networks_over_several_batches_wait_once_for_all(key: str) -> None:
    here, scores, first, again = on_both(key, per_example=True)
    np.testing.assert_array_equal(scores.loss, here.loss)
    np.testing.assert_array_equal(scores.error, here.error)
    for name, losses in here.losses.items():
        np.testing.assert_array_equal(scores.losses[name], losses)
    weighs = key in WEIGHED  # whether any example counts
    assert [wait.rpartition(":")[0] for wait in again] == [
        *["__bool__ at lmctool/evaluate/engine.py"] * weighs,
        "aten._to_copy.default at lmctool/evaluate/measured.py",
    ]
    checks = {place.partition(" at ")[2].rpartition(":")[0] for place in first} - {
        place.partition(" at ")[2].rpartition(":")[0] for place in again
    }
    assert all(place.startswith("plugins/lmctool_plugins/tasks/") for place in checks)
    assert len(first) - len(again) <= 2 and len(first) <= NETWORKS


@pytest.mark.parametrize("key", ["mlp", "flat"])
def test_networks_that_share_their_work_wait_once_for_all(key: str) -> None:
    pair = Pair(key)
    networks = pair.along("layer", (0.3, 0.5), 1.0)
    here = pair.shared(networks)
    with pretended_gpu() as gpu:
        networks.a, networks.b = sent(pair.a), sent(pair.b)
        shared, data = shared_prefix.Shared(pair.graph, networks), there(pair.split)
        gpu.waits.clear()
        scores = pair.evaluate(shared, data)
    np.testing.assert_array_equal(scores.loss, here.loss)
    check, end = gpu.waits
    assert "tasks/classification.py" in check
    assert "evaluate/shared_prefix.py" in end


def test_el2n_scores_wait_for_the_check_of_the_classes_alone() -> None:
    pair = Pair("mlp")
    network = Network(pair.module, lambda: pair.graph)
    told: dict[str, Any] = {"batch_size": BatchSize(4), "check": check_classes, **FLOAT64}
    here = read(network, pair.a, pair.split, el2n, **told)
    with pretended_gpu() as gpu:
        weights, data = sent(pair.a), there(pair.split)
        gpu.waits.clear()
        scores = read(network, weights, data, el2n, **told)
        read(network, weights, data, el2n, **told)
        assert len(gpu.waits) == 1
        np.testing.assert_array_equal(scores.cpu(), here)
