"""What a job finds: one result, or with ``--repeat`` the average over draws of examples."""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import replace
from typing import TYPE_CHECKING

from lmctool.errors import about
from lmctool.results.aggregate.aggregate import DRAW, over_draws
from lmctool.results.aggregate.side_by_side import Member, side_by_side
from lmctool.results.provenance import GROUP as PROVENANCE
from lmctool.symmetry.stored import PERMUTATIONS

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager

    from lmctool.cli.job import Job
    from lmctool.results.result import Result
    from lmctool.run.run import Run

OF_THE_FIRST = frozenset({PERMUTATIONS, "proof", PROVENANCE})
"""Groups of an average that are those of its first draw."""


def found(
    job: Job,
    run: Run,
    compute: Callable[[Job, Run], Result],
    made: Callable[[Result], Result],
    computing: Callable[[], AbstractContextManager[None]] = nullcontext,
) -> Result:
    """Return the result of a job, whole but for its provenance, or the average over its draws.

    Args:
        job: what the command line asks for.
        run: the run, at its first draw.
        compute: computes a result.
        made: writes or holds the new checkpoint of a result, which is that of the first draw.
        computing: is open whenever something is computed, and not while something is written.

    Raises:
        LmctoolError: it cannot be computed, or draws cannot be averaged.
    """
    from lmctool.run.draws import check_draws, notes_on
    from lmctool.run.provenance import proved

    if job.settings.draws > 1:
        check_draws(run)
    with computing():
        result = compute(job, run)
    first = proved(run, made(result))
    if job.settings.draws == 1:
        return first
    members = [Member("0", first)]
    for number in range(1, job.settings.draws):
        other = run.redrawn(number)
        job.show(
            f"draw {number} of the calibration examples (the last is {job.settings.draws - 1})"
        )
        with computing():
            result = unmade(compute(job, other), other)
            members.append(Member(str(number), proved(other, result)))
            with about(f"draws 0 and {number} of --repeat cannot be averaged"):
                side_by_side([members[0], members[-1]], DRAW)
    average = over_draws(members, notes_on(run, writes=job.writes))
    kept = {
        path: group
        for path, group in first.groups.items()
        if path.partition("/")[0] in OF_THE_FIRST
    }
    return replace(average, groups={**average.groups, **kept}, checkpoint=first.checkpoint)


def unmade(result: Result, run: Run) -> Result:
    """Return a result with all that its new checkpoint tells, and without this."""
    from lmctool.evaluate.arithmetic import arithmetic

    new = result.checkpoint
    if new is None or new.groups_after is None:
        return replace(result, checkpoint=None)
    with arithmetic(run.settings.precision, run.device):
        for name in new.weights:
            _ = new.weights[name]
    return replace(result, groups={**result.groups, **new.groups_after()}, checkpoint=None)
