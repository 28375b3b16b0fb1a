"""What all who take part in a run do alike: threads of torch, and how networks are evaluated."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

from lmctool.plugin.settings import Repetition

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lmctool.cli.job import Job
    from lmctool.run.run import Run
    from lmctool.spread.run_record import RunRecord


def evaluation_of(run: Run) -> Repetition | None:
    """Return how a run evaluates networks; None where it evaluates none."""
    if run.task is None or not run.settings.splits:
        return None
    strategy, size = run.evaluator.foreseen(run.splits[0])
    return Repetition(
        device=run.device.type,
        strategy=str(strategy),
        batch_size=size,
        before_halving=run.batch_size.before_halving,
    )


@contextmanager
def settled_by(record: RunRecord | None, job: Job) -> Iterator[Job]:
    """Do as those did who began a run that several processes take part in; numbers depend on it.

    One that was begun by one process and is gone on with by one is left as it is.

    Args:
        record: what they did; None where nobody began.
        job: what the command line asks for.

    Yields:
        The job, with what they settled.
    """
    goes_on = record is not None and (job.resume or job.share is not None)
    if record is None or not goes_on or not (record.spread or job.share or job.executor):
        yield job
        return
    import torch

    from lmctool.evaluate.threads import use_threads

    before = torch.get_num_threads()
    try:
        use_threads(record.threads or before)
        if record.evaluation is not None:
            job = replace(job, settings=replace(job.settings, repeats=record.evaluation))
        yield job
    finally:
        use_threads(before)
