"""How long statistics of a network take in pieces of a batch, against whole batches.

The passes are those of ``--repair``: the moments of an end, and the renormalising pass of a point,
at every target of a model with random weights, on random images in batches of 500.  Whole batches
go through the network as one, and all cores share each operation.  Both ways are timed in turns, in
seconds and in processor seconds, which others on the machine change less.

Run ``python -m benchmarks.calibration``; it prints a Markdown table.
"""

from __future__ import annotations

import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import click
import numpy as np

from benchmarks.speed.subject import MODELS, run, write_images, write_pair
from lmctool import statistics
from lmctool.evaluate.arithmetic import computing
from lmctool.evaluate.threads import workers
from lmctool.run.calibration import input_batches
from lmctool.run.repair import goal
from lmctool.statistics.pieces import WHOLE, pieces_for

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from lmctool.statistics import Moments, Pieces

    Way = Callable[[Pieces], Mapping[str, Moments]]


def rows(folder: Path, model: str, examples: int, batch: int, repeats: int) -> Iterator[str]:
    """Give a row of the table for each pass of a model."""
    work = run(write_pair(folder, model), write_images(folder, examples, 2), "cpu", examples)
    a, b, graph = work.weights(0), work.weights(1), work.graph
    targets = work.resources.targets("both")
    axes = {target.tap: target.axis for target in targets}
    split = work.calibration.split
    batches = list(input_batches(split, batch, work.dtype, lambda: graph, work.device))
    cut = pieces_for(graph, axes, workers())

    def moments(pieces: Pieces) -> Mapping[str, Moments]:
        return statistics.measured(graph, a, axes, batches, pieces)

    first = moments(cut)
    second = statistics.measured(graph, b, axes, batches, cut)
    goals = {each.tap: goal(each, first[each.tap], second[each.tap], 0.5) for each in targets}
    between = work.batchnorm.mix(a, b, 0.5)

    def renormalising(pieces: Pieces) -> Mapping[str, Moments]:
        return statistics.renormalised(graph, between, goals, batches, pieces)

    ways: dict[str, Way] = {"moments of an end": moments, "renormalising pass": renormalising}
    for name, way in ways.items():
        with computing("float32", work.device):
            taken = np.array(
                [[_seconds(way, pieces) for pieces in (cut, WHOLE)] for _ in range(repeats)]
            )
            apart = _apart(way(cut), way(WHOLE))
        (wall, processor), (whole, _) = np.median(taken, axis=0)
        ratio, of_processor = np.median(taken[:, 1] / taken[:, 0], axis=0)
        yield (
            f"| {name}, {model}, {examples} images | {cut.size} | {wall:.2f} | {whole:.2f} |"
            f" **{ratio:.2f}** | {processor:.2f} | {of_processor:.2f} | {apart:.0e} |"
        )


def _seconds(way: Way, pieces: Pieces) -> tuple[float, float]:
    """Return the seconds and the processor seconds that a pass takes."""
    begun = time.perf_counter(), time.process_time()
    way(pieces)
    return time.perf_counter() - begun[0], time.process_time() - begun[1]


def _apart(found: Mapping[str, Moments], others: Mapping[str, Moments]) -> float:
    """Return by how much of a standard deviation means and deviations differ at most."""
    return max(
        float(((mine - other).abs() / others[tap].std).nan_to_num(0, 0, 0).max())
        for tap, each in found.items()
        for mine, other in ((each.mean, others[tap].mean), (each.std, others[tap].std))
    )


@click.command()
@click.option("--model", "models", multiple=True, type=click.Choice(list(MODELS)))
@click.option("--examples", type=click.IntRange(min=2), default=1000, show_default=True)
@click.option("--batch", type=click.IntRange(min=2), default=500, show_default=True)
@click.option("--repeats", type=click.IntRange(min=1), default=5, show_default=True)
def main(models: tuple[str, ...], examples: int, batch: int, repeats: int) -> None:
    """Print seconds of both ways, their ratio, and how far the statistics differ."""
    click.echo(
        "| work | examples of a piece | s | whole batches, s | ratio | processor s | its ratio"
        " | differs by |"
    )
    click.echo("|---|---|---|---|---|---|---|---|")
    with TemporaryDirectory() as name:
        for model in models or ("ResNet20", "VGG11", "MLP"):
            for row in rows(Path(name), model, examples, batch, repeats):
                click.echo(row)


if __name__ == "__main__":
    main()
