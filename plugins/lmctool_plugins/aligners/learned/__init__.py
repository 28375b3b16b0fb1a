"""Learn the linear maps of B under which networks between A and B have a low loss.

Beyond permutations, the function of a network in canonical form stays under an orthogonal map of
its residual stream, invertible maps of an attention's values and of its queries against its keys,
rotations of each plane under a rotary position encoding, and positive scales (Theus et al. 2025,
arXiv:2506.22712).  The loss between the ends is minimised over all of them:

    T = argmin_T  E_alpha  L((1 - alpha) A + alpha T(B)),    alpha uniform in [0.2, 0.8]

Each map is M = M0 exp(G), where M0 is that of the start and G is skew-symmetric for orthogonal
maps, so that each step keeps B's function.  One step takes one batch and one alpha; at the
midpoint alone the loss would fall there and rise beside it.  What the start permutes, heads and
units, stays as it is there.

Calibration examples (``--calib-split``) alone are used, with their labels (``--goal labels``)
or with none: then the goal is the mean of the probabilities that A and B answer (``--goal
ends``).  A fifth of them is held out, and the maps of the lowest mean loss on these at alpha 0.25,
0.5 and 0.75 are kept, the start among them.  BatchNorms normalise by the batch, which is about
what ``--batchnorm reset`` and REPAIR give them; apart from that it is the loss before REPAIR that
is lowered, and REPAIR afterwards may well raise it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import click

from lmctool.api import Aligner, LmctoolError, hookimpl

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lmctool.api import Alignment, Group, LinearTransform, Run, Weights
    from lmctool_plugins.aligners.learned.maps import LearnedMap
    from lmctool_plugins.aligners.learned.objective import Goal
    from lmctool_plugins.aligners.learned.search import Course

Groups = Literal["permutation", "orthogonal", "all"]


def align(
    run: Run,
    a: Weights,
    b: Weights,
    *,
    start: str,
    groups: Groups,
    scales: bool,
    goal: Goal | None,
    steps: int,
    rate: float,
    batch: int,
) -> Alignment:
    """Return the transform of B of the lowest held-out loss that a search came by.

    Args:
        run: the run.
        a: the first network, in canonical form.
        b: the second, in canonical form.
        start: the aligner to start from.
        groups: which maps are learned: rotations, or all.
        scales: whether scales of units are learned among all.
        goal: what answers are right: the labels, or those of both ends; None for labels
            where there are any.
        steps: how many steps of descent.
        rate: the highest learning rate.
        batch: how many examples each step sees.

    Raises:
        LmctoolError: there is nothing to learn, or too little to learn it from.
    """
    from lmctool.api import Alignment, LinearTransform
    from lmctool.api.advanced import parted_examples
    from lmctool_plugins.aligners.learned.between import Between
    from lmctool_plugins.aligners.learned.objective import objective
    from lmctool_plugins.aligners.learned.search import Search

    if groups == "permutation":
        raise LmctoolError(
            "aligner 'learned' learns linear maps and leaves permutations alone, so --groups"
            " permutation leaves nothing to learn; --align midpoint learns permutations"
        )
    aim = objective(run, a, b, goal)
    begun = run.match(start, a, b, **({"groups": groups} if start == "procrustes" else {}))
    first = transform_of(run, begun)
    stretches = groups == "all"
    maps = learned_maps(run, first, stretches=stretches, scales=scales and stretches)
    examples = parted_examples(run, "learned", batch)
    course = Search(run, Between(a, b, first, maps), aim, examples).go(steps, rate)
    found = {group: each.exact(course.best[group]) for group, each in maps.items()}
    attributes: dict[str, str | int] = {
        "start": start,
        "goal": "labels" if aim.ends is None else "ends",
        "seed": run.settings.seed,
        "seen": len(examples.seen),
        "held_out": len(examples.held_out),
    }
    transform = LinearTransform(first.spec, first.permutation, {**first.maps, **found})
    return Alignment(transform, {**begun.groups, "learned": record(course, transform, attributes)})


def transform_of(run: Run, start: Alignment) -> LinearTransform:
    """Return the transform that an aligner found, of networks in canonical form."""
    from lmctool.api import LinearTransform, Permutation

    found = start.transform
    if isinstance(found, Permutation):
        return LinearTransform(run.linear_spec, found)
    assert isinstance(found, LinearTransform)
    return found


def learned_maps(
    run: Run, start: LinearTransform, *, stretches: bool, scales: bool
) -> dict[str, LearnedMap]:
    """Return the maps that are learned, by group, from a start.

    Raises:
        LmctoolError: there are none.
    """
    from lmctool.api.advanced import identity_map
    from lmctool_plugins.aligners.learned.maps import LearnedMap

    maps = {}
    for name, group in start.spec.groups.items():
        if group.kind != "scale" or scales:
            first = start.maps.get(name, identity_map(group)).to(run.device)
            planes = None if group.planes is None else group.planes.to(run.device)
            maps[name] = LearnedMap(group, first, stretches, planes)
    if not maps:
        raise LmctoolError(
            "aligner 'learned' finds no linear maps that keep the model's function, beyond"
            " permutations; lmctool inspect --symmetry says what blocks them, and --align midpoint"
            " learns permutations"
        )
    return maps


def record(
    course: Course, transform: LinearTransform, attributes: Mapping[str, str | int]
) -> Group:
    """Return the losses of a search, and how well its maps are conditioned, as a group."""
    import numpy as np

    from lmctool.api import Group, Variable
    from lmctool_plugins.aligners.learned.maps import condition

    check, loss = map(np.array, zip(*course.checks, strict=True))
    variables = {
        "step": Variable(np.arange(len(course.train)), ("step",), long_name="step of the search"),
        "train_loss": Variable(
            np.array(course.train), ("step",), "nat", "loss between the ends, batch"
        ),
        "check": Variable(check, ("check",), long_name="steps done before a check"),
        "held_out_loss": Variable(
            loss, ("check",), "nat", "mean loss between the ends, held-out examples"
        ),
    }
    stretched = {
        name: condition(transform.spec.groups[name], matrices).tolist()
        for name, matrices in transform.maps.items()
        if transform.spec.groups[name].kind != "orthogonal"
    }
    if stretched:
        names = [
            name if len(each) == 1 else f"{name}[{outer}]"
            for name, each in stretched.items()
            for outer in range(len(each))
        ]
        numbers = np.array([number for each in stretched.values() for number in each])
        variables["map"] = Variable(np.array(names, dtype=object), ("map",), long_name="map")
        variables["condition"] = Variable(numbers, ("map",), "1", "condition number of each map")
    return Group(variables, {**attributes, "kept": course.kept})


@hookimpl
def lmctool_aligner() -> Aligner:
    """Add ``--align learned``."""
    start = click.Option(
        ["--start"],
        default="procrustes",
        show_default=True,
        metavar="NAME",
        help="Aligner whose transform the search starts from.",
    )
    groups = click.Option(
        ["--groups"],
        type=click.Choice(["permutation", "orthogonal", "all"]),
        default="all",
        show_default=True,
        help="Maps that are learned: rotations alone, or invertible ones too.",
    )
    scales = click.Option(
        ["--scales/--no-scales"],
        default=True,
        show_default=True,
        help="Learn positive scales of units among all.",
    )
    goal = click.Option(
        ["--goal"],
        type=click.Choice(["labels", "ends"]),
        help="Right answers: the labels, or the mean of what both ends answer.  [default: labels"
        " where there are any]",
    )
    steps = click.Option(
        ["--steps"],
        type=click.IntRange(min=1),
        default=200,
        show_default=True,
        help="Number of steps of the search.",
    )
    rate = click.Option(
        ["--lr", "rate"],
        type=click.FloatRange(0, min_open=True),
        default=0.02,
        show_default=True,
        help="Highest learning rate.",
    )
    batch = click.Option(
        ["--batch"],
        type=click.IntRange(min=2),
        default=100,
        show_default=True,
        help="Calibration examples in each step.",
    )
    options = (start, groups, scales, goal, steps, rate, batch)
    return Aligner(align, options=options, metrics=(), canonical=True)
