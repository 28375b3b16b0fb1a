"""Verdicts at a limit that is met exactly, by counts of examples."""

from __future__ import annotations

from fractions import Fraction
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from tools.attack.attack import Attack
from tools.attack.command import run

if TYPE_CHECKING:
    from collections.abc import Iterator

AREA = "verdicts"

COUNTS = (
    *((100, 3, 3 + extra, 3) for extra in (1, 2, 4, 7, 14, 22, 29)),
    *((100, 0, extra, 0) for extra in (7, 14, 29)),
    *((100, 1, extra, 4) for extra in (5, 10, 37)),
    *((1000, 3, 3 + extra, 3) for extra in (1, 29, 113)),
    *((1000, 11, extra, 22) for extra in (23, 57, 301)),
    *((50, 1, 1 + extra, 2) for extra in (1, 7)),
    *((20, 0, extra, 1) for extra in (1, 3)),
)
"""How many examples there are, and how many A, the network halfway and B answer wrongly."""


NET = """
import torch
from torch import nn

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.t = nn.Parameter(torch.zeros(1))
    def forward(self, x):
        t = self.t
        hats = torch.cat([(1 - 2 * t).relu(), 1 - (2 * t - 1).abs(), (2 * t - 1).relu()])
        s = (x * hats).sum(1)
        return torch.stack([torch.zeros_like(s), s], 1)

def make():
    return Net()
"""
"""A network of one number, which weighs the three inputs by where it lies: at A, halfway, at B."""


def shaped(examples: int, *wrong: int) -> None:
    """Write a network of one number and data, so that each point answers so many wrongly."""
    import numpy as np
    import torch
    from safetensors.torch import save_file

    Path("shaped.py").write_text(NET)
    for name, value in (("ca", 0.0), ("cb", 1.0)):
        save_file({"t": torch.tensor([value])}, f"{name}.safetensors")
    y = np.arange(examples) % 2
    x = np.repeat(np.where(y, 1.0, -1.0)[:, None], 3, axis=1).astype(np.float32)
    for place, count in enumerate(wrong):
        x[:count, place] *= -1
    np.savez("counted.npz", x=x, y=y)


SHAPED = (
    *("barrier", "ca.safetensors", "cb.safetensors", "--model", "./shaped.py:make"),
    *("--data", "arrays:counted.npz", "--points", "3", "-q"),
)


def percent(share: Fraction) -> str:
    """Return a share as people write it."""
    return f"{float(share * 100):.10g}%"


def equality(examples: int, first: int, half: int, last: int) -> str:
    """Judge a barrier by conditions that are met exactly, and missed by half an example."""
    shaped(examples, first, half, last)
    height = Fraction(2 * half - first - last, 2 * examples)
    less = height - Fraction(1, 2 * examples)
    exact, below, end = percent(height), percent(less), percent(Fraction(first, examples))
    done = run(*SHAPED, "-o", "out.h5", "--require", f"barrier.error <= {exact}")
    found = [f"<= {exact} ends in {done.code}: {done.last()}"] if done.code else []
    for words, code in (
        (("require", f"barrier.error == {exact}"), 0),
        (("fail-if", f"barrier.error > {exact}"), 0),
        (("require", f"barrier.error < {exact}"), 3),
        (("require", f"barrier.error <= {below}"), 3 if less > 0 else None),
        (("require", f"end.error[end=a] <= {end}"), 0 if first else None),
        (("require", f"end.error[end=a] < {end}"), 3 if first else None),
    ):
        if code is None:
            continue
        Path("p.toml").write_text(f'[[gate]]\n{words[0]} = "{words[1]}"\n')
        judged = run("audit", "--policy", "p.toml", "out.h5")
        if judged.code != code:
            found.append(f"{' '.join(words)} ends in {judged.code} in place of {code}")
    swapped = run(
        *("barrier", "cb.safetensors", "ca.safetensors", *SHAPED[3:], "-o", "new.h5"),
        *("--baseline", "out.h5", "--require", "barrier.error <= baseline"),
    )
    if swapped.code:
        found.append(f"<= baseline ends in {swapped.code}: {swapped.last()}")
    shaped(examples, first, half + 1, last)
    worse = run(*SHAPED, "-o", "worse.h5", "--require", f"barrier.error <= {exact}")
    if worse.code != 3:
        found.append(f"one example worse ends in {worse.code}: {worse.last()}")
    return "; ".join(found)


def attacks() -> Iterator[Attack]:
    """Yield an attack for each choice of counts."""
    for counts in COUNTS:
        name = "equality of {}: {} - {} - {}".format(*counts)
        yield Attack(AREA, name, partial(equality, *counts))
