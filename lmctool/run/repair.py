"""REPAIR, as its variants share it: targets, goals, and weights brought to them.

REPAIR (Jordan et al. 2023, arXiv:2211.08403) sets the statistics of chosen channels of an
interpolated network to the interpolation of the ends' (equations 3 and 4):

    mean(X_alpha) = (1 - alpha) mean(X_1) + alpha mean(X_2)
    std(X_alpha)  = (1 - alpha) std(X_1)  + alpha std(X_2)

A target that feeds a BatchNorm is corrected together with it: the goal's standard deviation
includes the BatchNorm's epsilon, and its running statistics are set to the goal, as they would
be had it been trained on such inputs.  In a network with a BatchNorm behind every convolution
this makes REPAIR of the layers equal to resetting the BatchNorm statistics, as section 5.2 has it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import click

from lmctool.errors import LmctoolError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from torch import Tensor

    from lmctool.graph.targets import Kind, Target
    from lmctool.run.run import Run
    from lmctool.statistics import Goal, Moments, PairedMoments

    Weights = Mapping[str, Tensor]

Condition = Literal["mean", "std"]
BOTH: frozenset[Condition] = frozenset({"mean", "std"})


def target_option(default: Kind = "both") -> click.Option:
    """Return the option ``--targets``, as ``correctable`` takes its value.

    Args:
        default: what it is where it isn't given.
    """
    return click.Option(
        ["--targets"],
        type=click.Choice(["layers", "blocks", "both"]),
        default=default,
        show_default=True,
        help="Places to correct: preactivations of layers, outputs of residual blocks, or both."
        " A written checkpoint takes what its architecture can hold.",
    )


def correctable(run: Run, kind: Kind, storable: bool) -> list[Target]:
    """Return the targets to correct; only those a checkpoint can hold, when it has to.

    How many of each kind they are goes into the record of the run.

    Args:
        run: the run.
        kind: which places of the model.
        storable: leave out, with a note, what the model's own tensors cannot hold.

    Raises:
        LmctoolError: there is none.
    """
    places = list(run.resources.targets(kind))
    if storable:
        names = [target.name for target in places if not target.fusable]
        places = [target for target in places if target.fusable]
        if names:
            run.note(
                f"{len(names)} targets cannot be stored in this architecture (a block's output,"
                f" or a layer with neither bias nor BatchNorm) and stay as they are:"
                f" {', '.join(names[:4])}{', ...' if len(names) > 4 else ''}"
            )
    if not places:
        has = "a checkpoint of this model can hold" if storable else "this model has"
        raise LmctoolError(f"{has} nothing that REPAIR corrects (--targets {kind})")
    kinds = [target.kind for target in places]
    run.resources.corrected = {"layers": kinds.count("layer"), "blocks": kinds.count("block")}
    return places


def goal(
    target: Target,
    first: Moments,
    second: Moments,
    alpha: float,
    conditions: frozenset[Condition] = BOTH,
) -> Goal:
    """Return the statistics that a target is to have at alpha (equations 3 and 4).

    Args:
        target: where.
        first: the statistics of A there.
        second: the statistics of B there.
        alpha: the position on the path.
        conditions: which of the two are set; the other stays each channel's own.
    """
    return goal_of_many(target, (first, second), (1 - alpha, alpha), conditions)


def goal_of_many(
    target: Target,
    moments: Sequence[Moments],
    shares: Sequence[float],
    conditions: frozenset[Condition] = BOTH,
) -> Goal:
    """Return the statistics that a target is to have in a network that was made of several.

    They are the weighted mean of the networks', as equations 3 and 4 have it of two.

    Args:
        target: where.
        moments: the statistics of each network there.
        shares: how much each counts, 1 together.
        conditions: which of mean and standard deviation are set.
    """
    from lmctool.statistics import Goal

    added = target.batchnorm.epsilon if target.batchnorm else 0.0
    stds = [(each.variance + added).sqrt() for each in moments]
    return Goal(
        axis=target.axis,
        mean=_mean([each.mean for each in moments], shares) if "mean" in conditions else None,
        std=_mean(stds, shares) if "std" in conditions else None,
        epsilon=added or 1e-5,
    )


def _mean(tensors: Sequence[Tensor], shares: Sequence[float]) -> Tensor:
    total = shares[0] * tensors[0]
    for share, tensor in zip(shares[1:], tensors[1:], strict=True):
        total = total + share * tensor
    return total


def predicted(pair: PairedMoments, alpha: float) -> Moments:
    """Return the moments of (1 - alpha) X_1 + alpha X_2, channel by channel (equation 5).

    The preactivations of an interpolated network's first layer are this mixture; deeper ones
    are not, for their inputs are no longer the ends'.

    Args:
        pair: the statistics of both ends, and the covariance of their paired channels.
        alpha: the position on the path.
    """
    from lmctool.statistics import Moments

    first, second, beta = pair.first, pair.second, 1 - alpha
    both = beta**2 * first.variance + alpha**2 * second.variance
    variance = both + 2 * alpha * beta * pair.covariance
    return Moments(beta * first.mean + alpha * second.mean, variance.clamp_min(0))


def corrected(
    weights: dict[str, Tensor],
    targets: Sequence[Target],
    goals: Mapping[str, Goal],
    shown: Mapping[str, Moments],
) -> Weights:
    """Return weights in which each target's channels have the statistics of its goal.

    Args:
        weights: the network, which gives up its tensors one by one for the corrected ones.
        targets: what is corrected.
        goals: tap -> the statistics to be had there.
        shown: tap -> the statistics that it shows, all targets before it corrected.
    """
    from lmctool.graph.fuse import fuse

    weights.update(settled(weights, targets, goals))
    for target in targets:
        moments = shown[target.tap]
        scale, shift = goals[target.tap].correction(moments.mean, moments.variance)
        weights.update(fuse(weights, target, scale, shift))
    return weights


def settled(
    weights: Weights, targets: Sequence[Target], goals: Mapping[str, Goal]
) -> dict[str, Tensor]:
    """Return weights in which the BatchNorm behind each target has the goal's statistics."""
    from lmctool.run.calibration import goals_recipe
    from lmctool.weights.recipe import derived

    changed = dict(weights)
    for target in targets:
        norm, wanted = target.batchnorm, goals[target.tap]
        if norm and wanted.mean is not None:
            changed[norm.mean] = wanted.mean.to(weights[norm.mean].dtype)
        if norm and wanted.std is not None:
            variance = wanted.std**2 - norm.epsilon
            changed[norm.variance] = variance.to(weights[norm.variance].dtype)
    return derived(changed, "settled", (weights,), lambda: goals_recipe(goals))


