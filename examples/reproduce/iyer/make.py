"""Redo the figures of Iyer, Dziugaite and Rolnick on what weight interpolation gains.

python examples/reproduce/iyer/make.py [--size small|large] [--jobs N] [--only PART]
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from driver import Paper, command
from further import further
from gains import gains
from importance import importance
from runs import RATE, Size

if TYPE_CHECKING:
    from steps import Steps

SIZES = {
    "tiny": Size(
        data="digits", shrink=1, limit=512, tested=200, model="mlp", seeds=1, forks=(0, 4, 8),
        epochs=4, merged=((8, 8),), further=1,
    ),
    "small": Size(
        data="fashion-mnist", shrink=2, limit=2_000, tested=2_000, model="resnet20", seeds=1,
        forks=(0, 8, 31, 124), epochs=12, merged=((31, 31), (31, 93), (124, 31), (124, 93)),
        further=3,
    ),
    "large": Size(
        data="fashion-mnist", shrink=1, limit=60_000, tested=10_000, model="resnet20", seeds=3,
        forks=(0, 117, 937, 4_685, 9_370), epochs=80,
        merged=((937, 937), (4_685, 4_685), (4_685, 9_370), (9_370, 9_370)), further=10,
    ),
}  # fmt: skip


def introduction(steps: Steps, size: Size) -> str:
    """Return what the page begins with."""
    side = 28 // size.shrink
    return f"""# Transient gains of weight interpolation

Iyer, Dziugaite and Rolnick train a network for k steps, go on from there with two copies on
other SGD noise for s epochs, and look at the network halfway between the copies. This page is
written by [make.py](make.py); every number in it is read from a result.

The paper trains ResNet20 on CIFAR-10 (160 epochs, three initial states). Here it is
{size.model} on {size.limit} images of Fashion-MNIST of {side} x {side} pixels, {size.epochs} epochs
for the children, seeds: {size.seeds}, SGD with momentum 0.9 at rate {RATE:g}, batches of 64, weight
decay 5e-4, no augmentation. SGD noise is the order of the examples. Every run begins with zero
momentum. BatchNorm statistics are interpolated with the weights. Errors are those of
{size.tested} test images. All steps together took {steps.seconds() / 60:.0f} minutes of one core
shared with other work; `--size large` is for a GPU and was not run.

The networks come from `python examples/train.py`; the files named in the commands are those that
the driver leaves in its folder, where the commands can be run again."""


PAPER = Paper(
    folder=Path(__file__).resolve().parent,
    introduction=introduction,
    sizes=SIZES,
    parts={"gains": gains, "further": further, "importance": importance},
)

if __name__ == "__main__":
    command(PAPER)()
