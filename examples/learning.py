"""Training a network: its start, its examples, schedule, the loop, and the error after it."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from lmctool.errors import LmctoolError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from lmctool.data.split import Split
    from lmctool.plugin.records import Task

PADDING = 4  # pixels around an image before it is cropped at random (He et al. 2016, sec. 4.2)
EVALUATED = 500  # examples evaluated at once


def factor(schedule: str, warmup: int, step: int, steps: int) -> float:
    """Return what the learning rate is multiplied by at a step (from 0), rising in the warm-up."""
    if step < warmup:
        return (step + 1) / warmup
    done = (step - warmup) / max(1, steps - warmup)
    shapes = {
        "constant": 1.0,
        "linear": 1 - done,
        "cosine": (1 + math.cos(math.pi * done)) / 2,
        "drops": 0.1 ** ((2 * step >= steps) + (4 * step >= 3 * steps)),
    }
    return shapes[schedule]


def steps_each(examples: int, batch_size: int) -> int:
    """Return the steps of one epoch: a last, smaller batch is left out, unless it is the only."""
    return max(1, examples // batch_size)


def augmented(images: Tensor, kind: str, generator: torch.Generator) -> Tensor:
    """Return stored images (example, channel, height, width), each shifted and maybe mirrored.

    Raises:
        LmctoolError: the inputs are no images.
    """
    if kind == "none":
        return images
    if images.ndim != 4:
        raise LmctoolError(f"--augment {kind} needs images, not inputs of shape {images.shape[1:]}")
    count, _, height, width = images.shape
    shifts = torch.randint(0, 2 * PADDING + 1, (2, count, 1), generator=generator)
    rows, columns = (
        torch.arange(size) + shift for size, shift in zip((height, width), shifts, strict=True)
    )
    if kind == "flip+crop":
        mirrored = torch.rand(count, 1, generator=generator) < 0.5
        columns = torch.where(mirrored, columns.flip(1), columns)
    padded = nn.functional.pad(images, [PADDING] * 4)
    device = images.device
    example = torch.arange(count, device=device)[:, None, None]
    cut = padded[example, :, rows.to(device)[:, :, None], columns.to(device)[:, None, :]]
    return cut.permute(0, 3, 1, 2)


def with_noise(targets: Tensor, share: float, classes: int, seed: int) -> Tensor:
    """Return the targets, each replaced with probability ``share`` by a random class.

    A target below 0 counts for nothing, and stays.
    """
    generator = torch.Generator().manual_seed(seed)
    random = torch.randint(0, max(1, classes), targets.shape, generator=generator)
    replaced = (torch.rand(targets.shape, generator=generator) < share).to(targets.device)
    return torch.where(replaced & (targets >= 0), random.to(targets.device), targets)


def shared_out(targets: Tensor, classes: int, share: float, seed: int) -> Tensor:
    """Return which examples the first of two disjoint sets has; all others are the second's.

    The first set has ``share`` of the examples of each class of the first half, chosen at random,
    and 1 - share of each class of the second half (REPAIR, Jordan et al. 2023, section 5.4).

    Args:
        targets: (example,) int64 classes.
        classes: how many there are; the middle one of an odd number is of the first half.
        share: from 0 to 1; the part of each class is rounded to whole examples.
        seed: the seed of the choice, which is the same at every call.

    Returns:
        (example,) bool.

    Raises:
        LmctoolError: the targets are no classes.
    """
    if classes == 0 or targets.ndim != 1:
        raise LmctoolError("--class-share needs data whose targets are classes")
    generator = torch.Generator().manual_seed(seed)
    first = torch.zeros(len(targets), dtype=torch.bool)
    for label in range(classes):
        members = (targets.cpu() == label).nonzero().flatten()
        part = share if 2 * label < classes else 1 - share
        order = torch.randperm(len(members), generator=generator)
        first[members[order[: round(part * len(members))]]] = True
    return first.to(targets.device)


def draw_he(module: nn.Module) -> None:
    """Draw the weights of all layers anew as He et al. (2015), section 2.2; biases become zero.

    Each weight is normal with variance 2 / fan-in, so that the variance of the activations stays
    the same through any number of ReLU layers.
    """
    for layer in module.modules():
        if isinstance(layer, nn.Linear | nn.Conv2d):
            nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)


def draw_torch(module: nn.Module) -> None:
    """Draw the weights of all layers anew as torch itself does where a model asks for nothing.

    In a network with BatchNorm, activations then stay small before its statistics are those of
    the data, so that the initial state answers at chance.
    """
    for layer in module.modules():
        if isinstance(layer, nn.Linear | nn.Conv2d):
            layer.reset_parameters()


def answer(module: nn.Module, inputs: Tensor) -> Tensor:
    """Return the outputs; images go in channels last, which convolutions on a CPU prefer."""
    last = inputs.ndim == 4
    outputs: Tensor = module(
        inputs.contiguous(memory_format=torch.channels_last) if last else inputs
    )
    return outputs


@torch.no_grad()
def test_error(module: nn.Module, split: Split, task: Task) -> float:
    """Return the share of a split that the network answers wrongly, in evaluation mode."""
    module.eval()
    wrong = [
        task.score(answer(module, inputs), targets)[1]
        for inputs, targets in split.batches(EVALUATED, torch.float32)
    ]
    module.train()
    return float(mean(torch.cat(wrong).double(), split.targets, task))


def mean(values: Tensor, targets: Tensor, task: Task) -> Tensor:
    """Return the mean of (example,) values: of all examples alike, or by the task's weights."""
    if task.weight is None:
        return values.mean()
    weights = task.weight(targets)
    return (values * weights).sum() / weights.sum().clamp(min=1)


