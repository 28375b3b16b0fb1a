"""Where runs stand on one axis of steps: children, the parent before them, what came after."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lmctool.api import LmctoolError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from lmctool.api import Run
    from lmctool.api.advanced import Series


def shared(run: Run) -> tuple[int, ...]:
    """Return the steps that all children have, rising, and note which are left out.

    Raises:
        LmctoolError: they share no step.
    """
    each = [set(series.steps) for series in run.series]
    steps = tuple(sorted(set.intersection(*each)))
    if not steps:
        own = ", ".join(
            f"'{series.path}' has {series.steps[0]} to {series.steps[-1]}" for series in run.series
        )
        raise LmctoolError(f"the runs have no step in common ({own}); save all at the same steps")
    rest = sorted(set.union(*each) - set(steps))
    if rest:
        listed = ", ".join(map(str, rest))
        run.note(f"left out, for not every run has a checkpoint there: steps {listed}")
    return steps


def forked(run: Run, parent: Series, fork: int | None) -> int:
    """Return what is added to the children's steps to count them as the parent's.

    Args:
        run: the run.
        parent: the parent.
        fork: the user's option, if any.

    Returns:
        That; else how far the step of a checkpoint of the parent is from that of the same
        checkpoint in the first child; else, where they share none, the parent's last step.
    """
    if fork is not None:
        return fork
    child = run.series[0]
    own = {run.checkpoints[n].digest: s for s, n in zip(child.steps, child.indices, strict=True)}
    for step, index in zip(parent.steps, parent.indices, strict=True):
        digest = run.checkpoints[index].digest
        if digest in own:
            return step - own[digest]
    return parent.steps[-1]


def joined(steps: Sequence[int], then_at: int | None) -> int:
    """Return the children's step at which their interpolant was trained further.

    Args:
        steps: the steps that all children have.
        then_at: the user's option; else it is the last.

    Raises:
        LmctoolError: the option is another step.
    """
    if then_at is not None and then_at not in steps:
        listed = ", ".join(map(str, steps))
        raise LmctoolError(f"--then-at {then_at} is none of the steps that all runs have: {listed}")
    return steps[-1] if then_at is None else then_at


def until(parent: Series, last: int) -> tuple[int, ...]:
    """Return the steps of the parent up to the first one of the children.

    Raises:
        LmctoolError: there are none.
    """
    steps = tuple(step for step in parent.steps if step <= last)
    if not steps:
        raise LmctoolError(
            f"parent '{parent.path}' has steps {parent.steps[0]} to {parent.steps[-1]}, all after"
            f" the children's first, which is {last} on its count; pass another --fork"
        )
    return steps


def places(series: Series, steps: Iterable[int], shift: int = 0) -> dict[int, int]:
    """Return the index of a run's checkpoint for each of these steps, shifted, on the axis."""
    index = dict(zip(series.steps, series.indices, strict=True))
    return {shift + step: index[step] for step in steps}
