"""How long the layer-wise paths of a ResNet20 take, against evaluating every network by itself.

The networks are those of ``lmctool layerwise --by block``: each block from A to B with the rest at
B, and the full path.  Both ways have the same batches and memory format.  The weights are random,
with the BatchNorm statistics that they give, as are the images: neither matters for the time.

Run ``python -m benchmarks.layerwise``; it prints a Markdown row.  The repeats are interleaved, so
that a slow moment of the machine meets both ways alike.
"""

from __future__ import annotations

import json
import platform
from pathlib import Path
from typing import TYPE_CHECKING

import click
import numpy as np
import torch
from torch import nn

from benchmarks.speed.clock import in_turns
from lmctool.data.split import Split
from lmctool.evaluate import Network, shared_prefix
from lmctool.evaluate import evaluate as alone
from lmctool.evaluate.batch_size import BatchSize
from lmctool.evaluate.threads import SideBySide, workers
from lmctool.graph.capture import capture
from lmctool.plugin import registry
from lmctool.plugin.kinds import MODELS, TASKS
from lmctool.weights.grouping import parts
from lmctool.weights.partwise import Partwise
from lmctool_plugins.analyses.layerwise.kernel import distinct, positions

if TYPE_CHECKING:
    from lmctool.evaluate.scores import Scores

SIZE, CLASSES = 28, 10


def network(seed: int, device: torch.device) -> nn.Module:
    """Return a ResNet20 with random weights and the BatchNorm statistics that they give."""
    torch.manual_seed(seed)
    build = registry.load(MODELS, "resnet20").build
    module: nn.Module = build("resnet20", channels=1, classes=CLASSES).requires_grad_(False)
    for part in module.modules():
        if isinstance(part, nn.BatchNorm2d):
            part.momentum = None  # the plain mean over the batches
    module.train()(torch.randn(256, 1, SIZE, SIZE))
    return module.eval().to(device)


def images(count: int, device: torch.device) -> Split:
    """Return random images."""
    generator = torch.Generator().manual_seed(0)
    inputs = torch.randint(256, (count, 1, SIZE, SIZE), dtype=torch.uint8, generator=generator)
    targets = torch.randint(CLASSES, (count,), generator=generator)
    placed = inputs.to(device), targets.to(device)
    return Split("test", *placed, np.arange(count), count, "", 1 / 255, (0.5,), (0.29,), CLASSES)


def paths(a: nn.Module, b: nn.Module, points: int) -> Partwise:
    """Return every network of the paths that is neither A nor B."""
    first, second = a.state_dict(), b.state_dict()
    groups = list(parts({name: tuple(t.shape) for name, t in first.items()}, "block").values())
    alpha, count = np.linspace(0, 1, points), len(groups)
    single = positions(count, alpha, 1.0, "none").reshape(-1, count + 1)
    full = np.repeat(alpha[:, None], count + 1, axis=1)
    places, _ = distinct(np.concatenate([single, full]), np.arange(count + 1) < count)
    inside = places[:, :count]
    new = ~(inside == 0).all(axis=1) & ~(inside == 1).all(axis=1)
    return Partwise(first, second, groups, inside[new])


def measure(
    points: int, examples: int, batch: int, repeats: int, device: torch.device
) -> dict[str, float]:
    """Return the median seconds of both ways, of their ratio, and how far the numbers differ."""
    a, b = network(0, device), network(1, device)
    networks, split = paths(a, b, points), images(examples, device)
    layout = torch.channels_last if device.type == "cpu" else torch.contiguous_format
    graph = capture(a, split.head(2, torch.float32))
    task = registry.load(TASKS, "classification")
    size = BatchSize(batch)
    threads = workers() if device.type == "cpu" else None
    shared = shared_prefix.Shared(graph, networks, layout, threads)
    plain = Network(a, lambda: graph, layout)
    forward = SideBySide(plain, threads) if threads else plain

    def sharing() -> Scores:
        return shared_prefix.evaluate(shared, [split], task, dtype=torch.float32, batch_size=size)

    def recomputing() -> Scores:
        return alone(forward, networks, [split], task, dtype=torch.float32, batch_size=size)

    ways = (sharing, recomputing)
    losses = [way().loss for way in ways]  # warms up
    taken = in_turns(ways, repeats)
    return {
        "networks": len(networks),
        "seconds": float(np.median(taken[:, 0])),
        "recomputing": float(np.median(taken[:, 1])),
        "ratio": float(np.median(taken[:, 1] / taken[:, 0])),
        "difference": float(np.abs(losses[0] / losses[1] - 1).max()),
    }


@click.command()
@click.option("--points", type=click.IntRange(min=3), default=11, show_default=True)
@click.option("--examples", type=click.IntRange(min=1), default=1024, show_default=True)
@click.option("--batch", type=click.IntRange(min=1), default=64, show_default=True)
@click.option("--repeats", type=click.IntRange(min=1), default=3, show_default=True)
@click.option("--device", default="cpu", show_default=True)
@click.option("--json", "out", type=click.Path(dir_okay=False, path_type=Path))
def main(
    points: int, examples: int, batch: int, repeats: int, device: str, out: Path | None
) -> None:
    """Print seconds of both ways and their ratio; with --json write them too."""
    found = measure(points, examples, batch, repeats, torch.device(device))
    click.echo("| work | networks | seconds | recomputing | ratio | loss differs by |")
    click.echo("|---|---|---|---|---|---|")
    times = f"{found['seconds']:.1f} | {found['recomputing']:.1f} | {found['ratio']:.2f}"
    click.echo(
        f"| layer-wise, ResNet20 by block, {examples} images, batch {batch}"
        f" | {found['networks']:.0f} | {times} | {found['difference']:.0e} |"
    )
    if out is not None:
        machine = platform.processor() or platform.machine()
        if device != "cpu":
            machine = torch.cuda.get_device_name(device)
        told: dict[str, int | str] = {
            "points": points,
            "examples": examples,
            "batch": batch,
            "repeats": repeats,
        }
        told |= {"machine": machine, "threads": torch.get_num_threads()}
        told |= {"python": platform.python_version(), "torch": str(torch.__version__)}
        out.write_text(json.dumps(found | told, indent=2) + "\n")


if __name__ == "__main__":
    main()
