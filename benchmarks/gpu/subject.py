"""The networks and examples that sections evaluate, and the ways to evaluate them."""

from __future__ import annotations

from functools import cache, partial
from typing import TYPE_CHECKING

import torch

from benchmarks import layerwise
from benchmarks.speed import subject
from lmctool.evaluate import Network, evaluate
from lmctool.evaluate.arithmetic import computing
from lmctool.evaluate.batch_size import BatchSize
from lmctool.evaluate.strategy import made
from lmctool.graph.capture import capture
from lmctool.graph.targets import targets
from lmctool.plugin import registry
from lmctool.plugin.kinds import TASKS

if TYPE_CHECKING:
    from torch import Tensor

    from lmctool.data.split import Split
    from lmctool.evaluate import Scores
    from lmctool.evaluate.arithmetic import Precision
    from lmctool.evaluate.strategy import Launch, Strategy
    from lmctool.plugin.records import Task

    Weights = dict[str, Tensor]

PRECISIONS: tuple[Precision, ...] = ("float32", "tf32", "bfloat16")
LAYOUTS = {"contiguous": torch.contiguous_format, "channels last": torch.channels_last}

images = layerwise.images


def network(model: str, device: torch.device) -> Network:
    """Return a network of random weights; ``model`` is a name of ``benchmarks.speed``."""
    module = subject.module(model, 0).to(device)
    example = torch.zeros(2, 1, subject.SIZE, subject.SIZE, device=device)
    return Network(module, partial(capture, module, example))


def weights_of(network: Network, count: int) -> list[Weights]:
    """Return the weights of several networks, all different, the last with its keys reversed."""
    own = dict(network.module.state_dict())
    generator = torch.Generator().manual_seed(1)
    networks = [own]
    for _ in range(count - 1):
        noise = {n: torch.randn(t.shape, generator=generator) for n, t in own.items() if t.ndim > 1}
        networks.append({n: t + 0.01 * noise[n].to(t) if n in noise else t for n, t in own.items()})
    networks[-1] = dict(reversed(networks[-1].items()))
    return networks


def corrected(network: Network, weights: Weights) -> Weights:
    """Return weights that also correct the last place that REPAIR corrects."""
    graph = network.graph()
    tap = targets(graph, "both")[-1]
    seen: list[Tensor] = []

    def note(value: Tensor) -> Tensor:
        seen.append(value)
        return value

    example = torch.zeros(
        2, 1, subject.SIZE, subject.SIZE, device=next(iter(weights.values())).device
    )
    with torch.no_grad():
        graph.run(weights, example, {tap.tap: note})
    ones = seen[0].new_ones(seen[0].shape[tap.axis])
    return weights | {f"@{tap.tap}.scale": 1.1 * ones, f"@{tap.tap}.shift": 0.1 * ones}


def strategy_of(
    network: Network, launch: Launch, layout: torch.memory_format, size: int
) -> Strategy:
    """Return one way to evaluate a network, whatever would be chosen for it."""
    return made(network, launch, layout, size)


@cache
def _task() -> Task:
    """Return what loss and error mean; to find it takes longer than to evaluate a small network."""
    return registry.load(TASKS, "classification")


def scores(
    strategy: Strategy,
    networks: list[Weights],
    split: Split,
    precision: Precision = "float32",
    size: int | None = None,
    *,
    per_example: bool = False,
) -> Scores:
    """Return loss and error of networks, as the evaluation of a run does.

    Args:
        strategy: how they are evaluated.
        networks: their weights.
        split: the examples.
        precision: of their arithmetic.
        size: examples at once, by default those of the strategy.
        per_example: keep the loss and error of each example.
    """
    with computing(precision, split.targets.device):
        return evaluate(
            strategy.forward,
            networks,
            [split],
            _task(),
            dtype=torch.float32,
            batch_size=BatchSize(None, size or strategy.size),
            per_example=per_example,
        )
