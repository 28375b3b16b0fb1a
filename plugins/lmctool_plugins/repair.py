"""Repair an interpolated network and write it as a checkpoint of the same architecture.

REPAIR (Jordan et al. 2023, arXiv:2211.08403) sets the statistics of chosen channels of an
interpolated network to the interpolation of the ends' (equations 3 and 4):

    mean(X_alpha) = (1 - alpha) mean(X_1) + alpha mean(X_2)
    std(X_alpha)  = (1 - alpha) std(X_1)  + alpha std(X_2)

The exact variant (section 4.2) takes the interpolated network's own statistics in one pass in
which every target is renormalised batch by batch, and then applies a scale and a shift to each
channel, fused into the weights where the architecture can hold them.

A target that feeds a BatchNorm is corrected together with it: the goal's standard deviation
includes the BatchNorm's epsilon, and its running statistics are set to the goal, as they would
be had it been trained on such inputs.  In a network with a BatchNorm behind every convolution
this makes REPAIR of the layers equal to resetting the BatchNorm statistics, as section 5.2 has it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from lmctool.api import (
    Analysis,
    Correction,
    LmctoolError,
    NewCheckpoint,
    Result,
    hookimpl,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Literal

    from lmctool.api import Goal, Moments, Run, Table, Target, Weights


def goal(target: Target, first: Moments, second: Moments, alpha: float) -> Goal:
    """Return the statistics that a target is to have at alpha (equations 3 and 4).

    Args:
        target: where.
        first: the statistics of A there.
        second: the statistics of B there.
        alpha: the position on the path.
    """
    from lmctool.api import Goal

    added = target.batchnorm.epsilon if target.batchnorm else 0.0
    stds = [(moments.variance + added).sqrt() for moments in (first, second)]
    return Goal(
        axis=target.axis,
        mean=(1 - alpha) * first.mean + alpha * second.mean,
        std=(1 - alpha) * stds[0] + alpha * stds[1],
        epsilon=added or 1e-5,
    )


def chosen(run: Run, kind: Literal["layers", "blocks", "both"], storable: bool) -> list[Target]:
    """Return the targets to correct; only those a checkpoint can hold, when it has to.

    Raises:
        LmctoolError: there is none.
    """
    found = list(run.targets(kind))
    if storable:
        left = [target.name for target in found if not target.fusable]
        found = [target for target in found if target.fusable]
        if left:
            run.note(
                f"{len(left)} targets cannot be stored in this architecture (a block's output,"
                f" or a layer with neither bias nor BatchNorm) and stay as they are:"
                f" {', '.join(left[:4])}{', ...' if len(left) > 4 else ''}"
            )
    if not found:
        has = "a checkpoint of this model can hold" if storable else "this model has"
        raise LmctoolError(f"{has} nothing that REPAIR corrects (--targets {kind})")
    return found


def prepare(
    run: Run,
    a: Weights,
    b: Weights,
    *,
    storable: bool,
    targets: Literal["layers", "blocks", "both"],
) -> Callable[[float], Weights]:
    """Return the network at alpha, repaired; the ends' statistics are taken once, here."""
    found = chosen(run, targets, storable)
    axes = {target.tap: target.axis for target in found}
    first, second = run.moments(a, axes), run.moments(b, axes)

    def between(alpha: float) -> Weights:
        weights = dict(run.between(a, b, alpha))
        goals = {t.tap: goal(t, first[t.tap], second[t.tap], alpha) for t in found}
        for target in found:
            norm = target.batchnorm
            if norm:
                wanted = goals[target.tap]
                weights[norm.mean] = wanted.mean.to(run.dtype)
                weights[norm.variance] = (wanted.std**2 - norm.epsilon).to(run.dtype)
        return repaired(weights, found, goals, run.renormalised(weights, goals))

    return between


def repaired(
    weights: Weights,
    found: list[Target],
    goals: Mapping[str, Goal],
    measured: Mapping[str, Moments],
) -> Weights:
    """Return weights in which each target's channels have the statistics of its goal."""
    from lmctool.api import fuse

    for target in found:
        wanted, shown = goals[target.tap], measured[target.tap]
        scale = wanted.std / (shown.variance + wanted.epsilon).sqrt()
        weights = fuse(weights, target, scale, wanted.mean - shown.mean * scale)
    return weights


def compute(run: Run, alpha: float) -> Result:
    """Evaluate the ends, the networks at alpha, and hand out the repaired one."""
    from lmctool.api import score_group

    ends = run.ends
    variants = run.variants(storable=True)
    points = [variant.at(alpha) for variant in variants]
    names = ["a", "b", *(variant.name for variant in variants)]
    parts = [ends, run.evaluate(points)]
    return Result(
        "repair",
        {"repair/scores": score_group("repair", names, parts, {"alpha": alpha})},
        NewCheckpoint(points[-1], metadata={"lmctool.made": f"repair, alpha {alpha}"}),
    )


def table(result: Result) -> Table:
    """Show loss and error of the ends and of the networks at alpha."""
    from lmctool.api import score_table

    group = result.groups["repair/scores"]
    title = f"Networks at alpha {group.attributes['alpha']}; the last one is written"
    return score_table(title, group)


@hookimpl
def lmctool_analysis() -> Analysis:
    """Add ``lmctool repair``."""
    alpha = click.Option(
        ["--alpha"],
        type=click.FloatRange(0, 1, min_open=True, max_open=True),
        default=0.5,
        show_default=True,
        help="Position of the network between A (0) and B (1).",
    )
    return Analysis(
        compute,
        options=(alpha,),
        aligner="optional",
        correction="always",
        writes=True,
        table=table,
    )


@hookimpl
def lmctool_correction() -> Correction:
    """Add ``--repair repair``, the exact variant."""
    targets = click.Option(
        ["--targets"],
        type=click.Choice(["layers", "blocks", "both"]),
        default="both",
        show_default=True,
        help="What REPAIR corrects: preactivations of layers, outputs of residual blocks, or"
        " both. A written checkpoint takes what its architecture can hold.",
    )
    return Correction(prepare, options=(targets,))
