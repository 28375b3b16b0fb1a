"""The procedure that everybody in the field writes by hand, as plainly as it can be written.

One network at a time is copied into the module; the loss takes one pass over the data and the
error another; the alignment takes one pass of both networks for each group of units, and REPAIR a
pass over its own examples for each alpha.  Batches are of 500, there is no DataLoader, and the data
is on the device already: what is slow here is the procedure alone.
"""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from lmctool.data.split import Split
    from lmctool.graph.graph import Edit
    from lmctool.run.run import Run
    from lmctool.symmetry import Permutation
    from lmctool.symmetry.spec import Tap

    Weights = Mapping[str, Tensor]
    Outputs = Callable[[Tensor], Tensor]

BATCH = 500


def batches(split: Split) -> Iterator[tuple[Tensor, Tensor]]:
    """Give normalised inputs and targets."""
    for start in range(0, len(split), BATCH):
        part = slice(start, start + BATCH)
        yield split.normalised(split.inputs[part], torch.float32), split.targets[part]


def scores(outputs: Outputs, split: Split) -> tuple[float, float]:
    """Return loss and error of a network, a pass over the data for each."""
    loss = error = 0.0
    for inputs, targets in batches(split):
        loss += functional.cross_entropy(outputs(inputs), targets, reduction="sum").item()
    for inputs, targets in batches(split):
        error += (outputs(inputs).argmax(1) != targets).sum().item()
    return loss / len(split), error / len(split)


def loaded(module: nn.Module, a: Weights, b: Weights, alpha: float) -> nn.Module:
    """Copy the network at alpha into the module."""
    mixed = {
        n: (1 - alpha) * t + alpha * b[n] if t.dtype.is_floating_point else t for n, t in a.items()
    }
    module.load_state_dict(mixed)
    return module


def align(run: Run, a: Weights, b: Weights) -> Permutation:
    """Match the activations of each group, after a pass of both networks for it alone."""
    from lmctool.symmetry import Permutation  # the scores do without what it imports
    from lmctool.symmetry.matching import assignment

    spec = run.permutation_spec
    moves = {}
    for group, taps in spec.taps.items():
        if taps:
            correlation = correlations(run, a, b, taps[0])
            moves[group] = assignment(correlation)
    return Permutation(spec, moves)


def correlations(run: Run, a: Weights, b: Weights, tap: Tap) -> Tensor:
    """Return the correlation of every unit of A with every unit of B at one place."""
    seen: list[Tensor] = []

    def keep(value: Tensor) -> Tensor:
        seen.append(tap.units(value))
        return value

    count, sums = 0, [torch.zeros(()) for _ in range(5)]
    for inputs, _ in batches(run.calibration.split):
        seen.clear()
        for weights in (a, b):
            run.graph.run(weights, inputs, {tap.node: keep})
        x, y = seen
        new = [x.sum(1), y.sum(1), (x * x).sum(1), (y * y).sum(1), x @ y.T]
        sums = [total + each.cpu() for total, each in zip(sums, new, strict=True)]
        count += x.shape[1]
    x, y, xx, yy, xy = (each / count for each in sums)
    spread = torch.outer((xx - x * x).clamp_min(0).sqrt(), (yy - y * y).clamp_min(0).sqrt())
    return (xy - torch.outer(x, y)) / (spread + 1e-4)


def ends_statistics(run: Run, weights: Weights) -> dict[str, tuple[Tensor, Tensor]]:
    """Return mean and variance of every channel that REPAIR corrects, over the examples."""
    axes = {target.tap: target.axis for target in run.resources.targets("both")}
    sums: dict[str, list[Tensor]] = {tap: [] for tap in axes}
    rounds = 0

    def reading(tap: str) -> Edit:
        def read(value: Tensor) -> Tensor:
            units = value.movedim(axes[tap], 0).flatten(1)
            moments = torch.stack([units.mean(1), units.var(1)])
            sums[tap] = [moments + sums[tap][0]] if sums[tap] else [moments]
            return value

        return read

    for inputs, _ in batches(run.calibration.split):
        run.graph.run(weights, inputs, {tap: reading(tap) for tap in axes})
        rounds += 1
    return {tap: tuple(found[0] / rounds) for tap, found in sums.items()}


def repaired(
    run: Run,
    module: nn.Module,
    a: Weights,
    b: Weights,
    alpha: float,
    ends: Sequence[dict[str, tuple[Tensor, Tensor]]],
) -> Outputs:
    """Return the network at alpha with a BatchNorm behind each target, its statistics taken."""
    mixed = loaded(module, a, b, alpha).state_dict()
    axes = {target.tap: target.axis for target in run.resources.targets("both")}
    norms: dict[str, nn.BatchNorm2d] = {}
    for tap in axes:
        (mean_a, variance_a), (mean_b, variance_b) = (found[tap] for found in ends)
        norms[tap] = nn.BatchNorm2d(len(mean_a), momentum=None, device=mean_a.device)
        norms[tap].bias.data.copy_((1 - alpha) * mean_a + alpha * mean_b)
        norms[tap].weight.data.copy_((1 - alpha) * variance_a.sqrt() + alpha * variance_b.sqrt())

    def normalising(tap: str) -> Edit:
        return lambda value: norms[tap](value)

    edits = {tap: normalising(tap) for tap in axes}
    for inputs, _ in batches(run.calibration.split):
        run.graph.run(mixed, inputs, edits)
    for norm in norms.values():
        norm.eval()
    return lambda inputs: run.graph.run(mixed, inputs, edits)


def barrier(run: Run, alphas: Sequence[float]) -> np.ndarray:
    """Follow the plain, the aligned, and the aligned and repaired path: (variant, alpha) losses."""
    a, b = run.weights(0), run.weights(1)
    module = copy.deepcopy(run.resources.module)
    (split,) = run.splits
    moved = align(run, a, b).apply(b)
    found = [
        [scores(loaded(module, a, other, alpha), split)[0] for alpha in alphas]
        for other in (b, moved)
    ]
    ends = [ends_statistics(run, weights) for weights in (a, moved)]
    found.append(
        [scores(repaired(run, module, a, moved, alpha, ends), split)[0] for alpha in alphas]
    )
    return np.array(found)
