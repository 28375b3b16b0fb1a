"""How many kernels a GPU is asked to launch, and how often it is waited for, without a GPU.

Tensors of torch's device "meta", which hold no values, go the way of those on a GPU: each operation
on them that computes something is a launch at least.  What a library launches within one operation
is not seen.

Run ``python -m benchmarks.launches``; it prints a Markdown table.
"""

from __future__ import annotations

from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

import click
import numpy as np
import torch
from torch import Tensor

from benchmarks.launch_counter import Launches
from benchmarks.speed import subject, textbook
from lmctool import statistics
from lmctool.data.split import Split
from lmctool.graph.capture import capture
from lmctool.graph.targets import targets
from lmctool.plugin.progress import silent
from lmctool.results.journal import NO_JOURNAL
from lmctool.run.calibration import Calibration
from lmctool.symmetry import derive
from lmctool_plugins.aligners.activation import compared

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from lmctool.graph.graph import Graph
    from lmctool.symmetry.spec import PermutationSpec

GPU = torch.device("meta")
MEMORY = 141 * 10**9
"""Bytes of the GPU that there might be: an H200."""


@dataclass(frozen=True)
class Subject:
    """A model, two networks and examples, all of them on a GPU that isn't there.

    Attributes:
        graph: the model's graph.
        spec: what may be permuted.
        a: the first network.
        b: the second.
        calibration: takes statistics.
    """

    graph: Graph
    spec: PermutationSpec
    a: dict[str, Tensor]
    b: dict[str, Tensor]
    calibration: Calibration

    @property
    def axes(self) -> dict[str, int]:
        """The channel axis of each tap that REPAIR corrects."""
        return {target.tap: target.axis for target in targets(self.graph, "both")}

    def forward(self) -> None:
        """Compute the outputs of one batch."""
        inputs = self.calibration.split.head(2, torch.float32)
        self.graph.run(self.a, inputs, {})

    def align(self) -> None:
        """Compare the activations of all groups, as far as the assignments."""
        taps = [tap for several in self.spec.taps.values() for tap in several]
        moments = self.calibration.cross_moments(self.a, self.b, taps)
        for several in self.spec.taps.values():
            if several:
                compared([moments[tap] for tap in several])

    def align_by_hand(self) -> None:
        """Do the same as the textbook does: a pass for each group."""
        run: Any = SimpleNamespace(calibration=self.calibration, graph=self.graph)
        for several in self.spec.taps.values():
            if several:
                textbook.correlations(run, self.a, self.b, several[0])

    def moments(self) -> None:
        """Take the moments of one network."""
        self.calibration.moments(self.a, self.axes)

    def moments_by_hand(self) -> None:
        """Do the same as the textbook does."""
        resources = SimpleNamespace(targets=lambda kind: targets(self.graph, kind))
        run: Any = SimpleNamespace(
            calibration=self.calibration, graph=self.graph, resources=resources
        )
        textbook.ends_statistics(run, self.a)

    def renormalise(self) -> None:
        """Take the moments of one network while its taps are brought to their goals."""
        axes, goals = self.axes, {}
        for node in self.graph.nodes:
            if node.name in axes:
                axis = axes[node.name]
                goal = torch.empty(node.meta["val"].shape[axis], dtype=torch.float64, device=GPU)
                goals[node.name] = statistics.Goal(axis, goal, goal)
        self.calibration.renormalised(self.a, goals)

    def pair(self) -> None:
        """Take the moments of both networks, and the covariance of paired channels."""
        self.calibration.paired_moments(self.a, self.b, self.axes)


@contextmanager
def on_no_gpu(module: torch.nn.Module, size: int, examples: int) -> Iterator[Subject]:
    """Give a model on a GPU that isn't there, where no tensor holds values.

    Args:
        module: the model, of images of one channel.
        size: their height and width.
        examples: how many.
    """
    graph = capture(module, torch.randn(2, 1, size, size))
    spec = derive(graph)
    properties = SimpleNamespace(total_memory=MEMORY)
    with patch.object(torch.cuda, "get_device_properties", lambda _: properties):
        split = Split(
            name="train",
            inputs=torch.empty(examples, 1, size, size, dtype=torch.uint8, device=GPU),
            targets=torch.empty(examples, dtype=torch.int64, device=GPU),
            index=np.arange(examples),
            total=examples,
            digest="",
            scale=1 / 255,
            mean=(),
            std=(),
            classes=subject.CLASSES,
        )
        calibration = Calibration(
            open=lambda: split,
            follow=lambda: graph,
            graph_of=lambda _: graph,
            batch=500,
            device=GPU,
            dtype=torch.float32,
            progress=silent,
            journal=NO_JOURNAL,
            precision="float32",
            stochastic=lambda: False,
            seeding=nullcontext,
        )
        a, b = (
            {name: torch.empty_like(t, device=GPU) for name, t in module.state_dict().items()}
            for _ in range(2)
        )
        yield Subject(graph, spec, a, b, calibration)


def counted(work: Callable[[], None]) -> Launches:
    """Return what some work launches, and where it waits."""
    launches = Launches(GPU)
    with torch.no_grad(), launches:
        work()
    return launches


@click.command()
@click.option("--examples", type=click.IntRange(min=2), default=5000, show_default=True)
def main(examples: int) -> None:
    """Print launches, and waits behind the slash, of our way and of the textbook's."""
    click.echo(f"launches / waits for {examples} examples\n")
    click.echo("| model | forward | alignment | textbook | moments | textbook | renormalised |")
    click.echo("|---|---|---|---|---|---|---|")
    for model in subject.MODELS:
        with on_no_gpu(subject.module(model, 0), subject.SIZE, examples) as found:
            works = (
                found.forward,
                found.align,
                found.align_by_hand,
                found.moments,
                found.moments_by_hand,
                found.renormalise,
            )
            cells = [f"{c.kernels.total()} / {c.waits.total()}" for c in map(counted, works)]
        click.echo(f"| {' | '.join([model, *cells])} |")


if __name__ == "__main__":
    main()
