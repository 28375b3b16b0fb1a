"""The rows of the table: our time beside the textbook's, or the bare forward loop's."""

from __future__ import annotations

import copy
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import torch

from benchmarks import layerwise
from benchmarks.speed import textbook
from benchmarks.speed.clock import in_turns, seconds
from benchmarks.speed.subject import run, write_images, write_pair
from lmctool.evaluate.arithmetic import computing
from lmctool.graph.layout import laid_out
from lmctool_plugins.aligners.activation import align

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from torch import Tensor, nn

WANTED = {"cpu": 3.6, "cuda": 2}
"""Times that the main command is to be faster; a ResNet20 on a GPU is bound by its arithmetic."""
ALIGNMENT = {"cpu": 15, "cuda": 5}
"""Times that the alignment is to be faster."""
EVALUATION = {"ResNet20": 1.2, "VGG11": 1.1, "MLP": 0.95, "ViT": 1.0}
"""Times that the evaluation of one network after the other is to be faster than a bare loop."""
LAYERWISE = 2.5
"""Times that layer-wise paths are to be faster."""
EXAMPLES = {"MLP": 10, "ViT": 0.5}
"""Images of a network in proportion to those of others."""
LAYERS = {"cpu": 64, "cuda": 2500}
"""Examples at once of layer-wise paths: few of them measure nothing but launches on a GPU."""
SHORT = 4
"""Times as many repeats, or examples, of what takes a moment only."""
NETWORKS = 3
"""Networks whose evaluation is timed."""
LIMIT_SIZES = {"cpu": (16, 32, 64, 128, 256, 1000, 2000), "cuda": (256, 1000, 4000, 10_000)}


@dataclass(frozen=True, slots=True)
class Scale:
    """How much work a benchmark is.

    Attributes:
        points: on a path.
        examples: that networks are evaluated on.
        calibration: examples that statistics are taken on.
        repeats: how often each way is timed.
    """

    points: int
    examples: int
    calibration: int
    repeats: int


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table.

    Attributes:
        work: what was done.
        ours: seconds.
        other: seconds of what it is held against.
        against: what that is.
        ratio: median of other over ours.
        wanted: what the ratio should reach at least.
        note: what else was found.
    """

    work: str
    ours: float
    other: float
    against: str
    ratio: float
    wanted: float
    note: str = ""


def main_command(folder: Path, device: str, scale: Scale) -> Row:
    """The paths of ``lmctool barrier A B --align --repair``, all three variants.

    Both compute in float32, though torch by itself convolves in TF32 on a GPU.  The choice of the
    way to evaluate, once in a run, is timed by itself.
    """
    images = write_images(folder, scale.calibration, scale.examples)
    pair = write_pair(folder, "ResNet20")
    fresh = [run(pair, images, device, scale.calibration) for _ in range(scale.repeats)]
    by_hand = run(pair, images, device, scale.calibration)
    choices = [seconds(partial(work.evaluator.settled, work.splits[0])) for work in fresh]
    alphas = np.linspace(0, 1, scale.points)
    losses = {}

    def ours() -> None:
        work = fresh.pop()
        losses["ours"] = work.follow(work.variants(), alphas).loss[0, 0]

    def theirs() -> None:
        with computing("float32", torch.device(device)):
            losses["theirs"] = textbook.barrier(by_hand, alphas.tolist())[0]

    size = f"{scale.points} points x 3 variants, {scale.examples} images"
    row = _row(
        f"main command, ResNet20, {size}", "textbook", WANTED[device], [ours, theirs], scale.repeats
    )
    apart = np.abs(losses["ours"] / losses["theirs"] - 1).max()
    return replace(
        row, note=f"plain losses differ by {apart:.0e}; chosen in {choices[0]:.2f} s before"
    )


def alignment(folder: Path, device: str, scale: Scale) -> Row:
    """The permutation of all groups of a ResNet20 by its activations."""
    count = min(SHORT * scale.calibration, 5000)
    images = write_images(folder, count, 1)
    work = run(write_pair(folder, "ResNet20"), images, device, count)
    a, b = work.weights(0), work.weights(1)
    groups = len(work.permutation_spec.taps)
    with computing("float32", torch.device(device)):
        return _row(
            f"alignment, ResNet20, {groups} groups, {count} examples",
            "a pass for each group",
            ALIGNMENT[device],
            [lambda: align(work, a, b), lambda: textbook.align(work, a, b)],
            scale.repeats,
        )


def throughput(folder: Path, device: str, scale: Scale, model: str) -> Row:
    """The evaluation of networks one after the other, normalisation and scores included.

    That BatchNorms can be folded is found out before, as the bare loop's best batch is: it takes
    the same time for one network as for a thousand.
    """
    count = int(scale.examples * EXAMPLES.get(model, 1))
    work = run(write_pair(folder, model), write_images(folder, 2, count), device, 2)
    (split,), weights = work.splits, work.weights(0)
    inputs = split.head(len(split), torch.float32)
    module = copy.deepcopy(work.resources.module)
    module.load_state_dict(dict(weights))
    work.evaluate([weights])
    with computing("float32", torch.device(device)):
        best = min(_bare_loops(module, inputs), key=seconds)
        row = _row(
            f"evaluation, {model}, {count} images",
            "bare forward loop at its best batch",
            EVALUATION[model] if device == "cpu" else 0.9,
            [
                lambda: work.evaluate([weights] * NETWORKS),
                lambda: [best() for _ in range(NETWORKS)],
            ],
            SHORT * scale.repeats,
        )
    rate = NETWORKS * count / row.ours
    return replace(row, note=f"{rate:,.0f} images a second; {work.strategy}")


def _bare_loops(module: nn.Module, inputs: Tensor) -> list[Callable[[], object]]:
    """Return loops over inputs that are ready, in every memory format and batch size.

    Weights are in the format of the inputs.
    """

    def loop(ready: Tensor, own: nn.Module, size: int) -> None:
        with torch.no_grad():
            for batch in torch.split(ready, size):
                own(batch)

    loops: list[Callable[[], object]] = []
    for layout in (torch.contiguous_format, torch.channels_last):
        own = copy.deepcopy(module).to(memory_format=layout)  # type: ignore[call-overload]
        ready = laid_out(inputs, layout)
        sizes = LIMIT_SIZES[inputs.device.type]
        loops += [partial(loop, ready, own, size) for size in sizes if size <= len(inputs)]
    for each in loops:
        each()
    return loops


def layers(device: str, scale: Scale) -> Row:
    """The layer-wise paths of a ResNet20 by block."""
    examples = scale.examples // 4
    size = min(LAYERS[device], examples)
    with computing("float32", torch.device(device)):
        found = layerwise.measure(scale.points, examples, size, scale.repeats, torch.device(device))
    return Row(
        f"layer-wise, ResNet20 by block, {found['networks']:.0f} networks",
        found["seconds"],
        found["recomputing"],
        "each network by itself",
        found["ratio"],
        LAYERWISE,
        f"losses differ by {found['difference']:.0e}; {size} at once",
    )


def _row(
    work: str, against: str, wanted: float, ways: list[Callable[[], object]], repeats: int
) -> Row:
    """Time our way and the other one in turns."""
    taken = in_turns(ways, repeats)
    ours, other = np.median(taken, axis=0)
    ratio = np.median(taken[:, 1] / taken[:, 0])
    return Row(work, float(ours), float(other), against, float(ratio), wanted)
