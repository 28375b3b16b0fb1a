"""Pairs of small networks that differ in every part, and how each is evaluated alone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor, nn

from lmctool.data.split import Split
from lmctool.evaluate import shared_prefix
from lmctool.evaluate.batch_size import BatchSize
from lmctool.evaluate.chance import majority_error
from lmctool.graph.capture import capture
from lmctool.graph.module import fresh
from lmctool.model.tied import once
from lmctool.plugin import kinds, registry
from lmctool.plugin.records import Task
from lmctool.weights.grouping import parts
from lmctool.weights.partwise import Partwise
from lmctool_plugins.tasks import causal_lm, classification

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from lmctool.evaluate.scores import Scores
    from lmctool.graph.graph import Graph

    Array = NDArray[Any]

IGNORED = -100
TASK = Task(classification.score, majority_error, check=classification.check)
TOKENS = Task(causal_lm.score, causal_lm.chance, causal_lm.weight, check=causal_lm.check)
GPT2 = {"n_head": 2, "n_embd": 8, "n_layer": 2, "n_positions": 9, "vocab_size": 11}
VIT = {
    "num_heads": 2, "img_size": 8, "patch_size": 4, "embed_dim": 8, "depth": 2, "in_chans": 1,
    "num_classes": 3,
}  # fmt: skip


class Cell(nn.Module):
    """One layer used three times, and a buffer of integers that chooses the units it sees."""

    order: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("order", torch.tensor([3, 1, 2, 0]))
        self.layer = nn.Linear(4, 4)
        self.head = nn.Linear(4, 3)

    def forward(self, x: Tensor) -> Tensor:
        h = x[:, self.order]
        for _ in range(3):
            h = torch.tanh(self.layer(h))
        out: Tensor = self.head(h[:, self.order])
        return out


class Flat(nn.Sequential):
    """A convolution, its units in a row whatever their layout in memory, and a head."""

    def __init__(self) -> None:
        super().__init__(nn.Conv2d(1, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(36, 3))


class Chain(nn.Sequential):
    """Equal layers one after the other."""

    def __init__(self, depth: int = 8) -> None:
        super().__init__(*(nn.Sequential(nn.Linear(6, 6), nn.Tanh()) for _ in range(depth)))


def family(spec: str, **arguments: Any) -> Callable[[], nn.Module]:
    word = spec.partition(":")[0]
    return lambda: registry.load(kinds.MODELS, word).build(spec, **arguments)


MODELS: dict[str, tuple[Callable[[], nn.Module], tuple[int, ...], Task]] = {
    "mlp": (family("mlp", inputs=6, width=8, depth=2, classes=3), (6,), TASK),
    "resnet20": (family("resnet20", channels=1, classes=3), (1, 8, 8), TASK),
    "vit": (family("timm:vit_tiny_patch16_224", **VIT), (1, 8, 8), TASK),
    "gpt2": (family("transformers:GPT2LMHeadModel", **GPT2), (9,), TOKENS),
    "cell": (Cell, (4,), TASK),
    "chain": (Chain, (6,), TASK),
    "flat": (Flat, (1, 5, 5), TASK),
}


def drawn(build: Callable[[], nn.Module], seed: int) -> nn.Module:
    """Return a model in float64 in which nothing is idle, running statistics neither."""
    module = build().double().eval().requires_grad_(False)
    generator = torch.Generator().manual_seed(seed)
    for tensor in {id(t): t for t in module.state_dict().values()}.values():
        if tensor.is_floating_point():
            tensor.add_(0.3 * torch.rand(tensor.shape, generator=generator, dtype=tensor.dtype))
    return module


def examples(shape: tuple[int, ...], count: int = 11) -> Split:
    """Return random images, or tokens of which some count for nothing."""
    generator = torch.Generator().manual_seed(5)
    inputs = torch.randn(count, *shape, generator=generator)
    targets = torch.randint(3, (count,), generator=generator)
    if shape == (9,):
        inputs = torch.randint(11, (count, 9), generator=generator)
        targets = inputs.roll(-1, 1)
        targets[:, -1] = targets[::3] = IGNORED
    return Split("test", inputs, targets, np.arange(count), count, "", 1.0, (), (), 3)


class Pair:
    """Two networks of a model, its graph and some data, with everything to evaluate them."""

    def __init__(self, key: str) -> None:
        build, shape, task = MODELS[key]
        module, other = drawn(build, 0), drawn(build, 1)
        self.module = module
        self.a, self.b = (once(each.state_dict(), module) for each in (module, other))
        self.split = examples(shape)
        inputs = self.split.head(3, torch.float64)
        self.graph: Graph = capture(module, inputs)
        self.task = task
        self.batch_size = BatchSize(4)

    def along(self, by: str, alphas: tuple[float, ...], rest: float) -> Partwise:
        """Return the networks whose parts go from A to B one at a time, and the full path."""
        shapes = {name: tuple(tensor.shape) for name, tensor in self.a.items()}
        groups = list(parts(shapes, by).values())
        moves = np.concatenate([np.eye(len(groups), dtype=bool), [[True] * len(groups)]])
        places = np.concatenate([np.where(moves, alpha, rest) for alpha in alphas])
        return Partwise(self.a, self.b, groups, places)

    def alone(self, networks: Partwise) -> tuple[Array, Array]:
        """Return loss and error of each network, all examples at once, in plain torch."""
        task, targets = self.task, self.split.targets
        inputs = self.split.head(len(self.split), torch.float64)
        counts = (torch.ones(len(targets)) if task.weight is None else task.weight(targets)).numpy()
        found = []
        for weights in networks:
            outputs = torch.func.functional_call(fresh(self.module), dict(weights), (inputs,))
            scores = task.score(outputs, targets)
            found.append([np.average(each.numpy(), weights=counts) for each in scores])
        loss, error = np.array(found).T
        return loss, error

    def shared(self, networks: Partwise) -> Scores:
        return self.evaluate(shared_prefix.Shared(self.graph, networks), self.split)

    def evaluate(self, shared: shared_prefix.Shared, *splits: Split, **told: Any) -> Scores:
        return shared_prefix.evaluate(
            shared, splits, self.task, dtype=torch.float64, batch_size=self.batch_size, **told
        )
