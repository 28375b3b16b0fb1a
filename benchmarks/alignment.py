"""How long aligners take, and the memory; weight matching against the textbook procedure.

The textbook is Algorithm 1 of Ainsworth et al. 2023 (arXiv:2209.04836) as its authors' words give
it: for each group, for each tensor with it, permute all other axes of the fresh tensor, bring the
group's axis to the front, multiply.  Both do one descent on the same planted pair in float32, each
in a process of its own whose peak memory the system tells.

The aligners that look for more than permutations have a table of their own, beside those that they
start from: an untrained GPT-2 of four blocks, on a few short texts, for on small networks
activations take far more than the weights.

Run ``python -m benchmarks.alignment``; it prints two Markdown tables.
"""

from __future__ import annotations

import ctypes
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

import click
import torch
from torch import Tensor

from benchmarks.learned import resident, wide
from lmctool.graph.capture import capture
from lmctool.plugin import registry
from lmctool.plugin.kinds import ANALYSES, MODELS
from lmctool.plugin.settings import Choice, Settings
from lmctool.run.run import Run
from lmctool.symmetry import Permutation, PermutationSpec, derive
from lmctool.symmetry.matching import assignment
from lmctool_plugins.aligners.weight.descent import anchor, descend
from lmctool_plugins.aligners.weight.likeness import Likeness

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

Weights = dict[str, Tensor]
METHODS = ("anchored", "identity", "textbook", "permute")
CALIBRATION = 64
"""Texts of 16 bytes that aligners see."""
ALIGNERS = ("activation", "weight", "procrustes", "learned")


def pair(classes: int) -> tuple[PermutationSpec, Weights, Weights]:
    """Return the spec of a ResNet50, its parameters, and the same permuted with a little noise."""
    torch.manual_seed(0)
    build = registry.load(MODELS, "torchvision").build
    module = build("torchvision:resnet50", num_classes=classes).eval().requires_grad_(False)
    spec = derive(capture(module, torch.randn(2, 3, 64, 64)))
    a = {name: tensor.detach() for name, tensor in module.named_parameters()}
    noisy = {name: t + 0.1 * t.std(correction=0) * torch.randn_like(t) for name, t in a.items()}
    return spec, a, Permutation.random(spec, torch.Generator().manual_seed(0)).apply(noisy)


def textbook(spec: PermutationSpec, a: Weights, b: Weights, generator: torch.Generator) -> None:
    """Descend from the identity as the paper says, for plain groups that fill their axes."""
    holds = {g: [(n, place.axes[0]) for n, place in spec.uses(g) if n in a] for g in spec.groups}
    axes = {name: {axis: g for g in spec.groups for n, axis in holds[g] if n == name} for name in a}
    moves = {group: torch.arange(size) for group, size in spec.groups.items()}
    names, moved = list(spec.groups), True
    while moved:
        moved = False
        for number in torch.randperm(len(names), generator=generator).tolist():
            group = names[number]
            size = spec.groups[group]
            similarity = torch.zeros(size, size)
            for name, axis in holds[group]:
                theirs = _permuted(b[name], axes[name], moves, besides=axis)
                mine = a[name].movedim(axis, 0).reshape(size, -1)
                similarity += mine @ theirs.movedim(axis, 0).reshape(size, -1).T
            order = assignment(similarity)
            rows = torch.arange(size)
            gain = similarity[rows, order].sum() - similarity[rows, moves[group]].sum()
            moved = moved or float(gain) > 1e-4
            moves[group] = order


def _permuted(
    tensor: Tensor, groups: Mapping[int, str], moves: Mapping[str, Tensor], besides: int
) -> Tensor:
    for axis, group in groups.items():
        if axis != besides:
            tensor = tensor.index_select(axis, moves[group])
    return tensor


