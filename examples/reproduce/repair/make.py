"""Redo the figures of REPAIR (Jordan et al., ICLR 2023).

python examples/reproduce/repair/make.py [--size tiny|small|large] [--jobs N] [--only PART]
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from claims import told
from collapse import collapse
from depth import depth
from driver import Paper, command
from norms import norms
from page import table
from recipes import Size
from split import split
from unaligned import unaligned
from width import width

if TYPE_CHECKING:
    from steps import Steps

PARTS = {
    "collapse": collapse,
    "depth": depth,
    "norms": norms,
    "width": width,
    "unaligned": unaligned,
    "split": split,
}
SIZES = {
    "tiny": Size(
        images="digits", shrink=1, learnt=1300, tested=200, measured=100, augment="none",
        epochs={"mlp": 40, "vgg": 25, "resnet": 5, "divided": 8, "digits": 5},
        depths=(2, 4), deep=4, widths=(64, 128), vggs=("vgg11", "vgg13"), channels=8,
        factors=(1, 2), widened="digits", points=11,
    ),
    "small": Size(
        images="fashion-mnist", shrink=2, learnt=20_000, tested=2_000, measured=2_000,
        augment="none", epochs={"mlp": 8, "vgg": 6, "resnet": 4, "divided": 8, "digits": 15},
        depths=(4, 10, 20, 35, 50), deep=35, widths=(32, 128, 512),
        vggs=("vgg11", "vgg19"), channels=16, factors=(1, 2, 4), widened="digits",
        points=11,
    ),
    "large": Size(
        images="fashion-mnist", shrink=1, learnt=60_000, tested=10_000, measured=5_000,
        augment="flip+crop", epochs={"mlp": 50, "vgg": 50, "resnet": 50, "divided": 100},
        depths=(2, 4, 6, 10, 15, 20, 27, 35, 42, 50), deep=35,
        widths=(32, 64, 128, 256, 512, 1024, 2048),
        vggs=("vgg11", "vgg13", "vgg16", "vgg19"), channels=64, factors=(1, 2, 4, 8, 16),
        widened="", points=21,
    ),
}  # fmt: skip


def introduction(steps: Steps, size: Size) -> str:
    """Return what the page begins with."""
    shrunk = f", shrunk {size.shrink} times each way" if size.shrink > 1 else ""
    rows = []
    for pair in size.pairs():
        paths = [steps.folder / f"{name}.safetensors" for name in pair.networks]
        if all(path.exists() for path in paths):
            errors = ", ".join(told(steps.test_error(path)) for path in paths)
            rows.append((pair.name, f"`{' '.join(pair.options)}`", errors))
    return INTRODUCTION.format(
        data=size.images,
        shrunk=shrunk,
        learnt=size.learnt,
        tested=size.tested,
        networks=table(
            ("networks", "`train.py`, beside `--data` and `--seed`", "test errors"), rows
        ),
    )


INTRODUCTION = """\
# REPAIR, redone

Jordan, Sedghi, Saukh, Entezari, Neyshabur: *REPAIR: REnormalizing Permuted Activations for
Interpolation Repair* (ICLR 2023, [arXiv:2211.08403](https://arxiv.org/abs/2211.08403)). This page
is written by `make.py`, numbers and verdicts included:

    python examples/reproduce/repair/make.py             # this page: two CPU cores
    python examples/reproduce/repair/make.py --size large    # for a GPU; was not run

It trains pairs of networks from two seeds with [train.py](../../train.py) and then only calls
`lmctool`, in one folder; `{data}`{shrunk}: {learnt} images to train on, {tested} to test.
Where the paper trains large networks for hundreds of epochs on CIFAR and ImageNet, these are small
ones of a few epochs; a claim is judged by the direction of its numbers, not by their size. One
pair stands for each kind of network, so that a difference within chance is called undecided. Plain
is interpolation as it is, align after activation matching, align+repair with REPAIR on top.

Not redone: ImageNet (figures 1 middle, 2 right and 5), the comparison with Ainsworth et al. on
their numbers (figure 8), first-layer filters of ImageNet networks (figure 9; `lmctool align` draws
them of any network). The networks (of `divided`, the second has `--left-out` too):

{networks}
"""

if __name__ == "__main__":
    command(Paper(Path(__file__).resolve().parent, introduction, SIZES, PARTS))()
