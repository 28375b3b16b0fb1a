"""Evaluating runs over their steps: children, interpolants, what came before and after."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from lmctool.api import LmctoolError, UnjudgedError, partitions
from lmctool.api.advanced import at_chance, chance_hint, letters
from lmctool_plugins.analyses.trajectory.axis import forked, joined, places, shared, until
from lmctool_plugins.analyses.trajectory.interpolants import interpolant_names, interpolants
from lmctool_plugins.analyses.trajectory.record import PARENT, THEN, Record

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from lmctool.api import Result, Run
    from lmctool.api.advanced import Series


def measure(
    run: Run,
    alpha: Sequence[float],
    parent: Series | None,
    fork: int | None,
    then: Series | None,
    then_at: int | None,
    by_split: str | None,
    scores: Result | None,
) -> Result:
    """Evaluate everything at every step, one step's networks at a time."""
    _check(run, alpha, parent, fork, then, then_at)
    by_part = partitions(run.splits, by_split, scores)
    steps = shared(run)
    begin = 0 if parent is None else forked(run, parent, fork)
    children = {
        name: places(series, steps, begin)
        for name, series in zip(letters(len(run.series)), run.series, strict=True)
    }
    before, after = {}, {}
    if parent is not None:
        before[PARENT] = places(parent, until(parent, begin + steps[0]))
    if then is not None:
        after[THEN] = places(then, then.steps, begin + joined(steps, then_at))
    networks = {**before, **children, **after}
    names = [*interpolant_names(run, alpha), *after]
    axis = sorted({step for each in networks.values() for step in each})
    splits = [split.name for split in run.splits]
    record = Record(run.metrics, axis, [*children], names, [*before], splits, by_part)
    for network, indices in networks.items():
        _put_series(run, record, network, indices)
    _check_chance(run, record)

    def put(step: int) -> None:
        ends = [each[begin + step] for each in children.values()]
        _put_interpolants(run, record, begin + step, ends, alpha)

    run.map(steps, put, description="steps")
    place = ", ".join(f"{value:g}" for value in alpha)
    return record.result(
        {
            "runs": [str(series.path) for series in run.series],
            "interpolant": f"alpha {place}" if len(children) == 2 else f"mean of {len(children)}",
            "batchnorm": run.settings.batchnorm,
            "fork": begin,
        }
    )


def network_count(
    run: Run,
    alpha: Sequence[float],
    parent: Series | None,
    fork: int | None,
    then: Series | None,
    **_: object,
) -> int:
    """Return how many networks are measured: each of the runs, and the interpolants of a step."""
    steps = shared(run)
    begin = 0 if parent is None else forked(run, parent, fork)
    own = len(run.series) * len(steps) + (0 if then is None else len(then.steps))
    before = 0 if parent is None else len(until(parent, begin + steps[0]))
    return own + before + len(steps) * len(interpolant_names(run, alpha))


def _put_series(run: Run, record: Record, network: str, indices: Mapping[int, int]) -> None:
    """Evaluate the checkpoints at steps of the axis, and enter them as one network.

    Raises:
        UnjudgedError: a loss is not a finite number.
    """
    scores = run.scores(list(indices.values()))
    for place, (step, index) in enumerate(indices.items()):
        for split, losses in zip(scores.splits, scores.loss, strict=True):
            if not math.isfinite(losses[place]):
                raise UnjudgedError(
                    f"checkpoint '{run.checkpoints[index].path}' has loss {losses[place]} on split"
                    f" {split!r}, so no gain over it can be judged; leave it out of the run"
                )
        record.put(network, step, scores, place)


def _put_interpolants(
    run: Run, record: Record, step: int, indices: Sequence[int], alphas: Sequence[float]
) -> None:
    """Evaluate the interpolants of one step's checkpoints, and enter them.

    Raises:
        UnjudgedError: a loss is not a number.
    """
    networks = interpolants(run, indices, alphas)
    scores = run.evaluate(
        networks, per_example=bool(record.partitions), description=f"interpolants at step {step}"
    )
    for place, name in enumerate(interpolant_names(run, alphas)):
        if np.isnan(scores.loss[:, place]).any():
            raise UnjudgedError(
                f"the interpolant {name!r} at step {step} has a loss that is not a number, so its"
                " gain cannot be judged"
            )
        record.put(name, step, scores, place)


def _check_chance(run: Run, record: Record) -> None:
    """Note the steps at which every child answers at chance, where a gain means little.

    Raises:
        UnjudgedError: these are all steps, and the user didn't allow that.
    """
    rows, task = [record.networks.index(child) for child in record.children], run.task
    assert task is not None  # its data was needed
    for number, split in enumerate(run.splits):
        losses, errors = record.whole[:2, rows, number]
        present = ~np.isnan(errors[0])
        guesses = present & at_chance(task, split, errors, losses).all(axis=0)
        if guesses[present].all() and not run.settings.allow_chance:
            raise UnjudgedError(
                f"every run answers at chance on split {split.name!r} at every step;"
                f" {chance_hint(task, split)}; pass --allow-chance if this is meant"
            )
        if guesses.any():
            listed = ", ".join(map(str, record.steps[guesses]))
            run.note(f"every run answers at chance on split {split.name!r} at steps {listed}")


def _check(
    run: Run,
    alphas: Sequence[float],
    parent: Series | None,
    fork: int | None,
    then: Series | None,
    then_at: int | None,
) -> None:
    """Refuse options that go with nothing.

    Raises:
        LmctoolError: one does.
    """
    if fork is not None and parent is None:
        raise LmctoolError("--fork is a step of the parent; give --parent too")
    if then_at is not None and then is None:
        raise LmctoolError("--then-at is where the run of --then began; give --then too")
    if len(run.series) > 2 and run.settings.correction is not None:
        raise LmctoolError(
            f"--repair corrects the interpolant of two runs, and {len(run.series)} are given;"
            " leave it out, or name two"
        )
    if len(run.series) > 2 and tuple(alphas) != (0.5,):
        raise LmctoolError(
            f"--alpha is a place between two runs, and of {len(run.series)} each counts the same;"
            " leave it out, or name two"
        )
    if len(set(alphas)) < len(alphas):
        raise LmctoolError("--alpha names the same place twice; leave one out")
