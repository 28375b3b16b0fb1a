"""The workers that a job is spread over, from the side of the run."""

from __future__ import annotations

from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from lmctool.spread.records import Evaluation, WorkerJob

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lmctool.cli.job import Job
    from lmctool.run.identity import Identity
    from lmctool.run.resume_folder import ResumeFolder
    from lmctool.run.run import Run
    from lmctool.spread.pool import Pool


@contextmanager
def pool_of(job: Job) -> Iterator[Pool | None]:
    """Open the executor that a job asks for, and let torch use as many threads as its workers do.

    Numbers may depend on how many threads compute them, so that the run has as many.

    Raises:
        LmctoolError: there is no such executor, or it cannot be opened.
    """
    if job.executor is None:
        yield None
        return
    import torch

    from lmctool.evaluate.threads import use_threads
    from lmctool.spread.pool import Pool

    pool = Pool.opened(job.executor)
    before = torch.get_num_threads()
    try:
        use_threads(pool.threads or before)
        yield pool
    finally:
        pool.close()
        use_threads(before)


def worker_job(job: Job, run: Run, folder: ResumeFolder, identity: Identity, pool: Pool) -> str:
    """Return the job of a run as its workers take it.

    Args:
        job: what the command line asks for.
        run: its run.
        folder: has the finished work.
        identity: what the numbers depend on.
        pool: the executor.
    """
    import torch

    evaluation = None
    if run.task is not None and run.settings.splits:
        strategy = run.evaluator.settled(run.splits[0])
        size = run.batch_size
        evaluation = Evaluation(
            device=run.device.type,
            strategy=str(strategy),
            batch_size=size.size,
            before_halving=size.before_halving,
        )
    return WorkerJob(
        words=list(job.words),
        here=str(Path.cwd()),
        folder=str(folder.folder.absolute()),
        identity=identity.parts(calibrated=False),
        probe=list(run.probe),
        context=folder.journal.context(),
        device=pool.device or run.settings.device,
        threads=torch.get_num_threads(),
        at_once=run.spread.at_once,
        evaluation=evaluation,
        mixed=job.mixed,
    ).encoded()
