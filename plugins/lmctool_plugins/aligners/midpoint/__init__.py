"""Match hidden units so that the midpoint, once repaired, has a low loss.

The loss of the midpoint after REPAIR (Jordan et al. 2023, arXiv:2211.08403) is minimised over
permutations themselves:

    P = argmin_P  L(repaired((A + P(B)) / 2))

A permutation is drawn from a score for each pair of units, by assignment; the gradient by the
scores is that of their Sinkhorn normalisation (straight through).  Without REPAIR the loss of the
midpoint was minimised straight through by Ainsworth et al. 2022 (arXiv:2209.04836) and by way of
Sinkhorn's algorithm by Pena et al. 2022 (arXiv:2212.12042).  B's tensors are permuted along the
axes of the permutation spec, and every target of ``--repair`` is renormalised batch by batch, so
that any architecture will do.  The search starts from another aligner's permutation; units within
attention heads are matched anew, heads stay paired as they are there.

It uses the labels of calibration examples (``--calib-split``), of no other split.  A fifth of
them is held out, and the permutation of the lowest loss on these is kept, the start among them.
The barrier before REPAIR may well get higher.

Scores, their momentum and their gradients are each one number for each pair of units, which of an
MLP are as many as it has weights between hidden layers; beside A and B, the gradients of the
midpoint take two copies of the weights at the peak.  No matrix of a permutation is made, and soft
matrices are made of few groups at a time, where the gradient goes back through them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from lmctool.api import Aligner, hookimpl

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lmctool.api import Alignment, Group, Run, Weights
    from lmctool_plugins.aligners.midpoint.search import Course


def align(
    run: Run, a: Weights, b: Weights, *, start: str, steps: int, rate: float, batch: int
) -> Alignment:
    """Return the permutation of B of the lowest held-out loss that a search came by.

    Args:
        run: the run.
        a: the first network.
        b: the second.
        start: the aligner to start from.
        steps: how many steps of descent.
        rate: how far the scores move in the first.
        batch: how many examples each of them sees.
    """
    from lmctool.api import Alignment
    from lmctool.api.advanced import parted_examples
    from lmctool_plugins.aligners.midpoint.latent import begin
    from lmctool_plugins.aligners.midpoint.objective import RepairedMidpoint
    from lmctool_plugins.aligners.midpoint.search import Search

    midpoint = RepairedMidpoint(run, a, b)
    examples = parted_examples(run, "midpoint", batch)
    beginning = run.match(start, a, b)
    latent = begin(run, a, b, beginning.permutation)
    course = Search(run, midpoint, examples).go(latent, steps, rate)
    attributes: dict[str, str | int] = {
        "start": start,
        "seed": run.settings.seed,
        "seen": len(examples.seen),
        "held_out": len(examples.held_out),
    }
    return Alignment(course.best, {**beginning.groups, "midpoint": record(course, attributes)})


def record(course: Course, attributes: Mapping[str, str | int]) -> Group:
    """Return the losses of a search, and what else describes it, as a group."""
    import numpy as np

    from lmctool.api import Group, Variable

    check, loss, error = map(np.array, zip(*course.checks, strict=True))
    steps = np.arange(len(course.train))
    return Group(
        {
            "step": Variable(steps, ("step",), long_name="step of the search"),
            "train_loss": Variable(
                np.array(course.train), ("step",), "nat", "loss of the repaired midpoint, batch"
            ),
            "check": Variable(check, ("check",), long_name="steps done before a check"),
            "held_out_loss": Variable(
                loss, ("check",), "nat", "loss of the repaired midpoint, held-out examples"
            ),
            "held_out_error": Variable(
                error, ("check",), "1", "error of the repaired midpoint, held-out examples"
            ),
        },
        {**attributes, "kept": course.kept},
    )


@hookimpl
def lmctool_aligner() -> Aligner:
    """Add ``--align midpoint``."""
    start = click.Option(
        ["--start"],
        default="activation",
        show_default=True,
        metavar="NAME",
        help="Aligner whose permutation the search starts from.",
    )
    steps = click.Option(
        ["--steps"],
        type=click.IntRange(min=1),
        default=150,
        show_default=True,
        help="Number of steps of the search.",
    )
    rate = click.Option(
        ["--lr", "rate"],
        type=click.FloatRange(0, min_open=True),
        default=0.1,
        show_default=True,
        help="Learning rate of the first step.",
    )
    batch = click.Option(
        ["--batch"],
        type=click.IntRange(min=2),
        default=500,
        show_default=True,
        help="Calibration examples in each step.",
    )
    return Aligner(align, options=(start, steps, rate, batch), metrics=())