def optimizer_of(module: nn.Module, settings: Mapping[str, Any]) -> torch.optim.Optimizer:
    """Return the optimizer of these settings; Adam and AdamW have no use for the momentum."""
    parameters, rate, decay = module.parameters(), settings["lr"], settings["weight_decay"]
    if settings["optimizer"] == "adam":
        return torch.optim.Adam(parameters, lr=rate, weight_decay=decay)
    if settings["optimizer"] == "adamw":  # decay apart from the gradient: attention needs it so
        return torch.optim.AdamW(parameters, lr=rate, weight_decay=decay)
    return torch.optim.SGD(parameters, rate, settings["momentum"], weight_decay=decay)


def train(
    module: nn.Module,
    split: Split,
    task: Task,
    settings: Mapping[str, Any],
    reached: Callable[[int], None],
    start: int = 0,
) -> Iterator[float]:
    """Train, and yield the mean loss of each epoch after it.

    Args:
        module: trained in place.
        split: what it is trained on.
        task: gives the loss of each example, and its weight where it has one.
        settings: the options of the command line by name.
        reached: called with the number of steps done, from the first.
        start: how many steps were done before: the rest of a training whose rates and number of
            steps are those of the whole.  The optimizer begins anew.

    Raises:
        LmctoolError: the loss is not a number any more.
    """
    batch, each = settings["batch_size"], steps_each(len(split), settings["batch_size"])
    steps = settings["epochs"] * each
    warmup = round(settings["warmup"] * steps)
    order = torch.Generator().manual_seed(settings["data_seed"])
    optimizer = optimizer_of(module, settings)
    step = start
    reached(step)
    for epoch in range(start // each, settings["epochs"]):
        done = step - epoch * each
        total = torch.zeros((), device=split.inputs.device)
        shuffled = torch.randperm(len(split), generator=order).to(split.inputs.device)
        for first in range(done * batch, each * batch, batch):
            for group in optimizer.param_groups:
                group["lr"] = settings["lr"] * factor(settings["schedule"], warmup, step, steps)
            place = shuffled[first : first + batch]
            stored = augmented(split.inputs[place], settings["augment"], order)
            outputs = answer(module, split.normalised(stored, torch.float32))
            targets = split.targets[place]
            loss = mean(task.score(outputs, targets)[0], targets, task)
            optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
            total += loss.detach()
            step += 1
            reached(step)
        if not total.isfinite():
            raise LmctoolError(f"the loss became {total} by step {step}; pass a smaller --lr")
        yield float(total) / (each - done)