def watched(work: Callable[[], object], size: int, held: int) -> dict[str, float]:
    """Return the seconds of some work, and its peak of memory in copies of the weights.

    Args:
        work: is done once.
        size: the bytes of a copy.
        held: the copies that there are before the work.
    """
    ctypes.CDLL(None).malloc_trim(0)  # what was freed before
    Path("/proc/self/clear_refs").write_text(
        "5"
    )  # the peak begins anew: that of before was another
    before = resident("VmRSS")
    begun, spent = time.perf_counter(), time.process_time()
    work()
    return {
        "seconds": time.perf_counter() - begun,
        "processor": time.process_time() - spent,
        "copies": held + (resident("VmHWM") - before) / size,
    }


def measure(method: str, classes: int) -> dict[str, float]:
    """Return the seconds that a method takes, and the peak of memory, A and B among it."""
    spec, a, b = pair(classes)
    generator = torch.Generator().manual_seed(1)
    permutation = Permutation.random(spec, generator)

    def work() -> None:
        if method == "textbook":
            textbook(spec, a, b, generator)
        elif method == "permute":
            permutation.apply(b)
        else:
            likeness = Likeness(spec, a, b, Permutation(spec, {}))
            if method == "anchored":
                anchor(likeness)
            descend(likeness, generator)

    return watched(work, sum(tensor.nbytes for tensor in a.values()), held=2)


def aligned(name: str, width: int) -> dict[str, float]:
    """Return the seconds that an aligner takes by itself on a GPT-2, and the peak of memory."""
    with tempfile.TemporaryDirectory() as folder:
        paths = wide(Path(folder), width)
        (text := Path(folder) / "text.txt").write_text("in the beginning was the word. " * 2000)
        settings = Settings(
            paths, data=f"text:{text}?length=16", aligner=Choice(name), calib_size=CALIBRATION
        )
        run = Run("align", registry.load(ANALYSES, "align"), settings)
        a, b = (run.frame(run.weights(index)) for index in range(2))
        run.match("identity", a, b)  # the model is followed, which all share
        few = {"batch": 2} if name == "learned" else {}
        size = sum(tensor.nbytes for tensor in a.values())
        return watched(lambda: run.match(name, a, b, **few), size, held=2)


def apart(kind: str, name: str, size: int) -> dict[str, float]:
    """Return what a process of its own measures."""
    given_back = {**os.environ, "MALLOC_MMAP_THRESHOLD_": "65536"}  # else freed memory counts, too
    words = [sys.executable, "-m", "benchmarks.alignment", f"--{kind}", name, "--size", str(size)]
    done = subprocess.run(words, check=True, stdout=subprocess.PIPE, env=given_back)
    found: dict[str, float] = json.loads(done.stdout)
    return found


@click.command()
@click.option("--classes", type=click.IntRange(min=1), default=1000, show_default=True)
@click.option("--width", type=click.IntRange(min=8), default=512, show_default=True)
@click.option("--method", type=click.Choice(METHODS), hidden=True)
@click.option("--aligner", type=click.Choice(ALIGNERS), hidden=True)
@click.option("--size", type=int, default=0, hidden=True)
def main(classes: int, width: int, method: str | None, aligner: str | None, size: int) -> None:
    """Print seconds, their ratio to the textbook's, and copies of the weights at the peak."""
    if method or aligner:
        found = measure(method, size) if method else aligned(str(aligner), size)
        click.echo(json.dumps(found))
        return
    every = {each: apart("method", each, classes) for each in METHODS}
    base = every["textbook"]["processor"]
    click.echo(
        "| method | seconds | processor seconds | of the textbook's | copies of the weights |"
    )
    click.echo("|---|---|---|---|---|")
    for each, told in every.items():
        times = f"{told['seconds']:.2f} | {told['processor']:.2f} | {told['processor'] / base:.3f}"
        click.echo(f"| {each} | {times} | {told['copies']:.2f} |")
    click.echo("\n| aligner | seconds | copies of the weights |\n|---|---|---|")
    for each in ALIGNERS:
        told = apart("aligner", each, width)
        click.echo(f"| `{each}` | {told['seconds']:.1f} | {told['copies']:.1f} |")


if __name__ == "__main__":
    main()
