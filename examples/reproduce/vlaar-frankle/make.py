"""Redo the figures and tables of Vlaar and Frankle (ICML 2022).

python examples/reproduce/vlaar-frankle/make.py [--size small|large] [--jobs N] [--only PART]
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from conditions import conditions
from driver import Paper, command
from initialisation import initialisation
from model import model
from networks import Size
from overview import overview
from perceptrons import perceptrons

if TYPE_CHECKING:
    from steps import Steps

SIZES = {
    "tiny": Size(
        data="digits", shrink=1, tested=100, seeds=1, limit=256, fewer=128, other=256, wrong=64,
        wrong_epochs=2, epochs=1, decay=1e-2, perceptron=1, spiral=2, points=5, measured=50,
    ),
    "small": Size(
        data="fashion-mnist", shrink=2, tested=2_000, seeds=2, limit=2_000, fewer=500,
        other=8_000, wrong=1_000, wrong_epochs=20, epochs=8, decay=1e-2, perceptron=10,
        spiral=1_200, points=21, measured=500,
    ),
    "large": Size(
        data="fashion-mnist", shrink=1, tested=10_000, seeds=5, limit=40_000, fewer=4_000,
        other=20_000, wrong=10_000, wrong_epochs=60, epochs=60, decay=5e-4, perceptron=50,
        spiral=5_000, points=51, measured=5_000,
    ),
}  # fmt: skip


def introduction(steps: Steps, size: Size) -> str:
    """Return what the page begins with."""
    shrunk = f", shrunk to {28 // size.shrink} x {28 // size.shrink}" if size.shrink > 1 else ""
    return f"""# What can linear interpolation of loss landscapes tell us?

Vlaar and Frankle (ICML 2022) follow the straight path from the initial to the final state of a
network and ask whether its shape tells how well the network does. This page is written by
[make.py](make.py); every number in it is read from a result.

The paper trains ResNet-18 on CIFAR-10 for 100 epochs, ten runs of each kind. Here it is ResNet20
on {size.limit} images of Fashion-MNIST{shrunk}, {size.epochs} epochs, {size.seeds} seeds, SGD with
momentum 0.9 at rate 0.1 (cosine), weight decay {size.decay:g}, batches of 64, torch's own initial
state as in the paper. Test errors are those of {size.tested} test images; losses on paths are of
{size.measured} training images, {size.points} points. All steps together took
{steps.seconds() / 60:.0f} minutes of one core shared with other work. With so little training an
agreement is a hint and a difference no refutation; `--size large` is for a GPU and was not run.

The networks come from `python examples/train.py`; the files named in the commands are those that
the driver leaves in its folder, where the commands can be run again."""


PAPER = Paper(
    folder=Path(__file__).resolve().parent,
    introduction=introduction,
    sizes=SIZES,
    parts={
        "perceptrons": perceptrons,
        "model": model,
        "initialisation": initialisation,
        "conditions": conditions,
        "overview": overview,
    },
)

if __name__ == "__main__":
    command(PAPER)()