def renormalised_path(
    run: Run,
    a: Weights,
    b: Weights,
    *,
    storable: bool,
    targets: Kind,
    conditions: frozenset[Condition] = BOTH,
) -> Callable[[float], Weights]:
    """Return a function from alpha to the network there, renormalised by its own statistics.

    The statistics of the ends are taken once, here; each alpha takes one pass in which every
    target is renormalised batch by batch (section 4.2).

    Args:
        run: the run.
        a: the first network.
        b: the second.
        storable: correct only what the model's own tensors can hold.
        targets: which places of the model.
        conditions: what is set to the goal; what isn't stays each channel's own, and so does
            the running statistic of a BatchNorm behind it.

    Raises:
        LmctoolError: there is nothing to correct.
    """
    corrects = correctable(run, targets, storable)
    axes = {target.tap: target.axis for target in corrects}
    first, second = run.calibration.moments_of_ends([a, b], axes)

    def between(alpha: float) -> Weights:
        goals = {t.tap: goal(t, first[t.tap], second[t.tap], alpha, conditions) for t in corrects}
        weights = settled(run.batchnorm.mix(a, b, alpha), corrects, goals)
        shown = run.calibration.renormalised(weights, goals)
        return corrected(weights, corrects, goals, shown)

    return between


def renormalised_outputs(
    run: Run, a: Weights, b: Weights, *, targets: Kind
) -> Callable[[float], Weights]:
    """Return a function from alpha to a network of the outputs that ``renormalised_path`` gives.

    Where a BatchNorm reads each target, and nothing else does, no statistics of the ends are
    needed.  With x the target, m and v its mean and variance in the network corrected up to there,
    and (m', s') the goal, renormalisation gives

        y = s' (x - m) / sqrt(v + epsilon) + m'

    and the BatchNorm, whose running statistics are the goal's, gamma (y - m') / s' + beta, that is

        gamma (x - m) / sqrt(v + epsilon) + beta

    whatever the goal is: the BatchNorm itself with the statistics m and v (section 5.2).  What
    differs from ``renormalised_path`` are the tensors, and the target's own values.

    Args:
        run: the run.
        a: the first network.
        b: the second.
        targets: which places of the model.

    Raises:
        LmctoolError: there is nothing to correct.
    """
    corrects = correctable(run, targets, storable=False)
    read = {target.tap: target.batchnorm for target in corrects if target.batchnorm}
    norms = {tap: norm for tap, norm in read.items() if not norm.shared}
    if len(norms) < len(corrects):
        return renormalised_path(run, a, b, storable=False, targets=targets)
    run.resources.corrected["as_batchnorm"] = len(norms)
    return lambda alpha: run.batchnorm.reset_some(run.batchnorm.mix(a, b, alpha), norms)


def renormalised_merge(
    run: Run,
    networks: Sequence[Weights],
    *,
    storable: bool,
    targets: Kind,
    conditions: frozenset[Condition] = BOTH,
) -> Callable[[Weights, Sequence[float]], Weights]:
    """Return a function that renormalises a network made of others, by its own statistics.

    Such a network need not lie on a straight path: what it is given are the weighted means of the
    others' statistics.  Else it is corrected as ``renormalised_path`` does.

    Args:
        run: the run.
        networks: those that it is made of; their statistics are taken once, here.
        storable: correct only what the model's own tensors can hold.
        targets: which places of the model.
        conditions: what is set to the goal.

    Returns:
        ``(weights, shares)`` to the corrected weights; shares are how much each network counts,
        1 together.

    Raises:
        LmctoolError: there is nothing to correct.
    """
    corrects = correctable(run, targets, storable)
    axes = {target.tap: target.axis for target in corrects}
    taken = run.calibration.moments_of_ends(networks, axes)

    def correct(weights: Weights, shares: Sequence[float]) -> Weights:
        goals = {
            t.tap: goal_of_many(t, [own[t.tap] for own in taken], shares, conditions)
            for t in corrects
        }
        made = settled(weights, corrects, goals)
        return corrected(made, corrects, goals, run.calibration.renormalised(made, goals))

    return correct
