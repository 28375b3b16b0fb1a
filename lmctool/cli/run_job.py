"""Running a job, from what the command line asks for to the exit code."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from lmctool.cli.key_values import aligned
from lmctool.cli.observers import Observers
from lmctool.cli.outputs import outputs_of
from lmctool.cli.progress import unwatched
from lmctool.cli.session import complete, memory, networks, open_run, session
from lmctool.cli.workers import spreading
from lmctool.errors import ExitCode
from lmctool.report.terminal import echo

if TYPE_CHECKING:
    from collections.abc import Callable

    from lmctool.cli.job import Job
    from lmctool.results.result import Result
    from lmctool.run.run import Run


def execute(job: Job, *, dry_run: bool) -> ExitCode:
    """Run an analysis, judge its result, write its outputs and show its table.

    Returns:
        Done, or what the gates make of it.

    Raises:
        LmctoolError: it cannot be run or judged, or an output cannot be written.
    """
    if dry_run:
        return _show_plan(job)
    if job.share is not None:
        from lmctool.cli.share import compute_share

        return compute_share(job)
    with session(job) as s:
        earlier = s.earlier()
        if earlier is not None:
            return s.show(s.judge(earlier))
        return s.publish(s.judge(s.compute()))


def remake(job: Job, opened: Callable[[Run], None]) -> Result:
    """Run an analysis and return its result; a checkpoint that it streams is written, no more.

    Args:
        job: what the command line asks for.
        opened: called with the run before anything is computed.

    Raises:
        LmctoolError: it cannot be run.
    """
    from lmctool.evaluate.device import in_use
    from lmctool.run.summary import plan

    outputs = outputs_of(job)
    outputs.refuse_existing()
    run = open_run(job, outputs, unwatched, memory(job))
    job.show(aligned(plan(run)))
    with in_use(run.device):
        opened(run)
        return complete(job, run, partial(outputs.streamed, run=run))


def _show_plan(job: Job) -> ExitCode:
    """Show what a run would do."""
    from lmctool.run.summary import plan, work

    outputs = outputs_of(job)
    outputs.refuse_existing(allowed=job.resume)
    Observers(job.observers)  # refuses those that cannot be told
    run = open_run(job, outputs, unwatched)
    gates = [("gate", gate.asked) for gate in job.gates]
    observers = [("observer", name) for name in job.observers]
    lines = [*plan(run), *spreading(job), *work(run, networks(job, run))]
    echo(aligned([*lines, *outputs.planned(), *gates, *observers]))
    return ExitCode.DONE
