"""The workers that a job is spread over, from the side of the run."""

from __future__ import annotations

import os
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from lmctool import config
from lmctool.cli.settled import evaluation_of
from lmctool.errors import LmctoolError
from lmctool.spread.records import WorkerJob

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
    if not job.settings.given.is_nothing:
        raise LmctoolError(
            f"executor '{job.executor}' sends names of files to its workers, and objects of Python"
            " code have none; save them and name the files, or leave the executor out"
        )
    import torch

    from lmctool.evaluate.threads import use_threads
    from lmctool.spread.pool import Pool

    pool = Pool.opened(job.executor, job.settings.device)
    before = torch.get_num_threads()
    try:
        use_threads(pool.threads or before)
        yield pool
    finally:
        pool.close()
        use_threads(before)


def spreading(job: Job) -> list[tuple[str, str]]:
    """Return what a plan says of workers, as ``summary.plan`` does of the rest."""
    return [] if job.executor is None else [("executor", job.executor)]


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
        evaluation=evaluation_of(run),
        mixed=job.mixed,
        variables={name: os.environ[name] for name in config.VARIABLES if name in os.environ},
    ).encoded()
