"""How much work ``--within`` saves between two networks, and how often its intervals hold.

    python -m benchmarks.share A.safetensors B.safetensors --within 1% --within loss:0.02

Every network of the path is evaluated once on all examples.  Then, for each width and each of 200
orders of the examples (their seeds are 0, 1, ...), the looks of ``lmctool barrier --within`` are
gone through on what is known of each example, and what comes out is held against that of all:
the share of passes of examples through networks, and the share of intervals that hold it.  The path
is the plain one, or with ``--align`` the aligned one as well.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from lmctool.curves.barrier import barrier
from lmctool.curves.looks import Looks
from lmctool.curves.sampled_barrier import Question, SampledBarrier
from lmctool.curves.within import Within
from lmctool.data.drawn_order import drawn_order
from lmctool.plugin import registry
from lmctool.plugin.kinds import ANALYSES
from lmctool.plugin.settings import Choice, Settings
from lmctool.run.run import Run

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[np.float64]

METRICS = ("loss", "error")
ROUNDING = 1e-12


def gone_through(values: Array, order: NDArray[np.int64], question: Question) -> SampledBarrier:
    """Return a curve after as many looks as it takes.

    Args:
        values: (metric, alpha, example) of all examples.
        order: (example,) in which order they are looked at.
        question: what is asked.
    """
    curve, begin = SampledBarrier(question), 0
    for end in question.looks.counts:
        curve.add(values[:, curve.points][..., order[begin:end]])
        begin = end
        if curve.done:
            break
    return curve


def told(
    values: Array, alpha: Array, targets: NDArray[np.int64], text: str, draws: int
) -> tuple[float, float, float]:
    """Return the mean share of examples, that of passes, and the share of intervals that hold.

    Args:
        values: (metric, alpha, example) loss and error.
        alpha: (alpha,) rising from 0 to 1.
        targets: (example,) classes.
        text: the width, as ``--within`` takes it.
        draws: how many orders.
    """
    within, total = Within.of(text), values.shape[-1]
    place = METRICS.index(within.metric)
    question = Question(alpha, "chord", Looks.of(total), place, within.width, (0.0, 1.0))
    expected = barrier(alpha, values.mean(axis=-1), "chord")[0][place]
    shares, passes, held = [], [], 0
    for seed in range(draws):
        order = drawn_order(targets, int(targets.max()) + 1, f"{seed}:test")
        curve = gone_through(values, order, question)
        lower, upper = curve.interval()[:, place]
        held += bool(lower - ROUNDING <= expected <= upper + ROUNDING)
        shares.append(curve.counts.max() / total)
        passes.append(curve.counts.mean() / total)
    return float(np.mean(shares)), float(np.mean(passes)), held / draws


def main(words: list[str] | None = None) -> None:
    """Print a row for each variant and width."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("a", type=Path)
    parser.add_argument("b", type=Path)
    parser.add_argument("--within", action="append", metavar="[error:|loss:]WIDTH")
    parser.add_argument("--align", action="store_true")
    parser.add_argument("--points", type=int, default=11)
    parser.add_argument("--limit", type=int)
    parser.add_argument("--draws", type=int, default=200)
    asked = parser.parse_args(words)
    settings = Settings(
        (asked.a, asked.b),
        limit=asked.limit,
        aligner=Choice("activation") if asked.align else None,
    )
    run = Run("barrier", registry.load(ANALYSES, "barrier"), settings)
    variants, alpha = run.variants(), np.linspace(0, 1, asked.points)
    curves = run.follow(variants, alpha, per_example=True)
    (split,) = run.splits
    targets = split.targets.cpu().numpy()
    print(f"{len(split)} examples, {asked.points} points, {asked.draws} orders")
    print(f"{'variant':<10}{'within':>14}{'barrier':>10}{'examples':>10}{'passes':>8}{'held':>7}")
    for number, variant in enumerate(variants):
        both = (curves.losses[split.name][number], curves.errors[split.name][number])
        values = np.stack([each.astype(np.float64) for each in both])
        heights = barrier(alpha, values.mean(axis=-1), "chord")[0]
        for text in asked.within or ["1%"]:
            share, passes, held = told(values, alpha, targets, text, asked.draws)
            height = heights[METRICS.index(Within.of(text).metric)]
            row = f"{share:>10.1%}{passes:>8.1%}{held:>7.1%}"
            print(f"{variant.name:<10}{text:>14}{height:>10.4f}{row}")


if __name__ == "__main__":
    main()
