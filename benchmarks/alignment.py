"""How long weight matching takes, and the memory, against the textbook procedure.

The textbook is Algorithm 1 of Ainsworth et al. 2023 (arXiv:2209.04836) as its authors' words give
it: for each group, for each tensor with it, permute all other axes of the fresh tensor, bring the
group's axis to the front, multiply.  Both do one descent on the same planted pair in float32, each
in a process of its own whose peak memory the system tells.

Run ``python benchmarks/alignment.py``; it prints a Markdown table.
"""

from __future__ import annotations

import ctypes
import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import click
import torch
from torch import Tensor

from lmctool.graph.capture import capture
from lmctool.plugin import registry
from lmctool.plugin.kinds import MODELS
from lmctool.symmetry import Permutation, PermutationSpec, derive
from lmctool.symmetry.matching import assignment
from lmctool_plugins.aligners.weight.descent import anchor, descend
from lmctool_plugins.aligners.weight.likeness import Likeness

if TYPE_CHECKING:
    from collections.abc import Mapping

Weights = dict[str, Tensor]
METHODS = ("anchored", "identity", "textbook", "permute")


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


def _resident(field: str) -> int:
    """Return bytes of memory that this process holds (VmRSS) or held at most (VmHWM); on Linux."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(1024 * int(line.split()[1]) for line in lines if line.startswith(field))


def measure(method: str, classes: int) -> dict[str, float]:
    """Return the seconds that a method takes, and how far it raises the peak of memory."""
    spec, a, b = pair(classes)
    generator = torch.Generator().manual_seed(1)
    size = sum(tensor.nbytes for tensor in a.values())
    permutation = Permutation.random(spec, generator)
    ctypes.CDLL(None).malloc_trim(0)  # what was freed while the pair was made
    Path("/proc/self/clear_refs").write_text(
        "5"
    )  # the peak begins anew: making the pair had its own
    before = _resident("VmRSS")
    begun, spent = time.perf_counter(), time.process_time()
    if method == "textbook":
        textbook(spec, a, b, generator)
    elif method == "permute":
        permutation.apply(b)
    else:
        likeness = Likeness(spec, a, b, Permutation(spec, {}))
        if method == "anchored":
            anchor(likeness)
        descend(likeness, generator)
    peak = _resident("VmHWM") - before
    return {
        "seconds": time.perf_counter() - begun,
        "processor": time.process_time() - spent,
        "copies": 2 + peak / size,
    }


@click.command()
@click.option("--classes", type=click.IntRange(min=1), default=1000, show_default=True)
@click.option("--method", type=click.Choice(METHODS), hidden=True)
def main(classes: int, method: str | None) -> None:
    """Print seconds, their ratio to the textbook's, and copies of the weights at the peak."""
    if method is not None:
        click.echo(json.dumps(measure(method, classes)))
        return
    words = [sys.executable, __file__, "--classes", str(classes)]
    given_back = {**os.environ, "MALLOC_MMAP_THRESHOLD_": "65536"}  # else freed memory counts, too
    found = {}
    for each in METHODS:
        command = [*words, "--method", each]
        done = subprocess.run(command, check=True, capture_output=True, env=given_back)
        found[each] = json.loads(done.stdout)
    base = found["textbook"]["processor"]
    click.echo(
        "| method | seconds | processor seconds | of the textbook's | copies of the weights |"
    )
    click.echo("|---|---|---|---|---|")
    for each, told in found.items():
        times = f"{told['seconds']:.2f} | {told['processor']:.2f} | {told['processor'] / base:.3f}"
        click.echo(f"| {each} | {times} | {told['copies']:.2f} |")


if __name__ == "__main__":
    main()
